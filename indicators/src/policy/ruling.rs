//! A version of a policy as expressions over its facts: conditions, claim, benefit, and the answer they come to. A scan and the
//! test rows run the same ones.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::NaiveDate;
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, cast, try_cast};
use datafusion::physical_expr::PhysicalExpr;

use super::definition::{Answer, Policy, RELIEF, Rounding, Test, Version, WAIVED};
use super::parameters::Parameters;
use super::parse::days;
use super::rulebook::{claim_column, waived_column};
use crate::definition::Fact;
use crate::expression::{Fault, parse};
use crate::period;
use crate::reader::At;
use crate::rewrite::Arithmetic;
use crate::verdict::{
    AMOUNT, PartFault, fact_columns, fact_schema, facts_to_columns, facts_used, first_line, place_of, plan,
    type_of,
};

/// Place of `concerns` in the first stage.
const CONCERNS: usize = 0;
/// Share of a limit within which a taxpayer is near it.
const NEAR: &str = "0.1";

/// A version's expressions ready to run over a batch of facts.
#[derive(Debug)]
pub struct Ruler {
    /// Columns `f0`, `f1`, … in the order of the facts.
    pub schema: Arc<Schema>,
    /// First stage, over facts: [`Stage`]'s columns in order.
    first: Vec<Arc<dyn PhysicalExpr>>,
    /// Over the columns `concerns` and `claimed`: whether there is an answer at all.
    concerned: Arc<dyn PhysicalExpr>,
    asked: Arc<Schema>,
    between: Arc<Schema>,
    /// Second stage, over the first: the answer.
    answer: Arc<dyn PhysicalExpr>,
    /// Third stage, over the first and the answer: the amount.
    amount: Arc<dyn PhysicalExpr>,
    answered: Arc<Schema>,
    /// Of each condition: its column in the first stage; none for documents.
    conditions: Vec<Option<usize>>,
    /// Facts each condition reads, then those of the benefit, then those of the claim.
    uses: Vec<Vec<usize>>,
    claimed: usize,
    benefit: usize,
}

/// What a version came to for some taxpayers, a row each.
#[derive(Debug)]
pub struct Ruled {
    /// Of each condition, in the order of the version: Boolean, null where it cannot be told; none for documents.
    pub conditions: Vec<Option<ArrayRef>>,
    /// Decimal(18,2): relief claimed.
    pub claimed: ArrayRef,
    /// Decimal(18,2): what it is worth to who is entitled.
    pub benefit: ArrayRef,
    /// Int8: [`Answer`]; null for whom it does not concern.
    pub answer: ArrayRef,
    /// Decimal(18,2): yuan at stake.
    pub amount: ArrayRef,
}

/// The expressions of facts of a policy under a version for a period: parameters and built-in facts filled in.
pub(crate) fn facts_at(
    policy: &Policy,
    version: &Version,
    parameters: &Parameters,
    at: i32,
) -> Result<Vec<Fact>, Vec<PartFault>> {
    let filler = Filler::new(policy, version, parameters, at);
    let mut faults = Vec::new();
    let mut facts = policy.facts.clone();
    for fact in &mut facts {
        match fact.name.value.as_str() {
            RELIEF => fact.expr.value = relief(policy, version),
            WAIVED if policy.waivable => {
                fact.expr.value = format!("coalesce({}, false)", waived_column(policy))
            }
            WAIVED => fact.expr.value = "false".to_owned(),
            _ => match filler.fill(&fact.expr.value) {
                Ok(sql) => fact.expr.value = sql,
                Err(fault) => faults.push((fact.expr.clone(), fault)),
            },
        }
    }
    if faults.is_empty() { Ok(facts) } else { Err(faults) }
}

/// Relief claimed under the version's codes; nothing is claimed where claims are loaded and none is there.
fn relief(policy: &Policy, version: &Version) -> String {
    let codes = version.relief_codes.as_ref().unwrap_or(&policy.relief_codes);
    if codes.is_empty() {
        return "CAST(NULL AS DECIMAL(28, 2))".to_owned();
    }
    let sum = |code: &String| {
        format!("coalesce(trailing({}, {}), zero_if_claims)", claim_column(code), policy.months())
    };
    codes.iter().map(sum).collect::<Vec<_>>().join(" + ")
}

