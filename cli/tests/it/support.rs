//! A folder with a warehouse for every test, the binary run in it, and what it left behind.

use std::ffi::OsStr;
use std::io::Read;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use assay_datasets::economy::{Economy, EconomySpec, write_csv};
use tempfile::TempDir;

/// Two taxpayer ids that pass the check of GB 32100.
pub const SELLER: &str = "91310115MA1K39423D";
pub const BUYER: &str = "91530000291993988P";

/// Columns of the small invoice files made here.
pub const HEADER: &str = "invoice_id,issued_at,seller_id,buyer_id,amount,status";

/// A valid invoice under [`HEADER`].
pub fn invoice(id: &str, day: &str, amount: &str) -> String {
    format!("{id},{day},{SELLER},{BUYER},{amount},valid")
}

/// A file of such rows.
pub fn invoices(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

/// How long a command may take on a busy machine; the longest, loading the real set, takes ten seconds on an idle one.
const PATIENCE: Duration = Duration::from_secs(180);

/// How a command ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Ended with this exit code.
    #[track_caller]
    pub fn code(self, wanted: i32) -> Self {
        assert_eq!(self.code, wanted, "exit code\nstdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.code(0)
    }

    /// Said this on stderr.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.err.contains(part), "stderr does not say {part:?}:\n{}", self.err);
        self
    }

    /// Wrote this to stdout.
    #[track_caller]
    pub fn shows(self, part: &str) -> Self {
        assert!(self.out.contains(part), "stdout does not show {part:?}:\n{}", self.out);
        self
    }
}

/// The binary in `folder`, with the environment of nobody in particular and nothing to read.
pub fn command<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command
        .args(args)
        .current_dir(folder)
        .env_remove("ASSAY_WAREHOUSE")
        .env_remove("ASSAY_LOG")
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the binary in `folder`. A command that does not end is killed and fails the test.
#[track_caller]
pub fn assay<S: AsRef<OsStr>>(folder: &Path, args: &[S]) -> Run {
    let shown: Vec<_> = args.iter().map(AsRef::as_ref).collect();
    finish(&mut command(folder, args), &shown)
}

/// Runs a prepared command of the binary to its end.
#[track_caller]
pub fn finish(command: &mut Command, shown: &[&OsStr]) -> Run {
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let text = |pipe: &mut dyn Read| {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("assay writes UTF-8");
        text
    };
    let started = Instant::now();
    let (status, out, err) = std::thread::scope(|scope| {
        let (out, err) = (scope.spawn(|| text(&mut out)), scope.spawn(|| text(&mut err)));
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        (status, out.join().unwrap(), err.join().unwrap())
    });
    let status = status.unwrap_or_else(|| panic!("{shown:?} did not end in {PATIENCE:?}; it said:\n{err}"));
    Run { code: status.code().expect("assay was killed"), out, err }
}

/// A folder whose `wh` is a warehouse.
pub struct Place {
    root: PathBuf,
    _folder: Option<TempDir>,
}

