//! What offices can do: of the tasks that were opened, those that bring in most within the capacities. Choosing is
//! arithmetic done elsewhere; here stand what a task is worth, what it takes, and the reasons of what is left out.

use std::collections::{BTreeMap, HashMap};

use assay_risk_models::allocation::{Candidate, Office, allocate, by_rank};

use super::effect::Hopes;
use super::error::{LedgerError, Result};
use super::filter::Filter;
use super::limits::{Bars, Spared, capacities, spare};
use super::rows::run;
use super::rules::{QUARTERS, Rules};
use super::state::State;
use super::store::{Kind, Stored, read, read_items};
use super::withheld::Reason;
use super::{By, Ledger, Tx, commit};
use crate::office::Tree;

/// What is to be done, and what is left out.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Tasks taken.
    pub taken: usize,
    /// Requests of other offices and random checks among them, which are done in any case and take their work out first.
    pub musts: usize,
    /// Fen they are expected to bring in.
    pub expected: i128,
    /// Fen no choice within the capacities could exceed.
    pub at_most: i128,
    /// Fen expected of taking tasks by rank, each that still fits.
    pub by_rank: i128,
    /// Offices that have tasks or a capacity.
    pub offices: Vec<OfficePlan>,
    /// Tasks left out, most urgent first.
    pub left_out: Vec<LeftOut>,
}

/// An office in the plan; work in standard tasks.
#[derive(Debug, Clone)]
pub struct OfficePlan {
    /// Its code; empty: no office is known.
    pub office_code: String,
    /// Its name.
    pub office_name: String,
    /// What it can take; none: no limit.
    pub capacity: Option<f64>,
    /// Work of tasks it has in hand.
    pub under_way: f64,
    /// Work the plan adds.
    pub planned: f64,
    /// Tasks the plan adds.
    pub taken: usize,
    /// Its tasks the plan leaves out.
    pub left_out: usize,
    /// Fen the added tasks are expected to bring in.
    pub expected: i128,
}

/// A task that is left out.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Its number.
    pub task_no: String,
    /// Its taxpayer.
    pub taxpayer_id: String,
    /// Its office; none: not known.
    pub office_code: Option<String>,
    /// Its grade.
    pub grade: String,
    /// Fen it is expected to bring in.
    pub expected: i64,
    /// Why, in Chinese.
    pub zh: String,
    /// Why, in English.
    pub en: String,
}

/// Offices as the allocation knows them: for each office a place for all below it and one for itself.
struct Desks {
    offices: Vec<Office>,
    /// Of each place: the office.
    codes: Vec<String>,
    /// The place of an office itself.
    own: HashMap<String, usize>,
}

impl Desks {
    fn build(
        tree: &Tree,
        limits: &HashMap<String, (Option<i64>, Option<i64>)>,
        in_hand: &HashMap<String, u64>,
    ) -> Self {
        let codes: Vec<&String> = tree.0.keys().collect();
        let place: HashMap<&str, usize> =
            codes.iter().enumerate().map(|(at, code)| (code.as_str(), at)).collect();
        let left = |limit: i64, taken: u64| u64::try_from(limit).unwrap_or(0).saturating_sub(taken);
        let mut desks = Self { offices: Vec::new(), codes: Vec::new(), own: HashMap::new() };
        for code in &codes {
            let office = &tree.0[*code];
            let above = office
                .parent_code
                .as_deref()
                .filter(|above| above != code)
                .and_then(|above| place.get(above).copied());
            let below: u64 = tree.below(code).iter().filter_map(|one| in_hand.get(one)).sum();
            let whole = limits.get(*code).and_then(|(_, whole)| *whole);
            desks.offices.push(Office { above, capacity: whole.map(|limit| left(limit, below)) });
            desks.codes.push((*code).clone());
        }
        for (at, code) in codes.iter().enumerate() {
            let own = limits.get(*code).and_then(|(own, _)| *own);
            let taken = in_hand.get(*code).copied().unwrap_or(0);
            desks.own.insert((*code).clone(), desks.offices.len());
            desks.offices.push(Office { above: Some(at), capacity: own.map(|limit| left(limit, taken)) });
            desks.codes.push((*code).clone());
        }
        // Tasks nobody manages, and those of offices the register does not know.
        desks.offices.push(Office { above: None, capacity: None });
        desks.codes.push(String::new());
        desks
    }

    fn place(&self, office_code: Option<&str>) -> usize {
        office_code.and_then(|code| self.own.get(code).copied()).unwrap_or(self.offices.len() - 1)
    }
}

