//! Mutated files through every reader: truncated, bytes flipped, encodings mixed, columns moved, lines doubled and
//! lost, quotation marks inserted. Whatever comes: no panic, no hang, every record kept or set aside, or one clean
//! error that names the file.
//!
//! `ASSAY_FUZZ=10000` says how many files a form; 50 without it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod forms;
mod mutate;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use arrow::array::Array;
use assay_datasets::mapping;
use assay_datasets::repairs;
use assay_sql::session::{SessionOptions, new_session};
use datafusion::execution::context::SessionContext;

use self::forms::{Form, forms};
use self::mutate::{Dice, edited, mutated};
use super::convert::Converter;
use super::repair::Repairs;
use super::select::find_table;
use super::source::shape::{Shape, Skipped};
use super::source::{self, Cut, Delimiter, Encoding, RawBatch, ReadOptions, RecordSink};
use super::{IngestRequest, Silent, ingest};
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// No reader needs this long for a file of a few kilobytes on any machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn cases() -> u64 {
    std::env::var("ASSAY_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(50)
}

/// What became of the files of one form.
#[derive(Default, Debug, Clone, Copy)]
struct Tally {
    files: u64,
    refused: u64,
    guarded: u64,
    records: usize,
    kept: usize,
    rejected: usize,
    skipped: usize,
    repaired: usize,
}

/// Converts what a reader delivers and balances it.
struct Balance<'a> {
    context: &'a SessionContext,
    repairs: &'a Repairs,
    form: &'a Form,
    shown: String,
    converter: Option<Converter>,
    numbers: Vec<i64>,
    tally: Tally,
}

impl RecordSink for Balance<'_> {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        assert!(self.converter.is_none(), "two headers");
        let feed = &self.form.mapping.feeds[0];
        let table = find_table(&feed.table)?;
        self.converter = Some(Converter::new(self.context, table, feed, self.repairs, &self.shown, columns)?);
        Ok(())
    }

    fn batch(&mut self, raw: RawBatch) -> Result<()> {
        let converter = self.converter.as_ref().expect("records before a header");
        for column in &raw.columns {
            assert_eq!(column.len(), raw.rows.len(), "columns of different lengths");
        }
        self.numbers.extend(&raw.rows);
        self.numbers.extend(raw.bad.iter().map(|b| b.row));
        let converted = converter.convert(&raw)?;
        let kept = converted.batch.num_rows();
        assert_eq!(kept + converted.rejects.len(), raw.rows.len() + raw.bad.len(), "a record was lost");
        assert_eq!(kept, converted.rows.len());
        assert_eq!(converted.read, raw.rows.len() + raw.bad.len());
        for reject in &converted.rejects {
            assert!(!reject.rule.is_empty() && !reject.zh.is_empty() && !reject.en.is_empty(), "{reject:?}");
        }
        self.tally.records += converted.read;
        self.tally.kept += kept;
        self.tally.rejected += converted.rejects.len();
        self.tally.repaired += converted.repaired.as_ref().map_or(0, |r| r.len());
        Ok(())
    }

    fn skipped(&mut self, row: Skipped) -> Result<()> {
        // Rows that are no records are reported one by one: with them the file's rows are complete.
        assert!(!row.zh.is_empty() && !row.en.is_empty(), "{row:?}");
        self.numbers.push(row.row);
        self.tally.records += 1;
        self.tally.skipped += 1;
        Ok(())
    }
}

fn options(form: &Form) -> ReadOptions {
    let feed = &form.mapping.feeds[0];
    ReadOptions {
        encoding: feed.encoding.as_deref().map(|e| Encoding::parse(e).unwrap()),
        delimiter: feed.delimiter.as_deref().map(|d| Delimiter::parse(d).unwrap()),
        sheet: feed.sheet.clone(),
        shape: Arc::new(Shape::of(feed, find_table(&feed.table).unwrap())),
        cut: Arc::new(Cut::of(feed, find_table(&feed.table).unwrap())),
    }
}

