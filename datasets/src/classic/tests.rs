//! What every generated economy must satisfy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int32Type, TimestampMillisecondType};

use super::*;
use crate::schema::catalog;

static ECONOMY: LazyLock<Economy> = LazyLock::new(|| generate(&EconomySpec::default()).unwrap());

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|value| value.map(str::to_owned)).collect()
}

fn words(batch: &RecordBatch, name: &str) -> Vec<String> {
    texts(batch, name).into_iter().map(Option::unwrap).collect()
}

fn cents(batch: &RecordBatch, name: &str) -> Vec<i128> {
    batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().values().to_vec()
}

fn ints(batch: &RecordBatch, name: &str) -> Vec<i32> {
    batch.column_by_name(name).unwrap().as_primitive::<Int32Type>().values().to_vec()
}

/// GB 32100, written down independently of the generator.
fn credit_code_is_valid(code: &str) -> bool {
    let alphabet: Vec<char> = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().collect();
    let values: Vec<usize> = code.chars().filter_map(|c| alphabet.iter().position(|a| *a == c)).collect();
    let (mut sum, mut weight) = (0, 1);
    for value in values.iter().take(17) {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    values.len() == 18 && (sum + values[17]) % 31 == 0
}

/// One invoice of a seller: period, amount, status, day of month, buyer.
type Sold = (i32, i128, String, u32, Option<String>);

fn sold(taxpayer: &str) -> Vec<Sold> {
    let invoice = &ECONOMY.invoice;
    let (sellers, buyers, status) =
        (words(invoice, "seller_id"), texts(invoice, "buyer_id"), words(invoice, "status"));
    let (periods, amounts) = (ints(invoice, "period"), cents(invoice, "amount"));
    let instants = invoice.column_by_name("issued_at").unwrap().as_primitive::<TimestampMillisecondType>();
    let day = |row: usize| chrono::Datelike::day(&instants.value_as_datetime(row).unwrap());
    let rows = (0..invoice.num_rows()).filter(|row| sellers[*row] == taxpayer);
    rows.map(|row| (periods[row], amounts[row], status[row].clone(), day(row), buyers[row].clone())).collect()
}

fn labelled(scheme: &str, role: &str) -> Vec<String> {
    let truth = &ECONOMY.truth;
    let (ids, schemes, roles) = (words(truth, "taxpayer_id"), words(truth, "scheme"), words(truth, "role"));
    let rows = (0..ids.len()).filter(|row| schemes[*row] == scheme && roles[*row] == role);
    rows.map(|row| ids[row].clone()).collect()
}

#[test]
fn the_default_has_the_promised_size() {
    assert_eq!(ECONOMY.office.num_rows(), 20);
    assert_eq!(ECONOMY.taxpayer.num_rows(), 300);
    let rows = ECONOMY.invoice.num_rows();
    assert!((60_000..=100_000).contains(&rows), "{rows} invoices");
}

#[test]
fn tables_have_their_canonical_schemas() {
    let given = [("office", &ECONOMY.office), ("taxpayer", &ECONOMY.taxpayer), ("invoice", &ECONOMY.invoice)];
    for (name, batch) in given {
        let table = catalog().table(name).unwrap();
        assert_eq!(batch.schema(), table.canonical_schema());
        for column in table.columns.iter().filter(|column| !column.values.is_empty()) {
            let codes = texts(batch, &column.name);
            assert!(codes.iter().flatten().all(|code| column.allows(code)), "{name}.{}", column.name);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let write = |seed: u64, name: &str| {
        let dir = std::env::temp_dir().join(format!("assay-economy-{}-{name}", std::process::id()));
        let spec = EconomySpec { seed, taxpayers: 120, months: 8, start: 202501 };
        let files = write_csv(&generate(&spec).unwrap(), &dir).unwrap();
        let bytes: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        std::fs::remove_dir_all(&dir).unwrap();
        bytes
    };
    let first = write(7, "a");
    assert_eq!(first.len(), 2 + 8 + 1);
    assert!(first == write(7, "b"));
    assert!(first != write(8, "c"));
}

#[test]
fn csv_files_read_back_as_written() {
    let dir = std::env::temp_dir().join(format!("assay-economy-{}-read", std::process::id()));
    let files = write_csv(&ECONOMY, &dir).unwrap();
    let mut rows = 0;
    for file in files.iter().filter(|file| file.to_string_lossy().contains("invoice_")) {
        let text = std::fs::read_to_string(file).unwrap();
        let mut lines = text.lines();
        assert!(
            lines.next().unwrap().starts_with("invoice_id,invoice_code,invoice_no,kind,issued_at,period,")
        );
        let period = file.file_stem().unwrap().to_string_lossy().replace("invoice_", "");
        let month = format!("{}-{}-", &period[..4], &period[4..]);
        rows += lines.inspect(|line| assert!(line.contains(&month), "{line}")).count();
    }
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(rows, ECONOMY.invoice.num_rows());
}

#[test]
fn ids_are_valid_and_unique() {
    let ids = words(&ECONOMY.taxpayer, "taxpayer_id");
    assert!(ids.iter().all(|id| credit_code_is_valid(id)));
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    for side in ["seller_id", "buyer_id"] {
        let parties: HashSet<String> = texts(&ECONOMY.invoice, side).into_iter().flatten().collect();
        assert!(parties.iter().all(|id| credit_code_is_valid(id)));
    }
    let invoices = words(&ECONOMY.invoice, "invoice_id");
    assert!(invoices.iter().all(|id| id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_digit())));
    assert_eq!(invoices.iter().collect::<HashSet<_>>().len(), invoices.len());
}

#[test]
fn parties_of_the_province_are_registered_under_their_name_and_office() {
    let (ids, names) = (words(&ECONOMY.taxpayer, "taxpayer_id"), words(&ECONOMY.taxpayer, "name"));
    let registered: HashMap<String, String> = ids.into_iter().zip(names).collect();
    for (id_column, name_column) in [("seller_id", "seller_name"), ("buyer_id", "buyer_name")] {
        let parties =
            texts(&ECONOMY.invoice, id_column).into_iter().zip(words(&ECONOMY.invoice, name_column));
        for (id, name) in parties {
            let Some(id) = id else { continue };
            // Characters 3 to 8 are the region: 99 is the province.
            if id[2..].starts_with("99") {
                assert_eq!(registered.get(&id), Some(&name), "{id}");
            }
        }
    }
    let offices: HashSet<String> = words(&ECONOMY.office, "office_code").into_iter().collect();
    assert!(words(&ECONOMY.taxpayer, "office_code").iter().all(|code| offices.contains(code)));
    let known: HashSet<String> = registered.into_keys().collect();
    assert!(words(&ECONOMY.truth, "taxpayer_id").iter().all(|id| known.contains(id)));
}

#[test]
fn money_adds_up() {
    let invoice = &ECONOMY.invoice;
    let (amounts, taxes, totals) = (cents(invoice, "amount"), cents(invoice, "tax"), cents(invoice, "total"));
    let rates = [100, 600, 900, 1300];
    for ((amount, tax), total) in amounts.iter().zip(&taxes).zip(&totals) {
        assert_eq!(amount + tax, *total);
        // Rounded to the cent: at most half a cent from the exact tax at one of the rates.
        let exact = rates.iter().any(|rate| (tax * 10_000 - amount * rate).abs() <= 5_000);
        assert!(exact, "{amount} {tax}");
    }
}

#[test]
fn months_follow_the_date_and_invoices_the_time() {
    let instants =
        ECONOMY.invoice.column_by_name("issued_at").unwrap().as_primitive::<TimestampMillisecondType>();
    for (row, period) in ints(&ECONOMY.invoice, "period").into_iter().enumerate() {
        let month: i32 = instants.value_as_datetime(row).unwrap().format("%Y%m").to_string().parse().unwrap();
        assert_eq!(month, period);
    }
    assert!(instants.values().is_sorted());
}

#[test]
fn a_red_invoice_reverses_an_earlier_one() {
    let invoice = &ECONOMY.invoice;
    let ids = words(invoice, "invoice_id");
    let (status, originals) = (words(invoice, "status"), texts(invoice, "original_invoice_id"));
    let (amounts, sellers) = (cents(invoice, "amount"), words(invoice, "seller_id"));
    let position: HashMap<&String, usize> = ids.iter().enumerate().map(|(row, id)| (id, row)).collect();
    let mut reds = 0;
    for (row, original) in originals.iter().enumerate() {
        assert_eq!(status[row] == "red", amounts[row] < 0);
        assert_eq!(status[row] == "red", original.is_some());
        let Some(original) = original else { continue };
        let blue = position[original];
        reds += 1;
        assert!(blue < row && sellers[blue] == sellers[row]);
        let full = amounts[row] == -amounts[blue];
        assert!(-amounts[row] <= amounts[blue]);
        assert_eq!(status[blue], if full { "reversed" } else { "part_reversed" });
    }
    assert!(reds > 100, "{reds}");
}

#[test]
fn mistakes_happen_at_honest_rates() {
    let planted: HashSet<String> = words(&ECONOMY.truth, "taxpayer_id").into_iter().collect();
    let (sellers, status) = (words(&ECONOMY.invoice, "seller_id"), words(&ECONOMY.invoice, "status"));
    let honest =
        || sellers.iter().zip(&status).filter(|(id, _)| !planted.contains(*id) && id[2..].starts_with("99"));
    let share = |wanted: &str| {
        honest().filter(|(_, status)| *status == wanted).count() as f64 / honest().count() as f64
    };
    assert!((0.002..0.02).contains(&share("void")), "void {}", share("void"));
    assert!((0.002..0.02).contains(&share("red")), "red {}", share("red"));
}

#[test]
fn sizes_are_heavy_tailed() {
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    let sellers = words(&ECONOMY.invoice, "seller_id").into_iter();
    for (seller, amount) in sellers.zip(cents(&ECONOMY.invoice, "amount")) {
        if seller[2..].starts_with("99") {
            *sums.entry(seller).or_default() += amount;
        }
    }
    let mut sizes: Vec<i128> = sums.into_values().collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let top: i128 = sizes[..sizes.len() / 10].iter().sum();
    assert!(top * 100 / sizes.iter().sum::<i128>() > 45, "the top tenth sells little");
}

#[test]
fn every_scheme_is_labelled() {
    let counts = |role: &str| -> BTreeMap<String, usize> {
        let rows = words(&ECONOMY.truth, "scheme").into_iter().zip(words(&ECONOMY.truth, "role"));
        let mut counts = BTreeMap::new();
        rows.filter(|(_, r)| r == role).for_each(|(scheme, _)| *counts.entry(scheme).or_default() += 1);
        counts
    };
    let schemes = [
        "circular_invoicing",
        "dormant_then_surge",
        "invoice_mill",
        "month_end_concentration",
        "repeated_round_amounts",
        "under_exemption_line",
        "under_general_line",
        "void_after_issue",
    ];
    let organisers = counts("organiser");
    assert_eq!(organisers.keys().collect::<Vec<_>>(), schemes);
    assert!(organisers.values().all(|count| (3..=6).contains(count)), "{organisers:?}");
    assert!(counts("user")["invoice_mill"] >= 3);
    let innocent = [
        "fast_grower",
        "fixed_rent",
        "month_end_settlement",
        "mutual_processing",
        "one_big_customer",
        "seasonal",
    ];
    assert_eq!(counts("innocent").keys().collect::<Vec<_>>(), innocent);
    let ids = words(&ECONOMY.truth, "taxpayer_id");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "one part for each firm");
}

#[test]
fn labels_carry_amounts_unless_innocent() {
    let amounts = ECONOMY.truth.column_by_name("amount").unwrap().as_primitive::<Decimal128Type>();
    for (row, role) in words(&ECONOMY.truth, "role").iter().enumerate() {
        assert_eq!(amounts.is_null(row), role == "innocent");
        assert!(amounts.is_null(row) || amounts.value(row) > 0, "row {row}");
    }
}

#[test]
fn mills_burst_and_vanish() {
    for mill in labelled("invoice_mill", "organiser") {
        let rows = sold(&mill);
        let months: HashSet<i32> = rows.iter().map(|row| row.0).collect();
        assert!(rows.len() > 90 && months.len() == 3, "{} in {months:?}", rows.len());
        assert!(!texts(&ECONOMY.invoice, "buyer_id").contains(&Some(mill)), "a mill buys nothing");
    }
}

#[test]
fn parked_firms_stay_below_their_line() {
    let lines = [("under_exemption_line", 10_000_000), ("under_general_line", 41_500_000)];
    for (scheme, line) in lines {
        for firm in labelled(scheme, "organiser") {
            let mut months: BTreeMap<i32, i128> = BTreeMap::new();
            sold(&firm).iter().for_each(|row| *months.entry(row.0).or_default() += row.1);
            assert_eq!(months.len(), 12);
            assert!(months.values().all(|sum| *sum < line && *sum > line * 94 / 100), "{months:?}");
        }
    }
}

#[test]
fn late_and_void_invoices_stand_out() {
    for firm in labelled("month_end_concentration", "organiser") {
        let (rows, days) = (sold(&firm), |row: &Sold| row.3 >= 26);
        assert!(rows.iter().filter(|row| days(row)).count() * 10 > rows.len() * 6, "{firm}");
    }
    for firm in labelled("void_after_issue", "organiser") {
        let (rows, void) = (sold(&firm), |row: &Sold| row.2 == "void");
        assert!(rows.iter().filter(|row| void(row)).count() * 10 > rows.len() * 2, "{firm}");
        let sham = rows.iter().filter(|row| void(row) && row.3 >= 26).count();
        assert!(sham * 10 > rows.iter().filter(|row| void(row)).count() * 9, "voided at month end");
    }
}

#[test]
fn sleepers_wake_late_and_rings_close() {
    for firm in labelled("dormant_then_surge", "organiser") {
        assert!(sold(&firm).iter().all(|row| row.0 >= 202607));
    }
    let ring = labelled("circular_invoicing", "organiser");
    for firm in &ring {
        let next =
            sold(firm).into_iter().filter(|row| row.4.as_ref().is_some_and(|buyer| ring.contains(buyer)));
        assert!(next.count() > 20);
    }
}

#[test]
fn the_same_round_total_comes_again_and_again() {
    let (sellers, totals) = (words(&ECONOMY.invoice, "seller_id"), cents(&ECONOMY.invoice, "total"));
    for firm in labelled("repeated_round_amounts", "organiser") {
        let mut counts: HashMap<i128, usize> = HashMap::new();
        let own = sellers.iter().zip(&totals).filter(|(seller, _)| **seller == firm);
        own.for_each(|(_, total)| *counts.entry(*total).or_default() += 1);
        let (total, count) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap();
        assert!(total % 100_000 == 0 && count >= 60, "{total} {count} times");
    }
}

#[test]
fn other_seeds_and_sizes_cast_every_scheme_too() {
    for (seed, taxpayers, months) in [(1, TAXPAYERS_MIN, MONTHS_MIN), (2, 150, 18), (3, 500, 9)] {
        let economy = generate(&EconomySpec { seed, taxpayers, months, start: 202407 }).unwrap();
        let roles = words(&economy.truth, "scheme").into_iter().zip(words(&economy.truth, "role"));
        let schemes: HashSet<String> =
            roles.filter(|(_, role)| role == "organiser").map(|(scheme, _)| scheme).collect();
        assert_eq!(schemes.len(), 8, "seed {seed}: {schemes:?}");
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let refused = |spec: EconomySpec| generate(&spec).unwrap_err().to_string();
    let spec = EconomySpec::default;
    assert!(
        refused(EconomySpec { taxpayers: 99, ..spec() })
            .starts_with("`taxpayers` is 99; it must be at least 100")
    );
    assert!(refused(EconomySpec { months: 7, ..spec() }).contains("8 to 60"));
    assert!(refused(EconomySpec { start: 202513, ..spec() }).contains("YYYYMM"));
}
