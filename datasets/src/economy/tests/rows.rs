//! Rows: schemas, sums, ids, references, order, the same on any number of threads.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;

use super::support::*;
use crate::economy::{Economy, EconomySpec, write_csv};
use crate::schema::catalog;

fn everything(economy: &Economy) -> Vec<Vec<RecordBatch>> {
    economy.parts().iter().map(|part| economy.rows(part).unwrap()).collect()
}

#[test]
fn the_same_seed_gives_the_same_rows_on_any_number_of_threads() {
    let build = |seed: u64, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let spec = EconomySpec { seed, taxpayers: 400, months: 9, ..EconomySpec::default() };
        pool.install(|| {
            let economy = Economy::build(&spec).unwrap();
            (everything(&economy), economy.truth().unwrap())
        })
    };
    let one = build(7, 1);
    assert!(one == build(7, 2), "two threads");
    assert!(one == build(7, 3), "three threads");
    assert!(one.0 != build(8, 2).0, "another seed");
}

#[test]
fn tables_have_their_canonical_schemas_and_codes() {
    let mut seen = HashSet::new();
    for part in DEMO.parts() {
        let table = catalog().table(part.table).unwrap();
        for batch in DEMO.rows(&part).unwrap() {
            assert_eq!(batch.schema(), table.canonical_schema(), "{}", part.table);
            if batch.num_rows() == 0 {
                continue;
            }
            seen.insert(part.table);
            for column in table.columns.iter().filter(|column| !column.values.is_empty()) {
                let codes = texts(&batch, &column.name);
                let wrong = codes.iter().flatten().find(|code| !column.allows(code));
                assert_eq!(wrong, None, "{}.{}", part.table, column.name);
            }
            if let Some(period) = part.period
                && table.column("period").is_some()
            {
                assert!(ints(&batch, "period").iter().all(|found| *found == Some(period)), "{}", part.table);
            }
        }
    }
    for table in [
        "office",
        "taxpayer",
        "registration_change",
        "qualification",
        "shareholder",
        "invoice",
        "invoice_line",
        "deduction_claim",
    ] {
        assert!(seen.contains(table), "{table} has no rows");
    }
}

#[test]
fn lines_add_up_to_their_invoice_to_the_cent() {
    let (heads, lines) = (table(&DEMO, "invoice"), table(&DEMO, "invoice_line"));
    let mut sums: HashMap<String, (i64, i64)> = HashMap::new();
    let ids = words(&lines, "invoice_id");
    for ((id, amount), tax) in ids.iter().zip(cents(&lines, "amount")).zip(cents(&lines, "tax")) {
        let sum = sums.entry(id.clone()).or_default();
        *sum = (sum.0 + amount, sum.1 + tax);
    }
    let ids = words(&heads, "invoice_id");
    assert_eq!(ids.len(), sums.len());
    let (amounts, taxes, totals) = (cents(&heads, "amount"), cents(&heads, "tax"), cents(&heads, "total"));
    for (row, id) in ids.iter().enumerate() {
        assert_eq!(sums[id], (amounts[row], taxes[row]), "{id}");
        assert_eq!(totals[row], amounts[row] + taxes[row], "{id}");
        assert!(amounts[row] != 0, "{id}");
    }
}

#[test]
fn a_lines_tax_is_amount_times_rate_and_its_price_times_quantity_the_amount() {
    let lines = table(&DEMO, "invoice_line");
    let (amounts, taxes) = (cents(&lines, "amount"), cents(&lines, "tax"));
    let rates = maybe_cents(&lines, "rate");
    let (quantities, prices) = (cents(&lines, "quantity"), cents(&lines, "unit_price"));
    let preferences = words(&lines, "preference");
    for row in 0..amounts.len() {
        match rates[row] {
            Some(rate) => assert!((taxes[row] * 10_000 - amounts[row] * rate).abs() <= 5_000, "row {row}"),
            None => assert!(taxes[row] == 0 && preferences[row] == "exempt", "row {row}"),
        }
        // Both have eight decimals, cents two: the product has 10^16.
        let product = i128::from(quantities[row]) * i128::from(prices[row]);
        let exact = i128::from(amounts[row]) * 100_000_000_000_000;
        // Half a unit of the price's last decimal, times the quantity, and never a cent.
        assert!((product - exact).abs() <= i128::from(quantities[row].abs()) / 2 + 1, "row {row}");
    }
}