/// Puts parameters in.
struct Filler<'a> {
    parameters: &'a Parameters,
    day: NaiveDate,
    given: Vec<(&'static str, String)>,
}

impl<'a> Filler<'a> {
    fn new(policy: &Policy, version: &Version, parameters: &'a Parameters, at: i32) -> Self {
        let last = period::end(at).unwrap_or_default();
        // A version that ended within the period is read on its last day.
        let day = version.to.map_or(last, |to| to.min(last));
        let in_force = (0..policy.months())
            .filter_map(|back| days(period::add(at, -back), 1))
            .filter(|(first, _)| version.in_force(*first))
            .count();
        Self {
            parameters,
            day,
            given: vec![("months_in_force", in_force.to_string()), ("months", policy.months().to_string())],
        }
    }

    fn fill(&self, sql: &str) -> Result<String, Fault> {
        self.parameters.fill(sql, self.day, &self.given)
    }
}

/// Builds the first stage, noting faults.
struct Builder<'a> {
    state: &'a SessionState,
    facts: &'a [Fact],
    columns: Vec<String>,
    frame: DFSchema,
    filler: Filler<'a>,
    fields: Vec<Field>,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    faults: Vec<PartFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Condition,
    Money(Rounding),
}

impl Builder<'_> {
    /// Adds a column; its place.
    fn add(&mut self, name: &str, part: &At<String>, sql: &str, kind: Kind) -> usize {
        let built = self.filler.fill(sql).map_err(|fault| vec![fault]).and_then(|sql| self.built(&sql, kind));
        match built {
            Ok(expr) => {
                let found = if kind == Kind::Condition { DataType::Boolean } else { AMOUNT };
                self.fields.push(Field::new(name, found, true));
                self.exprs.push(expr);
            }
            Err(faults) => self.faults.extend(faults.into_iter().map(|fault| (part.clone(), fault))),
        }
        self.exprs.len().saturating_sub(1)
    }

    fn built(&self, sql: &str, kind: Kind) -> Result<Arc<dyn PhysicalExpr>, Vec<Fault>> {
        let tree = facts_to_columns(sql, self.facts, &self.columns, Arithmetic::Exact)?;
        let one = |fault| vec![fault];
        let expr = plan(self.state, tree, &self.frame).map_err(one)?;
        let found = type_of(self.state, &expr, &self.frame).map_err(one)?;
        let expr = match kind {
            Kind::Condition if found == DataType::Boolean => expr,
            Kind::Condition => {
                let message = format!("comes to {found}, not to a condition");
                return Err(one(Fault::new("", message, "write a comparison")));
            }
            Kind::Money(rounding) if found.is_integer() || found.is_decimal() => rounded(expr, rounding),
            Kind::Money(_) => {
                let message = format!("comes to {found}, not to an exact amount");
                return Err(one(Fault::new("", message, "leave out functions that give doubles")));
            }
        };
        assay_sql::simplified(self.state, expr, &self.frame)
            .and_then(|expr| self.state.create_physical_expr(expr, &self.frame))
            .map_err(|error| one(Fault::new("", first_line(&error), "correct the expression")))
    }
}

/// Casting a decimal rounds half away from zero.
fn rounded(expr: Expr, rounding: Rounding) -> Expr {
    match rounding {
        Rounding::Cent => try_cast(expr, AMOUNT),
        Rounding::Yuan => cast(try_cast(expr, DataType::Decimal128(18, 0)), AMOUNT),
    }
}

