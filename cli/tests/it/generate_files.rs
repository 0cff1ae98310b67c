//! Files of a synthetic economy: clean ones load without a word, and of dirty ones a load says exactly what the
//! ledger of planted defects says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Schema};

use crate::support::{Place, assay};

/// One entry of `truth/defects.csv`.
#[derive(Debug, Clone)]
struct Defect {
    file: String,
    row: String,
    table: String,
    key: String,
    column: String,
    kind: String,
    action: String,
    expected: String,
}

fn ledger(folder: &Path) -> Vec<Defect> {
    let names = [
        "id", "file", "row", "table", "key", "column", "defect", "zh", "action", "clean", "dirty", "expected",
    ];
    let fields: Vec<Field> = names.iter().map(|n| Field::new(*n, DataType::Utf8, true)).collect();
    let file = std::fs::File::open(folder.join("truth/defects.csv")).unwrap();
    let reader =
        arrow::csv::ReaderBuilder::new(Arc::new(Schema::new(fields))).with_header(true).build(file).unwrap();
    let mut found = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |column: usize, row: usize| {
            let array = batch.column(column).as_string::<i32>();
            if array.is_null(row) { String::new() } else { array.value(row).to_owned() }
        };
        found.extend((0..batch.num_rows()).map(|row| Defect {
            file: text(1, row),
            row: text(2, row),
            table: text(3, row),
            key: text(4, row),
            column: text(5, row),
            kind: text(6, row),
            action: text(8, row),
            expected: text(11, row),
        }));
    }
    found
}

/// What the ledger expects of one kind: `file,row,rule` (and column, where it is a cell's).
fn expected(ledger: &[Defect], kind: &str, with_column: bool) -> BTreeSet<String> {
    let rule = |d: &Defect| d.expected.split_once(':').map(|(_, rule)| rule.to_owned()).unwrap_or_default();
    ledger
        .iter()
        .filter(|d| d.expected.starts_with(kind))
        .map(|d| match with_column {
            true => format!("{},{},{},{}", d.file, d.row, d.column, rule(d)),
            false => format!("{},{},{}", d.file, d.row, rule(d)),
        })
        .collect()
}

fn found(place: &Place, query: &str) -> BTreeSet<String> {
    place.sql(query).lines().map(str::to_owned).collect()
}

#[track_caller]
fn same(what: &str, found: &BTreeSet<String>, expected: &BTreeSet<String>) {
    let missed: Vec<&String> = expected.difference(found).take(8).collect();
    let accused: Vec<&String> = found.difference(expected).take(8).collect();
    assert!(
        missed.is_empty() && accused.is_empty(),
        "{what}: planted {}, found {}\nmissed {missed:#?}\naccused {accused:#?}",
        expected.len(),
        found.len()
    );
    assert!(!expected.is_empty(), "{what}: none planted");
}

/// Generates into `name` of the place.
fn generate(place: &Place, name: &str, extra: &[&str]) {
    let mut args = vec!["generate", "--taxpayers", "300", "--months", "8", "--seed", "5", "--files", name];
    args.extend(extra);
    assay(&place.path(""), &args).ok();
}

/// Loads all files of a folder with the mapping beside them.
fn load(place: &Place, name: &str) -> crate::support::Run {
    let mapping = place.path(name).join("mappings/generated.toml");
    let mut files: Vec<String> = std::fs::read_dir(place.path(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.display().to_string())
        .collect();
    files.sort();
    let mapping = mapping.display().to_string();
    let mut args = vec!["ingest", "all", "--mapping", &mapping];
    args.extend(files.iter().map(String::as_str));
    place.run(&args)
}

/// Clean files, and their dirty twin in the same form.
fn twins(form: &[&str], rate: &str) {
    let (clean, dirty) = (Place::new(), Place::new());
    generate(&clean, "files", form);
    load(&clean, "files").ok();
    for table in ["rejected_row", "repaired_value", "duplicate_row"] {
        // Case numbers have full-width brackets, which are put right as in any number.
        let known = if table == "repaired_value" { "where column_name <> 'case_no'" } else { "" };
        assert_eq!(clean.sql(&format!("select * from {table} {known} limit 5")), "", "{table}");
    }
    let mut more = form.to_vec();
    more.extend(["--dirty", rate]);
    generate(&dirty, "files", &more);
    load(&dirty, "files").code(3);
    let ledger = ledger(&dirty.path("files"));
    assert!(ledger.iter().all(|d| !d.table.is_empty() && !d.kind.is_empty()));
    same(
        "rejected",
        &found(&dirty, "select _file, _row, rule from rejected_row"),
        &expected(&ledger, "rejected", false),
    );
    same(
        "repaired",
        &found(
            &dirty,
            "select _file, _row, column_name, rule from repaired_value where column_name <> 'case_no'",
        ),
        &expected(&ledger, "repaired", true),
    );
    same(
        "duplicate",
        &found(&dirty, "select _file, _row, '' from duplicate_row"),
        &expected(&ledger, "duplicate", false),
    );
    counts(&clean, &dirty, &ledger);
}

/// Apart from missing returns and rows about strangers the dirty twin holds as many rows as the clean one.
fn counts(clean: &Place, dirty: &Place, ledger: &[Defect]) {
    let tables = found(clean, "select distinct table_name from ingest_batch");
    let each: Vec<String> = tables.iter().map(|t| format!("select '{t}', count(*) from {t}")).collect();
    let read = |place: &Place| -> BTreeMap<String, i64> {
        let row = |line: &String| {
            let (name, n) = line.split_once(',').unwrap();
            (name.to_owned(), n.parse().unwrap())
        };
        found(place, &each.join(" union all ")).iter().map(row).collect()
    };
    let (clean, dirty) = (read(clean), read(dirty));
    for (table, rows) in &clean {
        let keys = |kind: &str| {
            let of = ledger.iter().filter(|d| &d.table == table && d.kind == kind);
            of.map(|d| (&d.file, &d.row, &d.key)).collect::<BTreeSet<_>>().len() as i64
        };
        let added = keys("unknown_party") - keys("month_gap");
        assert_eq!(dirty[table], rows + added, "{table}");
    }
    assert!(ledger.iter().any(|d| d.action == "removed"), "no return is missing");
}

#[test]
fn a_dirty_twin_in_csv_is_seen_through() {
    twins(&["--as", "csv", "--chinese", "--encoding", "gb18030"], "0.02");
}

#[test]
fn dirty_twins_in_other_formats_are_seen_through() {
    for format in ["json_lines", "hive", "dbf", "fixed"] {
        twins(&["--as", format, "--encoding", "gb18030"], "0.02");
    }
}

#[test]
fn what_the_departments_send_is_seen_through() {
    twins(&[], "0.02");
}