impl Ledger {
    /// Chooses among the tasks that are opened and not sent; not those of taxpayers that are exempt by now or of whom an audit
    /// is open (`audits`: taxpayer and case number). With `write`, tasks remember whether they are taken and why not, and only
    /// those taken are sent.
    ///
    /// # Errors
    /// When the ledger cannot be read or written, or offices stand above each other in a circle.
    pub async fn plan(
        &self,
        rules: &Rules,
        audits: &HashMap<String, String>,
        write: bool,
        by: &By,
    ) -> Result<Plan> {
        let mut tx = self.begin_in_turn().await?;
        let tree = Tree::read(&mut tx).await?;
        let limits: HashMap<String, (Option<i64>, Option<i64>)> = capacities(&mut tx, &tree)
            .await?
            .into_iter()
            .map(|limit| (limit.office_code, (limit.own, limit.whole)))
            .collect();
        let open = read(&mut tx, &Filter::open()).await?;
        let (mut waiting, busy): (Vec<Stored>, Vec<Stored>) =
            open.into_iter().partition(|one| one.state == State::Created);
        read_items(&mut tx, &mut waiting).await?;
        let bars = Bars::on(&mut tx, &by.day(), audits).await?;
        let fates: Vec<Fate> = waiting.iter_mut().map(|one| Fate::of(one, &bars)).collect();
        let mut in_hand: HashMap<String, u64> = HashMap::new();
        for one in busy.iter().filter(|one| one.state.awaits_answer()) {
            let work = u64::from(rules.quarters(one.kind, &one.task.grade));
            *in_hand.entry(one.task.office_code.clone().unwrap_or_default()).or_default() += work;
        }
        let worth = worth(&mut tx, &waiting, rules).await?;
        let effort: Vec<u32> = waiting.iter().map(|one| rules.quarters(one.kind, &one.task.grade)).collect();
        let chosen = choose((&waiting, &fates), (&worth, &effort), &tree, (&limits, &in_hand))?;
        let musts: i128 = fates
            .iter()
            .zip(&worth)
            .filter(|(fate, _)| **fate == Fate::Must)
            .map(|(_, fen)| i128::from(*fen))
            .sum();
        let mut plan = Plan {
            taken: chosen.taken.iter().filter(|taken| **taken).count(),
            musts: fates.iter().filter(|fate| **fate == Fate::Must).count(),
            expected: chosen.value + musts,
            at_most: chosen.at_most + musts,
            by_rank: chosen.by_rank + musts,
            ..Plan::default()
        };
        for (at, one) in waiting.iter().enumerate().filter(|(at, _)| !chosen.taken[*at]) {
            let (zh, en) = match &fates[at] {
                Fate::LeftAlone(why, detail) => {
                    (format!("{}：{detail}", why.zh()), format!("{}: {detail}", why.word()))
                }
                Fate::Must | Fate::Free => full(one, &tree, &chosen.bound_by[at]),
            };
            plan.left_out.push(LeftOut {
                task_no: one.task.task_no.clone(),
                taxpayer_id: one.task.taxpayer_id.clone(),
                office_code: one.task.office_code.clone(),
                grade: one.task.grade.clone(),
                expected: worth[at],
                zh,
                en,
            });
        }
        let work = (worth.as_slice(), effort.as_slice(), chosen.taken.as_slice());
        plan.offices = office_plans(&waiting, work, &tree, (&limits, &in_hand));
        if write {
            remember(&mut tx, &waiting, &chosen.taken, &plan.left_out).await?;
        }
        tracing::debug!(who = by.who, taken = plan.taken, "planned");
        commit(tx).await?;
        Ok(plan)
    }
}

/// Fen each task is expected to bring in. A task whose amount nobody can estimate counts as the median of its grade, not
/// as nothing.
async fn worth(tx: &mut Tx, tasks: &[Stored], rules: &Rules) -> Result<Vec<i64>> {
    let hopes = Hopes::read(tx, rules).await?;
    let known: Vec<Option<f64>> = tasks
        .iter()
        .map(|one| {
            let assumed = rules.assumed(&one.task.grade);
            let counted = one.items.iter().filter(|item| item.amount_counted);
            let worth: Vec<f64> =
                counted.filter_map(|item| Some(hopes.of(&item.indicator, item.amount?, assumed))).collect();
            (!worth.is_empty()).then(|| worth.iter().sum())
        })
        .collect();
    let mut by_grade: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (one, worth) in tasks.iter().zip(&known) {
        if let Some(worth) = worth {
            by_grade.entry(&one.task.grade).or_default().push(*worth);
        }
    }
    let mut medians: HashMap<&str, f64> = HashMap::new();
    for (grade, mut all) in by_grade {
        all.sort_by(f64::total_cmp);
        medians.insert(grade, all[all.len() / 2]);
    }
    let median = |one: &Stored| match one.kind {
        Kind::Risk => medians.get(one.task.grade.as_str()).copied().unwrap_or(0.0),
        Kind::Sample | Kind::Assistance | Kind::Benefit => 0.0,
    };
    // A negative estimate (a refund due) brings in nothing.
    let fen =
        |(one, worth): (&Stored, &Option<f64>)| worth.unwrap_or_else(|| median(one)).max(0.0).round() as i64;
    Ok(tasks.iter().zip(&known).map(fen).collect())
}

/// What becomes of a task before anything is weighed.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// It is weighed against the others.
    Free,
    /// It is done, and what is left of the capacities is for the others.
    Must,
    /// Its taxpayer is left alone by now, and why.
    LeftAlone(Reason, String),
}