/// Reads one file; what must hold is asserted, what may go wrong is an error that names the file.
fn one(context: &SessionContext, repairs: &Repairs, form: &Form, path: &Path, bytes: &[u8]) -> Tally {
    std::fs::write(path, bytes).unwrap();
    let mut tally = Tally { files: 1, ..Tally::default() };
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let refuse = |tally: &mut Tally, error: &EngineError| {
        let text = error.to_string();
        assert!(text.contains(&name), "the error does not name {name}: {text}");
        tally.refused = 1;
        tally.guarded = u64::from(text.contains("or have it saved again"));
    };
    let xml = form.mapping.feeds[0].is_xml();
    let members = if xml { source::bundle(path).map(|m| vec![m]) } else { source::members(path) };
    let members = match members {
        Ok(members) => members,
        Err(error) => {
            refuse(&mut tally, &error);
            return tally;
        }
    };
    for member in members {
        let mut balance = Balance {
            context,
            repairs,
            form,
            shown: member.display(),
            converter: None,
            numbers: Vec::new(),
            tally: Tally::default(),
        };
        match source::read(&member, &options(form), &mut balance) {
            Ok(()) => {
                let mut numbers = balance.numbers;
                numbers.sort_unstable();
                // Records of a document are numbered within it, and a bundle has many.
                assert!(xml || numbers.windows(2).all(|w| w[0] < w[1]), "a record's number stands twice");
                if let Some(wanted) = (form.count)(bytes) {
                    assert_eq!(balance.tally.records, wanted, "records of the file and records read");
                }
                tally.records += balance.tally.records;
                tally.kept += balance.tally.kept;
                tally.rejected += balance.tally.rejected;
                tally.skipped += balance.tally.skipped;
                tally.repaired += balance.tally.repaired;
            }
            Err(error) => {
                refuse(&mut tally, &error);
                return tally;
            }
        }
    }
    tally
}

/// Works through the seeds of one form, telling which is under way.
fn work(form: &Form, n: u64, doing: &Sender<u64>) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let context = new_session(&SessionOptions { threads: 1, ..SessionOptions::default() }).unwrap();
    let repairs = repairs::parse("repairs.toml", repairs::EMBEDDED).unwrap();
    let path = folder.path().join(form.name);
    for (name, bytes) in &form.beside {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let clean = one(&context, &repairs, form, &path, &form.bytes);
    assert_eq!(
        (clean.refused, clean.rejected, clean.skipped, clean.repaired),
        (0, 0, form.deleted, 0),
        "{}: the clean file is accused",
        form.name
    );
    assert_eq!(clean.kept, form.rows, "{}", form.name);
    let mut total = Tally::default();
    for seed in 0..n {
        doing.send(seed).unwrap();
        let bytes = mutated(form, &mut Dice::new(form.name, seed));
        let outcome = catch_unwind(AssertUnwindSafe(|| one(&context, &repairs, form, &path, &bytes)));
        let tally = outcome.unwrap_or_else(|_| {
            let kept = std::env::temp_dir().join(format!("assay-fuzz-{seed}-{}", form.name));
            std::fs::write(&kept, &bytes).unwrap();
            panic!("form {} seed {seed} failed; the file is {}", form.name, kept.display());
        });
        total.files += 1;
        total.refused += tally.refused;
        total.guarded += tally.guarded;
        total.records += tally.records;
        total.kept += tally.kept;
        total.rejected += tally.rejected;
        total.skipped += tally.skipped;
        total.repaired += tally.repaired;
    }
    total
}