#[test]
fn ids_are_valid_and_unique() {
    let taxpayers = table(&DEMO, "taxpayer");
    let ids: HashSet<String> = words(&taxpayers, "taxpayer_id").into_iter().collect();
    assert_eq!(ids.len(), 300);
    assert!(ids.iter().all(|id| credit_code_is_valid(id)));
    for role in ["legal_rep_id", "finance_id", "agent_id"] {
        assert!(words(&taxpayers, role).iter().all(|id| person_id_is_valid(id)), "{role}");
    }
    let heads = table(&DEMO, "invoice");
    let (sellers, kinds) = (words(&heads, "seller_id"), words(&heads, "kind"));
    for (seller, kind) in sellers.iter().zip(&kinds) {
        let farmer = kind == "agri_purchase";
        assert!(if farmer { person_id_is_valid(seller) } else { credit_code_is_valid(seller) }, "{seller}");
    }
    let mut persons = 0;
    for buyer in texts(&heads, "buyer_id").into_iter().flatten() {
        persons += usize::from(person_id_is_valid(&buyer) && !credit_code_is_valid(&buyer));
        assert!(credit_code_is_valid(&buyer) || person_id_is_valid(&buyer), "{buyer}");
    }
    assert!(persons > 20, "{persons} natural persons");
    let numbers = words(&heads, "invoice_id");
    assert!(numbers.iter().all(|id| id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_digit())));
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
    let names: HashSet<String> = words(&taxpayers, "name").into_iter().collect();
    assert_eq!(names.len(), 300, "names are given out once");
}

#[test]
fn parties_of_the_province_are_registered_under_their_name() {
    let taxpayers = table(&DEMO, "taxpayer");
    let registered: HashMap<String, String> =
        words(&taxpayers, "taxpayer_id").into_iter().zip(words(&taxpayers, "name")).collect();
    let heads = table(&DEMO, "invoice");
    for (id, name) in [("seller_id", "seller_name"), ("buyer_id", "buyer_name")] {
        for (id, name) in texts(&heads, id).into_iter().zip(words(&heads, name)) {
            // Characters 3 to 8 are the region: 99 is the province.
            if let Some(id) = id.filter(|id| credit_code_is_valid(id) && id[2..].starts_with("99")) {
                assert_eq!(registered.get(&id), Some(&name), "{id}");
            }
        }
    }
    let offices: HashSet<String> = words(&table(&DEMO, "office"), "office_code").into_iter().collect();
    assert!(words(&taxpayers, "office_code").iter().all(|code| offices.contains(code)));
}

#[test]
fn red_invoices_reverse_existing_ones_and_never_more() {
    let heads = table(&DEMO, "invoice");
    let ids = words(&heads, "invoice_id");
    let (status, originals, remarks) =
        (words(&heads, "status"), texts(&heads, "original_invoice_id"), texts(&heads, "remark"));
    let (amounts, taxes, at) = (cents(&heads, "amount"), cents(&heads, "tax"), instants(&heads, "issued_at"));
    let sellers = words(&heads, "seller_id");
    let position: HashMap<&String, usize> = ids.iter().enumerate().map(|(row, id)| (id, row)).collect();
    let (mut reds, mut later, mut parts) = (0, 0, 0);
    let periods = ints(&heads, "period");
    for row in 0..ids.len() {
        assert_eq!(status[row] == "red", amounts[row] < 0, "{}", ids[row]);
        assert_eq!(status[row] == "red", originals[row].is_some());
        let Some(original) = &originals[row] else { continue };
        let blue = position[original];
        assert!(at[blue] < at[row] && sellers[blue] == sellers[row], "{original}");
        assert!(-amounts[row] <= amounts[blue] && -taxes[row] <= taxes[blue], "{original}");
        let full = amounts[row] == -amounts[blue];
        assert_eq!(status[blue], if full { "reversed" } else { "part_reversed" }, "{original}");
        let remark = remarks[row].as_ref().unwrap();
        let older = format!("代码:{}号码:{}", &original[..12], &original[12..]);
        assert!(remark.contains(original.as_str()) || remark.contains(&older), "{remark}");
        reds += 1;
        later += usize::from(periods[row] != periods[blue]);
        parts += usize::from(!full);
    }
    assert!(reds > 40 && later > 10 && parts > 3, "{reds} {later} {parts}");
    let reversed = status.iter().filter(|status| status.ends_with("reversed")).count();
    assert_eq!(reversed, reds, "every reversed invoice has its red one");
}

