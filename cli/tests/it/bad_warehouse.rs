//! Warehouses that cannot be used as they are, a disk that is full, and commands that are written wrong.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Place, Run, assay, economy, invoice, invoices, skipped, small_economy, write_files};

#[test]
fn a_warehouse_of_a_newer_version() {
    let place = Place::with_an_invoice();
    place.file("more.csv", invoices(&[invoice("H", "2020-01-05", "1.00")]));
    let settings = std::fs::read_to_string(place.path("wh/assay.json")).unwrap();
    let newer = settings.replace("\"format\": 2", "\"format\": 99, \"something\": \"new\"");
    assert_ne!(newer, settings);
    place.file("wh/assay.json", newer);
    let before = place.files();
    for args in [
        &["ingest", "invoice", "more.csv"][..],
        &["scan"],
        &["sql", "select 1"],
        &["quality"],
        &["tasks", "list"],
    ] {
        let run = place.run(args).code(1);
        run.says("wh has warehouse format 99, this assay").says("reads up to 2; use a newer assay");
    }
    assert_eq!(place.files(), before);
    place.file("wh/assay.json", settings);
    assert_eq!(place.number("select count(*) from invoice"), 1);
}

#[test]
fn no_warehouse_and_a_damaged_one() {
    let place = Place::with_an_invoice();
    let root = place.path("");
    assay(&root, &["-w", "nowhere", "sql", "select 1"])
        .code(1)
        .says("no warehouse at nowhere; create one with: assay init nowhere");
    assert!(!place.path("nowhere").exists(), "looking must not create anything");
    assay(&root, &["sql", "select 1"])
        .code(1)
        .says("which warehouse? Give --warehouse DIR, set ASSAY_WAREHOUSE");
    std::fs::create_dir(place.path("folder")).unwrap();
    assay(&root, &["-w", "folder", "scan"]).code(1).says("no warehouse at folder");
    assay(&root, &["init", "wh"]).code(1).says("wh already is a warehouse; choose another place");
    place.file("wh/assay.json", "{\"format\": 2,");
    place.run(&["sql", "select 1"]).code(1).says("wh/assay.json is damaged").says("restore it from a backup");
}

#[test]
fn a_settings_file_names_the_warehouse() {
    let place = Place::with_an_invoice();
    std::fs::create_dir_all(place.path("deep/er")).unwrap();
    place.file("assay.toml", "warehouse = \"wh\"\n");
    let query = ["sql", "--format", "csv", "select count(*) as n from invoice"];
    assert_eq!(assay(&place.path("deep/er"), &query).ok().out, "n\n1\n");
    place.file("assay.toml", "warehose = \"wh\"\n");
    assay(&place.path(""), &query).code(1).says("assay.toml has no line: warehouse =");
}

/// One writer at a time; readers are not kept out.
#[test]
fn a_locked_warehouse() {
    let place = Place::with_an_invoice();
    place.file("more.csv", invoices(&[invoice("H", "2020-01-05", "1.00")]));
    let lock =
        File::options().create(true).truncate(false).write(true).open(place.path("wh/writer.lock")).unwrap();
    lock.lock().unwrap();
    let before = place.state();
    for args in [&["ingest", "invoice", "more.csv"][..], &["scan"]] {
        place.run(args).code(1).says("another assay process is writing to").says("run the command again");
    }
    assert_eq!(place.state(), before);
    assert_eq!(place.number("select count(*) from invoice"), 1);
    drop(lock);
    place.run(&["ingest", "invoice", "more.csv"]).ok();
    assert_eq!(place.number("select count(*) from invoice"), 2);
}

#[test]
fn an_unknown_table() {
    let place = Place::with_an_invoice();
    place
        .run(&["ingest", "invoize", "good.csv"])
        .code(1)
        .says("no table invoize; did you mean invoice? All of them: assay schema");
    place.run(&["schema", "taxpayr"]).code(1).says("no table taxpayr; did you mean taxpayer?");
    place.run(&["sql", "select * from invoize"]).code(1).says("invoize").says("did you mean invoice");
    place.run(&["sql", "select * from rejectd_row"]).code(1).says("did you mean rejected_row");
    // Nothing comes near: nothing is suggested.
    let run = place.run(&["ingest", "qqqqqqq", "good.csv"]).code(1).says("no table qqqqqqq");
    assert!(!run.err.contains("did you mean"), "{}", run.err);
}

