//! The texts of a hit: its messages in both languages, its facts as JSON, its evidence query.

use arrow::array::RecordBatch;
use assay_indicators::{
    CompiledIndicator, Fact, FactValue, Language, Layout, Line, Template, fill_evidence, line_phrase, money,
    number,
};

use super::judge::{Hit, column};
use crate::error::{EngineError, Result};

/// The texts of one hit.
pub(super) struct HitTexts {
    pub(super) message_zh: String,
    pub(super) message_en: String,
    pub(super) facts: String,
    pub(super) evidence_sql: String,
}

/// What is the same for all hits of one indicator.
pub(super) struct Texts<'a> {
    compiled: &'a CompiledIndicator,
    zh: Template,
    en: Template,
    /// `"name":{"unit":…,"zh":…,"en":…,"value":` of each fact; the value and a brace follow.
    fact_heads: Vec<String>,
}

impl<'a> Texts<'a> {
    /// Prepares the texts of every indicator of a layout.
    pub(super) fn of(layout: &'a Layout) -> Result<Vec<Self>> {
        layout.indicators.iter().map(Self::new).collect()
    }

    fn new(compiled: &'a CompiledIndicator) -> Result<Self> {
        let definition = &compiled.definition;
        let code = &definition.code.value;
        let template = |text: &str| {
            Template::parse(text).map_err(|wrong| EngineError::input(format!("message of {code}: {wrong}")))
        };
        let fact_heads = fact_heads(&definition.facts);
        Ok(Self {
            compiled,
            zh: template(&definition.message.zh)?,
            en: template(&definition.message.en)?,
            fact_heads,
        })
    }

    /// The texts of one hit; `batch` is the batch it stands in.
    pub(super) fn render(&self, hit: &Hit, batch: &RecordBatch) -> Result<HitTexts> {
        let facts = self
            .compiled
            .facts
            .iter()
            .map(|name| Ok(FactValue::at(column(batch, name)?, hit.row)))
            .collect::<Result<Vec<_>>>()?;
        let message =
            |template: &Template, language| template.render(|name| self.show(name, hit, &facts, language));
        Ok(HitTexts {
            message_zh: message(&self.zh, Language::Zh),
            message_en: message(&self.en, Language::En),
            facts: facts_json(&self.fact_heads, &facts),
            evidence_sql: fill_evidence(
                &self.compiled.definition.evidence.value,
                hit.taxpayer_key,
                self.compiled.as_of,
            ),
        })
    }

    fn show(&self, name: &str, hit: &Hit, facts: &[FactValue<'_>], language: Language) -> String {
        let definition = &self.compiled.definition;
        match name {
            "value" => number(hit.value, definition.unit, language),
            "amount" => hit.amount.map_or_else(
                || FactValue::Null.show(definition.unit, language),
                |cents| money(cents, language),
            ),
            "line" => {
                let line: &Line = &self.compiled.lines[hit.line];
                let peers = hit.peers.as_ref().map(|(_, n)| *n);
                line_phrase(line, hit.at, hit.value, peers, definition.unit, language)
            }
            fact => match definition.fact(fact) {
                Some((index, fact)) => facts[index].show(fact.unit, language),
                // `check` refuses such a placeholder; shown as written if a definition was never checked.
                None => format!("{{{fact}}}"),
            },
        }
    }
}

/// `"name":{"unit":…,"zh":…,"en":…,"value":` of each fact; the value and a brace follow.
pub(crate) fn fact_heads(facts: &[Fact]) -> Vec<String> {
    let head = |fact: &Fact| {
        let [name, zh, en] = [&fact.name.value, &fact.label.zh, &fact.label.en].map(|text| quoted(text));
        format!("{name}:{{\"unit\":\"{}\",\"zh\":{zh},\"en\":{en},\"value\":", fact.unit)
    };
    facts.iter().map(head).collect()
}

/// Facts as JSON, in the order of their heads.
pub(crate) fn facts_json(heads: &[String], facts: &[FactValue<'_>]) -> String {
    let pieces: Vec<String> =
        heads.iter().zip(facts).map(|(head, fact)| format!("{head}{}}}", fact.json())).collect();
    format!("{{{}}}", pieces.join(","))
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
