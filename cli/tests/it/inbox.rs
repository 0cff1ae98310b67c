//! A landing zone as a data department meets it: files come in any order, half written, twice, broken, or not at all.

use std::time::{Duration, SystemTime};

use crate::support::{Place, Run, invoice, invoices, tool};

/// A folder `in` beside a warehouse whose rules are `rules`.
fn zone(rules: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("in")).unwrap();
    if !rules.is_empty() {
        place.file("wh/definitions/inbox.toml", rules);
    }
    place
}

fn take(place: &Place, more: &[&str]) -> Run {
    place.run(&[&["--format", "csv", "ingest", "--inbox", "in"], more].concat())
}

/// `file,state` of a run, in its order.
fn states(run: &Run) -> Vec<String> {
    let two = |line: &str| line.split(',').take(2).collect::<Vec<_>>().join(": ");
    run.out.lines().skip(1).map(two).collect()
}

const BY_NUMBER: &str =
    "complete = 'stable:0s'\n[[rule]]\nfiles = '{seq}_invoices_{date}.csv'\ntable = 'invoice'\n";

#[test]
fn files_are_taken_in_the_order_of_day_and_number_and_once() {
    let place = zone(BY_NUMBER);
    // By name they would come the other way round, and the correction would be displaced by what it corrects.
    place.file("in/10_invoices_20200105.csv", invoices(&[invoice("A", "2020-01-05", "3.00")]));
    place.file("in/9_invoices_20200105.csv", invoices(&[invoice("A", "2020-01-05", "2.00")]));
    place.file("in/7_invoices_20200106.csv", invoices(&[invoice("A", "2020-01-05", "4.00")]));
    place.file("in/6_invoices_20200106.csv", invoices(&[invoice("B", "2020-01-06", "1.00")]));
    let first = take(&place, &[]).ok();
    assert_eq!(
        states(&first),
        [
            "9_invoices_20200105.csv: loaded",
            "10_invoices_20200105.csv: loaded",
            "6_invoices_20200106.csv: loaded",
            "7_invoices_20200106.csv: loaded"
        ]
    );
    assert_eq!(place.sql("select invoice_id, amount from invoice order by 1"), "A,4.00\nB,1.00\n");
    assert_eq!(
        place.number("select count(distinct batch) from ingest_batch"),
        4,
        "each file is a load of its own"
    );
    // Nothing was moved, and nothing is loaded twice, under another name neither.
    std::fs::copy(place.path("in/6_invoices_20200106.csv"), place.path("in/5_invoices_20200107.csv"))
        .unwrap();
    let before = place.state();
    let again = take(&place, &[]).ok();
    assert!(states(&again).iter().all(|s| s.ends_with(": already loaded")), "{}", again.out);
    assert_eq!(states(&again).len(), 5);
    assert_eq!(place.state(), before);
}

#[test]
fn a_gap_is_named_and_stops_nothing() {
    let place = zone(BY_NUMBER);
    for n in [1, 2, 5, 7] {
        let name = format!("in/{n}_invoices_20200105.csv");
        place.file(&name, invoices(&[invoice(&format!("A{n}"), "2020-01-05", "1.00")]));
    }
    // Every day starts anew.
    place.file("in/1_invoices_20200106.csv", invoices(&[invoice("B", "2020-01-05", "1.00")]));
    let run = take(&place, &[]).ok();
    run.says("{seq}_invoices_{date}.csv: number 3, 4, 6 of 20200105 is missing between 1 and 7")
        .says("ask the sender");
    assert_eq!(place.number("select count(*) from invoice"), 5);
    let running = format!("{BY_NUMBER}sequence = 'running'\n");
    place.file("wh/definitions/inbox.toml", running);
    place.file("in/9_invoices_20200107.csv", invoices(&[invoice("C", "2020-01-05", "1.00")]));
    take(&place, &[]).ok().says("number 3, 4, 6, 8 is missing between 1 and 9");
}

#[test]
fn what_is_still_being_written_waits() {
    let place = zone("[[rule]]\nfiles = '*.csv*'\ntable = 'invoice'\n");
    let text = invoices(&[invoice("A", "2020-01-05", "1.00")]);
    place.file("in/new.csv", &text);
    place.file("in/half.csv.part", &text);
    place.file("in/.hidden.csv", &text);
    // A copied file may carry an old time; that it changed just now tells.
    let old = place.file("in/copied.csv", &text);
    let times = std::fs::FileTimes::new().set_modified(SystemTime::now() - Duration::from_secs(86_400));
    std::fs::File::options().write(true).open(&old).unwrap().set_times(times).unwrap();
    let run = take(&place, &[]).ok();
    assert_eq!(states(&run), ["copied.csv: waiting", "half.csv.part: waiting", "new.csv: waiting"]);
    run.shows("taken when unchanged for 60 s").shows("still being written");
    assert_eq!(place.number("select count(*) from invoice"), 0);
    // The line of the command counts before the file's.
    let run = take(&place, &["--complete", "stable:0s"]).ok();
    assert_eq!(states(&run), ["copied.csv: loaded", "half.csv.part: waiting", "new.csv: already loaded"]);
    std::fs::rename(place.path("in/half.csv.part"), place.path("in/half.csv")).unwrap();
    place.file("in/half.csv", invoices(&[invoice("H", "2020-01-05", "1.00")]));
    take(&place, &["--complete", "stable:0s"]).ok();
    assert_eq!(place.number("select count(*) from invoice"), 2);
}

