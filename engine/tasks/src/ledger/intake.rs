//! Taking the tasks of a scan in (扎口): hits join the open task of their taxpayer; what was dealt with lately, is exempt,
//! under audit or not to be disturbed is withheld with the reason; the rest opens tasks.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Days, Months, NaiveDate};

use super::benefits::{BenefitFinding, Settled, grade_of, response_of, settle, with_findings};
use super::error::Result;
use super::filter::Filter;
use super::limits::{Exempt, covering, exempt_on};
use super::offices::renew;
use super::retell::retell;
use super::rows::{all, int, word};
use super::rules::Rules;
use super::state::{Action, State};
use super::store::{Kind, Stored, add, change, put_items, read, read_items};
use super::withheld::{Reason, Withheld, note, withheld_before};
use super::{By, Ledger, Tx, commit, patiently};
use crate::office::{OfficeRow, Tree};
use crate::{ItemKind, Task, TaskItem, Tasks, row_key, task_no};

/// Two letters in the numbers of risk tasks.
pub(super) const TASK_TYPE: &str = "FX";

/// Points of suspicions in hundredths, each with its family, as far as a scorecard lets them add up.
pub type Capped<'a> = dyn Fn(&[(&str, i128)]) -> Vec<i128> + Send + Sync + 'a;

/// The tasks of one scan and what is known besides.
pub struct Intake<'a> {
    /// The scan's run.
    pub run: &'a str,
    /// Month of the scan, YYYYMM.
    pub as_of: i32,
    /// Its tasks, most urgent first.
    pub candidates: &'a Tasks,
    /// What policies found as of the month.
    pub findings: &'a [BenefitFinding],
    /// Findings of earlier months that no longer hold.
    pub settled: &'a [Settled],
    /// The register's offices.
    pub offices: &'a [OfficeRow],
    /// Open audits: taxpayer and case number.
    pub audits: &'a HashMap<String, String>,
    /// The grade of a score in hundredths; none below all lines.
    pub grade_of: &'a (dyn Fn(i128) -> Option<&'static str> + Send + Sync),
    /// The scorecard's caps.
    pub capped: &'a Capped<'a>,
    /// Days to respond to a task of a grade.
    pub days_of: &'a (dyn Fn(&str) -> i32 + Send + Sync),
    /// 应对方式 of a grade, and of `verify` and `remind`.
    pub response_of: &'a (dyn Fn(&str) -> String + Send + Sync),
    /// What opens a task and what does not.
    pub rules: &'a Rules,
}

/// What became of a scan's tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// Tasks opened.
    pub opened: usize,
    /// Open tasks that hits joined.
    pub joined: usize,
    /// Hits withheld, by reason.
    pub withheld: BTreeMap<Reason, usize>,
    /// Suspicions taken out of tasks not sent yet, because they no longer hold.
    pub settled: usize,
    /// Suspicions that no longer hold in tasks that are out: task and code.
    pub settled_out: Vec<(String, String)>,
    /// Whether the scan had been taken in before, so that only what it withheld was looked at again.
    pub known: bool,
}

/// What the ledger knows of taxpayers when a scan comes in.
struct Known {
    open: HashMap<String, Stored>,
    exempt: Exempt,
    /// Taxpayer and family: task, day it was closed, largest amount in fen.
    dealt: HashMap<(String, String), (String, String, Option<i64>)>,
    row_keys: HashSet<String>,
    next: u32,
    numbered: bool,
}

