//! Clean files of an economy and their dirty twin, the ledger of the defects planted into the twin, and the comparison
//! of that ledger with what a load says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Schema};

use crate::support::{Place, Run, assay};

/// One entry of `truth/defects.csv`.
#[derive(Debug, Clone)]
pub struct Defect {
    pub file: String,
    pub row: String,
    pub table: String,
    pub key: String,
    pub column: String,
    pub kind: String,
    pub action: String,
    pub expected: String,
    pub also: String,
}

/// Reads the ledger of a folder of generated files.
pub fn ledger(folder: &Path) -> Vec<Defect> {
    let names = [
        "id", "file", "row", "table", "key", "column", "defect", "zh", "action", "clean", "dirty",
        "expected", "also",
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
            also: text(12, row),
        }));
    }
    assert!(found.iter().all(|d| !d.table.is_empty() && !d.kind.is_empty()));
    found
}

/// What the ledger expects of one kind: `file,row,rule` (and column, where it is a cell's).
pub fn expected(ledger: &[Defect], kind: &str, with_column: bool) -> BTreeSet<String> {
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

/// The lines a query gives.
pub fn found(place: &Place, query: &str) -> BTreeSet<String> {
    place.sql(query).lines().map(str::to_owned).collect()
}

/// All that was planted was found, and nothing else but what `allowed` has.
#[track_caller]
pub fn same_but(
    what: &str,
    found: &BTreeSet<String>,
    expected: &BTreeSet<String>,
    allowed: &BTreeSet<String>,
) {
    let missed: Vec<&String> = expected.difference(found).take(8).collect();
    let accused: Vec<&String> =
        found.difference(expected).filter(|one| !allowed.contains(*one)).take(8).collect();
    assert!(
        missed.is_empty() && accused.is_empty(),
        "{what}: planted {}, found {}\nmissed {missed:#?}\naccused {accused:#?}",
        expected.len(),
        found.len()
    );
    assert!(!expected.is_empty(), "{what}: none planted");
}

/// All that was planted was found, and nothing else.
#[track_caller]
pub fn same(what: &str, found: &BTreeSet<String>, expected: &BTreeSet<String>) {
    same_but(what, found, expected, &BTreeSet::new());
}

/// Loads all files of a folder with the mapping beside them.
pub fn load(place: &Place, name: &str) -> Run {
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

/// Clean files of an economy, loaded, and their dirty twin in the same form, loaded too.
pub struct Twins {
    pub clean: Place,
    pub dirty: Place,
    pub ledger: Vec<Defect>,
}

impl Twins {
    /// Generates `economy` in `form`, with and without defects in a share of `rate` of the rows.
    pub fn generate(economy: &[&str], form: &[&str], rate: &str) -> Self {
        let (clean, dirty) = (Place::new(), Place::new());
        for (place, dirt) in [(&clean, None), (&dirty, Some(rate))] {
            let mut args = vec!["generate", "--files", "files"];
            args.extend(economy.iter().chain(form));
            args.extend(dirt.into_iter().flat_map(|rate| ["--dirty", rate]));
            assay(&place.path(""), &args).ok();
        }
        load(&clean, "files").ok();
        load(&dirty, "files").code(3);
        let ledger = ledger(&dirty.path("files"));
        Self { clean, dirty, ledger }
    }

    /// A load finds nothing wrong with the clean files, and of the dirty ones says exactly what the ledger says.
    #[track_caller]
    pub fn loads_agree(&self) {
        let Self { clean, dirty, ledger } = self;
        for table in ["rejected_row", "repaired_value", "duplicate_row"] {
            // Case numbers have full-width brackets, which are put right as in any number.
            let known = if table == "repaired_value" { "where column_name <> 'case_no'" } else { "" };
            assert_eq!(clean.sql(&format!("select * from {table} {known} limit 5")), "", "{table}");
        }
        same(
            "rejected",
            &found(dirty, "select _file, _row, rule from rejected_row"),
            &expected(ledger, "rejected", false),
        );
        same(
            "repaired",
            &found(
                dirty,
                "select _file, _row, column_name, rule from repaired_value where column_name <> 'case_no'",
            ),
            &expected(ledger, "repaired", true),
        );
        same(
            "duplicate",
            &found(dirty, "select _file, _row, '' from duplicate_row"),
            &expected(ledger, "duplicate", false),
        );
        self.replaced();
        self.counts();
    }

    /// No earlier version that was planted is what the warehouse holds.
    fn replaced(&self) {
        let planted = expected(&self.ledger, "replaced", false);
        let tables: BTreeSet<&str> =
            self.ledger.iter().filter(|d| d.expected == "replaced").map(|d| d.table.as_str()).collect();
        for table in tables {
            let kept = found(&self.dirty, &format!("select _file, _row, '' from {table}"));
            let wrong: Vec<_> = planted.intersection(&kept).take(8).collect();
            assert!(wrong.is_empty(), "{table} keeps versions that later ones replace: {wrong:#?}");
        }
    }

    /// Apart from missing returns and rows about strangers the dirty twin holds as many rows as the clean one.
    fn counts(&self) {
        let tables = found(&self.clean, "select distinct table_name from ingest_batch");
        let each: Vec<String> = tables.iter().map(|t| format!("select '{t}', count(*) from {t}")).collect();
        let read = |place: &Place| -> BTreeMap<String, i64> {
            let row = |line: &String| {
                let (name, n) = line.split_once(',').unwrap();
                (name.to_owned(), n.parse().unwrap())
            };
            found(place, &each.join(" union all ")).iter().map(row).collect()
        };
        let (clean, dirty) = (read(&self.clean), read(&self.dirty));
        for (table, rows) in &clean {
            let keys = |kind: &str| {
                let of = self.ledger.iter().filter(|d| &d.table == table && d.kind == kind);
                of.map(|d| (&d.file, &d.row, &d.key)).collect::<BTreeSet<_>>().len() as i64
            };
            let added = keys("unknown_party") - keys("month_gap");
            assert_eq!(dirty[table], rows + added, "{table}");
        }
        assert!(self.ledger.iter().any(|d| d.action == "removed"), "no return is missing");
    }
}