#[test]
fn a_mark_beside_the_file_says_that_it_is_complete() {
    let place = zone("complete = 'done-file'\n[[rule]]\nfiles = '*.csv'\ntable = 'invoice'\n");
    for (n, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        place.file(&format!("in/{name}.csv"), invoices(&[invoice(&n.to_string(), "2020-01-05", "1.00")]));
    }
    assert!(states(&take(&place, &[]).ok()).iter().all(|s| s.ends_with(": waiting")));
    place.file("in/a.csv.ok", "");
    place.file("in/b.done", "");
    let Some(sum) = tool("md5sum", &["c.csv"], &place.path("in")) else { return };
    place.file("in/c.csv.md5", &sum);
    place.file("in/d.csv.md5", &sum);
    place.file("in/d.csv.ok", "");
    let run = take(&place, &[]).code(1);
    assert_eq!(
        states(&run),
        ["a.csv: loaded", "b.csv: loaded", "c.csv: loaded", "d.csv: failed", "e.csv: waiting"]
    );
    run.says("error: d.csv: its MD5 is").says("d.csv.md5 says").says("ask for it again");
    assert_eq!(place.number("select count(*) from invoice"), 3);
    let Some(sum) = tool("md5sum", &["d.csv"], &place.path("in")) else { return };
    place.file("in/d.csv.md5", &sum);
    assert_eq!(states(&take(&place, &[]).ok())[3], "d.csv: loaded");
}

#[test]
fn a_manifest_says_what_is_complete_and_what_is_missing() {
    let place = zone(
        "[[rule]]\nfiles = 'day/*.csv'\ntable = 'invoice'\ncomplete = 'manifest'\nmanifest = 'list_*.txt'\n",
    );
    std::fs::create_dir(place.path("in/day")).unwrap();
    let text = |id: &str| invoices(&[invoice(id, "2020-01-05", "1.00")]);
    for name in ["a", "b", "c", "d"] {
        place.file(&format!("in/day/{name}.csv"), text(name));
    }
    let size = text("a").len();
    place.file(
        "in/day/list_1.txt",
        format!("file,bytes\na.csv,{size}\nb.csv,{}\nc.csv,{}\nz.csv,{size}\n", size + 9, size - 9),
    );
    let run = take(&place, &[]).code(1);
    assert_eq!(
        states(&run),
        ["day/a.csv: loaded", "day/b.csv: waiting", "day/c.csv: failed", "day/d.csv: waiting"]
    );
    run.says("day/z.csv is named by day/list_1.txt and has not arrived")
        .says(&format!("day/c.csv: it has {size} bytes, day/list_1.txt says {}", size - 9))
        .shows("no manifest (list_*.txt) names it yet");
}