#[test]
fn mutated_files_are_kept_set_aside_or_refused() {
    let n = cases();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let all = forms();
    for pair in all.chunks(2) {
        std::thread::scope(|scope| {
            let running: Vec<_> = pair
                .iter()
                .map(|form| {
                    let (sender, receiver) = channel();
                    (form, receiver, scope.spawn(move || work(form, n, &sender)))
                })
                .collect();
            for (form, receiver, thread) in running {
                let mut seed = 0;
                loop {
                    match receiver.recv_timeout(PATIENCE) {
                        Ok(next) => seed = next,
                        Err(RecvTimeoutError::Disconnected) => break,
                        // Nothing can stop the thread; the process ends with the failure.
                        Err(RecvTimeoutError::Timeout) => {
                            eprintln!("form {} seed {seed} does not end", form.name);
                            std::process::abort();
                        }
                    }
                }
                tallies.insert(form.name, thread.join().unwrap_or_else(|_| panic!("{} failed", form.name)));
            }
        });
    }
    for (form, tally) in &tallies {
        let _ = writeln!(std::io::stderr(), "FUZZ {form}: {tally:?}");
        assert_eq!(tally.files, n, "{form}");
        // A form whose every mutant is refused would prove nothing; of Parquet, where a flipped byte mostly hits
        // the structure, many files are needed to tell.
        assert!(tally.refused < n || form.ends_with(".parquet"), "{form}: {tally:?}");
    }
}

/// A few of each form through a whole load.
#[test]
fn mutated_files_load_whole_or_not_at_all() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("wh").display().to_string();
    let warehouse = runtime.block_on(Warehouse::init(&place, 1000)).unwrap();
    for form in forms() {
        let path = folder.path().join(form.name);
        for (name, bytes) in &form.beside {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mapping = folder.path().join(format!("{}.toml", form.name));
        std::fs::write(&mapping, &form.text).unwrap();
        for seed in 0..(cases() / 10).clamp(2, 20) {
            std::fs::write(&path, mutated(&form, &mut Dice::new(form.name, 1 << 40 | seed))).unwrap();
            let request = IngestRequest {
                files: vec![path.display().to_string()],
                // Every form has a feed of the same name.
                accept_mapping_change: true,
                mapping: Some(mapping.display().to_string()),
                threads: 2,
                memory: 1 << 28,
                ..IngestRequest::default()
            };
            let before = runtime.block_on(warehouse.head()).unwrap().id;
            match runtime.block_on(ingest(&warehouse, request, Arc::new(Silent))) {
                Ok(summary) => {
                    for table in &summary.tables {
                        let shares = table.kept + table.duplicate + table.rejected_total();
                        assert_eq!(table.read, shares, "{} seed {seed}: {table:?}", form.name);
                    }
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains(form.name), "{} seed {seed}: {text}", form.name);
                    assert_eq!(runtime.block_on(warehouse.head()).unwrap().id, before, "{}", form.name);
                }
            }
        }
    }
}

/// Out of 10,000 mutants: a cell that names another place than its own took that one's, and a row stood twice.
#[test]
fn a_cell_out_of_its_place_is_damage() {
    let forms = forms();
    let form = forms.iter().find(|f| f.name == "book.xlsx").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(form.name);
    let context = new_session(&SessionOptions { threads: 1, ..SessionOptions::default() }).unwrap();
    let repairs = repairs::parse("repairs.toml", repairs::EMBEDDED).unwrap();
    for (there, named) in [("A4", "A9"), ("A4", "A3"), ("C4", "A4"), ("A4", "A2")] {
        let bytes = edited(&form.bytes, |_, name, content| {
            if name.ends_with("sheet1.xml") {
                let (there, named) = (format!("r=\"{there}\""), format!("r=\"{named}\""));
                *content = String::from_utf8(content.clone()).unwrap().replace(&there, &named).into_bytes();
            }
        });
        let tally = one(&context, &repairs, form, &path, &bytes);
        assert_eq!((tally.refused, tally.kept), (1, 0), "{there} as {named}");
    }
}

#[test]
fn mappings_of_the_forms_are_right() {
    for form in forms() {
        mapping::parse(form.name, &form.text).unwrap_or_else(|e| panic!("{}", e.join("\n")));
    }
}
