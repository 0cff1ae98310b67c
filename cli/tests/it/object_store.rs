//! Warehouses and input files on an object store: a real S3 server is started for these tests, on a folder of its own
//! and a port of its own. It is `s3s-fs`, named by `ASSAY_TEST_S3`.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{
    Place, Run, assay, command, finish, invoice, invoices, skipped, small_economy, walk, write_files,
};

/// The clock of what is stored, so that two warehouses can be compared.
const EPOCH: &str = "1767225600";

/// A running server with a bucket `tax`, and a folder to work in; stopped when dropped.
struct Store {
    folder: TempDir,
    server: Child,
    port: u16,
}

impl Store {
    /// `None`, with a word on stderr, where the server is not installed.
    fn start() -> Option<Self> {
        let named = std::env::var_os("ASSAY_TEST_S3").map(PathBuf::from).filter(|p| p.is_file());
        let Some(program) = named else {
            skipped(
                "no S3 server: ASSAY_TEST_S3 names the program s3s-fs (cargo install s3s-fs --features binary)",
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("s3/tax")).unwrap();
        std::fs::create_dir_all(folder.path().join("tmp")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(program)
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--access-key",
                "key",
                "--secret-key",
                "secret",
            ])
            .arg(folder.path().join("s3"))
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the S3 server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { folder, server, port })
    }

    /// A file of the bucket, as it lies on the server's disk.
    fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join("s3/tax").join(key)
    }

    fn put(&self, key: &str, text: impl AsRef<[u8]>) {
        let path = self.object(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// `assay` with the store's keys.
    fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = command(self.folder.path(), args);
        command
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("SOURCE_DATE_EPOCH", EPOCH)
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("ASSAY_LEASE_SECONDS", "3");
        command
    }

    #[track_caller]
    fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        let shown: Vec<_> = args.iter().map(AsRef::as_ref).collect();
        finish(&mut self.command(args), &shown)
    }

    /// `assay -w s3://tax/wh …`.
    #[track_caller]
    fn wh(&self, args: &[&str]) -> Run {
        self.run(&[&["-w", "s3://tax/wh"], args].concat())
    }

    #[track_caller]
    fn sql(&self, query: &str) -> String {
        let run = self.wh(&["sql", "--personal", "--format", "csv", query]).ok();
        run.out.split_once('\n').map(|(_, rows)| rows.to_owned()).unwrap_or_default()
    }

    /// Nothing is left of what was brought to this machine.
    #[track_caller]
    fn no_copies(&self) {
        let mut left = Vec::new();
        walk(&self.folder.path().join("tmp"), &mut |path| left.push(path.to_owned()));
        assert!(left.is_empty(), "{left:?}");
    }

    fn pending(&self) -> usize {
        std::fs::read_dir(self.object("wh/pending")).map_or(0, Iterator::count)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Every row of a table in one order.
fn dump(sql: &dyn Fn(&str) -> String, table: &str) -> Vec<String> {
    let mut rows: Vec<String> = sql(&format!("select * from {table}")).lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

/// A local warehouse beside the store's, with the same clock.
fn local(folder: &Path, args: &[&str]) -> Run {
    let all = [&["-w", "local"], args].concat();
    let mut assay = command(folder, &all);
    finish(assay.env("SOURCE_DATE_EPOCH", EPOCH), &all.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// The whole job gives on an object store, row for row, what it gives in a folder.
#[test]
fn a_warehouse_on_an_object_store_equals_a_local_one() {
    let Some(store) = Store::start() else { return };
    let root = store.folder.path();
    let place = Place::at(root);
    let files = write_files(&place, small_economy());
    store.run(&["init", "s3://tax/wh"]).ok().shows("created an empty warehouse at s3://tax/wh/");
    store.run(&["init", "s3://tax/wh"]).code(1).says("already is a warehouse");
    assay(root, &["init", "local"]).ok();
    std::fs::write(files.join("bad.csv"), "invoice_id,issued_at,seller_id,amount,status\nZ,nie,X,1,valid\n")
        .unwrap();
    let loads: [&[&str]; 4] = [
        &["ingest", "office", "files/office.csv"],
        &["ingest", "taxpayer", "files/taxpayer.csv"],
        &["ingest", "invoice", "files/invoice_*.csv"],
        &["ingest", "invoice", "files/bad.csv"],
    ];
    for load in loads {
        let (here, there) = (local(root, load), store.wh(load));
        assert_eq!((here.code, &here.out), (there.code, &there.out), "{}\n{}", here.err, there.err);
        assert_ne!(there.code, 1, "{}", there.err);
    }
    store.wh(&["ingest", "invoice", "files/invoice_*.csv"]).ok().says("already loaded in batch");
    for scan in [&["scan"][..], &["scan"]] {
        let (here, there) = (local(root, scan).ok(), store.wh(scan).ok());
        assert_eq!(here.out, there.out);
    }
    let here = |query: &str| {
        let run = local(root, &["sql", "--personal", "--format", "csv", query]).ok();
        run.out.split_once('\n').map(|(_, rows)| rows.to_owned()).unwrap_or_default()
    };
    let there = |query: &str| store.sql(query);
    let mut rows = 0;
    for table in [
        "office",
        "taxpayer",
        "invoice",
        "party",
        "rejected_row",
        "ingest_file",
        "rollup_sold",
        "rollup_bought",
        "rollup_trade",
        "hit",
        "score",
        "scan_indicator",
        "task",
        "task_item",
        "vault.person",
    ] {
        let (a, b) = (dump(&here, table), dump(&there, table));
        assert_eq!(a, b, "{table}");
        rows += a.len();
    }
    assert!(rows > 5000, "{rows} rows compared");
    // An object store has no place for a ledger.
    store.wh(&["tasks", "open"]).code(1).says("--ledger");
    for args in [&["tasks", "open"][..], &["tasks", "export", "--to", "lists", "--as", "csv"]] {
        store.wh(&[&["--ledger", "ledger.db"], args].concat()).ok();
    }
    local(root, &["tasks", "open"]).ok();
    local(root, &["tasks", "export", "--to", "here", "--as", "csv"]).ok();
    let list = |folder: &str| {
        let mut texts = Vec::new();
        walk(&root.join(folder), &mut |p| texts.push(std::fs::read_to_string(p).unwrap()));
        texts
    };
    assert_eq!(list("lists"), list("here"));
    assert_eq!(store.pending(), 0);
    store.no_copies();
}

#[test]
fn definitions_lie_in_the_store_too() {
    let Some(store) = Store::start() else { return };
    let root = store.folder.path();
    store.run(&["init", "s3://tax/wh"]).ok();
    std::fs::write(root.join("a.csv"), invoices(&[invoice("A", "2020-01-05", "1.00")])).unwrap();
    store.wh(&["ingest", "invoice", "--mapping", "own", "a.csv"]).code(1).says("no mapping own");
    store.put(
        "wh/definitions/mappings/own.toml",
        "name = 'own'\nzh = '自有'\nen = 'own'\n[[feed]]\nname = 'own.invoice'\ntable = 'invoice'\nfiles = ['*.csv']\n\
         [feed.columns]\ninvoice_id = 'invoice_id'\nissued_at = 'issued_at'\nseller_id = 'seller_id'\n\
         buyer_id = 'buyer_id'\namount = 'amount'\nstatus = 'status'\n",
    );
    store.wh(&["ingest", "invoice", "--mapping", "own", "a.csv"]).ok();
    assert_eq!(store.sql("select invoice_id, _source from invoice"), "A,own.invoice\n");
    store.put("wh/definitions/scorecard.toml", "points = 'many'");
    store.wh(&["scan"]).code(1).says("scorecard.toml");
    store.no_copies();
}

#[test]
fn input_files_in_a_bucket() {
    let Some(store) = Store::start() else { return };
    let place = Place::at(store.folder.path());
    for (key, id, day) in [
        ("in/2020-01/b.csv", "A", "2020-01-05"),
        ("in/2020-01/a.csv", "B", "2020-01-06"),
        ("in/2020-02/c.csv", "C", "2020-02-06"),
    ] {
        store.put(key, invoices(&[invoice(id, day, "1.00")]));
    }
    store.put("in/2020-01/deep/d.csv", "no table at all");
    store.put("in/empty.csv", "");
    let run = |args: &[&str]| store.run(&[&["-w", "wh", "ingest", "invoice"], args].concat());
    run(&["s3://tax/in/2020-0?/*.csv"]).ok();
    let stored = "select invoice_id, _file, _row from invoice order by 1";
    assert_eq!(place.sql(stored), "A,b.csv,2\nB,a.csv,2\nC,c.csv,2\n");
    run(&["s3://tax/in/2020-01/a.csv"]).ok().says("already loaded in batch");
    // The address of the object, not of our copy.
    run(&["s3://tax/in/empty.csv"]).code(1).says("s3://tax/in/empty.csv is empty");
    run(&["s3://tax/in/none*.csv"]).code(1).says("s3://tax/in/none*.csv: no such object");
    run(&["s3://nobucket/in/a.csv"]).code(1).says("s3://nobucket/in/a.csv: no such object");
    run(&["s3://nobucket/in/*.csv"]).code(1).says("s3://nobucket/in/*.csv: there is no such bucket");
    run(&["s3://tax"]).code(1).says("write s3://BUCKET/KEY");
    let mut wrong = store.command(&["-w", "wh", "ingest", "invoice", "s3://tax/in/2020-01/a.csv"]);
    finish(wrong.env("AWS_SECRET_ACCESS_KEY", "other"), &[]).code(1).says("AWS_SECRET_ACCESS_KEY");
    store.no_copies();
    assert_eq!(place.pending(), 0);
}

#[test]
fn other_stores_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for location in ["az://box/wh", "gs://bucket/wh", "abfss://x@y/wh"] {
        let refused = assay(folder.path(), &["init", location]).code(1);
        refused.says(location).says("s3://bucket/prefix").says("AWS_ENDPOINT_URL");
    }
    assay(folder.path(), &["init", "s3://key:secret@tax/wh"]).code(1).says("holds no keys");
}

/// A landing zone in a bucket.
#[test]
fn a_landing_zone_in_a_bucket() {
    let Some(store) = Store::start() else { return };
    let place = Place::at(store.folder.path());
    store.put("inbox/fp_20200106_2.csv", invoices(&[invoice("A", "2020-01-06", "2.00")]));
    store.put("inbox/fp_20200105_1.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    std::fs::write(
        place.path("wh/definitions/inbox.toml"),
        "[[rule]]\nfiles = 'fp_{date}_{seq}.csv'\ntable = 'invoice'\ncomplete = 'done-file'\n",
    )
    .unwrap();
    let take = || store.run(&["-w", "wh", "--format", "csv", "ingest", "--inbox", "s3://tax/inbox"]);
    assert_eq!(take().ok().out.matches("waiting").count(), 2);
    store.put("inbox/fp_20200105_1.csv.ok", "");
    store.put("inbox/fp_20200106_2.csv.done", "");
    assert_eq!(take().ok().out.matches(",loaded,").count(), 2);
    assert_eq!(place.sql("select invoice_id, amount, _file from invoice"), "A,2.00,fp_20200106_2.csv\n");
    assert_eq!(take().ok().out.matches(",already loaded,").count(), 2);
    store.no_copies();
}

#[test]
fn one_writer_at_a_time() {
    let Some(store) = Store::start() else { return };
    let root = store.folder.path();
    store.run(&["init", "s3://tax/wh"]).ok();
    // Four at once: each loads or is told that another is at work; none harms another.
    let mut running = Vec::new();
    for n in 0..4 {
        let rows: Vec<String> =
            (0..2000).map(|i| invoice(&format!("{n}-{i}"), "2020-01-05", "1.00")).collect();
        std::fs::write(root.join(format!("{n}.csv")), invoices(&rows)).unwrap();
        let args = ["-w", "s3://tax/wh", "ingest", "invoice", &format!("{n}.csv")].map(str::to_owned);
        // A lock that outlasts any pause: on a machine at its limits three seconds pass between two renewals.
        let mut assay = store.command(&args);
        running.push((n, assay.env("ASSAY_LEASE_SECONDS", "120").spawn().unwrap()));
    }
    let ended = running.into_iter().map(|(n, child)| (n, child.wait_with_output().unwrap()));
    let mut loaded = 0;
    for (n, output) in ended.collect::<Vec<_>>() {
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => loaded += 1,
            Some(1) => {
                // The server of this test looks at a condition first and writes then: of two who take the lock at once
                // the one it forgets finds out before it commits.
                let told =
                    ["another assay process is writing to s3://tax/wh", "lock of s3://tax/wh was lost"];
                assert!(told.iter().any(|told| err.contains(told)), "{err}");
                // Once nobody else writes, it goes through at once: the lock was given back, not left to run out.
                store.wh(&["ingest", "invoice", &format!("{n}.csv")]).ok();
            }
            other => panic!("{other:?}: {err}"),
        }
    }
    assert!(loaded >= 1);
    assert_eq!(store.sql("select count(*), count(distinct _file) from invoice"), "8000,4\n");
    assert_eq!(store.pending(), 0);

    // A lock somebody holds, and one that ran out.
    let now = now_ms();
    let lease = |until: i128| {
        format!("{{\"holder\": \"x\", \"host\": \"elsewhere\", \"process\": 7, \"until\": {until}}}")
    };
    std::fs::write(root.join("more.csv"), invoices(&[invoice("M", "2020-01-05", "1.00")])).unwrap();
    store.put("wh/writer.lease", lease(now + 3_600_000));
    let refused = store.wh(&["ingest", "invoice", "more.csv"]).code(1);
    refused.says("process 7 on elsewhere").says("its lock ends at").says("run the command again");
    store.put("wh/writer.lease", lease(now - 1000));
    store.wh(&["ingest", "invoice", "more.csv"]).ok();
    store.put("wh/writer.lease", "damaged");
    store.wh(&["ingest", "invoice", "0.csv"]).ok().says("already loaded");
}

fn now_ms() -> i128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i128::try_from(since.as_millis()).unwrap()
}

/// Killed at several moments; afterwards the warehouse is as if nothing had been, or as if nothing had happened to the
/// load, and the next load goes through.
#[test]
fn killed_during_a_load() {
    let Some(store) = Store::start() else { return };
    let root = store.folder.path();
    let rows: Vec<String> = (0..60_000)
        .map(|i| invoice(&format!("K{i}"), &format!("2020-{:02}-05", 1 + i % 12), &format!("{}.00", i % 97)))
        .collect();
    std::fs::write(
        root.join("first.csv"),
        invoices(&[invoice("F", "2020-06-05", "1.00"), invoice("K5", "2019-01-05", "5.00")]),
    )
    .unwrap();
    std::fs::write(root.join("many.csv"), invoices(&rows)).unwrap();
    store.run(&["init", "s3://tax/wh"]).ok();
    store.wh(&["ingest", "invoice", "first.csv"]).ok();
    let state = "select count(*), sum(amount), count(distinct period), count(distinct _file) from invoice";
    let (before, after) = (store.sql(state), "60001,2878840.00,12,2\n");
    let mut undone = 0;
    for wait in ["note", "units", "delta"] {
        if store.sql(state) == after {
            break;
        }
        let (notes, parts) = (store.pending(), units(&store));
        let logged = delta_log(&store);
        let mut child =
            store.command(&["-w", "s3://tax/wh", "ingest", "invoice", "many.csv"]).spawn().unwrap();
        // The load clears away what the kill before it left, then leaves its own.
        let reached = || match wait {
            "note" => store.pending() > notes,
            "units" => units(&store) > parts + 3,
            _ => delta_log(&store) > logged,
        };
        let started = Instant::now();
        while !reached() && child.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(60)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let seen = store.sql(state);
        assert!(seen == before || seen == after, "{wait}: {seen}");
        undone += usize::from(seen == before);
        // Its lock outlives it, until it runs out.
        let again = store.wh(&["ingest", "invoice", "many.csv"]);
        assert!(again.code == 0 || again.err.contains("its lock ends at"), "{wait}: {}", again.err);
        std::thread::sleep(Duration::from_millis(3200));
    }
    assert!(undone > 0, "every kill came too late");
    store.wh(&["ingest", "invoice", "many.csv"]).ok();
    assert_eq!(store.sql(state), after, "loaded now, or already");
    assert_eq!(store.sql("select period, amount from invoice where invoice_id = 'K5'"), "202006,5.00\n");
    assert_eq!(store.pending(), 0);
    // Nothing is left that no log names: of invoices, one file a month and those replaced.
    let mut named = String::new();
    walk(&store.object("wh/tables/invoice/_delta_log"), &mut |p| {
        named.push_str(&std::fs::read_to_string(p).unwrap())
    });
    walk(&store.object("wh/tables/invoice"), &mut |path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with("part-") || named.contains(&name), "{name} belongs to nobody");
    });
    store.wh(&["scan"]).ok();
}

/// Files of the Delta log of invoices.
fn delta_log(store: &Store) -> usize {
    std::fs::read_dir(store.object("wh/tables/invoice/_delta_log")).map_or(0, Iterator::count)
}

fn units(store: &Store) -> usize {
    let mut n = 0;
    let folder = store.object("wh/tables/invoice");
    if folder.exists() {
        // The server may be moving files meanwhile.
        fn count(folder: &Path, n: &mut usize) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    count(&entry.path(), n);
                } else if entry.file_name().to_string_lossy().starts_with("part-") {
                    *n += 1;
                }
            }
        }
        count(&folder, &mut n);
    }
    n
}
