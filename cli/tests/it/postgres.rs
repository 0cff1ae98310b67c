//! Loading from a database: a real PostgreSQL server is started for these tests, on a folder of its own and a port of
//! its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{BUYER, Place, Run, SELLER, command, finish, skipped};

pub const PASSWORD: &str = "s3cret-pw";

/// A running server; stopped when dropped.
pub struct Server {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
}

/// The folder with the server's programs.
fn binaries() -> Option<PathBuf> {
    // Debian keeps them out of PATH, all together.
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.filter_map(|e| Some(e.ok()?.path().join("bin"))).collect())
        .unwrap_or_default();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.into_iter().find(|f| ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|p| f.join(p).is_file()))
}

impl Server {
    /// `None`, with a word on stderr, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(bin) = binaries() else {
            skipped("no PostgreSQL server on this machine (apt-get install postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, bin, port };
        std::fs::write(server.path("password"), PASSWORD).unwrap();
        if is_root() {
            // PostgreSQL refuses to run as root.
            run(Command::new("chown").arg("-R").arg("postgres").arg(server.folder.path()));
        }
        let data = server.path("data");
        run(server
            .tool("initdb")
            .args(["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-U", "reader"])
            .args([
                "--pwfile",
                &server.path("password").display().to_string(),
                "-D",
                &data.display().to_string(),
            ]));
        let options = format!(
            "-h 127.0.0.1 -p {port} -k {} -c fsync=off -c timezone=UTC",
            server.folder.path().display()
        );
        let log = server.path("log").display().to_string();
        run(server.tool("pg_ctl").args([
            "start",
            "-w",
            "-s",
            "-D",
            &data.display().to_string(),
            "-l",
            &log,
            "-o",
            &options,
        ]));
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program of PostgreSQL, run by somebody who may run it.
    fn tool(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    }

    /// Runs statements.
    fn sql(&self, text: &str) {
        let mut psql = self.tool("psql");
        psql.env("PGPASSWORD", PASSWORD);
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "reader", "-d", "postgres"]);
        run(psql.args(["-p", &self.port.to_string(), "-c", text]));
    }

    pub fn url(&self) -> String {
        format!("postgres://reader@127.0.0.1:{}/postgres", self.port)
    }

    /// `assay ingest …` with the password in the environment.
    #[track_caller]
    fn ingest(&self, place: &Place, args: &[&str]) -> Run {
        let all: Vec<&str> = ["-w", "wh", "ingest"].iter().chain(args).copied().collect();
        let mut assay = command(&place.path(""), &all);
        let shown: Vec<_> = all.iter().map(AsRef::as_ref).collect();
        let run = finish(assay.env("PGPASSWORD", PASSWORD).env("HOME", place.path("")), &shown);
        assert!(!run.err.contains(PASSWORD) && !run.out.contains(PASSWORD), "{run:?}");
        run
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.path("data").display().to_string();
        let _ = self.tool("pg_ctl").args(["stop", "-s", "-m", "immediate", "-D", &data]).status();
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

fn run(command: &mut Command) {
    let done = command.current_dir("/").stdin(Stdio::null()).output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {err}");
}

/// A table of invoices as a tax office's database has it, and a mapping for it.
fn invoices(server: &Server, place: &Place) {
    server.sql(&format!(
        "create table fp (fphm text primary key, kprq timestamptz, xfsbh text, gfsbh text, je numeric(18,2), zt text, bz text);
         insert into fp values
         ('A', '2020-01-31 20:00:00+00', '{SELLER}', '{BUYER}', 1234567.89, '正常', E'逗号, \"引号\"\\n换行'),
         ('B', '2020-01-05 00:00:00+08', '{SELLER}', '{BUYER}', 0.10, '作废', ''),
         ('C', '2020-01-06 12:30:15.250+08', '{SELLER}', null, -3, '正常', null),
         ('D', '2020-01-07 00:00:00+08', '{SELLER}', '{BUYER}', 7, '正常', E'\\\\N NULL')"
    ));
    place.file(
        "fp.toml",
        "name = 'fp'\nzh = '发票库'\nen = 'invoice database'\n[[feed]]\nname = 'db.fp'\ntable = 'invoice'\n\
         [feed.columns]\ninvoice_id = 'fphm'\nissued_at = 'kprq'\nseller_id = 'xfsbh'\nbuyer_id = 'gfsbh'\namount = 'je'\n\
         status = { from = 'zt', values = { '正常' = 'valid', '作废' = 'void' } }\nremark = 'bz'\n",
    );
}

const STORED: &str =
    "select invoice_id, issued_at, period, buyer_id, amount, status, remark, _row from invoice order by 1";

fn load<'a>(url: &'a str, query: &'a str) -> Vec<&'a str> {
    vec!["invoice", "--mapping", "fp.toml", "--from", url, "--query", query]
}

#[test]
fn a_query_loads_with_its_nulls_instants_and_texts() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    invoices(&server, &place);
    let url = server.url();
    let query = "select * from fp order by fphm -- 全部";
    // A comment at the end of the query does not swallow what stands around it.
    server.ingest(&place, &load(&url, query)).ok().shows("4");
    let stored = place.sql(STORED);
    assert_eq!(
        stored,
        format!(
            "A,2020-02-01T04:00:00,202002,{BUYER},1234567.89,valid,\"逗号, \"\"引号\"\"\n换行\",2\n\
             B,2020-01-05T00:00:00,202001,{BUYER},0.10,void,,3\n\
             C,2020-01-06T12:30:15.250,202001,,-3.00,valid,,4\n\
             D,2020-01-07T00:00:00,202001,{BUYER},7.00,valid,\\N NULL,5\n"
        ),
        "one instant is one local time, null and empty text are both unknown"
    );
    assert_eq!(place.number("select count(*) from invoice where remark is null"), 2);
    // Where it came from: server, database and query, nobody's name or password.
    let label = place.sql("select distinct _file from invoice");
    let wanted = format!("postgres://127.0.0.1:{}/postgres?query=", server.port);
    assert!(label.starts_with(&wanted) && label.trim().len() == wanted.len() + 16, "{label}");
    let files = place.sql("select file, bytes > 200, length(content_hash), rows_read from ingest_file");
    assert_eq!(files, format!("{},true,64,4\n", label.trim()));
}

