//! The clock against a naive count of days, boundaries by hand, and the order of proposals.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use assay_datasets::calendar::WorkCalendar;
use assay_indicators::policy::Rulebook;
use chrono::{Datelike, Days, NaiveDate};

use super::clock::{Clock, ClockState, Held, Terms};
use super::eligible::Eligible;
use super::facts::{Application, Evidence, Facts, Loaded, Suspension};
use super::propose::{Change, Proposal, Row};
use super::reason::{Reason, State};
use super::store::Before;

const TERMS: Terms = Terms { review: 10, resumed: 5 };

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn on(received: &str, held: &[(&str, Option<&str>)], today: &str) -> Clock {
    let held: Vec<Held> = held.iter().map(|(from, to)| Held { from: day(from), to: to.map(day) }).collect();
    Clock::on(WorkCalendar::built_in().unwrap(), TERMS, day(received), &held, day(today)).unwrap()
}

/// Whether somebody works on a day from September 2025 to the end of 2026, typed off the notices and not read from the calendar.
fn works(day: NaiveDate) -> bool {
    let name = day.format("%y%m%d").to_string();
    let made_up = ["250928", "251011", "260104", "260214", "260228", "260509", "260920", "261010"];
    let off = [
        "251001", "251002", "251003", "251006", "251007", "251008", "260101", "260102", "260216", "260217",
        "260218", "260219", "260220", "260223", "260406", "260501", "260504", "260505", "260619", "260925",
        "261001", "261002", "261005", "261006", "261007",
    ];
    made_up.contains(&name.as_str())
        || (day.weekday().num_days_from_monday() < 5 && !off.contains(&name.as_str()))
}

/// Working days of a list of days, the first left out.
fn counted(from: NaiveDate, to: NaiveDate) -> i64 {
    let days = from.iter_days().take_while(|day| *day <= to).skip(1);
    i64::try_from(days.filter(|day| works(*day)).count()).unwrap()
}

#[test]
fn the_clock_is_that_of_a_naive_count() {
    let calendar = WorkCalendar::built_in().unwrap();
    let all: Vec<NaiveDate> =
        day("2025-09-01").iter_days().take_while(|day| *day <= self::day("2026-10-31")).collect();
    for (n, received) in all.iter().enumerate() {
        for later in [0, 3, 9, 14, 20, 33] {
            let today = *received + Days::new(later);
            // Never held; held and still so; held and cleared on the day or before.
            let from = *received + Days::new(n as u64 % 7);
            for to in [None, Some(from + Days::new(n as u64 % 11))] {
                for held in [vec![], vec![Held { from, to }]] {
                    let clock = Clock::on(calendar, TERMS, *received, &held, today).unwrap();
                    let begun = held.iter().find(|held| held.from <= today);
                    let ended = begun.and_then(|held| held.to).filter(|to| *to <= today);
                    let (start, term) = match ended {
                        Some(to) => (to, 5),
                        None => (*received, 10),
                    };
                    if begun.is_some() && ended.is_none() {
                        assert_eq!(
                            (clock.state, clock.due_on, clock.left),
                            (ClockState::Suspended, None, None)
                        );
                        assert_eq!(clock.used, counted(*received, from));
                        continue;
                    }
                    let due = start.iter_days().skip(1).filter(|day| works(*day)).nth(term - 1).unwrap();
                    assert_eq!(clock.due_on, Some(due), "{received} {held:?} {today}");
                    assert_eq!(clock.used, counted(start, today));
                    assert_eq!(clock.overdue(), today > due, "{received} {held:?} {today}");
                    if today <= due {
                        assert_eq!(clock.left, Some(counted(today, due)));
                        assert_eq!(clock.used + clock.left.unwrap(), i64::try_from(term).unwrap());
                    }
                }
            }
        }
    }
}