impl Ruler {
    /// Prepares a version for a period that ends with the month `at`.
    ///
    /// # Errors
    /// Everything wrong with its expressions, with the part of the definition it is in.
    pub fn new(
        state: &SessionState,
        policy: &Policy,
        version: &Version,
        parameters: &Parameters,
        at: i32,
    ) -> Result<Self, Vec<PartFault>> {
        let schema = fact_schema(&policy.facts);
        let whole = |error: &datafusion::common::DataFusionError| {
            vec![(policy.code.clone(), Fault::new("", first_line(error), "correct the expression"))]
        };
        let frame = DFSchema::try_from(Arc::clone(&schema)).map_err(|e| whole(&e))?;
        let mut builder = Builder {
            state,
            facts: &policy.facts,
            columns: fact_columns(&policy.facts),
            frame,
            filler: Filler::new(policy, version, parameters, at),
            fields: Vec::new(),
            exprs: Vec::new(),
            faults: Vec::new(),
        };
        let stage = first_stage(&mut builder, policy, version);
        let Builder { mut fields, exprs, faults, filler, .. } = builder;
        if !faults.is_empty() {
            return Err(faults);
        }
        let between = Arc::new(Schema::new(fields.clone()));
        fields.push(Field::new("answer", DataType::Int8, true));
        let answered = Arc::new(Schema::new(fields));
        let over = |schema: &Arc<Schema>, sql: &str, kind: DataType| {
            let frame = DFSchema::try_from(Arc::clone(schema)).map_err(|e| whole(&e))?;
            let tree = parse(sql).map_err(|fault| vec![(policy.code.clone(), fault)])?;
            let expr = plan(state, tree, &frame).map_err(|fault| vec![(policy.code.clone(), fault)])?;
            assay_sql::simplified(state, try_cast(expr, kind), &frame)
                .and_then(|expr| state.create_physical_expr(expr, &frame))
                .map_err(|e| whole(&e))
        };
        let tolerance =
            filler.fill(&policy.tolerance.value).map_err(|f| vec![(policy.tolerance.clone(), f)])?;
        let asked = between.project(&[CONCERNS, stage.claimed]).map_err(|e| whole(&e.into()))?;
        let asked = Arc::new(asked);
        Ok(Self {
            schema,
            first: exprs,
            concerned: over(&asked, &format!("NOT {}", unconcerned(&tolerance)), DataType::Boolean)?,
            asked,
            answer: over(&between, &answer_sql(&stage, &tolerance), DataType::Int8)?,
            amount: over(&answered, &amount_sql(&tolerance), AMOUNT)?,
            between,
            answered,
            conditions: stage.conditions,
            uses: uses(policy, version, &filler),
            claimed: stage.claimed,
            benefit: stage.benefit,
        })
    }

    /// For whom there is an answer: whom the policy concerns, or may concern and who claims. Over a batch of [`Self::schema`].
    ///
    /// # Errors
    /// When an expression fails, which those of the language do not.
    pub fn concerned(&self, facts: &RecordBatch) -> DataFusionResult<BooleanArray> {
        let rows = facts.num_rows();
        let run = |place: usize| self.first[place].evaluate(facts)?.into_array(rows);
        let asked = RecordBatch::try_new(Arc::clone(&self.asked), vec![run(CONCERNS)?, run(self.claimed)?])?;
        let concerned = self.concerned.evaluate(&asked)?.into_array(rows)?;
        Ok(concerned.as_boolean().clone())
    }

    /// Runs the expressions over a batch of [`Self::schema`].
    ///
    /// # Errors
    /// When an expression fails, which those of the language do not.
    pub fn rule(&self, facts: &RecordBatch) -> DataFusionResult<Ruled> {
        let rows = facts.num_rows();
        let run = |expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch| expr.evaluate(batch)?.into_array(rows);
        let mut columns: Vec<ArrayRef> =
            self.first.iter().map(|expr| run(expr, facts)).collect::<DataFusionResult<_>>()?;
        let between = RecordBatch::try_new(Arc::clone(&self.between), columns.clone())?;
        let answer = run(&self.answer, &between)?;
        columns.push(Arc::clone(&answer));
        let answered = RecordBatch::try_new(Arc::clone(&self.answered), columns)?;
        Ok(Ruled {
            conditions: self
                .conditions
                .iter()
                .map(|at| at.map(|at| Arc::clone(between.column(at))))
                .collect(),
            claimed: Arc::clone(between.column(self.claimed)),
            benefit: Arc::clone(between.column(self.benefit)),
            answer,
            amount: run(&self.amount, &answered)?,
        })
    }

    /// Facts that a condition reads, by place.
    #[must_use]
    pub fn condition_facts(&self, condition: usize) -> &[usize] {
        self.uses.get(condition).map_or(&[], Vec::as_slice)
    }

