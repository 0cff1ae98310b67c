//! Schemes: every one is cast, labelled, and to be seen in the invoices it touches.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::support::*;
use crate::economy::schemes::{Role, SchemeKind};
use crate::economy::{Economy, EconomySpec, MONTHS_MIN, TAXPAYERS_MIN};

/// One invoice of a seller: period, amount, total, status, buyer, instant.
struct Sold {
    period: i32,
    amount: i64,
    total: i64,
    status: String,
    buyer: Option<String>,
    day: i64,
}

fn sold() -> HashMap<String, Vec<Sold>> {
    let heads = table(&DEMO, "invoice");
    let (sellers, buyers, status) =
        (words(&heads, "seller_id"), texts(&heads, "buyer_id"), words(&heads, "status"));
    let (periods, amounts, totals) =
        (ints(&heads, "period"), cents(&heads, "amount"), cents(&heads, "total"));
    let at = instants(&heads, "issued_at");
    let mut found: HashMap<String, Vec<Sold>> = HashMap::new();
    for row in 0..sellers.len() {
        let date = chrono::DateTime::from_timestamp_millis(at[row]).unwrap();
        let day_of_month = chrono::Datelike::day(&date);
        found.entry(sellers[row].clone()).or_default().push(Sold {
            period: periods[row].unwrap(),
            amount: amounts[row],
            total: totals[row],
            status: status[row].clone(),
            buyer: buyers[row].clone(),
            day: i64::from(day_of_month),
        });
    }
    found
}

/// Ids of the firms that play this part.
fn playing(kind: SchemeKind, role: Role) -> Vec<(u32, String)> {
    let world = DEMO.world();
    let plays = |firm: &u32| DEMO.scheme(*firm).is_some_and(|plan| plan.kind == kind && plan.role == role);
    (0..world.taxpayers()).filter(plays).map(|firm| (firm, world.id(firm).to_owned())).collect()
}

#[test]
fn every_scheme_finds_its_firms_at_three_hundred_taxpayers() {
    for seed in [20_261_121, 1, 2] {
        let economy = Economy::build(&EconomySpec::demo(seed)).unwrap();
        let truth = economy.truth().unwrap();
        let found: BTreeSet<String> = words(&truth, "scheme").into_iter().collect();
        let all: BTreeSet<String> = SchemeKind::all().map(|kind| kind.name().to_owned()).collect();
        let missing: Vec<_> = all.difference(&found).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?}");
        let ids = words(&truth, "taxpayer_id");
        let names = words(&truth, "scheme");
        let parts: HashSet<_> = ids.iter().zip(&names).collect();
        assert_eq!(parts.len(), ids.len(), "one row a firm and scheme");
    }
}

#[test]
fn the_smallest_economy_is_built() {
    let spec =
        EconomySpec { taxpayers: TAXPAYERS_MIN, months: MONTHS_MIN, start: 202407, ..EconomySpec::default() };
    let economy = Economy::build(&spec).unwrap();
    assert_eq!(
        words(&table(&economy, "taxpayer"), "taxpayer_id").into_iter().collect::<HashSet<_>>().len(),
        100
    );
    assert!(economy.truth().unwrap().num_rows() > 20);
}

#[test]
fn every_label_stands_in_the_table_of_schemes() {
    let text = include_str!("../schemes.rs");
    let (doc, _) = text.split_once("use std").unwrap();
    let rows: Vec<&str> = doc.lines().filter(|line| line.starts_with("//! | ")).skip(1).collect();
    for kind in SchemeKind::all() {
        let named = rows.iter().filter(|row| row.contains(&format!("| `{}` |", kind.name()))).count();
        assert_eq!(named, usize::from(!kind.honest()), "{}", kind.name());
        assert!(doc.contains(&format!("`{}`", kind.name())), "{}", kind.name());
    }
    assert_eq!(rows.len(), 24);
}

#[test]
fn red_invoices_across_years_need_months_that_cross_one() {
    let cast = |start| {
        let spec = EconomySpec { start, months: MONTHS_MIN, ..EconomySpec::default() };
        let truth = Economy::build(&spec).unwrap().truth().unwrap();
        words(&truth, "scheme").iter().any(|scheme| scheme == "red_across_years")
    };
    assert!(!cast(202501), "January to August");
    assert!(!cast(202505), "May to December");
    assert!(cast(202506), "June to January");
}