impl Fate {
    fn of(one: &mut Stored, bars: &Bars<'_>) -> Self {
        match spare(one, bars) {
            Spared::Whole(why, detail) => Self::LeftAlone(why, detail),
            Spared::Nothing | Spared::Items(_) if one.is_must() => Self::Must,
            Spared::Nothing | Spared::Items(_) => Self::Free,
        }
    }
}

/// What is chosen of all tasks, the musts among them; values in fen without theirs.
struct Chosen {
    taken: Vec<bool>,
    /// Of each task left out for want of capacity: the office that is full.
    bound_by: Vec<String>,
    value: i128,
    at_most: i128,
    by_rank: i128,
}

fn choose(
    (waiting, fates): (&[Stored], &[Fate]),
    (worth, effort): (&[i64], &[u32]),
    tree: &Tree,
    (limits, in_hand): Limits<'_>,
) -> Result<Chosen> {
    let mut in_hand = in_hand.clone();
    for (at, one) in waiting.iter().enumerate().filter(|(at, _)| fates[*at] == Fate::Must) {
        *in_hand.entry(one.task.office_code.clone().unwrap_or_default()).or_default() +=
            u64::from(effort[at]);
    }
    let desks = Desks::build(tree, limits, &in_hand);
    let free: Vec<usize> = (0..waiting.len()).filter(|at| fates[*at] == Fate::Free).collect();
    let candidate = |at: &usize| Candidate {
        office: desks.place(waiting[*at].task.office_code.as_deref()),
        effort: effort[*at],
        value: worth[*at],
    };
    let candidates: Vec<Candidate> = free.iter().map(candidate).collect();
    let circle =
        |error| LedgerError::input(format!("the offices of the register cannot be planned for: {error}"));
    let found = allocate(&desks.offices, &candidates).map_err(circle)?;
    let ranked = by_rank(&desks.offices, &candidates).map_err(circle)?;
    let mut chosen = Chosen {
        taken: fates.iter().map(|fate| *fate == Fate::Must).collect(),
        bound_by: vec![String::new(); waiting.len()],
        value: found.value,
        at_most: found.at_most,
        by_rank: ranked.value,
    };
    for (place, at) in free.into_iter().enumerate() {
        chosen.taken[at] = found.taken[place];
        chosen.bound_by[at] = found.bound_by[place].map(|desk| desks.codes[desk].clone()).unwrap_or_default();
    }
    Ok(chosen)
}

/// Why a task does not fit, in Chinese and English.
fn full(one: &Stored, tree: &Tree, bound: &str) -> (String, String) {
    let name = tree.0.get(bound).and_then(|office| office.name.as_deref()).unwrap_or(bound);
    if one.task.office_code.as_deref() == Some(bound) {
        return (format!("{name}本期承接能力已满，预期成效低于已选任务"), format!("{bound} is full"));
    }
    (
        format!("上级{name}（含下级）本期承接能力已满，预期成效低于已选任务"),
        format!("{bound} with all below it is full"),
    )
}

type Limits<'a> = (&'a HashMap<String, (Option<i64>, Option<i64>)>, &'a HashMap<String, u64>);

fn office_plans(
    tasks: &[Stored],
    (worth, effort, taken): (&[i64], &[u32], &[bool]),
    tree: &Tree,
    (limits, in_hand): Limits<'_>,
) -> Vec<OfficePlan> {
    let standard = |quarters: u64| quarters as f64 / f64::from(QUARTERS);
    let mut plans: BTreeMap<String, OfficePlan> = BTreeMap::new();
    for (at, one) in tasks.iter().enumerate() {
        let code = one.task.office_code.clone().unwrap_or_default();
        let plan = plans.entry(code.clone()).or_insert_with(|| OfficePlan {
            office_name: tree.0.get(&code).and_then(|office| office.name.clone()).unwrap_or_default(),
            capacity: limits
                .get(&code)
                .and_then(|(own, _)| *own)
                .map(|limit| limit as f64 / f64::from(QUARTERS)),
            under_way: standard(in_hand.get(&code).copied().unwrap_or(0)),
            planned: 0.0,
            taken: 0,
            left_out: 0,
            expected: 0,
            office_code: code,
        });
        if taken[at] {
            plan.planned += standard(u64::from(effort[at]));
            plan.taken += 1;
            plan.expected += i128::from(worth[at]);
        } else {
            plan.left_out += 1;
        }
    }
    plans.into_values().collect()
}

async fn remember(tx: &mut Tx, tasks: &[Stored], taken: &[bool], left_out: &[LeftOut]) -> Result<()> {
    let reasons: HashMap<&str, &str> =
        left_out.iter().map(|one| (one.task_no.as_str(), one.zh.as_str())).collect();
    for (one, taken) in tasks.iter().zip(taken) {
        let no = one.task.task_no.as_str();
        let reason = reasons.get(no).map(|reason| (*reason).to_owned());
        let sql = "UPDATE task SET planned = $1, plan_reason = $2 WHERE task_no = $3 AND state = 'created'";
        run(tx, "remember the plan", sql, vec![(*taken).into(), reason.into(), no.into()]).await?;
    }
    Ok(())
}
