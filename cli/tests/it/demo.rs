//! `assay demo` and what must hold on any scanned warehouse, whatever the threads and the memory.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Place, assay, command, economy, write_files};

/// Queries whose result must be empty.
const NEVER: [(&str, &str); 8] = [
    (
        "a task's score is the sum of its hits' points",
        "select t.task_no, t.score, h.points from task t full join \
         (select h.as_of, h.taxpayer_key, sum(h.points) as points from hit h join score s on s.taxpayer_key = h.taxpayer_key \
         and s.as_of = h.as_of where s.grade is not null group by 1, 2) h \
         on t.taxpayer_key = h.taxpayer_key and t.as_of = h.as_of where t.score is distinct from h.points",
    ),
    (
        "and of its items' points",
        "select t.task_no, t.score, i.points, i.n from task t full join \
         (select task_no, sum(points) as points, count(*) as n from task_item group by 1) i on t.task_no = i.task_no \
         where (t.score is distinct from i.points) or (t.hit_count is distinct from i.n)",
    ),
    (
        "and the score of its taxpayer",
        "select t.task_no from task t full join (select * from score where grade is not null) s on t.taxpayer_key = s.taxpayer_key and t.as_of = s.as_of \
         where (t.score is distinct from s.score) or (t.grade is distinct from s.grade) or (t.hit_count is distinct from s.hits)",
    ),
    ("a score lies between 0 and 100", "select * from score where score < 0 or score > 100"),
    (
        "a taxpayer has one task",
        "select taxpayer_id from task group by as_of, taxpayer_id having count(*) > 1",
    ),
    (
        "a hit crossed its line",
        "select * from hit where not case op when '>=' then value >= line when '>' then value > line \
         when '<=' then value <= line else value < line end",
    ),
    (
        "every hit is told once, in both languages",
        "select * from hit where message_zh = '' or message_en = '' or message_zh like '%{%' or message_en like '%{%'",
    ),
    (
        "no family gives more points than its cap",
        "select taxpayer_key, family, sum(points) from hit group by as_of, taxpayer_key, family having sum(points) > 45",
    ),
];

#[test]
fn the_demo_runs_and_its_figures_agree() {
    let folder = tempfile::tempdir().unwrap();
    let run = assay(folder.path(), &["demo", "d"]).ok();
    let workbooks: Vec<&str> = run.out.lines().filter_map(|l| l.strip_prefix("workbook: ")).collect();
    assert!(workbooks.len() >= 10, "{}", run.out);
    for workbook in &workbooks {
        let bytes = std::fs::read(folder.path().join(workbook)).unwrap();
        assert!(bytes.starts_with(b"PK"), "{workbook}");
    }
    assert_eq!(std::fs::read_dir(folder.path().join("d/tasks")).unwrap().count(), workbooks.len());

    let sql = |query: &str| {
        let all = assay(folder.path(), &["-w", "d/warehouse", "sql", "--format", "csv", query]).ok().out;
        all.split_once('\n').map(|(_, rows)| rows.to_owned()).unwrap_or_default()
    };
    for (rule, query) in NEVER {
        assert_eq!(sql(query), "", "{rule}");
    }
    assert_eq!(sql("select count(*) from taxpayer"), "300\n");
    let tasks: usize = sql("select count(*) from task").trim().parse().unwrap();
    assert!(tasks > 50);
    assert_eq!(sql("select count(*) from score where grade is not null"), format!("{tasks}\n"));
    assert_eq!(sql("select count(distinct taxpayer_id) from hit"), sql("select count(*) from score"));
    assert_eq!(sql("select count(distinct office_code) from task"), format!("{}\n", workbooks.len()));
    // The evidence a hit names is a query that runs and finds something.
    let evidence = sql("select evidence_sql from hit where indicator = 'I05' limit 1");
    let evidence = evidence.trim().trim_matches('"').replace("\"\"", "\"");
    assert!(sql(&evidence).lines().count() >= 1, "{evidence}");

    let again = assay(folder.path(), &["demo", "d"]).ok();
    let names = std::fs::read_dir(folder.path().join("d/files")).unwrap();
    let is_label = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("truth");
    let files = names.filter(|entry| !is_label(entry.as_ref().unwrap())).count();
    assert_eq!(
        again.err.matches("already loaded in batch").count(),
        files,
        "all but the truth: {}",
        again.err
    );
    assert!(again.err.contains("nothing changed since this scan was run"), "{}", again.err);
    // One batch a table; no row of any was refused.
    assert_eq!(
        sql("select count(*) from ingest_batch"),
        sql("select count(distinct table_name) from ingest_batch")
    );
    assert_eq!(sql("select count(*) from rejected_row"), "0\n");
    assert_eq!(sql("select count(*) from task"), format!("{tasks}\n"));
}