#[test]
fn the_guilty_and_counterparties_have_an_amount_and_look_alikes_none() {
    let truth = DEMO.truth().unwrap();
    let (roles, schemes, ids) =
        (words(&truth, "role"), words(&truth, "scheme"), words(&truth, "taxpayer_id"));
    for (row, amount) in maybe_cents(&truth, "amount").into_iter().enumerate() {
        match roles[row].as_str() {
            "innocent" if unlike(&schemes[row]) => assert_eq!(amount, None, "{} {}", schemes[row], ids[row]),
            _ => assert!(amount.is_some_and(|amount| amount > 0), "{} {}", schemes[row], ids[row]),
        }
    }
    let roles: BTreeMap<String, usize> = roles.into_iter().fold(BTreeMap::new(), |mut counts, role| {
        *counts.entry(role).or_default() += 1;
        counts
    });
    assert!(roles["organiser"] > 30 && roles["user"] > 10 && roles["innocent"] > 10, "{roles:?}");
}

/// Whether the innocent under this name are no counterparties.
fn unlike(scheme: &str) -> bool {
    SchemeKind::named(scheme).unwrap().honest() || scheme == "forgotten_claim"
}

/// A row of the truth that names an innocent counterparty.
struct Counterparty {
    firm: u32,
    kind: SchemeKind,
    periods: (i32, i32),
    amount: i64,
}

fn counterparties(economy: &Economy) -> Vec<Counterparty> {
    let truth = economy.truth().unwrap();
    let (ids, schemes, roles) =
        (words(&truth, "taxpayer_id"), words(&truth, "scheme"), words(&truth, "role"));
    let (from, to, amounts) =
        (ints(&truth, "from_period"), ints(&truth, "to_period"), maybe_cents(&truth, "amount"));
    let world = economy.world();
    let firms: HashMap<&str, u32> = (0..world.taxpayers()).map(|firm| (world.id(firm), firm)).collect();
    (0..ids.len())
        .filter(|row| roles[*row] == "innocent" && !unlike(&schemes[*row]))
        .map(|row| Counterparty {
            firm: firms[ids[row].as_str()],
            kind: SchemeKind::named(&schemes[row]).unwrap(),
            periods: (from[row].unwrap(), to[row].unwrap()),
            amount: amounts[row].unwrap(),
        })
        .collect()
}

fn guilty(economy: &Economy, firm: u32) -> bool {
    economy.scheme(firm).is_some_and(|plan| plan.role != Role::Innocent)
}

#[test]
fn innocent_counterparties_are_honest_and_few() {
    let economy = Economy::build(&EconomySpec { taxpayers: 4_000, ..EconomySpec::default() }).unwrap();
    let found = counterparties(&economy);
    assert!(found.iter().all(|one| !guilty(&economy, one.firm)));
    let firms: HashSet<u32> = found.iter().map(|one| one.firm).collect();
    assert!((40..=300).contains(&firms.len()), "{} of 4,000", firms.len());
    use SchemeKind as K;
    let drawn: BTreeSet<SchemeKind> = found.iter().map(|one| one.kind).collect();
    for kind in [
        K::InvoiceMill,
        K::CircularInvoicing,
        K::PassThroughChain,
        K::GoodsSwitch,
        K::OffTheBooks,
        K::PowerWithoutOutput,
        K::OutputWithoutPower,
        K::TakeoverSurge,
        K::VoidAfterDeduction,
        K::RedAcrossYears,
        K::IdleCreditRefundPurchases,
        K::CirculatingExports,
        K::AbnormalUpstream,
    ] {
        assert!(drawn.contains(&kind), "{}", kind.name());
    }
}

#[test]
fn what_innocent_counterparties_traded_stands_in_the_invoices() {
    let heads = table(&DEMO, "invoice");
    let (sellers, buyers, status) =
        (words(&heads, "seller_id"), texts(&heads, "buyer_id"), words(&heads, "status"));
    let (periods, amounts) = (ints(&heads, "period"), cents(&heads, "amount"));
    let world = DEMO.world();
    let firms: HashMap<&str, u32> = (0..world.taxpayers()).map(|firm| (world.id(firm), firm)).collect();
    let found = counterparties(&DEMO);
    assert!(found.len() > 20);
    for one in &found {
        let supplier_only = matches!(one.kind, SchemeKind::OffTheBooks | SchemeKind::PowerWithoutOutput);
        let (mut sum, mut months) = (0, BTreeSet::new());
        for row in (0..sellers.len()).filter(|row| !matches!(status[*row].as_str(), "void" | "red")) {
            let parties = (firms.get(sellers[row].as_str()), firms.get(buyers[row].as_deref().unwrap_or("")));
            let other = match parties {
                (Some(seller), Some(buyer)) if *seller == one.firm => *buyer,
                (Some(seller), Some(buyer)) if *buyer == one.firm && !supplier_only => *seller,
                _ => continue,
            };
            let month = world.month_of(periods[row].unwrap()).unwrap();
            if DEMO.scheme(other).is_some_and(|plan| plan.is(one.kind, month)) {
                sum += amounts[row];
                months.insert(periods[row].unwrap());
            }
        }
        let name = one.kind.name();
        assert_eq!(sum, one.amount, "{name} {}", one.firm);
        assert_eq!((months.first(), months.last()), (Some(&one.periods.0), Some(&one.periods.1)), "{name}");
    }
}