#[test]
fn boundaries_of_the_clock() {
    // Accepted on the Friday before National Day 2025: the Sunday, the 29th and 30th count, then from the 9th, the Saturday too.
    let clock = on("2025-09-26", &[], "2025-10-08");
    assert_eq!((clock.used, clock.due_on, clock.left), (3, Some(day("2025-10-16")), Some(7)));
    assert_eq!(on("2025-09-26", &[], "2025-10-11").used, 6);
    // On the last day nothing is left and nothing is late.
    let last = on("2025-09-26", &[], "2025-10-16");
    assert_eq!((last.left, last.overdue()), (Some(0), false));
    assert!(on("2025-09-26", &[], "2025-10-17").overdue());
    // The last day is a Friday: on the Saturday after it is late, though no working day has passed.
    let saturday = on("2025-10-17", &[], "2025-11-01");
    assert_eq!((saturday.due_on, saturday.left), (Some(day("2025-10-31")), Some(-1)));
    assert_eq!(on("2025-10-17", &[], "2025-11-04").left, Some(-2));
}

#[test]
fn a_clock_that_was_held() {
    // Held on the third day: it stands, however long that takes.
    let held = on("2025-10-13", &[("2025-10-16", None)], "2025-12-31");
    assert_eq!((held.state, held.used, held.due_on), (ClockState::Suspended, 3, None));
    // Held from a day to come: not yet.
    assert_eq!(on("2025-10-13", &[("2025-10-16", None)], "2025-10-15").state, ClockState::Running);
    // Cleared on a Friday: five working days from the Monday on, whatever was left of the ten.
    let resumed = on("2025-10-13", &[("2025-10-16", Some("2025-11-07"))], "2025-11-10");
    assert_eq!((resumed.state, resumed.used, resumed.left), (ClockState::Resumed, 1, Some(4)));
    assert_eq!(resumed.due_on, Some(day("2025-11-14")));
    // On the day before it was cleared it still stood.
    assert_eq!(
        on("2025-10-13", &[("2025-10-16", Some("2025-11-07"))], "2025-11-06").state,
        ClockState::Suspended
    );
    // Cleared before a holiday: over the Spring Festival of 2026, with its two worked Saturdays.
    let spring = on("2026-01-20", &[("2026-01-22", Some("2026-02-12"))], "2026-02-24");
    assert_eq!(spring.due_on, Some(day("2026-02-26")));
    // Held twice.
    let twice = [("2025-10-16", Some("2025-11-07")), ("2025-11-11", None)];
    let again = on("2025-10-13", &twice, "2025-11-20");
    assert_eq!((again.state, again.used, again.due_on), (ClockState::Suspended, 2, None));
    assert_eq!(again.resumed_on, Some(day("2025-11-07")));
}

/// An application of 500,000 yuan, accepted on 13 October 2025.
fn application() -> Application {
    Application {
        no: "A1".to_owned(),
        taxpayer_key: 1,
        taxpayer_id: "T1".to_owned(),
        period: 202_509,
        latest: Some(202_509),
        amount: 50_000_000,
        received_on: Some(day("2025-10-13")),
        ..Application::default()
    }
}

fn eligible(amount: Option<i128>) -> Eligible {
    Eligible { month: 202_510, answer: "to_be_confirmed", amount, ..Eligible::default() }
}

fn row(reason: Reason, state: State, cleared_on: Option<&str>) -> Evidence {
    Evidence {
        reason,
        state,
        source: "enforcement_case".to_owned(),
        number: "AJ1".to_owned(),
        detail: None,
        day: Some(day("2025-09-01")),
        cleared_on: cleared_on.map(day),
        amount: None,
        fraud: false,
        place: Some(("cases.csv".to_owned(), 7)),
    }
}

fn all_loaded() -> Loaded {
    Loaded { cases: true, mismatches: true, invoices: true, deductions: true, scanned: Some(202_509) }
}

