//! The answers of policies for all taxpayers of a gathered profile: findings as rows, and how many there are of each.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int8Type};
use assay_indicators::policy::{Answer, Ruled, Ruler};
use assay_indicators::{CompiledPolicy, FactValue};

use crate::scan::gather::Gathered;
use crate::scan::judge::{column, keys};
use crate::scan::render::{fact_heads, facts_json};
use crate::{EngineError, Result};

/// An answer worth keeping: whatever is not simply «not due».
#[derive(Debug, Clone)]
pub struct Finding {
    /// Place of the policy's version in the layout.
    pub ruling: usize,
    /// Taxpayer.
    pub taxpayer_key: i64,
    /// Its number.
    pub taxpayer_id: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// Relief claimed, fen.
    pub claimed: Option<i128>,
    /// What it is worth to who is entitled, fen.
    pub benefit: Option<i128>,
    /// At stake, fen.
    pub amount: Option<i128>,
    /// Names of conditions that fail.
    pub failed: String,
    /// Names of facts that are missing.
    pub missing: String,
    /// Facts as JSON, of answers somebody has to look at.
    pub facts: Option<String>,
}

/// How many taxpayers got an answer, and the sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Taxpayers.
    pub n: i64,
    /// Relief claimed, fen.
    pub claimed: i128,
    /// What it is worth, fen.
    pub benefit: i128,
    /// At stake, fen.
    pub amount: i128,
}

/// Everything policies say of a month.
#[derive(Debug, Default)]
pub struct Answered {
    /// By taxpayer, then policy.
    pub findings: Vec<Finding>,
    /// By place of the policy's version in the layout, and answer.
    pub counts: BTreeMap<(usize, Answer), Count>,
}

impl Answered {
    /// Adds what was answered to others, who stand after those before.
    pub(super) fn extend(&mut self, more: Self) {
        self.findings.extend(more.findings);
        for (key, count) in more.counts {
            let sum = self.counts.entry(key).or_default();
            sum.n += count.n;
            sum.add(count.claimed, count.benefit, count.amount);
        }
    }
}

impl Count {
    fn add(&mut self, claimed: i128, benefit: i128, amount: i128) {
        self.claimed += claimed;
        self.benefit += benefit;
        self.amount += amount;
    }
}

/// Asks the policies of a layout of everyone.
pub(crate) fn ask(policies: &[CompiledPolicy], profile: &Gathered) -> Result<Answered> {
    let mut all = Answered::default();
    for range in 0..profile.ranges() {
        all.extend(ask_range(policies, profile, range)?);
    }
    Ok(all)
}

/// Asks the policies of a layout of a range of taxpayers.
pub(super) fn ask_range(policies: &[CompiledPolicy], profile: &Gathered, range: usize) -> Result<Answered> {
    let heads: Vec<Vec<String>> =
        policies.iter().map(|compiled| fact_heads(&compiled.policy.facts)).collect();
    let parts = profile.see(range, |_, inputs| {
        let mut answered = Answered::default();
        let keys = keys(inputs)?;
        let ids = cast(column(inputs, "taxpayer_id")?, &DataType::Utf8)?;
        let who = (keys, ids.as_string());
        profile.evaluation().rule_concerned(inputs, |(ruling, places), ruler, facts, ruled| {
            let about = (&policies[ruling], heads[ruling].as_slice());
            take((ruling, about), (who, places), (ruler, facts, ruled), &mut answered)
        })?;
        answered.findings.sort_by_key(|finding| (finding.taxpayer_key, finding.ruling));
        Ok(answered)
    })?;
    let mut all = Answered::default();
    parts.into_iter().for_each(|part| all.extend(part));
    Ok(all)
}

/// Counts one version's answers and keeps those that say something.
fn take(
    (ruling, (compiled, heads)): (usize, (&CompiledPolicy, &[String])),
    ((keys, ids), places): ((&Int64Array, &StringArray), &[usize]),
    (ruler, facts, ruled): (&Ruler, &RecordBatch, &Ruled),
    answered: &mut Answered,
) -> Result<()> {
    let answers = ruled.answer.as_primitive::<Int8Type>();
    let [claimed, benefit, amount] =
        [&ruled.claimed, &ruled.benefit, &ruled.amount].map(|column| column.as_primitive::<Decimal128Type>());
    let version = compiled.version();
    // Most rows are counted and no more: by place, not by key.
    let mut counts = vec![Count::default(); Answer::ALL.len() + 1];
    for row in (0..answers.len()).filter(|row| answers.is_valid(*row)) {
        let answer = Answer::of(answers.value(row))
            .ok_or_else(|| EngineError::internal("a policy gave an answer nobody knows"))?;
        let count = &mut counts[answer as usize];
        let yuan = |column: &Decimal128Array| column.is_valid(row).then(|| column.value(row));
        let (claimed, benefit, amount) = (yuan(claimed), yuan(benefit), yuan(amount));
        count.n += 1;
        count.add(claimed.unwrap_or(0), benefit.unwrap_or(0), amount.unwrap_or(0));
        if answer == Answer::NotDue {
            continue;
        }
        let failed = version.conditions.iter().zip(&ruled.conditions).filter(|(_, column)| {
            column.as_ref().is_some_and(|c| c.is_valid(row) && !c.as_boolean().value(row))
        });
        let missing = match answer {
            Answer::CannotTell => ruler.missing(facts, ruled, row),
            _ => Vec::new(),
        };
        let names = |places: &[usize]| {
            let names = places.iter().map(|fact| compiled.policy.facts[*fact].name.value.as_str());
            names.collect::<Vec<_>>().join(",")
        };
        let looked_at = !matches!(answer, Answer::DueClaimed | Answer::Waived);
        answered.findings.push(Finding {
            ruling,
            taxpayer_key: keys.value(places[row]),
            taxpayer_id: ids.is_valid(places[row]).then(|| ids.value(places[row]).to_owned()),
            answer,
            claimed,
            benefit,
            amount,
            failed: failed.map(|(condition, _)| condition.name.value.as_str()).collect::<Vec<_>>().join(","),
            missing: names(&missing),
            facts: looked_at.then(|| {
                let values: Vec<_> = facts.columns().iter().map(|fact| FactValue::at(fact, row)).collect();
                facts_json(heads, &values)
            }),
        });
    }
    let counted = Answer::ALL.iter().map(|answer| ((ruling, *answer), counts[*answer as usize]));
    answered.counts.extend(counted.filter(|(_, count)| count.n > 0));
    Ok(())
}