impl Ledger {
    /// Takes the tasks of a scan in, all or nothing. Of a run that was taken in before, what was withheld is looked at again: the
    /// reason may be gone.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub async fn open_tasks(&self, intake: &Intake<'_>, by: &By) -> Result<Opened> {
        patiently(async || self.take_in(intake, by).await).await
    }

    async fn take_in(&self, intake: &Intake<'_>, by: &By) -> Result<Opened> {
        let mut tx = self.begin_in_turn().await?;
        let again = withheld_before(&mut tx, intake.run).await?;
        renew(&mut tx, intake.offices).await?;
        let tree = Tree::read(&mut tx).await?;
        let mut known = Known::read(&mut tx, intake, by).await?;
        let mut opened = Opened { known: again.is_some(), ..Opened::default() };
        let (mut fresh, mut withheld) = (Vec::new(), Vec::new());
        (opened.settled, opened.settled_out) = settle(&mut tx, &mut known.open, intake.settled, by).await?;
        let candidates = with_findings(intake, &tree);
        let mut rest = candidates.items.as_slice();
        for task in &candidates.tasks {
            let n = rest.iter().take_while(|item| item.task_no == task.task_no).count();
            let (items, later) = rest.split_at(n);
            rest = later;
            let asked = |item: &&TaskItem| {
                let pair = (task.taxpayer_id.clone(), item.indicator.clone());
                again.as_ref().is_none_or(|again| again.contains(&pair))
            };
            let items: Vec<TaskItem> = items.iter().filter(asked).cloned().collect();
            let items = sift(task, &items, intake, &known, &mut withheld);
            if items.is_empty() {
                continue;
            }
            match known.open.get_mut(&task.taxpayer_id) {
                Some(one) => {
                    opened.joined += usize::from(join(&mut tx, one, items, intake, by).await?);
                }
                None => fresh.extend(open(task, items, intake, &tree, &mut known, by, &mut withheld)),
            }
        }
        add(&mut tx, &fresh, by, &format!("截至{}的扫描（{}）", intake.as_of, intake.run)).await?;
        opened.opened = fresh.len();
        for one in &withheld {
            *opened.withheld.entry(one.reason).or_default() += 1;
        }
        note(&mut tx, intake, &opened, &withheld, by).await?;
        commit(tx).await?;
        Ok(opened)
    }
}

impl Known {
    async fn read(tx: &mut Tx, intake: &Intake<'_>, by: &By) -> Result<Self> {
        let mut found = read(tx, &Filter::open()).await?;
        found.retain(|one| one.kind != Kind::Assistance);
        read_items(tx, &mut found).await?;
        let open = found.into_iter().map(|one| (one.task.taxpayer_id.clone(), one)).collect();
        let exempt = exempt_on(tx, &by.day()).await?;
        let dealt = dealt_with(tx, intake.rules.cool_down_months, by.at.date_naive()).await?;
        let sql = "SELECT task_no, row_key FROM task WHERE as_of = $1 AND kind <> 'assistance'";
        let (mut row_keys, mut last) = (HashSet::new(), 0);
        for row in all(tx, "read numbers", sql, vec![intake.as_of.into()]).await? {
            row_keys.insert(word(&row, 1)?);
            last = last.max(sequence(&word(&row, 0)?));
        }
        // The first tasks of a month keep the numbers their scan gave them.
        let numbered = last > 0;
        Ok(Self { open, exempt, dealt, row_keys, next: last + 1, numbered })
    }
}