#[test]
fn rows_come_in_the_order_promised() {
    let order: HashMap<String, usize> = {
        let mut order = HashMap::new();
        for id in words(&table(&DEMO, "taxpayer"), "taxpayer_id") {
            let next = order.len();
            order.entry(id).or_insert(next);
        }
        order
    };
    for name in ["invoice", "invoice_line"] {
        for part in DEMO.parts().iter().filter(|part| part.table == name) {
            for batch in DEMO.rows(part).unwrap() {
                let sellers = words(&batch, "seller_id");
                let ids = words(&batch, "invoice_id");
                let at = if name == "invoice" { instants(&batch, "issued_at") } else { vec![0; ids.len()] };
                let numbers = if name == "invoice" { vec![None; ids.len()] } else { ints(&batch, "line_no") };
                let keys = (0..ids.len()).map(|row| {
                    (
                        order.get(&sellers[row]).copied().unwrap_or(usize::MAX),
                        at[row],
                        ids[row].clone(),
                        numbers[row],
                    )
                });
                let registered: Vec<_> = keys.filter(|key| key.0 != usize::MAX).collect();
                assert!(registered.is_sorted(), "{name}");
            }
        }
    }
    let claims = table(&DEMO, "deduction_claim");
    let keys: Vec<_> =
        words(&claims, "buyer_id").iter().map(|id| order[id]).zip(words(&claims, "invoice_id")).collect();
    assert!(keys.is_sorted());
}

#[test]
fn the_month_of_an_invoice_is_the_month_of_its_date() {
    let heads = table(&DEMO, "invoice");
    for (at, period) in instants(&heads, "issued_at").into_iter().zip(ints(&heads, "period")) {
        let month = chrono::DateTime::from_timestamp_millis(at).unwrap().format("%Y%m").to_string();
        assert_eq!(month.parse().ok(), period);
    }
}

#[test]
fn claims_are_of_invoices_that_say_so() {
    let heads = table(&DEMO, "invoice");
    let claims = table(&DEMO, "deduction_claim");
    let mut stated: HashMap<String, (Option<String>, i32, i64)> = HashMap::new();
    let (ids, buyers) = (words(&heads, "invoice_id"), texts(&heads, "buyer_id"));
    for (row, claimed) in ints(&heads, "deducted_period").into_iter().enumerate() {
        if let Some(claimed) = claimed {
            stated.insert(ids[row].clone(), (buyers[row].clone(), claimed, cents(&heads, "tax")[row]));
        }
    }
    let found = words(&claims, "invoice_id");
    assert_eq!(found.len(), stated.len());
    assert!(found.len() > 1_000);
    let (buyers, taxes) = (words(&claims, "buyer_id"), cents(&claims, "tax"));
    for (row, claimed) in ints(&claims, "claimed_period").into_iter().enumerate() {
        assert_eq!(stated[&found[row]], (Some(buyers[row].clone()), claimed.unwrap(), taxes[row]));
    }
}