#[test]
fn the_same_result_again_changes_nothing_and_a_longer_one_adds() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    invoices(&server, &place);
    let url = server.url();
    let query = "select * from fp order by fphm";
    server.ingest(&place, &load(&url, query)).ok();
    let before = place.state();
    server.ingest(&place, &load(&url, query)).ok().says("already loaded in batch");
    assert_eq!(place.state(), before);
    // Another order of rows is another text, and all its rows are known.
    let last = "select rows_read, rows_kept, rows_replaced, rows_duplicate, units_written from ingest_batch \
                order by ingested_at desc limit 1";
    server.ingest(&place, &load(&url, "select * from fp order by fphm desc")).ok();
    assert_eq!(place.sql(last), "4,0,0,4,0\n");
    server.sql("update fp set je = 5 where fphm = 'B'");
    server.sql(&format!("insert into fp values ('E', '2020-03-01', '{SELLER}', '{BUYER}', 9, '正常', null)"));
    place.file("query.sql", query);
    server
        .ingest(&place, &["invoice", "--mapping", "fp.toml", "--from", &url, "--query-file", "query.sql"])
        .ok();
    assert_eq!(place.sql(last), "5,2,1,3,2\n");
    assert_eq!(
        place.sql("select invoice_id, amount from invoice where invoice_id in ('B', 'E') order by 1"),
        "B,5.00\nE,9.00\n"
    );
}

#[test]
fn bad_rows_are_named_and_the_rest_loads() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    invoices(&server, &place);
    server.sql(&format!(
        "insert into fp values ('X1', '2020-01-08', '{SELLER}', '{BUYER}', 1, '不明', null),
         ('X2', null, '{SELLER}', '{BUYER}', 1, '正常', null), ('X3', 'infinity', '{SELLER}', '{BUYER}', 1, '正常', null)"
    ));
    let url = server.url();
    server.ingest(&place, &load(&url, "select * from fp order by fphm")).code(3).says("row 6");
    assert_eq!(place.number("select count(*) from invoice"), 4);
    let rejected = place.sql("select _row, column_name, rule from rejected_row order by 1");
    assert_eq!(rejected, "6,zt,code\n7,kprq,missing\n8,kprq,type\n");
    assert_eq!(
        place.sql("select rows_read, rows_kept, rows_duplicate, rows_rejected from ingest_batch"),
        "7,4,0,3\n"
    );
}