#[test]
fn one_bad_file_does_not_keep_the_others_out() {
    let place = zone("complete = 'stable:0s'\n[[rule]]\nfiles = '*.csv'\ntable = 'invoice'\n");
    place.file("in/1.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    place.file("in/2.csv", "colour,smell\nred,none\n");
    place.file("in/3.csv", "");
    place.file(
        "in/4.csv",
        invoices(&[invoice("B", "2020-13-05", "1.00"), invoice("C", "2020-01-05", "1.00")]),
    );
    place.file("in/note.docx", "what is this?");
    let run = take(&place, &[]).code(1);
    assert_eq!(
        states(&run),
        ["1.csv: loaded", "2.csv: failed", "3.csv: failed", "4.csv: loaded", "note.docx: unmapped"]
    );
    run.says("error: 2.csv:").says("3.csv is empty").says("note.docx: nobody takes a file of this name");
    assert_eq!(place.sql("select invoice_id from invoice order by 1"), "A\nC\n");
    for name in ["in/2.csv", "in/3.csv"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    take(&place, &[]).code(3).says("note.docx");
    std::fs::remove_file(place.path("in/note.docx")).unwrap();
    take(&place, &[]).ok();
}

#[test]
fn the_mappings_own_patterns_say_what_a_file_is() {
    let place = zone("");
    let feed = |name: &str, files: &str| {
        format!(
            "name = '{name}'\nzh = '源'\nen = 'source'\n[[feed]]\nname = '{name}.invoice'\ntable = 'invoice'\n\
             files = ['{files}']\n[feed.columns]\ninvoice_id = 'invoice_id'\nissued_at = 'issued_at'\n\
             seller_id = 'seller_id'\nbuyer_id = 'buyer_id'\namount = 'amount'\nstatus = 'status'\n"
        )
    };
    place.file("wh/definitions/mappings/one.toml", feed("one", "one_*.csv"));
    place.file("wh/definitions/mappings/two.toml", feed("two", "two_*.csv"));
    place.file("in/one_1.csv", invoices(&[invoice("A", "2020-01-05", "1.00")]));
    place.file("in/two_1.csv", invoices(&[invoice("B", "2020-01-05", "1.00")]));
    place.file("in/other.csv", invoices(&[invoice("C", "2020-01-05", "1.00")]));
    if let Some(packed) = tool("gzip", &["-c", "two_1.csv"], &place.path("in")) {
        std::fs::remove_file(place.path("in/two_1.csv")).unwrap();
        place.file("in/two_1.csv.gz", packed);
    }
    take(&place, &[]).code(1).says("--mapping").says("definitions/inbox.toml");
    let run = take(&place, &["-m", "one", "-m", "two", "--complete", "stable:0s"]).code(3);
    run.says("other.csv: nobody takes");
    assert_eq!(
        place.sql("select invoice_id, _source from invoice order by 1"),
        "A,one.invoice\nB,two.invoice\n"
    );
}

#[test]
fn wrong_rules_are_named_all_at_once() {
    let place =
        zone("complete = 'soon'\n[[rule]]\nfiles = '{day}.csv'\nmapping = 'none'\n[[rule]]\nfiles = 'x'\n");
    let run = take(&place, &[]).code(1);
    run.says("inbox.toml:1: complete = soon")
        .says("inbox.toml:3: files = {day}.csv")
        .says("inbox.toml:6: rule x");
    std::fs::remove_file(place.path("wh/definitions/inbox.toml")).unwrap();
    place.run(&["ingest", "--inbox", "nowhere", "-m", "cumcm2020c"]).code(1).says("nowhere is no folder");
}

#[test]
fn many_small_files_may_be_one_load() {
    let place =
        zone("complete = 'stable:0s'\n[[rule]]\nfiles = '*.csv'\ntable = 'invoice'\ntogether = true\n");
    for n in 1..=5 {
        place.file(&format!("in/{n}.csv"), invoices(&[invoice(&format!("A{n}"), "2020-01-05", "1.00")]));
    }
    let run = take(&place, &[]).ok();
    assert!(states(&run).iter().all(|s| s.ends_with(": loaded")), "{}", run.out);
    run.shows("with 1.csv");
    assert_eq!(place.sql("select count(distinct batch), count(*) from ingest_file"), "1,5\n");
    // One that is bad keeps no other out here either.
    place.file("in/6.csv", "colour\nred\n");
    place.file("in/7.csv", invoices(&[invoice("A7", "2020-01-05", "1.00")]));
    let run = take(&place, &[]).code(1);
    assert_eq!(states(&run)[5..], ["6.csv: failed", "7.csv: loaded"]);
    assert_eq!(place.number("select count(*) from invoice"), 6);
}

#[test]
fn a_later_file_waits_for_an_earlier_one_and_a_late_one_is_held() {
    let rules = "complete = 'done-file'\n[[rule]]\nfiles = 'in_{date}.csv'\ntable = 'invoice'\n";
    let place = zone(rules);
    for (day, amount) in [("10", "1.00"), ("11", "2.00")] {
        let name = format!("in/in_202501{day}.csv");
        place.file(&name, invoices(&[invoice("A", "2025-01-05", amount)]));
    }
    place.file("in/in_20250111.ok", "");
    let run = take(&place, &[]).ok();
    assert_eq!(states(&run), ["in_20250110.csv: waiting", "in_20250111.csv: waiting"]);
    run.shows("comes after in_20250110.csv, which is not complete yet");
    place.file("in/in_20250110.ok", "");
    take(&place, &[]).ok();
    assert_eq!(place.sql("select amount from invoice"), "2.00\n");
    // What arrives after later ones would displace them.
    place.file("in/in_20250109.csv", invoices(&[invoice("A", "2025-01-05", "0.50")]));
    place.file("in/in_20250109.ok", "");
    let run = take(&place, &[]).code(1);
    assert_eq!(states(&run)[0], "in_20250109.csv: failed");
    run.says("it arrived late: in_20250111.csv was loaded before").says("late = \"load\"");
    assert_eq!(place.sql("select amount from invoice"), "2.00\n");
    place.file("wh/definitions/inbox.toml", format!("{rules}late = 'load'\n"));
    assert_eq!(states(&take(&place, &[]).ok())[0], "in_20250109.csv: loaded");
    place.file("wh/definitions/inbox.toml", format!("{rules}late = 'sometimes'\n"));
    take(&place, &[]).code(1).says("late = sometimes; known are hold and load");
}