/// The one row of a queue on 20 October 2025.
fn judged(
    one: Application,
    asked: Eligible,
    evidence: Vec<Evidence>,
    loaded: Loaded,
    then: Option<Proposal>,
) -> Row {
    let (book, problems) = Rulebook::load(None).unwrap();
    assert!(problems.is_empty());
    let no = one.no.clone();
    let facts = Facts { applications: vec![one], evidence: HashMap::from([(1, evidence)]), loaded };
    let before =
        then.map(|then| Before { day: day("2025-10-17"), proposals: HashMap::from([(no.clone(), then)]) });
    let rules = (WorkCalendar::built_in().unwrap(), &book.parameters);
    let asked = HashMap::from([(no, asked)]);
    let queue = super::propose::queue(&facts, &asked, rules, before.as_ref(), day("2025-10-20")).unwrap();
    queue.rows.into_iter().next().unwrap()
}

#[test]
fn what_is_proposed() {
    let of =
        |amount, evidence, loaded| judged(application(), eligible(amount), evidence, loaded, None).proposal;
    let clear = || of(Some(50_000_000), vec![], all_loaded());
    assert_eq!(clear(), Proposal::Release);
    // One yuan too much is within what policies allow, a cent more is not; less than may be had is released.
    assert_eq!(of(Some(49_999_900), vec![], all_loaded()), Proposal::Release);
    assert_eq!(of(Some(49_999_899), vec![], all_loaded()), Proposal::Adjust);
    assert_eq!(of(Some(60_000_000), vec![], all_loaded()), Proposal::Release);
    assert_eq!(of(Some(0), vec![], all_loaded()), Proposal::Refuse);
    assert_eq!(of(None, vec![], all_loaded()), Proposal::CannotTell);
    for reason in [Reason::Risk, Reason::Audit, Reason::Mismatch, Reason::Voucher] {
        let open = || vec![row(reason, State::Open, None)];
        assert_eq!(of(Some(50_000_000), open(), all_loaded()), Proposal::Hold);
        // It holds whether or not the rest can be told; who is not entitled is refused, not held.
        assert_eq!(of(None, open(), Loaded::default()), Proposal::Hold);
        assert_eq!(of(Some(0), open(), all_loaded()), Proposal::Refuse);
        assert_eq!(
            of(Some(50_000_000), vec![row(reason, State::Unknown, None)], all_loaded()),
            Proposal::CannotTell
        );
        assert_eq!(
            of(Some(50_000_000), vec![row(reason, State::Cleared, Some("2025-10-01"))], all_loaded()),
            Proposal::Release
        );
    }
    // Fraud found since it was accepted ends it; found before, it is a matter of the conditions.
    let fraud = |on| vec![Evidence { fraud: true, ..row(Reason::Audit, State::Cleared, Some(on)) }];
    assert_eq!(of(Some(50_000_000), fraud("2025-10-13"), all_loaded()), Proposal::Terminate);
    assert_eq!(of(Some(50_000_000), fraud("2025-10-12"), all_loaded()), Proposal::Release);
}

#[test]
fn what_is_not_loaded_is_named() {
    let missing = |loaded| judged(application(), eligible(Some(50_000_000)), vec![], loaded, None);
    for (loaded, names) in [
        (Loaded { cases: false, ..all_loaded() }, "enforcement_case"),
        (Loaded { mismatches: false, ..all_loaded() }, "vat_mismatch"),
        (Loaded { deductions: false, ..all_loaded() }, "invoice"),
        (Loaded { scanned: None, ..all_loaded() }, "scan"),
        // The last scan was of before the month whose credit is asked for.
        (Loaded { scanned: Some(202_508), ..all_loaded() }, "scan"),
    ] {
        let row = missing(loaded);
        assert_eq!(row.proposal, Proposal::CannotTell);
        assert!(row.missing.contains(names) && row.message_zh.contains(names), "{}", row.message_zh);
        assert_eq!(row.verdicts.iter().filter(|verdict| verdict.holds.is_none()).count(), 1);
    }
    let nobody = Application { received_on: None, ..application() };
    let row = judged(nobody, eligible(Some(50_000_000)), vec![], all_loaded(), None);
    assert!(row.clock.is_none() && row.missing.contains("受理日期"));
}