#[test]
fn honest_holders_of_sham_invoices_are_named() {
    let named: HashSet<(SchemeKind, u32)> =
        counterparties(&DEMO).into_iter().map(|one| (one.kind, one.firm)).collect();
    let world = DEMO.world();
    let mut seen = 0;
    for (seller, id) in playing(SchemeKind::TakeoverSurge, Role::Organiser) {
        let plan = DEMO.scheme(seller).unwrap();
        let periods: Vec<i32> = plan.months.clone().map(|month| world.period(usize::from(month))).collect();
        for row in sold()[&id].iter().filter(|row| periods.contains(&row.period)) {
            let buyer = row.buyer.as_deref().unwrap();
            let firm = (0..world.taxpayers()).find(|firm| world.id(*firm) == buyer).unwrap();
            assert!(guilty(&DEMO, firm) || named.contains(&(SchemeKind::TakeoverSurge, firm)), "{buyer}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn mills_burst_and_vanish() {
    let sold = sold();
    for (_, mill) in playing(SchemeKind::InvoiceMill, Role::Organiser) {
        let rows = &sold[&mill];
        let months: BTreeSet<i32> = rows.iter().map(|row| row.period).collect();
        assert!(rows.len() > 60 && months.len() == 3, "{} in {months:?}", rows.len());
        let near = rows.iter().filter(|row| row.amount > 9_500_000 && row.amount < 10_000_000).count();
        assert!(near * 10 > rows.len() * 9, "just under the limit of an invoice");
    }
    let bought: HashSet<String> = sold.values().flatten().filter_map(|row| row.buyer.clone()).collect();
    for (_, mill) in playing(SchemeKind::InvoiceMill, Role::Organiser) {
        assert!(!bought.contains(&mill), "a mill buys nothing");
    }
}

#[test]
fn circles_close() {
    let sold = sold();
    let ring: Vec<String> =
        playing(SchemeKind::CircularInvoicing, Role::Organiser).into_iter().map(|(_, id)| id).collect();
    let plan = DEMO.scheme(playing(SchemeKind::CircularInvoicing, Role::Organiser)[0].0).unwrap();
    let members: Vec<String> = plan.members.iter().map(|firm| DEMO.world().id(*firm).to_owned()).collect();
    assert!((3..=6).contains(&members.len()) && ring.len() >= members.len());
    for (index, firm) in members.iter().enumerate() {
        let next = &members[(index + 1) % members.len()];
        let count = sold[firm].iter().filter(|row| row.buyer.as_ref() == Some(next)).count();
        assert!(count >= plan.months.clone().count(), "{count}");
    }
}

#[test]
fn parked_months_stay_just_below_their_line() {
    let sold = sold();
    for (kind, line) in [(SchemeKind::SplitBusiness, 10_000_000), (SchemeKind::UnderGeneralLine, 41_666_666)]
    {
        for (index, firm) in playing(kind, Role::Organiser) {
            let acting = DEMO.scheme(index).unwrap().months.clone();
            let acting: Vec<i32> = acting.map(|month| DEMO.world().period(usize::from(month))).collect();
            let mut months: BTreeMap<i32, i64> = BTreeMap::new();
            let parked = sold[&firm].iter().filter(|row| acting.contains(&row.period));
            parked.for_each(|row| *months.entry(row.period).or_default() += row.amount);
            assert_eq!(months.len(), acting.len());
            assert!(months.values().all(|sum| *sum < line && *sum > line * 91 / 100), "{months:?}");
        }
    }
}

#[test]
fn voids_follow_claims_and_reds_follow_the_year() {
    let sold = sold();
    for (_, firm) in playing(SchemeKind::VoidAfterDeduction, Role::Organiser) {
        let void = sold[&firm].iter().filter(|row| row.status == "void").count();
        assert!(void * 10 > sold[&firm].len(), "{void} of {}", sold[&firm].len());
    }
    let heads = table(&DEMO, "invoice");
    let (status, claimed) = (words(&heads, "status"), ints(&heads, "deducted_period"));
    let void_and_claimed =
        (0..status.len()).filter(|row| status[*row] == "void" && claimed[*row].is_some()).count();
    assert!(void_and_claimed >= 12, "{void_and_claimed}");
    for (_, firm) in playing(SchemeKind::RedAcrossYears, Role::Organiser) {
        let sum = |wanted: &dyn Fn(&Sold) -> bool| -> i64 {
            sold[&firm].iter().filter(|row| wanted(row)).map(|row| row.amount).sum()
        };
        let reversed = -sum(&|row| row.status == "red" && (row.period == 202601 || row.period == 202602));
        let december = sum(&|row| row.period == 202512);
        assert!(reversed * 10 > december * 2, "{reversed} of {december}");
    }
}

#[test]
fn late_days_repeated_amounts_and_surges_stand_out() {
    let sold = sold();
    for (_, firm) in playing(SchemeKind::MonthEndConcentration, Role::Organiser) {
        let late = sold[&firm].iter().filter(|row| row.day >= 26).count();
        assert!(late * 10 > sold[&firm].len() * 6, "{firm}");
    }
    for (_, firm) in playing(SchemeKind::RepeatedRoundAmounts, Role::Organiser) {
        let mut counts: HashMap<i64, usize> = HashMap::new();
        sold[&firm].iter().for_each(|row| *counts.entry(row.total).or_default() += 1);
        let (total, count) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap();
        assert!(total % 100_000 == 0 && count >= 40, "{total} {count} times");
    }
    for (firm, id) in playing(SchemeKind::TakeoverSurge, Role::Organiser) {
        let wakes = DEMO.world().period(usize::from(*DEMO.scheme(firm).unwrap().months.start()));
        assert!(sold[&id].iter().all(|row| row.period >= wakes));
    }
    let changed: HashSet<String> =
        words(&table(&DEMO, "registration_change"), "taxpayer_id").into_iter().collect();
    assert!(playing(SchemeKind::TakeoverSurge, Role::Organiser).iter().all(|(_, id)| changed.contains(id)));
}

#[test]
fn profit_goes_to_an_affiliate_that_is_taxed_lower() {
    let returns = table(&DEMO, "cit_return");
    let (ids, income, due) =
        (words(&returns, "taxpayer_id"), cents(&returns, "taxable_income"), cents(&returns, "tax_due"));
    let rate = |firm: &str| {
        let sum = |of: &[i64]| (0..ids.len()).filter(|row| ids[*row] == firm).map(|row| of[row]).sum::<i64>();
        sum(&due) as f64 / sum(&income) as f64
    };
    let payers = playing(SchemeKind::ProfitShifting, Role::Organiser);
    assert!(!payers.is_empty());
    for (payer, id) in payers {
        let affiliate = *DEMO.scheme(payer).unwrap().members.last().unwrap();
        let (full, low) = (rate(&id), rate(DEMO.world().id(affiliate)));
        assert!(full > 0.2 && low > 0.0 && low < 0.151, "{id}: {full} and {low}");
    }
}

#[test]
fn who_returns_under_another_name_is_labelled_where_the_first_ends() {
    let truth = DEMO.truth().unwrap();
    let (schemes, from, to) =
        (words(&truth, "scheme"), ints(&truth, "from_period"), ints(&truth, "to_period"));
    let of: Vec<usize> = (0..schemes.len()).filter(|row| schemes[*row] == "deregister_and_return").collect();
    let (starts, ends): (Vec<_>, Vec<_>) = of.iter().map(|row| (from[*row], to[*row])).unzip();
    let middle = ends.iter().min().unwrap();
    assert!(of.len() == 2 && starts.contains(middle), "{starts:?} to {ends:?}");
}

#[test]
fn parameters_out_of_range_are_refused() {
    let refused = |spec: EconomySpec| Economy::build(&spec).unwrap_err().to_string();
    let spec = EconomySpec::default;
    assert!(
        refused(EconomySpec { taxpayers: 99, ..spec() }).starts_with("`taxpayers` is 99; it must be 100 to")
    );
    assert!(refused(EconomySpec { months: 7, ..spec() }).contains("8 to 60"));
    assert!(refused(EconomySpec { start: 202513, ..spec() }).contains("YYYYMM"));
    assert!(refused(EconomySpec { lines_per_taxpayer_month: 0.0, ..spec() }).contains("1 to 2000"));
}
