//! Tasks from the scan to the office and back, on SQLite and on PostgreSQL: what a user types, and what is refused. Filled
//! workbooks at size are `scripts/round-trip`'s business.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Command;

use crate::demo::loaded;
use crate::postgres::{PASSWORD, Server};
use crate::support::{Place, Run, command, finish};

/// A scanned warehouse and where its ledger lies.
struct Desk {
    place: Place,
    ledger: Option<String>,
}

impl Desk {
    fn run(&self, args: &[&str]) -> Run {
        let ledger = self.ledger.as_deref().map_or_else(Vec::new, |url| vec!["--ledger", url]);
        let all: Vec<&str> = [&["-w", "wh"], ledger.as_slice(), args].concat();
        let mut assay = command(&self.place.path(""), &all);
        assay.env("PGPASSWORD", PASSWORD).env("ASSAY_USER", "李四");
        let shown: Vec<&OsStr> = all.iter().map(AsRef::as_ref).collect();
        finish(&mut assay, &shown)
    }

    /// Rows of a command's CSV output, by column.
    fn rows(&self, args: &[&str]) -> Vec<BTreeMap<String, String>> {
        let text = self.run(&[args, &["--format", "csv"]].concat()).ok().out;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().map(|row| row.unwrap()).collect()
    }

    fn states(&self) -> BTreeMap<String, usize> {
        let mut counted = BTreeMap::new();
        for row in self.rows(&["tasks", "list"]) {
            *counted.entry(row["state"].clone()).or_default() += 1;
        }
        counted
    }
}

/// The whole life of tasks, from the command line.
fn life(desk: &Desk) {
    desk.run(&["tasks", "open"]).ok().shows("tasks opened");
    desk.run(&["tasks", "open"]).ok().shows("taken in before");
    let all = desk.rows(&["tasks", "list"]);
    assert!(all.len() > 20, "{} tasks", all.len());
    if desk.ledger.is_none() {
        // A copy of the file alone is the whole ledger.
        std::fs::copy(desk.place.path("wh/ledger.db"), desk.place.path("copy.db")).unwrap();
        assert_eq!(desk.rows(&["--ledger", "copy.db", "tasks", "list"]), all);
    }
    assert!(all.iter().all(|row| row["state"] == "created" && row["due_on"].is_empty()));

    // Capacities: what is wrong is told by line and column; what holds bounds the plan.
    let office = desk.place.sql("select min(office_code) from task");
    let office = office.trim();
    desk.place.file("bad.csv", format!("office_code,own,whole\n{office},many,\n"));
    desk.run(&["tasks", "capacity", "--from", "bad.csv"]).code(1).says("bad.csv line 2, own: `many`");
    desk.place.file("bad.csv", "office_code,own,whole\n1,2,\n");
    desk.run(&["tasks", "capacity", "--from", "bad.csv"]).code(1).says("no office 1");
    desk.place.file("capacity.csv", format!("office_code,own,whole\n{office},1.5,\n"));
    desk.run(&["tasks", "capacity", "--from", "capacity.csv"]).ok();
    let planned = desk.rows(&["tasks", "plan", "--write"]);
    let bound = planned.iter().find(|row| row["office"] == office).unwrap();
    assert!(bound["planned"].parse::<f64>().unwrap() <= 1.5, "{bound:?}");
    let left = desk.rows(&["tasks", "plan", "--left-out"]);
    assert_eq!(left.iter().filter(|row| row["office"] == office).count().to_string(), bound["left_out"]);
    assert!(left.iter().all(|row| row["reason_zh"].contains("承接能力已满")));

    desk.run(&["tasks", "dispatch", "--to", "lists"]).ok().says("tasks dispatched");
    let states = desk.states();
    assert_eq!(states["created"], left.len());
    assert_eq!(states["dispatched"], all.len() - left.len());
    // Nobody filled anything in: taking the workbooks back changes nothing, whether read or known; and wherever below they lie.
    let below = desk.place.path("back/of an office");
    std::fs::create_dir_all(&below).unwrap();
    for entry in std::fs::read_dir(desk.place.path("lists")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), below.join(entry.file_name())).unwrap();
    }
    for (expected, folder) in [("blank", "lists"), ("note", "back")] {
        let report = desk.rows(&["tasks", "import", folder]);
        let told = report.iter().all(|row| match expected {
            "blank" => row["blank"] != "0" && row["refused"] == "0",
            _ => row["note"] == "taken in before",
        });
        assert!(told, "{report:?}");
    }
    assert_eq!(desk.states(), states);
    changes(desk);
    others(desk);
}