#[test]
fn a_hold_of_the_office_ends_when_rows_show_it() {
    let held = |reason: &str| {
        let from = day("2025-10-14");
        Application {
            held: vec![Suspension { reason: Some(reason.to_owned()), from, to: None }],
            ..application()
        }
    };
    let of =
        |one, evidence| judged(one, eligible(Some(50_000_000)), evidence, all_loaded(), Some(Proposal::Hold));
    // The case is still open.
    let open = of(held("audit"), vec![row(Reason::Audit, State::Open, None)]);
    assert_eq!((open.proposal, open.change), (Proposal::Hold, Change::Same));
    assert_eq!(open.clock.unwrap().state, ClockState::Suspended);
    // No case at all: nobody knows what cleared it.
    let nothing = of(held("audit"), vec![]);
    assert_eq!(nothing.proposal, Proposal::CannotTell);
    assert!(nothing.missing.contains("resumed_on"), "{}", nothing.missing);
    // Closed since: released, and the five days run from then, though the office has noted nothing.
    let closed = of(held("audit"), vec![row(Reason::Audit, State::Cleared, Some("2025-10-17"))]);
    assert_eq!((closed.proposal, closed.change), (Proposal::Release, Change::NewlyReleased));
    let clock = closed.clock.unwrap();
    assert_eq!(
        (clock.state, clock.due_on, clock.left),
        (ClockState::Resumed, Some(day("2025-10-24")), Some(4))
    );
    // Closed before it was held: that is not what it is held for.
    let older = of(held("audit"), vec![row(Reason::Audit, State::Cleared, Some("2025-10-10"))]);
    assert_eq!(older.proposal, Proposal::CannotTell);
    // One reason is cleared, another holds: the clock stands.
    let other =
        vec![row(Reason::Audit, State::Cleared, Some("2025-10-17")), row(Reason::Risk, State::Open, None)];
    let other = of(held("audit"), other);
    assert_eq!((other.proposal, other.clock.unwrap().state), (Proposal::Hold, ClockState::Suspended));
    assert_eq!(of(held("other"), vec![]).proposal, Proposal::Hold);
}

#[test]
fn what_changed_since_the_night_before() {
    use Proposal::{Adjust, CannotTell, Decided, Hold, Refuse, Release};
    let of = Change::of;
    assert_eq!(of(None, Hold), Change::New);
    assert_eq!(of(Some(Release), Hold), Change::NewlyHeld);
    assert_eq!(of(Some(CannotTell), Hold), Change::NewlyHeld);
    assert_eq!(of(Some(Hold), Release), Change::NewlyReleased);
    assert_eq!(of(Some(CannotTell), Adjust), Change::NewlyReleased);
    assert_eq!(of(Some(Release), Adjust), Change::Changed);
    assert_eq!(of(Some(Hold), Refuse), Change::Changed);
    assert_eq!(of(Some(Hold), Hold), Change::Same);
    assert_eq!(of(Some(Hold), Decided), Change::Left);
    assert_eq!(of(None, Decided), Change::Left);
}

#[test]
fn a_message_says_what_why_and_by_when() {
    let evidence = vec![row(Reason::Audit, State::Open, None)];
    let row = judged(application(), eligible(Some(40_000_000)), evidence, all_loaded(), None);
    let wanted = "申请退还2025年9月期末留抵税额500,000.00元，按政策可退400,000.00元，多申请100,000.00元。建议暂停办理：被税务稽查立案且未结案（案件AJ1 \
                  2025-09-01立案）。审核中第5个工作日，应于2025-10-27前办结，剩5个工作日。";
    assert_eq!(row.message_zh, wanted);
    assert!(
        row.advice_zh.contains("案件结案后恢复") && row.advice_zh.contains("5个工作日"),
        "{}",
        row.advice_zh
    );
    assert_eq!(
        super::words::basis(&row),
        "国家税务总局公告2025年第20号第七条；财政部 税务总局公告2025年第7号（B29）"
    );
    assert_eq!(row.difference(), Some(10_000_000));
}
