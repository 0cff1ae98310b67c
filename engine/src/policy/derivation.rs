//! One answer taken apart, as a person would write it: each condition with its facts, the benefit, the claim, the rows they come
//! from, the legal text.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int8Type, Schema};
use assay_indicators::policy::{Answer, Ruled, Ruler, Test, WAIVED, fill_policy_evidence};
use assay_indicators::{Asked, CompiledPolicy, FactValue, Language, Unit, period, yuan_exact};
use assay_sql::session::SessionOptions;

use super::desk::Desk;
use super::{limb_tax_zh, load_rulebook};
use crate::ingest::Progress;
use crate::warehouse::{Warehouse, session};
use crate::{EngineError, Result};

/// A condition and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What it demands, in Chinese.
    pub zh: String,
    /// How it is tested; none: a person looks at documents.
    pub test: Option<String>,
    /// Facts it reads: label and value, as an officer reads them.
    pub facts: Vec<(String, String)>,
    /// Whether it holds; none: it cannot be told.
    pub holds: Option<bool>,
}

/// An answer taken apart.
#[derive(Debug)]
pub struct Derivation {
    /// The policy and its version.
    pub compiled: CompiledPolicy,
    /// The taxpayer.
    pub taxpayer_id: String,
    /// The answer; none: the policy does not concern the taxpayer.
    pub answer: Option<Answer>,
    /// Conditions, in the order of the version.
    pub steps: Vec<Step>,
    /// Facts of the benefit.
    pub benefit_facts: Vec<(String, String)>,
    /// What it is worth, fen.
    pub benefit: Option<i128>,
    /// Relief claimed, fen.
    pub claimed: Option<i128>,
    /// At stake, fen.
    pub amount: Option<i128>,
    /// Whether the taxpayer gave it up for the period.
    pub waived: bool,
    /// Labels of facts that are missing.
    pub missing: Vec<String>,
    /// The rows behind it.
    pub evidence: RecordBatch,
    /// The query that returns them.
    pub evidence_sql: String,
}

impl Step {
    /// What came of it, in Chinese, and `yes`, `no` or `open`.
    #[must_use]
    pub fn mark(&self) -> (&'static str, &'static str) {
        match (&self.test, self.holds) {
            (None, _) => ("待核实", "open"),
            (_, Some(true)) => ("满足", "yes"),
            (_, Some(false)) => ("不满足", "no"),
            (_, None) => ("无法判断", "open"),
        }
    }
}

/// Takes the answers of a policy for one taxpayer and a period apart, one for each version in force.
///
/// # Errors
/// An unknown policy or taxpayer, a month that ends no period of the policy, or a period without a version in force.
pub async fn explain(
    warehouse: &Warehouse,
    (code, taxpayer_id, at): (&str, &str, i32),
    options: &SessionOptions,
    progress: Arc<dyn Progress>,
) -> Result<Vec<Derivation>> {
    let (book, catalogue) = load_rulebook(Some(warehouse))?;
    if let Some(entry) = book.get(code)
        && period::at_grain(at, entry.policy.grain) != at
    {
        let grain = entry.policy.grain;
        return Err(EngineError::input(format!(
            "{code} is asked by the {grain}, and {at} is not the last month of one"
        )));
    }
    let desk = Desk::open(warehouse, (book, catalogue), Some(at), options, progress).await?;
    let only = [code.to_owned()];
    let plan = desk.plan(Asked { book: &desk.book, only: &only, span: None }).await?;
    let (policies, profile) = desk.gather(plan).await?;
    if policies.is_empty() {
        return Err(EngineError::input(format!(
            "no version of {code} is in force in {at}; see: assay policies show {code}"
        )));
    }
    let (key, inputs) = profile
        .one(taxpayer_id)?
        .ok_or_else(|| EngineError::input(format!("no taxpayer {taxpayer_id} in the register in force")))?;
    let mut found = Vec::new();
    profile.evaluation().rule(&inputs, |n, ruler, facts, ruled| -> Result<()> {
        found.push(take_apart(&policies[n], taxpayer_id, (ruler, facts, ruled)));
        Ok(())
    })?;
    // Of limbs side by side, those that do not concern the taxpayer say nothing.
    if found.iter().any(|derivation| derivation.answer.is_some()) {
        found.retain(|derivation| derivation.answer.is_some());
    }
    for derivation in &mut found {
        let months = derivation.compiled.policy.months();
        let span = (period::add(at, 1 - months), at);
        let sql = fill_policy_evidence(&derivation.compiled.policy.evidence.value, key, span);
        derivation.evidence = session::rows(desk.context.sql(&sql).await?).await?;
        derivation.evidence_sql = sql;
    }
    Ok(found)
}