    /// Facts that the benefit and the claim read, by place.
    #[must_use]
    pub fn amount_facts(&self) -> [&[usize]; 2] {
        let n = self.conditions.len();
        [self.condition_facts(n), self.condition_facts(n + 1)]
    }

    /// Facts that are missing and stand in the way of an answer, in the first row of `facts` and `ruled`.
    #[must_use]
    pub fn missing(&self, facts: &RecordBatch, ruled: &Ruled, row: usize) -> Vec<usize> {
        let mut missing: Vec<usize> = Vec::new();
        let mut note = |used: &[usize]| {
            for fact in used.iter().copied().filter(|fact| facts.column(*fact).is_null(row)) {
                if !missing.contains(&fact) {
                    missing.push(fact);
                }
            }
        };
        for (n, condition) in ruled.conditions.iter().enumerate() {
            if condition.as_ref().is_some_and(|column| column.is_null(row)) {
                note(self.condition_facts(n));
            }
        }
        let [benefit, claim] = self.amount_facts();
        if ruled.benefit.is_null(row) {
            note(benefit);
        }
        if ruled.claimed.is_null(row) {
            note(claim);
        }
        missing
    }
}

/// Where the columns of the first stage stand.
struct Stage {
    conditions: Vec<Option<usize>>,
    /// Per condition: the column that says whether it holds or nearly does.
    nearly: Vec<String>,
    holds: Vec<String>,
    unsaid: Vec<String>,
    documents: bool,
    claimed: usize,
    benefit: usize,
}

fn first_stage(builder: &mut Builder<'_>, policy: &Policy, version: &Version) -> Stage {
    let nothing = At::new("true".to_owned(), 0..0);
    let own = policy.concerns.as_ref().unwrap_or(&nothing);
    let also = version.concerns.as_ref().unwrap_or(&nothing);
    builder.add(
        "concerns",
        if own.span.is_empty() { also } else { own },
        &format!("({}) AND ({})", own.value, also.value),
        Kind::Condition,
    );
    let waived = At::new(WAIVED.to_owned(), 0..0);
    builder.add("waived", &waived, WAIVED, Kind::Condition);
    let mut stage = Stage {
        conditions: Vec::new(),
        nearly: Vec::new(),
        holds: Vec::new(),
        unsaid: Vec::new(),
        documents: false,
        claimed: 0,
        benefit: 0,
    };
    for (n, condition) in version.conditions.iter().enumerate() {
        let place = match &condition.test {
            Test::Document => {
                stage.documents = true;
                None
            }
            Test::Holds(sql) => {
                stage.nearly.push(format!("c{n}"));
                Some(builder.add(&format!("c{n}"), sql, &sql.value, Kind::Condition))
            }
            Test::Limit { value, op, limit, equal_unsaid } => {
                let (v, l) = (&value.value, &limit.value);
                let place =
                    builder.add(&format!("c{n}"), value, &format!("({v}) {op} ({l})"), Kind::Condition);
                let near = format!("abs(({v}) - ({l})) <= abs({l}) * {NEAR}");
                builder.add(&format!("n{n}"), value, &near, Kind::Condition);
                stage.nearly.push(format!("(c{n} OR n{n})"));
                if *equal_unsaid {
                    builder.add(&format!("e{n}"), value, &format!("({v}) = ({l})"), Kind::Condition);
                    stage.unsaid.push(format!("e{n}"));
                }
                Some(place)
            }
        };
        if place.is_some() {
            stage.holds.push(format!("c{n}"));
        }
        stage.conditions.push(place);
    }
    stage.claimed = builder.add("claimed", &policy.claim, &policy.claim.value, Kind::Money(Rounding::Cent));
    stage.benefit =
        builder.add("benefit", &version.benefit, &version.benefit.value, Kind::Money(version.rounding));
    stage
}

fn all(parts: &[String]) -> String {
    if parts.is_empty() { "true".to_owned() } else { format!("({})", parts.join(" AND ")) }
}

fn claims(tolerance: &str) -> String {
    format!("(claimed > {tolerance})")
}