#[test]
fn export_refunds_name_purchases_of_the_exporter() {
    let (refunds, heads) = (table(&DEMO, "export_refund"), table(&DEMO, "invoice"));
    let position: HashMap<String, usize> = words(&heads, "invoice_id").into_iter().zip(0..).collect();
    let (buyers, kinds) = (texts(&heads, "buyer_id"), words(&heads, "kind"));
    let (claimed, status) = (ints(&heads, "deducted_period"), words(&heads, "status"));
    let (firms, periods) = (words(&refunds, "taxpayer_id"), ints(&refunds, "period"));
    let named = texts(&refunds, "input_invoice_id");
    let mut different = HashSet::new();
    for row in 0..firms.len() {
        let Some(id) = &named[row] else { continue };
        let head = position[id];
        assert_eq!(buyers[head].as_ref(), Some(&firms[row]), "{id}");
        assert!(kinds[head].ends_with("special") && status[head] == "valid", "{id}");
        assert!(claimed[head].is_some() && claimed[head] <= periods[row], "{id}");
        different.insert(id);
    }
    let missing = named.iter().filter(|id| id.is_none()).count();
    assert!(missing * 20 <= named.len() && different.len() > 20, "{missing} of {}", named.len());
}

#[test]
fn register_history_is_without_gaps() {
    let taxpayers = table(&DEMO, "taxpayer");
    let ids = words(&taxpayers, "taxpayer_id");
    let (from, to) = (days(&taxpayers, "valid_from"), days(&taxpayers, "valid_to"));
    let mut histories = 0;
    for row in 0..ids.len() {
        let last = row + 1 == ids.len() || ids[row + 1] != ids[row];
        match to[row] {
            None => assert!(last, "{}", ids[row]),
            Some(to) => {
                histories += 1;
                assert!(!last && from[row + 1] == Some(to + 1) && from[row] <= Some(to), "{}", ids[row]);
            }
        }
    }
    assert!(histories > 20, "{histories}");
}

#[test]
fn shares_of_a_firm_add_up_to_one() {
    let shares = table(&DEMO, "shareholder");
    let mut sums: HashMap<String, i64> = HashMap::new();
    let to = days(&shares, "valid_to");
    for (row, id) in words(&shares, "taxpayer_id").into_iter().enumerate() {
        if to[row].is_none() {
            *sums.entry(id).or_default() += cents(&shares, "share")[row];
        }
    }
    assert_eq!(sums.len(), 300);
    assert!(sums.values().all(|sum| *sum == 1_000_000));
}

#[test]
fn nobody_holds_two_shares_of_a_firm_from_the_same_day() {
    for seed in 1..9 {
        let spec = EconomySpec { seed, taxpayers: 120, ..EconomySpec::default() };
        let shares = table(&Economy::build(&spec).unwrap(), "shareholder");
        let (firms, holders) = (words(&shares, "taxpayer_id"), words(&shares, "holder_id"));
        let from = days(&shares, "valid_from");
        let mut keys = HashSet::new();
        for row in 0..firms.len() {
            assert!(keys.insert((&firms[row], &holders[row], from[row])), "seed {seed}: {}", firms[row]);
        }
    }
}

#[test]
fn csv_files_read_back_as_written() {
    let dir = std::env::temp_dir().join(format!("assay-economy-{}", std::process::id()));
    let files = write_csv(&DEMO, &dir, &["office", "invoice"]).unwrap();
    let mut rows = 0;
    let months = files.iter().filter(|(table, _)| *table == "invoice");
    for (_, file) in months.clone() {
        let text = std::fs::read_to_string(file).unwrap();
        let mut lines = text.lines();
        assert!(
            lines.next().unwrap().starts_with("invoice_id,invoice_code,invoice_no,kind,issued_at,period,")
        );
        let period = file.file_stem().unwrap().to_string_lossy().replace("invoice_", "");
        let month = format!("{}-{}-", &period[..4], &period[4..]);
        rows += lines.inspect(|line| assert!(line.contains(&month), "{line}")).count();
    }
    assert_eq!(months.count(), 12);
    assert_eq!(
        files.iter().map(|(table, _)| *table).collect::<HashSet<_>>().len(),
        3,
        "office, invoice, truth"
    );
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(rows, table(&DEMO, "invoice").num_rows());
}
