//! `assay generate`: a warehouse filled directly holds what generating files and loading them gives, whatever the
//! number of threads; nothing is generated over data that is there.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{assay, schema_tables};

const ECONOMY: [&str; 8] = ["--taxpayers", "120", "--months", "8", "--start", "202405", "--seed", "7"];

fn generate(folder: &Path, args: &[&str]) -> crate::support::Run {
    let all: Vec<&str> = ["generate"].into_iter().chain(ECONOMY).chain(args.iter().copied()).collect();
    assay(folder, &all)
}

/// Every row of a table in its canonical columns, personal data in clear, in an order of its own.
fn content(folder: &Path, warehouse: &str, table: &str, columns: &[String]) -> String {
    let list = columns.join(", ");
    let sql = format!("select {list} from {table} order by {list}");
    assay(folder, &["sql", "-w", warehouse, "--personal", "--format", "csv", &sql]).ok().out
}

#[test]
fn a_warehouse_holds_what_files_hold() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    generate(root, &["-w", "direct", "--threads", "2"]).ok();
    generate(root, &["--files", "files", "--as", "csv"]).ok();
    assay(root, &["init", "loaded"]).ok();
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("files")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let table = schema_tables().into_iter().find(|(table, _)| {
            name.strip_prefix(table.as_str()).is_some_and(|rest| {
                rest == ".csv" || rest.trim_matches('_').trim_end_matches(".csv").parse::<u32>().is_ok()
            })
        });
        if let Some((table, _)) = table {
            files.entry(table).or_default().push(format!("files/{name}"));
        }
    }
    assert!(files.len() >= 30, "only {} tables have files: {:?}", files.len(), files.keys());
    // Lines take their parties from invoices.
    let mut order: Vec<&String> = files.keys().collect();
    order.sort_by_key(|t| (t.as_str() != "taxpayer", t.as_str() != "invoice"));
    for table in order {
        let mut args = vec!["ingest", "-w", "loaded", table];
        args.extend(files[table].iter().map(String::as_str));
        assay(root, &args).ok();
    }
    for (table, columns) in schema_tables() {
        let direct = content(root, "direct", &table, &columns);
        let loaded = content(root, "loaded", &table, &columns);
        assert!(direct == loaded, "{table} differs:\n{}", first_difference(&direct, &loaded));
    }
    // Earlier registrations lie beside the newest ones either way.
    let columns = ["valid_from", "industry_code", "registered_capital"].map(str::to_owned);
    let [direct, loaded] = ["direct", "loaded"].map(|w| content(root, w, "replaced.taxpayer", &columns));
    assert!(direct == loaded, "replaced registrations differ:\n{}", first_difference(&direct, &loaded));
    assert!(direct.lines().count() > 5, "{direct}");
}

fn first_difference(a: &str, b: &str) -> String {
    let pair = a.lines().zip(b.lines()).find(|(a, b)| a != b);
    let (a_lines, b_lines) = (a.lines().count(), b.lines().count());
    match pair {
        Some((a, b)) => format!("direct {a}\nloaded {b}\n({a_lines} and {b_lines} lines)"),
        None => format!("{a_lines} and {b_lines} lines"),
    }
}

#[test]
fn threads_do_not_change_an_economy() {
    let folder = tempfile::tempdir().unwrap();
    for threads in ["1", "3"] {
        generate(folder.path(), &["-w", threads, "--threads", threads, "--bucket-width", "50"]).ok();
    }
    for query in [
        "select * except (_ingested_at) from invoice order by seller_key, issued_at, invoice_id",
        "select * except (_ingested_at) from vat_return order by taxpayer_key, period",
        "select * from party order by party_key",
        "select * from truth order by taxpayer_id, scheme, from_period",
    ] {
        let of = |w: &str| assay(folder.path(), &["sql", "-w", w, "--format", "csv", query]).ok().out;
        assert!(of("1") == of("3"), "{query}");
    }
}

#[test]
fn an_economy_is_not_poured_over_data() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["-w", "w", "--describe", "--report", "page.html"])
        .ok()
        .shows("invoice_line")
        .says("page.html");
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("本福特"), "{}", &page[..500.min(page.len())]);
    generate(folder.path(), &["-w", "w"]).code(1).says("rows already").says("--files");
    std::fs::create_dir(folder.path().join("used")).unwrap();
    std::fs::write(folder.path().join("used/invoice_202501.csv"), "").unwrap();
    generate(folder.path(), &["--files", "used"]).code(1).says("used is not empty");
    assay(folder.path(), &["generate", "-w", "x", "--taxpayers", "5"]).code(1).says("taxpayers");
    assert!(!folder.path().join("x").exists(), "a refused economy left a warehouse");
}