/// Whom it does not concern, or may not and who claims nothing, gets no answer.
fn unconcerned(tolerance: &str) -> String {
    format!("(concerns IS FALSE OR (concerns IS NULL AND {} IS NOT TRUE))", claims(tolerance))
}

/// The answer as SQL over the first stage. The order of the cases is the meaning.
fn answer_sql(stage: &Stage, tolerance: &str) -> String {
    let (holds, nearly) = (all(&stage.holds), all(&stage.nearly));
    let claims = claims(tolerance);
    let mut open = stage.unsaid.clone();
    if stage.documents {
        open.push("true".to_owned());
    }
    let open = if open.is_empty() { "false".to_owned() } else { format!("({})", open.join(" OR ")) };
    let code = |answer: Answer| (answer as i8).to_string();
    let cases: [(String, Answer); 12] = [
        (format!("waived AND coalesce({claims}, false)"), Answer::ClaimedNotDue),
        (format!("waived AND {holds} IS NOT FALSE"), Answer::Waived),
        (format!("{holds} IS FALSE AND {claims}"), Answer::ClaimedNotDue),
        (format!("{holds} IS FALSE AND {nearly}"), Answer::NearLine),
        (format!("{holds} IS FALSE AND claimed IS NULL"), Answer::CannotTell),
        (format!("{holds} IS FALSE"), Answer::NotDue),
        (format!("{holds} IS NULL OR claimed IS NULL OR benefit IS NULL"), Answer::CannotTell),
        (format!("claimed > benefit + {tolerance}"), Answer::OverClaimed),
        // A claim taken back (below nothing) of what is worth nothing forgoes nothing.
        (format!("NOT {claims} AND NOT benefit > {tolerance}"), Answer::NotDue),
        (open, Answer::ToBeConfirmed),
        (format!("NOT {claims} AND benefit > claimed + {tolerance}"), Answer::DueNotClaimed),
        (format!("benefit > claimed + {tolerance}"), Answer::UnderClaimed),
    ];
    let mut sql = format!("CASE WHEN {} THEN NULL", unconcerned(tolerance));
    for (case, answer) in &cases {
        sql.push_str(&format!(" WHEN {case} THEN {}", code(*answer)));
    }
    sql.push_str(&format!(" ELSE {} END", code(Answer::DueClaimed)));
    sql
}

/// Yuan at stake: forgone, claimed without title, claimed too much or too little, or in doubt.
fn amount_sql(tolerance: &str) -> String {
    let code = |answer: Answer| answer as i8;
    format!(
        "CASE answer WHEN {} THEN benefit WHEN {} THEN claimed WHEN {} THEN claimed - benefit \
         WHEN {} THEN benefit - claimed WHEN {} THEN CASE WHEN claimed > benefit THEN claimed ELSE benefit END \
         WHEN {} THEN CASE WHEN claimed > {tolerance} THEN claimed END END",
        code(Answer::DueNotClaimed),
        code(Answer::ClaimedNotDue),
        code(Answer::OverClaimed),
        code(Answer::UnderClaimed),
        code(Answer::ToBeConfirmed),
        code(Answer::CannotTell),
    )
}

/// Facts each condition reads, then those of the benefit and of the claim.
fn uses(policy: &Policy, version: &Version, filler: &Filler<'_>) -> Vec<Vec<usize>> {
    let of = |sqls: &[&str]| {
        let mut places: Vec<usize> = Vec::new();
        for sql in sqls.iter().filter_map(|sql| filler.fill(sql).ok()) {
            let used = facts_used(&sql, &policy.facts);
            places.extend(used.iter().filter_map(|name| place_of(&policy.facts, name)));
        }
        places.sort_unstable();
        places.dedup();
        places
    };
    let mut uses: Vec<Vec<usize>> = version
        .conditions
        .iter()
        .map(|condition| match &condition.test {
            Test::Holds(sql) => of(&[&sql.value]),
            Test::Limit { value, limit, .. } => of(&[&value.value, &limit.value]),
            Test::Document => Vec::new(),
        })
        .collect();
    uses.push(of(&[&version.benefit.value]));
    uses.push(of(&[&policy.claim.value]));
    uses
}