impl Place {
    /// A new temporary folder with an empty warehouse.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Self::at(folder.path());
        place._folder = Some(folder);
        place
    }

    /// A warehouse with one invoice in it.
    pub fn with_an_invoice() -> Self {
        let place = Self::new();
        place.file("good.csv", invoices(&[invoice("G", "2020-01-05", "1.00")]));
        place.run(&["ingest", "invoice", "good.csv"]).ok();
        place
    }

    /// An empty warehouse in an existing folder.
    pub fn at(root: &Path) -> Self {
        assay(root, &["init", "wh"]).ok();
        Self { root: root.to_owned(), _folder: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `assay -w wh …` in the folder.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Run {
        let mut all: Vec<&OsStr> = vec![OsStr::new("-w"), OsStr::new("wh")];
        all.extend(args.iter().map(AsRef::as_ref));
        assay(&self.root, &all)
    }

    /// A query's result as CSV without its header.
    #[track_caller]
    pub fn sql(&self, query: &str) -> String {
        body(&self.run(&["sql", "--format", "csv", query]).ok().out)
    }

    /// The same with personal data in clear.
    #[track_caller]
    pub fn sql_personal(&self, query: &str) -> String {
        body(&self.run(&["sql", "--personal", "--format", "csv", query]).ok().out)
    }

    /// A query's one number.
    #[track_caller]
    pub fn number(&self, query: &str) -> i64 {
        let text = self.sql(query);
        text.trim().parse().unwrap_or_else(|_| panic!("{query} gave {text:?}"))
    }

    /// What the warehouse holds, as its users and as the disk see it.
    pub fn state(&self) -> State {
        let counted =
            ["invoice", "taxpayer", "party", "rejected_row", "duplicate_row", "ingest_batch", "ingest_file"];
        let query: Vec<String> =
            counted.iter().map(|t| format!("select '{t}' as t, count(*) as n from {t}")).collect();
        let counts = self.sql(&format!("{} order by t", query.join(" union all ")));
        State { counts, files: self.files() }
    }

    /// Every file of the warehouse with its length, but the lock.
    pub fn files(&self) -> Vec<(String, u64)> {
        let root = self.path("wh");
        let mut found = Vec::new();
        walk(&root, &mut |path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            if name != "writer.lock" {
                found.push((name, path.metadata().unwrap().len()));
            }
        });
        found.sort();
        found
    }

    /// Notes of transactions that did not clean up after themselves.
    pub fn pending(&self) -> usize {
        self.files().iter().filter(|(name, _)| name.starts_with("pending")).count()
    }
}

/// A warehouse at one moment; equal states mean that nothing was written in between.
#[derive(Debug, PartialEq)]
pub struct State {
    /// Rows of each table.
    pub counts: String,
    /// Files on disk, the commit log and notes of running transactions among them.
    pub files: Vec<(String, u64)>,
}

/// Calls `visit` with every file below `folder`.
pub fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, visit) } else { visit(&path) }
    }
}

fn body(csv: &str) -> String {
    csv.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default()
}

/// Runs a command of the system on some input; `None`, with a word on stderr, where it does not exist.
pub fn tool(program: &str, args: &[&str], folder: &Path) -> Option<Vec<u8>> {
    match Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output() {
        Err(_) => {
            skipped(&format!("no command {program} on this machine"));
            None
        }
        Ok(output) => {
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program} {args:?}: {err}");
            Some(output.stdout)
        }
    }
}

/// The text in GB18030, by `iconv`.
pub fn gb18030(place: &Place, text: &str) -> Option<Vec<u8>> {
    place.file("utf-8.txt", text);
    tool("iconv", &["-f", "UTF-8", "-t", "GB18030", "utf-8.txt"], &place.path(""))
}

/// The economy of `assay demo`, generated once.
pub fn economy() -> &'static Economy {
    static ECONOMY: OnceLock<Economy> = OnceLock::new();
    ECONOMY.get_or_init(|| Economy::build(&EconomySpec::demo(1)).unwrap())
}

/// A smaller one: 100 taxpayers, 8 months.
pub fn small_economy() -> &'static Economy {
    static ECONOMY: OnceLock<Economy> = OnceLock::new();
    ECONOMY.get_or_init(|| {
        Economy::build(&EconomySpec { taxpayers: 100, months: 8, ..EconomySpec::demo(7) }).unwrap()
    })
}

/// Writes an economy's offices, register and invoices into `files` of the place.
pub fn write_files(place: &Place, economy: &Economy) -> PathBuf {
    let folder = place.path("files");
    write_csv(economy, &folder, &["office", "taxpayer", "invoice"]).unwrap();
    folder
}

/// Says that a test was skipped, past the test harness, which shows what a passing test prints to nobody.
pub fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Canonical tables and their columns, as in the catalogue.
pub fn schema_tables() -> Vec<(String, Vec<String>)> {
    let tables = assay_datasets::schema::catalog().tables();
    tables.iter().map(|t| (t.name.clone(), t.columns.iter().map(|c| c.name.clone()).collect())).collect()
}