#[test]
fn task_lists_are_the_tasks() {
    let place = loaded(&[]);
    place.run(&["scan"]).ok();
    // A few indicators must not take the place of a whole scan unasked.
    place.run(&["scan", "--only", "I05"]).code(1).says("would take their place").says("--force");
    let tasks = place.number("select count(*) from task");
    place.run(&["tasks", "list"]).code(1).says("there are no tasks yet").says("assay tasks open");
    place.run(&["tasks", "open"]).ok();
    // Well rated taxpayers without a serious suspicion are left alone.
    let quiet = place.number("select count(*) from task where credit_rating = 'A' and grade = 'low'");
    let opened = tasks - quiet;
    place.run(&["tasks", "export", "--to", "lists", "--as", "csv"]).ok().shows(&format!("{opened} tasks"));
    place
        .run(&["tasks", "export", "--to", "lists", "--as", "parquet"])
        .ok()
        .shows(&format!("{opened} tasks"));
    let high = place.run(&["tasks", "list", "--grade", "high", "--format", "csv"]).ok().out;
    assert_eq!(
        high.lines().count() as i64 - 1,
        place.number("select count(*) from task where grade = 'high'")
    );
    let (id, office) = {
        let row =
            place.sql("select taxpayer_id, office_code from task order by score desc, taxpayer_id limit 1");
        let (id, office) = row.trim().split_once(',').unwrap();
        (id.to_owned(), office.to_owned())
    };
    let shown = place.run(&["tasks", "show", &id]).ok().out;
    for message in place.sql(&format!("select message_zh from hit where taxpayer_id = '{id}'")).lines() {
        assert!(shown.contains(message.trim_matches('"')), "{shown}");
    }
    let here = place.run(&["tasks", "list", "--office", &office, "--format", "csv"]).ok().out;
    let count = place.number(&format!(
        "select count(*) from task where office_code = '{office}' and not (credit_rating = 'A' and grade = 'low')"
    ));
    assert_eq!(here.lines().count() as i64 - 1, count);
}

/// The demo's files in a new warehouse.
pub fn loaded(options: &[&str]) -> Place {
    let place = Place::new();
    write_files(&place, economy());
    for (table, files) in [("office", "office"), ("taxpayer", "taxpayer"), ("invoice", "invoice_*")] {
        let file = format!("files/{files}.csv");
        place.run(&[options, &["ingest", table, &file]].concat()).ok();
    }
    place
}

/// All a scan writes, in one order.
fn results(place: &Place) -> String {
    let queries = [
        "select * from hit order by taxpayer_key, indicator",
        "select * from score order by taxpayer_key",
        "select * from scan_indicator order by indicator",
        "select * except (issued_on, due_on, batch) from task order by task_no",
        "select * from task_item order by task_no, item_no",
        "select * from rollup_sold order by period, taxpayer_key",
        "select * from rollup_bought order by period, taxpayer_key",
        "select * from rollup_trade order by period, seller_key, buyer_key",
    ];
    queries.map(|q| place.sql(q)).join("\n")
}

#[test]
fn results_do_not_depend_on_threads_or_memory() {
    let mut first: Option<String> = None;
    for options in [
        &["--threads", "1"][..],
        &["--threads", "2"],
        &["--threads", "2", "--memory", "64M"],
        &["--threads", "5"],
    ] {
        let place = loaded(options);
        place.run(&[options, &["scan"]].concat()).ok();
        let found = results(&place);
        assert!(found.lines().count() > 5_000);
        match &first {
            None => first = Some(found),
            Some(first) => {
                let differing = first.lines().zip(found.lines()).find(|(a, b)| a != b);
                assert!(*first == found, "{options:?}: {differing:?}");
            }
        }
        // Judged again with other means, the same comes out.
        place.run(&["--threads", "1", "--memory", "48M", "scan", "--force"]).ok();
        assert_eq!(place.number("select count(*) from scan_run"), 1);
        assert!(results(&place) == *first.as_ref().unwrap(), "a forced scan after {options:?} differs");
    }
}

/// The demo's invoices five times over, each time under other numbers.
fn many(place: &Place) -> String {
    let folder = write_files(place, economy());
    let mut months: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("invoice_"))
        .collect();
    months.sort();
    let mut text = String::new();
    for copy in 1..=5 {
        for month in &months {
            let month = std::fs::read_to_string(month).unwrap();
            let (header, rows) = month.split_once('\n').unwrap();
            if text.is_empty() {
                text.push_str(header);
                text.push('\n');
            }
            for row in rows.lines() {
                // A number begins with the year; here it tells the copy.
                text.push('0');
                text.push_str(&copy.to_string());
                text.push_str(&row[2..]);
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn a_load_that_spills_gives_the_same_table() {
    let place = Place::new();
    let text = many(&place);
    let rows = text.lines().count() as i64 - 1;
    assert!(rows > 300_000, "{rows}");
    place.file("many.csv", &text);
    place.run(&["--memory", "2G", "ingest", "invoice", "many.csv"]).ok();
    let small = Place::new();
    small.file("many.csv", &text);
    assert!(spills(&small, &["--memory", "16M", "ingest", "invoice", "many.csv"]), "nothing was spilled");
    assert!(!small.path("wh/.spill").exists(), "spilled rows must be gone");
    let everything = "select * except (_ingested_at) from invoice order by period, bucket, seller_key, issued_at, invoice_id";
    let (wanted, found) = (dump(&place, everything), dump(&small, everything));
    assert_eq!(wanted.iter().filter(|b| **b == b'\n').count() as i64, rows + 1);
    assert!(wanted == found, "a load that spills differs from one that does not");
    for query in [
        "select * from party order by party_key",
        "select * except (ingested_at) from ingest_file order by batch, file",
    ] {
        assert_eq!(place.sql(query), small.sql(query));
    }
}

fn dump(place: &Place, query: &str) -> Vec<u8> {
    place.run(&["sql", "--format", "csv", "-o", "dump.csv", query]).ok();
    std::fs::read(place.path("dump.csv")).unwrap()
}

/// Runs the load and says whether the folder for spilled rows was seen meanwhile.
fn spills(place: &Place, args: &[&str]) -> bool {
    let spill = place.path("wh/.spill");
    let has_runs =
        |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    let mut all = vec!["-w", "wh"];
    all.extend(args);
    let mut child =
        command(&place.path(""), &all).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut seen = false;
    loop {
        seen |= has_runs(&spill);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return seen;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
