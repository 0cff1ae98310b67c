//! The case base (案例库): closed tasks with their suspicions, facts and results, to be searched, and to be compared with a
//! new task. Nothing is learnt here; a case is what one office found once.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Answer;
use super::error::{LedgerError, Result};
use super::filter::Filter;
use super::held::stored_answers;
use super::state::State;
use super::store::{Kind, Stored, read, read_items};
use super::{Ledger, Tx};

/// How much of the likeness the shared suspicions make; the rest is industry, grade and size.
const BY_SUSPICION: f64 = 0.8;
const BY_INDUSTRY: f64 = 0.1;
const BY_GRADE: f64 = 0.05;
const BY_SIZE: f64 = 0.05;

/// A task that ended, and how.
#[derive(Debug, Clone)]
pub struct Case {
    /// The task as it was.
    pub stored: Stored,
    /// What the office found.
    pub answer: Answer,
    /// How like the task asked about, 0 to 1; 0 where none was asked about.
    pub likeness: f64,
    /// Suspicions shared with it, by code.
    pub shared: Vec<String>,
}

/// What to look for; what is none does not restrict.
#[derive(Debug, Clone, Default)]
pub struct CaseQuery {
    /// Words that stand in the suspicions, the facts, the explanation or the taxpayer's name; all of them must.
    pub text: Option<String>,
    /// An indicator that hit.
    pub indicator: Option<String>,
    /// Beginning of the industry code.
    pub industry: Option<String>,
    /// 核实结论.
    pub conclusion: Option<String>,
}

impl Ledger {
    /// Closed tasks that fit, the latest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn search_cases(&self, query: &CaseQuery) -> Result<Vec<Case>> {
        let mut tx = self.look().await?;
        let mut found = cases(&mut tx).await?;
        found.retain(|case| fits(case, query));
        found.sort_by(|a, b| b.stored.closed_at.cmp(&a.stored.closed_at));
        Ok(found)
    }

    /// The closed tasks most like a task, most like first; those that share no suspicion are none.
    ///
    /// # Errors
    /// When there is no such task.
    pub async fn similar_cases(&self, task_no: &str, most: usize) -> Result<Vec<Case>> {
        let mut tx = self.look().await?;
        let filter = Filter { id: Some(task_no.to_owned()), ..Filter::everything() };
        let mut asked = read(&mut tx, &filter).await?;
        asked.truncate(1);
        read_items(&mut tx, &mut asked).await?;
        let Some(asked) = asked.pop() else {
            return Err(LedgerError::input(format!("no task {task_no}; open ones: assay tasks list")));
        };
        let mut all = cases(&mut tx).await?;
        all.retain(|case| case.stored.task.task_no != asked.task.task_no);
        let rarity = rarity(&all);
        for case in &mut all {
            (case.likeness, case.shared) = likeness(&asked, &case.stored, &rarity);
        }
        all.retain(|case| !case.shared.is_empty());
        all.sort_by(|a, b| {
            b.likeness.total_cmp(&a.likeness).then_with(|| b.stored.closed_at.cmp(&a.stored.closed_at))
        });
        all.truncate(most);
        Ok(all)
    }
}

async fn cases(tx: &mut Tx) -> Result<Vec<Case>> {
    let filter = Filter { states: Some(vec![State::Closed]), ..Filter::everything() };
    let mut closed = read(tx, &filter).await?;
    closed.retain(|one| one.kind != Kind::Assistance);
    read_items(tx, &mut closed).await?;
    let numbers: Vec<String> = closed.iter().map(|one| one.task.task_no.clone()).collect();
    let mut answers = stored_answers(tx, &numbers).await?;
    let case = |stored: Stored| {
        let answer = answers.remove(&stored.task.task_no).map(|held| held.answer).unwrap_or_default();
        Case { stored, answer, likeness: 0.0, shared: Vec::new() }
    };
    Ok(closed.into_iter().map(case).collect())
}

fn fits(case: &Case, query: &CaseQuery) -> bool {
    let (task, items) = (&case.stored.task, &case.stored.items);
    let holds = |word: &str| {
        let texts = [&task.suspicion_zh, &task.suspicion_en, &task.taxpayer_id];
        texts.iter().any(|text| text.contains(word))
            || task.taxpayer_name.as_ref().is_some_and(|name| name.contains(word))
            || case.answer.told().iter().any(|(_, said)| said.contains(word))
            || items.iter().any(|item| item.facts_zh.contains(word))
    };
    query.text.as_ref().is_none_or(|text| text.split_whitespace().all(holds))
        && query.indicator.as_ref().is_none_or(|code| items.iter().any(|item| &item.indicator == code))
        && query.industry.as_ref().is_none_or(|start| {
            task.industry_code.as_ref().is_some_and(|code| code.starts_with(start.as_str()))
        })
        && query.conclusion.as_ref().is_none_or(|said| case.answer.conclusion() == Some(said))
}

/// How much a suspicion tells: the rarer among cases, the more (inverse document frequency, smoothed).
fn rarity(cases: &[Case]) -> BTreeMap<String, f64> {
    let mut seen: BTreeMap<String, f64> = BTreeMap::new();
    for item in cases.iter().flat_map(|case| &case.stored.items) {
        *seen.entry(item.indicator.clone()).or_default() += 1.0;
    }
    let all = cases.len() as f64;
    seen.into_iter().map(|(code, n)| (code, ((1.0 + all) / (1.0 + n)).ln() + 1.0)).collect()
}

/// How like two tasks are, and the suspicions they share: a weighted Jaccard index of the suspicions, and a little for the
/// same industry, grade and size.
fn likeness(a: &Stored, b: &Stored, rarity: &BTreeMap<String, f64>) -> (f64, Vec<String>) {
    let codes =
        |one: &Stored| -> BTreeSet<String> { one.items.iter().map(|item| item.indicator.clone()).collect() };
    let (mine, theirs) = (codes(a), codes(b));
    // A suspicion no case ever had is the rarest.
    let rarest = rarity.values().copied().fold(1.0, f64::max);
    let weigh = |code: &String| rarity.get(code).copied().unwrap_or(rarest);
    let shared: Vec<String> = mine.intersection(&theirs).cloned().collect();
    let all: f64 = mine.union(&theirs).map(weigh).sum();
    let common: f64 = shared.iter().map(weigh).sum();
    let section =
        |one: &Stored| one.task.industry_code.as_ref().and_then(|code| code.get(..3).map(str::to_owned));
    let industry = section(a).is_some() && section(a) == section(b);
    let size = match (a.task.amount, b.task.amount) {
        (Some(x), Some(y)) if x > 0 && y > 0 => 1.0 - ((x as f64 / y as f64).log10().abs() / 2.0).min(1.0),
        _ => 0.0,
    };
    let suspicion = if all > 0.0 { common / all } else { 0.0 };
    let likeness = BY_SUSPICION * suspicion
        + BY_INDUSTRY * f64::from(u8::from(industry))
        + BY_GRADE * f64::from(u8::from(a.task.grade == b.task.grade))
        + BY_SIZE * size;
    (likeness, shared)
}
