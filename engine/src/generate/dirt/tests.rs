//! The ledger names exactly what differs between clean and dirty files.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::*;
use crate::generate::files::{FileOptions, Format, MemoryRows, Selection, write_files};
use crate::generate::samples;

/// One entry of the ledger.
#[derive(Debug, Clone)]
struct Entry {
    row: Option<usize>,
    column: String,
    kind: String,
    action: String,
    clean: String,
    dirty: String,
}

fn ledger(folder: &Path) -> HashMap<String, Vec<Entry>> {
    let mut found: HashMap<String, Vec<Entry>> = HashMap::new();
    for record in csv::Reader::from_path(folder.join(TRUTH_FOLDER).join(LEDGER)).unwrap().records() {
        let record = record.unwrap();
        found.entry(record[1].to_owned()).or_default().push(Entry {
            row: record[2].parse().ok(),
            column: record[5].to_owned(),
            kind: record[6].to_owned(),
            action: record[8].to_owned(),
            clean: record[9].to_owned(),
            dirty: record[10].to_owned(),
        });
    }
    found
}

fn lines(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).unwrap();
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut record = csv::ByteRecord::new();
    let mut rows = Vec::new();
    while reader.read_byte_record(&mut record).unwrap() {
        rows.push(record.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect());
    }
    (header, rows)
}

/// Compares a clean and a dirty CSV file cell by cell: what differs is in the ledger, and what is in it differs.
fn compare(clean: &Path, dirty: &Path, entries: &[Entry]) {
    let ((header, clean_rows), (_, dirty_rows)) = (lines(clean), lines(dirty));
    let by_row: BTreeMap<usize, Vec<&Entry>> = entries.iter().filter_map(|e| e.row.map(|r| (r, e))).fold(
        BTreeMap::new(),
        |mut rows, (row, entry)| {
            rows.entry(row).or_default().push(entry);
            rows
        },
    );
    let removed = entries.iter().filter(|e| e.action == "removed").count();
    let added: BTreeSet<usize> =
        by_row.iter().filter(|(_, e)| e[0].action == "added").map(|(row, _)| *row).collect();
    assert_eq!(dirty_rows.len(), clean_rows.len() + added.len() - removed, "{}", dirty.display());
    let kept: Vec<(usize, &Vec<String>)> = dirty_rows
        .iter()
        .enumerate()
        .map(|(i, r)| (i + 2, r))
        .filter(|(row, _)| !added.contains(row))
        .collect();
    let mut clean_rows = clean_rows.iter();
    let mut skipped = 0;
    for (number, row) in kept {
        let found = by_row.get(&number).map(Vec::as_slice).unwrap_or_default();
        let mut undone = row.clone();
        for entry in found {
            let at = header.iter().position(|h| h == &entry.column).unwrap();
            assert_eq!(entry.dirty, row[at], "{} row {number} {entry:?}", dirty.display());
            assert_ne!(entry.clean, entry.dirty);
            undone[at].clone_from(&entry.clean);
        }
        let mut original = clean_rows.next().unwrap();
        // Rows that are missing in the dirty file: the keys in the first three columns tell.
        while skipped < removed && original[..3] != undone[..3] {
            original = clean_rows.next().unwrap();
            skipped += 1;
        }
        assert_eq!(original, &undone, "{} row {number}", dirty.display());
    }
    assert_eq!(skipped + clean_rows.count(), removed);
    // Added rows differ from a neighbour as the ledger says.
    for row in added {
        let own = &dirty_rows[row - 2];
        for entry in &by_row[&row] {
            if entry.column.is_empty() {
                assert!(["duplicate", "fields", "encoding"].contains(&entry.kind.as_str()), "{entry:?}");
            } else {
                let at = header.iter().position(|h| h == &entry.column).unwrap();
                assert_eq!(own[at], entry.dirty, "{entry:?}");
                assert_ne!(entry.clean, entry.dirty);
            }
        }
    }
}

fn write(rows: &MemoryRows, folder: &Path, dirt: Option<DirtOptions>, selection: Selection) {
    write_files(rows, folder, &FileOptions { dirt, selection, ..FileOptions::default() }).unwrap();
}

#[test]
fn the_ledger_names_exactly_what_was_changed() {
    let rows = samples::economy();
    let clean = tempfile::tempdir().unwrap();
    let csv = Selection::Single(Format::Csv);
    write(&rows, clean.path(), None, csv);
    let mut kinds = BTreeSet::new();
    for seed in 1..=4 {
        let dirty = tempfile::tempdir().unwrap();
        write(&rows, dirty.path(), Some(DirtOptions { rate: if seed == 1 { 0.05 } else { 0.5 }, seed }), csv);
        let ledger = ledger(dirty.path());
        for entry in std::fs::read_dir(clean.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_file() {
                let entries = ledger.get(&name).cloned().unwrap_or_default();
                kinds.extend(entries.iter().map(|e| e.kind.clone()));
                compare(&path, &dirty.path().join(&name), &entries);
            }
        }
    }
    let missing: Vec<&str> = KINDS.iter().map(|k| k.name).filter(|name| !kinds.contains(*name)).collect();
    // The samples are too short for an original that would have to be on file.
    assert_eq!(missing, ["unknown_original"]);
}

#[test]
fn every_format_takes_dirt() {
    let rows = samples::economy();
    for format in Format::ALL {
        let folder = tempfile::tempdir().unwrap();
        write(&rows, folder.path(), Some(DirtOptions { rate: 0.05, seed: 9 }), Selection::Single(format));
        let entries: usize = ledger(folder.path()).values().map(Vec::len).sum();
        assert!(entries > 50, "{}: {entries}", format.name());
    }
}

#[test]
fn hidden_parties_are_in_the_truth() {
    let rows = samples::economy();
    let folder = tempfile::tempdir().unwrap();
    write(&rows, folder.path(), Some(DirtOptions { rate: 0.3, seed: 2 }), Selection::Single(Format::Csv));
    let mut by = BTreeSet::new();
    for record in
        csv::Reader::from_path(folder.path().join(TRUTH_FOLDER).join(IDENTITY_TRUTH)).unwrap().records()
    {
        let record = record.unwrap();
        assert!(uscc_is_valid(&record[5]), "{record:?}");
        if &record[3] == "old_number" {
            assert_eq!(&record[4], &record[5][2..17]);
        }
        by.insert(record[3].to_owned());
    }
    assert_eq!(by.into_iter().collect::<Vec<_>>(), ["name", "old_number"]);
}

#[test]
fn impossible_rates_are_refused() {
    for rate in [-0.1, 0.6, f64::NAN] {
        assert!(DirtOptions { rate, seed: 1 }.check().is_err(), "{rate}");
    }
}