#[test]
fn truth_values_arrive_as_such() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    let url = server.url();
    let query = "select day::date as day, extract(isodow from day) < 6 as is_workday \
                 from generate_series('2020-01-01'::date, '2020-01-07', '1 day') as day";
    server.ingest(&place, &["workday", "--from", &url, "--query", query]).ok();
    assert_eq!(
        place.sql("select count(*), sum(case when is_workday then 1 else 0 end) from workday"),
        "7,5\n"
    );
}

#[test]
fn what_goes_wrong_is_said_without_the_password_and_leaves_nothing() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    invoices(&server, &place);
    let before = place.state();
    let url = server.url();
    let refused = |url: &str, query: &str| server.ingest(&place, &load(url, query)).code(1);
    let server_name = format!("postgres://127.0.0.1:{}/postgres", server.port);

    let wrong = format!("postgres://reader:wrong{PASSWORD}@127.0.0.1:{}/postgres", server.port);
    // The password in the address counts before the environment's; neither is repeated.
    refused(&wrong, "select 1").says(&server_name).says("password authentication failed").says("PGPASSWORD");
    refused(&url.replace("/postgres", "/tax"), "select 1")
        .says("does not exist")
        .says("correct the database");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    refused(&url.replace(&server.port.to_string(), &closed.to_string()), "select 1")
        .says("cannot be reached")
        .says("check that the server runs");
    refused(&url, "select nothing from fp")
        .says("column \"nothing\" does not exist (at character 8)")
        .says("psql");
    refused(&url, "delete from fp returning *").says("the server refuses the query").says("one select");
    refused(&url, "select fphm, fphm from fp").says("column fphm stands twice").says("AS");
    refused("mysql://u@h/d", "select 1").says("postgres://USER@HOST").says("export files");
    refused(&url, "select fphm from fp").says("kprq");
    // A query that fails on its way, after many rows.
    let breaks = format!(
        "select 'N' || n as fphm, timestamp '2020-01-01' as kprq, '{SELLER}' as xfsbh, '{BUYER}' as gfsbh, \
         1.0 / (150000 - n) as je, '正常' as zt, null as bz from generate_series(1, 200000) as n"
    );
    refused(&url, &breaks).says("division by zero").says("nothing was loaded");
    assert_eq!(place.state(), before);
    assert_eq!(place.pending(), 0);
    let none = server.ingest(&place, &["invoice", "--from", &url]).code(1);
    none.says("--query");
}

#[test]
fn one_feed_reads_a_query() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    invoices(&server, &place);
    let text = std::fs::read_to_string(place.path("fp.toml")).unwrap();
    let second = text.split_once("[[feed]]").unwrap().1.replace("db.fp", "db.other");
    place.file("fp.toml", format!("{text}\n[[feed]]{second}"));
    let url = server.url();
    let mut args = load(&url, "select * from fp");
    server.ingest(&place, &args).code(1).says("say which with --feed: db.fp, db.other");
    args.extend(["--feed", "db.other"]);
    server.ingest(&place, &args).ok();
    assert_eq!(place.sql("select distinct _source from invoice"), "db.other\n");
}

#[test]
fn a_long_result_streams() {
    let Some(server) = Server::start() else { return };
    let place = Place::new();
    invoices(&server, &place);
    let url = server.url();
    let query = format!(
        "select 'N' || n as fphm, timestamp '2020-01-01' + n * interval '1 second' as kprq, '{SELLER}' as xfsbh, \
         '{BUYER}' as gfsbh, (n % 1000) / 100.0 as je, '正常' as zt, repeat('备', 20) as bz from generate_series(1, 300000) as n"
    );
    let mut args = vec!["--memory", "64M"];
    args.extend(load(&url, &query));
    server.ingest(&place, &args).ok();
    // sum of (n mod 1000)/100 over 300 full cycles
    assert_eq!(
        place.sql("select count(*), sum(amount), count(distinct invoice_id) from invoice"),
        "300000,1498500.00,300000\n"
    );
}