/// Changes of single tasks, by number.
fn changes(desk: &Desk) {
    let sent = desk.rows(&["tasks", "list", "--state", "dispatched"]);
    let no = sent[0]["task_no"].as_str();
    desk.run(&["tasks", "start", no]).ok().shows("in_progress");
    desk.run(&["tasks", "start", no]).code(1).says("possible now").says("应对中");
    desk.run(&["tasks", "close", no]).code(1).says("cannot be closed");
    desk.run(&["tasks", "extend", no, "--until", "2199-01-01", "--why", "停业"]).code(1).says("days away");
    let later = desk.place.sql("select cast(current_date + interval '200 days' as date)");
    desk.run(&["tasks", "extend", no, "--until", later.trim(), "--why", "停业"]).ok();
    desk.run(&["tasks", "transfer", no, "--to-office", "nowhere", "--why", "迁移"])
        .code(1)
        .says("no office nowhere");
    desk.run(&["tasks", "recall", no]).code(2).says("--why");
    desk.run(&["tasks", "recall", no, "--why", "误发"]).ok().shows("recalled");
    desk.run(&["tasks", "recall", "--all", "--why", "误发"]).code(1).says("would be recalled").says("--yes");
    let told = desk.run(&["tasks", "show", no]).ok().out;
    for part in ["已撤回", "停业", "误发", "李四", "建立"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // A workbook that was sent before takes no answer for it any more, which nobody gave.
    desk.run(&["tasks", "import", "nothing.xlsx"]).code(1).says("nothing.xlsx is not there");
    desk.run(&["tasks", "import", "lists", "--refused", "lists"]).code(1).says("lists");
    desk.place.file("broken.xlsx", "no workbook");
    desk.run(&["tasks", "import", "broken.xlsx", "--refused", "refused.csv"])
        .code(3)
        .says("不是可读的xlsx工作簿");
    let refused = std::fs::read_to_string(desk.place.path("refused.csv")).unwrap();
    assert!(refused.contains("broken.xlsx"), "{refused}");
    // What lies in a workbook's place and was not taken in is not written over.
    let sent = std::fs::read_dir(desk.place.path("lists")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&sent, "no workbook").unwrap();
    desk.run(&["tasks", "export", "--to", "lists"]).code(1).says("write to another folder");
    assert_eq!(std::fs::read(&sent).unwrap(), b"no workbook");
    desk.run(&["tasks", "export", "--to", "again"]).ok();
}

/// Draws, exemptions, what is learnt.
fn others(desk: &Desk) {
    let offices = desk.place.sql("select distinct office_code from task where office_code is not null");
    let officers: String = offices.lines().map(|code| format!("{code},张三\n{code},李四\n")).collect();
    desk.place.file("officers.csv", format!("office_code,name\n{officers}"));
    desk.run(&["tasks", "officers", "--from", "officers.csv"]).ok();
    assert_eq!(desk.rows(&["tasks", "officers"]).len(), 2 * offices.lines().count());
    desk.place.file("nobody.csv", format!("office_code,name\n{},\n", offices.lines().next().unwrap()));
    desk.run(&["tasks", "officers", "--from", "nobody.csv"]).code(1).says("nobody.csv line 2: name is empty");
    desk.run(&["tasks", "draw", "--share", "2", "--seed", "a"]).code(1).says("is no share");
    desk.run(&["tasks", "draw", "--count", "2", "--seed", "a", "--as-of", "202513"])
        .code(2)
        .says("is no month");
    desk.run(&["tasks", "draw", "--count", "20", "--seed", "2025"])
        .ok()
        .shows("20 of")
        .says("seed 2025, frame ");
    desk.run(&["tasks", "draw", "--count", "20", "--seed", "2025"]).code(1).says("was drawn for");
    let drawn = desk.rows(&["tasks", "list", "--kind", "sample"]);
    assert!(drawn.len() <= 20 && !drawn.is_empty());
    assert_eq!(desk.rows(&["tasks", "draws"])[0]["seed"], "2025");
    let chosen = desk.rows(&["tasks", "draws", "1"]);
    assert_eq!(chosen.len(), 20);
    desk.run(&["tasks", "draws", "9"]).code(1).says("no draw 9");
    // Whoever is to check is told, and what.
    let known = chosen.iter().find(|row| !row["officer"].is_empty() && !row["task_no"].is_empty()).unwrap();
    let told = desk.run(&["tasks", "show", &known["task_no"]]).ok().out;
    assert!(told.contains("双随机抽查") && told.contains(&known["officer"]), "{told}");
    let exempt = |id: &str, more: &[&str]| {
        let base = ["tasks", "exempt", "add", id, "--owner", "王", "--reason", "r", "--until"];
        desk.run(&[base.as_slice(), more].concat())
    };
    let id = drawn[0]["taxpayer_id"].as_str();
    exempt("X", &["2199-01-01"]).code(1).says("no taxpayer X in the register");
    exempt(id, &["2199-01-01", "--family", "weather"]).code(1).says("no indicator is of family weather");
    exempt(id, &["2020-01-01"]).code(1).says("would never hold");
    exempt(id, &["2199-01-01"]).ok();
    exempt(id, &["2199-01-01"]).code(1).says("already");
    desk.run(&["tasks", "dispatch", "--to", "drawn"]).ok().says(&format!("{id} 在免打扰名单内"));
    // Of whoever has a task already, that is said.
    let out = &desk.rows(&["tasks", "list", "--state", "dispatched", "--kind", "risk"])[0];
    exempt(&out["taxpayer_id"], &["2199-01-01"])
        .ok()
        .says(&format!("task {} is out already", out["task_no"]));
    audited(desk, &out["taxpayer_id"], id);
    desk.run(&["tasks", "exempt", "end", "1"]).code(1).says("no exemption 1 that holds");
    let list = desk.rows(&["tasks", "exempt", "list"]);
    assert_eq!((list[0]["holds"].as_str(), list[0]["stated_by"].as_str()), ("no", "李四"));
    let effect = desk.rows(&["indicators", "effect"]);
    assert!(effect.iter().all(|row| row["answered"] == "0" && row["rate"].is_empty()));
    assert!(desk.rows(&["cases", "search"]).is_empty());
    desk.run(&["cases", "like", "none"]).code(1).says("no task none");
    desk.run(&["indicators", "weigh", "--answers"]).code(1).says("no task has been answered whole yet");
}

/// Audits opened after a task was made: one is not sent, of one that is out everybody hears.
fn audited(desk: &Desk, out: &str, waiting: &str) {
    let rows = format!(
        "case_no,taxpayer_id,kind,opened_on\nJ1,{out},audit,2020-01-01\nJ2,{waiting},audit,2020-01-01\n"
    );
    desk.place.file("cases.csv", rows);
    desk.run(&["ingest", "enforcement_case", "cases.csv"]).ok();
    desk.run(&["tasks", "exempt", "end", "1"]).ok();
    desk.run(&["tasks", "dispatch", "--to", "drawn"])
        .ok()
        .says(&format!("{waiting} 已立案检查：案号J2"))
        .says(&format!("{out} 已立案检查：案号J1"));
    let left = desk.rows(&["tasks", "plan", "--left-out"]);
    assert!(left.iter().any(|row| row["taxpayer_id"] == waiting && row["reason_zh"].contains("已立案检查")));
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_sent() {
    let place = loaded(&[]);
    let small = place.path("small");
    std::fs::create_dir_all(&small).unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(&small).output();
    if !mount(&["-t", "tmpfs", "-o", "size=60k", "tmpfs"]).is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: a small disk cannot be made here (mount is for root)");
        return;
    }
    place.run(&["scan"]).ok();
    place.run(&["tasks", "open"]).ok();
    let run = place.run(&["tasks", "dispatch", "--to", "small", "--by", "李四"]);
    let left = std::fs::read_dir(&small).unwrap().count();
    let gone = Command::new("umount").arg(&small).status();
    run.code(1).says("has space");
    assert_eq!(left, 0);
    assert!(gone.unwrap().success());
    let text = place.run(&["tasks", "list", "--state", "dispatched", "--format", "csv"]).ok().out;
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn tasks_live_in_a_file() {
    let place = loaded(&[]);
    place.run(&["scan"]).ok();
    life(&Desk { place, ledger: None });
}

#[test]
fn tasks_live_in_postgres() {
    let Some(server) = Server::start() else { return };
    let place = loaded(&[]);
    place.run(&["scan"]).ok();
    life(&Desk { place, ledger: Some(server.url()) });
}

#[test]
fn a_ledger_that_cannot_be_reached_is_told_at_once() {
    let place = loaded(&[]);
    place.file("text.db", "no database at all, but a text that is longer than a page header of one");
    for (ledger, said) in [
        ("mysql://root@host/tax", "not kept in mysql://"),
        ("text.db", "cannot open the ledger text.db"),
        ("postgres://nobody@127.0.0.1:1/none", "cannot open the ledger"),
    ] {
        place.run(&["--ledger", ledger, "tasks", "list"]).code(1).says(said);
    }
}

#[test]
fn requests_of_other_offices_go_there_and_come_back() {
    let place = crate::cross_audit::place();
    place.run(&["scan", "--as-of", "202504", "--only", "I47"]).ok();
    let desk = Desk { place, ledger: None };
    let asked = desk.place.number("select count(*) from assistance_request where addressee = 'office'");
    assert!(asked > 0);
    desk.run(&["tasks", "open"]).ok().shows(&format!("{asked} requests of other offices"));
    desk.run(&["tasks", "open"]).ok();
    let letters = desk.rows(&["tasks", "list", "--kind", "assistance"]);
    assert_eq!(letters.len() as i64, asked);
    // The sellers' office is to answer; the buyers' office, which asked, sees it too, and the one above both.
    let see = |office: &str| desk.rows(&["tasks", "list", "--kind", "assistance", "--office", office]).len();
    let from = |office: &str| {
        let sql = format!(
            "select count(*) from assistance_request where addressee = 'office' and (to_office = '{office}' or from_office = '{office}')"
        );
        desk.place.number(&sql) as usize
    };
    assert_eq!((see("1331"), see("1332"), see("1330")), (from("1331"), from("1332"), letters.len()));
    assert!(from("1332") > 0, "the buyers are with 1332");
    // A workbook goes to who is to answer, not to who asked.
    let sent = desk.run(&["tasks", "dispatch", "--to", "lists"]).ok().out;
    let to = desk
        .place
        .number("select count(distinct to_office) from assistance_request where addressee = 'office'");
    assert!(sent.lines().filter(|line| line.contains("133")).count() as i64 >= to, "{sent}");
    let no = letters[0]["task_no"].as_str();
    let shown = desk.run(&["tasks", "show", no]).ok().out;
    for part in ["稽核比对", "请协查", "已下发"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    desk.run(&["tasks", "import", "lists"]).ok();
}