fn take_apart(
    compiled: &CompiledPolicy,
    taxpayer_id: &str,
    (ruler, facts, ruled): (&Ruler, &RecordBatch, &Ruled),
) -> Derivation {
    let policy = &compiled.policy;
    let shown = |places: &[usize]| -> Vec<(String, String)> {
        let one = |place: &usize| {
            let fact = &policy.facts[*place];
            let column = facts.column(*place);
            let shown = match fact.unit {
                // To the cent: a reader holds it against the row it comes from.
                Unit::Money if column.is_valid(0) => yuan(column.as_primitive::<Decimal128Type>().value(0)),
                unit => FactValue::at(column, 0).show(unit, Language::Zh),
            };
            (fact.label.zh.clone(), shown)
        };
        places.iter().map(one).collect()
    };
    let steps = compiled.version().conditions.iter().zip(&ruled.conditions).enumerate();
    let steps = steps.map(|(n, (condition, column))| Step {
        name: condition.name.value.clone(),
        zh: condition.label.zh.clone(),
        test: match &condition.test {
            Test::Holds(sql) => Some(sql.value.clone()),
            Test::Limit { value, op, limit, .. } => Some(format!("{} {op} {}", value.value, limit.value)),
            Test::Document => None,
        },
        facts: shown(ruler.condition_facts(n)),
        holds: column.as_ref().filter(|c| c.is_valid(0)).map(|c| c.as_boolean().value(0)),
    });
    let fen = |column: &arrow::array::ArrayRef| {
        let column = column.as_primitive::<Decimal128Type>();
        column.is_valid(0).then(|| column.value(0))
    };
    let answers = ruled.answer.as_primitive::<Int8Type>();
    let answer = if answers.is_valid(0) { Answer::of(answers.value(0)) } else { None };
    let [benefit_facts, _] = ruler.amount_facts();
    Derivation {
        taxpayer_id: taxpayer_id.to_owned(),
        answer,
        steps: steps.collect(),
        benefit_facts: shown(benefit_facts),
        benefit: fen(&ruled.benefit),
        claimed: fen(&ruled.claimed),
        amount: fen(&ruled.amount),
        missing: ruler.missing(facts, ruled, 0).iter().map(|at| policy.facts[*at].label.zh.clone()).collect(),
        waived: policy.facts.iter().zip(facts.columns()).any(|(fact, column)| {
            fact.name.value == WAIVED && column.is_valid(0) && column.as_boolean().value(0)
        }),
        evidence: RecordBatch::new_empty(Arc::new(Schema::empty())),
        evidence_sql: String::new(),
        compiled: compiled.clone(),
    }
}

/// Fen as yuan, to the cent.
pub(crate) fn yuan(fen: i128) -> String {
    format!("{}元", yuan_exact(fen))
}

/// An amount that may not be known.
pub(crate) fn yuan_if_known(fen: Option<i128>) -> String {
    fen.map_or_else(|| "无法计算".to_owned(), yuan)
}

impl Derivation {
    /// The policy's Chinese name, with the limb where the version is one.
    #[must_use]
    pub fn name(&self) -> String {
        let version = self.compiled.version();
        let limb = limb_tax_zh(version).or(version.part.as_deref());
        let limb = limb.map(|limb| format!("（{limb}）")).unwrap_or_default();
        format!("{}{limb}", self.compiled.policy.name.zh)
    }

    /// The answer in Chinese.
    #[must_use]
    pub fn conclusion(&self) -> &'static str {
        self.answer.map_or("本政策与该户无关", Answer::zh)
    }

    /// Documents and articles the version stands on.
    #[must_use]
    pub fn basis(&self) -> String {
        let basis = self.compiled.version().basis.iter();
        let basis = basis.map(|b| format!("{}{}", b.doc, b.article.as_deref().unwrap_or_default()));
        basis.collect::<Vec<_>>().join("；")
    }

    /// From when to when the version is in force.
    #[must_use]
    pub fn term(&self) -> String {
        let version = self.compiled.version();
        let to = version.to.map_or_else(|| "长期".to_owned(), |to| to.to_string());
        format!("{} 至 {to}", version.from)
    }

    /// What to mind before quoting the version, if anything.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        let day = period::end(self.compiled.period)?;
        let unverified = self.compiled.version().unverified(day);
        unverified.then_some("该版本在本所属期的有效性待复核，引用前请核对原文。")
    }

    /// The derivation in Chinese, without the rows.
    #[must_use]
    pub fn text(&self) -> String {
        let (policy, version) = (&self.compiled.policy, self.compiled.version());
        let mut out = format!(
            "{} {}　{}　所属期 {}\n依据：{}（{}）\n",
            policy.code.value,
            self.name(),
            self.taxpayer_id,
            self.compiled.period,
            self.basis(),
            self.term()
        );
        if let Some(phrase) = &version.phrase {
            out.push_str(&format!("原文：「{phrase}」\n"));
        }
        if let Some(warning) = self.warning() {
            out.push_str(&format!("注意：{warning}\n"));
        }
        out.push_str(&format!("结论：{}", self.conclusion()));
        if let Some(amount) = self.amount {
            out.push_str(&format!("，涉及{}", yuan(amount)));
        }
        if self.waived {
            out.push_str("（已声明放弃本项优惠）");
        }
        out.push_str("\n\n一、条件\n");
        for step in &self.steps {
            let (mark, _) = step.mark();
            out.push_str(&format!("  【{mark}】{}", step.zh));
            let facts: Vec<String> =
                step.facts.iter().map(|(label, value)| format!("{label} {value}")).collect();
            if !facts.is_empty() {
                out.push_str(&format!("：{}", facts.join("，")));
            }
            if let Some(test) = &step.test {
                out.push_str(&format!("（{test}）"));
            }
            out.push('\n');
        }
        out.push_str(&format!(
            "\n二、优惠额（符合条件时） {} = {}\n",
            yuan_if_known(self.benefit),
            version.benefit.value
        ));
        for (label, value) in &self.benefit_facts {
            out.push_str(&format!("  {label} {value}\n"));
        }
        out.push_str(&format!(
            "\n三、已申报减免额 {}（{}）\n",
            yuan_if_known(self.claimed),
            policy.claim_lines.zh
        ));
        if !self.missing.is_empty() {
            out.push_str(&format!("\n缺少的事实：{}\n", self.missing.join("、")));
        }
        out.push_str(&format!("\n建议：{}\n", policy.advice.zh));
        if !version.documents.is_empty() {
            let papers: Vec<&str> = version.documents.iter().map(|paper| paper.zh.as_str()).collect();
            out.push_str(&format!("留存备查资料：{}\n", papers.join("、")));
        }
        out
    }
}