/// The sequence within a task number: seven digits before the check character.
pub(super) fn sequence(task_no: &str) -> u32 {
    let end = task_no.len().saturating_sub(1);
    task_no.get(end.saturating_sub(7)..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Families that closed tasks of the last months dealt with.
async fn dealt_with(
    tx: &mut Tx,
    months: u32,
    today: NaiveDate,
) -> Result<HashMap<(String, String), (String, String, Option<i64>)>> {
    let since = today.checked_sub_months(Months::new(months)).unwrap_or(today).to_string();
    let sql = "SELECT t.taxpayer_id, i.family, t.task_no, t.closed_at, i.amount FROM task AS t \
        JOIN task_item AS i ON i.task_no = t.task_no WHERE t.state = 'closed' AND t.closed_at >= $1 AND i.conclusion IS NOT NULL ORDER BY t.closed_at";
    let mut dealt: HashMap<(String, String), (String, String, Option<i64>)> = HashMap::new();
    for row in all(tx, "read closed tasks", sql, vec![since.into()]).await? {
        let key = (word(&row, 0)?, word(&row, 1)?);
        let (no, day, amount) = (word(&row, 2)?, word(&row, 3)?, int(&row, 4)?);
        let entry = dealt.entry(key).or_insert_with(|| (no.clone(), day.clone(), None));
        let largest = entry.2.max(amount);
        *entry = (no, day, largest);
    }
    Ok(dealt)
}

/// The hits of a candidate that may become a task; the others are withheld.
fn sift(
    task: &Task,
    items: &[TaskItem],
    intake: &Intake<'_>,
    known: &Known,
    withheld: &mut Vec<Withheld>,
) -> Vec<TaskItem> {
    let id = &task.taxpayer_id;
    let whole = intake.audits.get(id).map(|case| (Reason::AuditOpen, case.clone())).or_else(|| {
        let one = known.open.get(id)?;
        matches!(one.state, State::Answered | State::Reviewed)
            .then(|| (Reason::InReview, one.task.task_no.clone()))
    });
    let mut kept = Vec::new();
    for item in items {
        let why = whole.clone().or_else(|| exempt(id, item, known)).or_else(|| cool(id, item, intake, known));
        match why {
            Some((reason, detail)) => withheld.push(hold(id, item, reason, detail)),
            None => kept.push(item.clone()),
        }
    }
    kept
}

fn hold(taxpayer_id: &str, item: &TaskItem, reason: Reason, detail: String) -> Withheld {
    Withheld { taxpayer_id: taxpayer_id.to_owned(), indicator: item.indicator.clone(), reason, detail }
}

fn exempt(id: &str, item: &TaskItem, known: &Known) -> Option<(Reason, String)> {
    let found = covering(&known.exempt, id, Some(&item.family))?;
    Some((Reason::Exempt, found.told()))
}

/// Whether a task dealt with the item's family lately and the amount has not grown enough since.
fn cool(id: &str, item: &TaskItem, intake: &Intake<'_>, known: &Known) -> Option<(Reason, String)> {
    let (no, closed, before) = known.dealt.get(&(id.to_owned(), item.family.clone()))?;
    let grown = match (item.amount, before) {
        (Some(now), Some(before)) => now as f64 >= *before as f64 * (1.0 + intake.rules.cool_down_growth),
        _ => false,
    };
    let day = closed.get(..10).unwrap_or(closed);
    (!grown).then(|| (Reason::CoolDown, format!("{no}, closed on {day}")))
}

/// A new task of the hits that are left; none when they do not make one.
fn open(
    candidate: &Task,
    mut items: Vec<TaskItem>,
    intake: &Intake<'_>,
    tree: &Tree,
    known: &mut Known,
    by: &By,
    withheld: &mut Vec<Withheld>,
) -> Option<Stored> {
    let mut task = candidate.clone();
    if i64::try_from(items.len()) != Ok(candidate.hit_count) {
        retell(&mut task, &mut items);
    }
    let id = &candidate.taxpayer_id;
    let risk = items.iter().any(|item| item.kind == ItemKind::Hit);
    let scored = if risk { (intake.grade_of)(task.score) } else { Some(grade_of(&items)) };
    let Some(grade) = scored else {
        withheld.extend(items.iter().map(|item| hold(id, item, Reason::BelowLine, String::new())));
        return None;
    };
    let rating = task.credit_rating.clone().unwrap_or_default();
    let quiet = &intake.rules.undisturbed;
    if risk && quiet.ratings.contains(&rating) && quiet.grades.iter().any(|g| g == grade) {
        let detail = format!("rated {rating}, grade {grade}");
        withheld.extend(items.iter().map(|item| hold(id, item, Reason::Undisturbed, detail.clone())));
        return None;
    }
    if task.grade != grade || !risk {
        grade.clone_into(&mut task.grade);
        task.due_days = (intake.days_of)(grade);
        task.response = if risk { (intake.response_of)(grade) } else { response_of(&items, intake) };
    }
    if known.numbered {
        task.sequence = i64::from(known.next);
        task.task_no = task_no(task.office_code.as_deref(), task.as_of, TASK_TYPE, known.next);
        known.next += 1;
    }
    if !known.row_keys.insert(task.row_key.clone()) {
        // The same suspicions of the same month once more, after a task that ended.
        task.row_key = row_key(id, task.as_of, &[&task.task_no]);
        known.row_keys.insert(task.row_key.clone());
    }
    task.office_path = tree.route(task.office_code.clone()).path.or(task.office_path);
    for item in &mut items {
        item.task_no.clone_from(&task.task_no);
        item.row_key.clone_from(&task.row_key);
    }
    Some(fresh(task, items, if risk { Kind::Risk } else { Kind::Benefit }, by))
}

/// A task nobody has touched yet.
pub(super) fn fresh(task: Task, items: Vec<TaskItem>, kind: Kind, by: &By) -> Stored {
    Stored {
        task,
        items,
        conclusions: BTreeMap::new(),
        kind,
        state: State::Created,
        revision: 1,
        from_office: None,
        officer: None,
        planned: None,
        plan_reason: None,
        sampled: kind == Kind::Sample,
        opened_at: by.moment(),
        closed_at: None,
    }
}

/// Lets hits join an open task; whether anything changed.
async fn join(
    tx: &mut Tx,
    one: &mut Stored,
    hits: Vec<TaskItem>,
    intake: &Intake<'_>,
    by: &By,
) -> Result<bool> {
    let mut more: Vec<String> = Vec::new();
    for hit in hits {
        match one.items.iter_mut().find(|item| item.indicator == hit.indicator) {
            // What an office has in its hands stays as it is, unless more is at stake now.
            Some(item)
                if hit.as_of >= item.as_of && (one.state == State::Created || hit.amount > item.amount) =>
            {
                let same = (item.version, item.value, item.amount, item.points)
                    == (hit.version, hit.value, hit.amount, hit.points);
                if !same {
                    more.push(hit.indicator.clone());
                    *item = hit;
                }
            }
            Some(_) => {}
            None => {
                more.push(hit.indicator.clone());
                one.items.push(hit);
            }
        }
    }
    if more.is_empty() {
        return Ok(false);
    }
    // Points of two scans add up to no more than those of one.
    let points: Vec<(&str, i128)> =
        one.items.iter().map(|item| (item.family.as_str(), item.points)).collect();
    let capped = (intake.capped)(&points);
    for (item, points) in one.items.iter_mut().zip(capped) {
        item.points = points;
    }
    retell(&mut one.task, &mut one.items);
    raise(one, intake, by);
    if one.items.iter().any(|item| item.kind == ItemKind::Hit) {
        one.kind = Kind::Risk;
    } else if one.kind == Kind::Sample {
        one.kind = Kind::Benefit;
    }
    put_items(tx, one, by).await?;
    let note = format!("截至{}的扫描：{}", intake.as_of, more.join("、"));
    change(tx, one, Action::Join, by, Some(&note)).await?;
    Ok(true)
}

/// A higher grade brings its way of response, and its days from today on where they end earlier; none lowers a grade.
fn raise(one: &mut Stored, intake: &Intake<'_>, by: &By) {
    let place = |grade: &str| ["low", "medium", "high"].iter().position(|g| *g == grade);
    let risk = one.items.iter().any(|item| item.kind == ItemKind::Hit);
    let scored = if risk { (intake.grade_of)(one.task.score) } else { Some(grade_of(&one.items)) };
    let Some(grade) = scored else { return };
    if place(grade) <= place(&one.task.grade) && one.kind == Kind::Risk {
        return;
    }
    let days = (intake.days_of)(grade);
    grade.clone_into(&mut one.task.grade);
    one.task.response = if risk { (intake.response_of)(grade) } else { response_of(&one.items, intake) };
    one.task.due_days = days;
    let today = by.at.date_naive();
    let until = today.checked_add_days(Days::new(u64::try_from(days).unwrap_or(0))).unwrap_or(today);
    one.task.due_on = one.task.due_on.min(crate::days(until));
}