#[test]
fn sql_reads_only_and_says_a_thing_once() {
    let place = Place::with_an_invoice();
    let before = place.state();
    let statements = [
        "drop table invoice",
        "create table x as select 1",
        "insert into party values (7, 'x')",
        "delete from invoice",
        "copy (select 1) to 'out.csv'",
        "set datafusion.execution.batch_size = 1",
    ];
    for statement in statements {
        let run = place.run(&["sql", statement]).code(1);
        assert!(run.err.contains("not supported"), "{statement}: {}", run.err);
        assert_eq!(run.out, "");
    }
    assert_eq!(place.state(), before);
    assert!(!place.path("out.csv").exists());
    let run = place.run(&["sql", "select nothing from invoice"]).code(1).says("No field named nothing");
    assert_eq!(run.err.matches("No field named").count(), 1, "{}", run.err);
    // A query that fails half-way leaves no file.
    let run =
        place.run(&["sql", "--format", "csv", "-o", "out.csv", "select 1 / (amount - amount) from invoice"]);
    run.code(1);
    assert!(!place.path("out.csv").exists());
    assert!(
        std::fs::read_dir(place.path("")).unwrap().all(|e| !e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with(".tmp"))
    );
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let place = Place::with_an_invoice();
    for args in [
        &["frobnicate"][..],
        &["ingest", "invoice"],
        &["scan", "--as-of", "february"],
        &["--format", "xml", "sql", "select 1"],
        &["--memory", "12q", "sql", "select 1"],
        &["tasks", "list", "--grade", "huge"],
        &["sql", "select 1", "-f", "query.sql"],
    ] {
        let run: Run = place.run(args).code(2);
        assert!(run.err.starts_with("error: "), "{args:?}: {}", run.err);
        assert_eq!(run.out, "");
    }
    // What only the command itself can know is exit code 1.
    place.run(&["scan", "--as-of", "202013"]).code(2).says("`202013` is no month; write it as YYYYMM");
    place.run(&["scan", "--only", "X99"]).code(1).says("X99");
    place
        .run(&["indicators", "show", "X99"])
        .code(1)
        .says("no indicator X99; all of them: assay indicators list");
    place.run(&["tasks", "show", "E1"]).code(1);
    place.run(&["sql", ""]).code(1).says("no query");
}

#[test]
fn nothing_to_scan() {
    let place = Place::new();
    let before = place.state();
    place.run(&["scan"]).code(1).says("there are no invoices to scan; load some with: assay ingest invoice");
    place.run(&["tasks", "list"]).code(1).says("there are no tasks yet");
    assert_eq!(place.state(), before);
}

/// A small disk in memory; unmounted at the end, whatever happened.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={size}");
        let args = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        let mount = Command::new("mount").args(args).arg(folder.path()).stdin(Stdio::null()).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                skipped(&format!(
                    "cannot mount a small disk: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                ));
                None
            }
            Err(error) => {
                skipped(&format!("cannot mount a small disk: {error}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

/// A load fails on a full disk, with or without spilling; then there is room, and the same command works.
#[test]
fn a_full_disk_while_loading() {
    for (size, memory) in [("2m", "1G"), ("3m", "2M")] {
        let Some(disk) = Disk::new(size) else { return };
        let files = Place::new();
        write_files(&files, economy());
        let place = Place::at(disk.path());
        place.file("good.csv", invoices(&[invoice("G", "2020-01-05", "1.00")]));
        place.run(&["ingest", "invoice", "good.csv"]).ok();
        let before = place.state();
        let pattern = files.path("files/invoice_*.csv").display().to_string();
        place
            .run(&["--memory", memory, "ingest", "invoice", &pattern])
            .code(1)
            .says("No space left on device");
        assert_eq!(place.sql("select count(*) from invoice"), "1\n");
        assert_eq!(place.state(), before, "disk of {size}, memory {memory}: what was put must be gone");
        let month = files.path("files/invoice_202602.csv").display().to_string();
        place.run(&["ingest", "invoice", &month]).ok();
        let rows = std::fs::read_to_string(&month).unwrap().lines().count() as i64 - 1;
        assert_eq!(place.number("select count(*) from invoice where period = 202602"), rows);
        assert_eq!(place.pending(), 0);
    }
}

/// The last bytes of a disk taken by somebody else, at several points of the course of a scan.
#[test]
fn a_full_disk_while_scanning() {
    let Some(disk) = Disk::new("8m") else { return };
    let place = Place::at(disk.path());
    write_files(&place, small_economy());
    place.run(&["ingest", "taxpayer", "files/taxpayer.csv"]).ok();
    place.run(&["ingest", "invoice", "files/invoice_*.csv"]).ok();
    let mut failed = 0;
    for room in [0, 16 << 10, 64 << 10, 160 << 10] {
        let before = place.state();
        fill(&place.path("filler"), room);
        let run = place.run(&["scan"]);
        std::fs::remove_file(place.path("filler")).unwrap();
        if run.code == 0 {
            break;
        }
        run.code(1).says("No space left on device");
        assert_eq!(place.state().counts, before.counts);
        assert_eq!(place.number("select count(*) from hit"), 0);
        failed += 1;
    }
    assert!(failed > 0, "the disk was never full");
    place.run(&["scan", "--force"]).ok();
    assert!(place.number("select count(*) from task") > 0);
    assert_eq!(place.number("select count(*) from task t left join score s on t.taxpayer_key = s.taxpayer_key where s.score is null or s.score <> t.score"), 0);
    assert_eq!(place.pending(), 0);
}

/// Fills the disk up to the last `room` bytes.
fn fill(path: &Path, room: usize) {
    use std::io::Write;
    let mut file = File::create(path).unwrap();
    let block = vec![0; 4096];
    let mut written = 0;
    while file.write_all(&block).is_ok() {
        written += block.len();
    }
    assert!(written >= room, "less room on the disk than was to be left");
    file.set_len((written - room) as u64).unwrap();
}
