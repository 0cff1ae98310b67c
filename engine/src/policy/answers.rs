//! The answers of policies for all taxpayers of a gathered profile: findings as rows, and how many there are of each.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int8Type, Int64Type};
use assay_indicators::policy::{Answer, Ruled, Ruler};
use assay_indicators::{CompiledPolicy, FactValue};

use crate::scan::gather::Gathered;
use crate::scan::judge::column;
use crate::scan::render::quoted;
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

/// Asks the policies of a layout of everyone.
pub(crate) fn ask(policies: &[CompiledPolicy], profile: &Gathered) -> Result<Answered> {
    let heads: Vec<Vec<String>> = policies.iter().map(fact_heads).collect();
    let parts = profile.each(|inputs, evaluation| {
        let mut answered = Answered::default();
        evaluation.rule(inputs, |ruling, ruler, facts, ruled| {
            let about = (policies, heads[ruling].as_slice(), inputs);
            take(about, ruling, (ruler, facts, ruled), &mut answered)
        })?;
        Ok(answered)
    })?;
    let mut all = Answered::default();
    for part in parts {
        all.findings.extend(part.findings);
        for (key, count) in part.counts {
            let sum = all.counts.entry(key).or_default();
            sum.n += count.n;
            sum.claimed += count.claimed;
            sum.benefit += count.benefit;
            sum.amount += count.amount;
        }
    }
    all.findings.sort_by_key(|finding| (finding.taxpayer_key, finding.ruling));
    Ok(all)
}

type About<'a> = (&'a [CompiledPolicy], &'a [String], &'a RecordBatch);

/// Counts one version's answers and keeps those that say something.
fn take(
    (policies, heads, inputs): About<'_>,
    ruling: usize,
    (ruler, facts, ruled): (&Ruler, &RecordBatch, &Ruled),
    answered: &mut Answered,
) -> Result<()> {
    let answers = ruled.answer.as_primitive::<Int8Type>();
    let [claimed, benefit, amount] =
        [&ruled.claimed, &ruled.benefit, &ruled.amount].map(|column| column.as_primitive::<Decimal128Type>());
    let keys = column(inputs, "taxpayer_key")?.as_primitive::<Int64Type>();
    let ids = arrow::compute::cast(column(inputs, "taxpayer_id")?, &arrow::datatypes::DataType::Utf8)?;
    let ids = ids.as_string::<i32>();
    let version = policies[ruling].version();
    for row in (0..answers.len()).filter(|row| answers.is_valid(*row)) {
        let answer = Answer::of(answers.value(row))
            .ok_or_else(|| EngineError::internal("a policy gave an answer nobody knows"))?;
        let yuan = |column: &arrow::array::Decimal128Array| column.is_valid(row).then(|| column.value(row));
        let (claimed, benefit, amount) = (yuan(claimed), yuan(benefit), yuan(amount));
        let count = answered.counts.entry((ruling, answer)).or_default();
        count.n += 1;
        count.claimed += claimed.unwrap_or(0);
        count.benefit += benefit.unwrap_or(0);
        count.amount += amount.unwrap_or(0);
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
            let names = places.iter().map(|fact| policies[ruling].policy.facts[*fact].name.value.as_str());
            names.collect::<Vec<_>>().join(",")
        };
        let looked_at = !matches!(answer, Answer::DueClaimed | Answer::Waived);
        answered.findings.push(Finding {
            ruling,
            taxpayer_key: keys.value(row),
            taxpayer_id: ids.is_valid(row).then(|| ids.value(row).to_owned()),
            answer,
            claimed,
            benefit,
            amount,
            failed: failed.map(|(condition, _)| condition.name.value.as_str()).collect::<Vec<_>>().join(","),
            missing: names(&missing),
            facts: looked_at.then(|| json(heads, facts, row)),
        });
    }
    Ok(())
}

/// `"name":{"unit":…,"zh":…,"en":…,"value":` of each fact; the value and a brace follow.
fn fact_heads(compiled: &CompiledPolicy) -> Vec<String> {
    let head = |fact: &assay_indicators::Fact| {
        let [name, zh, en] = [&fact.name.value, &fact.label.zh, &fact.label.en].map(|text| quoted(text));
        format!("{name}:{{\"unit\":\"{}\",\"zh\":{zh},\"en\":{en},\"value\":", fact.unit)
    };
    compiled.policy.facts.iter().map(head).collect()
}

fn json(heads: &[String], facts: &RecordBatch, row: usize) -> String {
    let pieces: Vec<String> = heads
        .iter()
        .zip(facts.columns())
        .map(|(head, fact)| format!("{head}{}}}", FactValue::at(fact, row).json()))
        .collect();
    format!("{{{}}}", pieces.join(","))
}
