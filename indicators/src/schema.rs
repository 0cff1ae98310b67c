//! The form of a definition as JSON Schema, for editors that check and complete while one writes. Made of the words
//! the parser itself knows; what an expression may say is for `assay indicators check`.

use serde_json::{Value, json};

use crate::definition::{Grain, Mark, Op, PeerFigure, Severity, Unit};
use crate::parse::{TAXES, VALUE_UNITS};

fn words<T>(words: &[(&str, T)]) -> Value {
    json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({ "type": "object", "additionalProperties": false, "required": required });
    object["properties"] = properties;
    object
}

/// JSON Schema (draft 2020-12) of one definition file.
pub fn json_schema() -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let number = json!({ "type": "number" });
    let texts = json!({ "type": "array", "items": text, "minItems": 1 });
    let bilingual = object(&["zh", "en"], json!({ "zh": text, "en": text }));
    let lists = object(&["zh", "en"], json!({ "zh": texts, "en": texts }));
    let basis =
        object(&["doc", "source"], json!({ "doc": text, "article": text, "source": words(Mark::WORDS) }));
    let fact = object(
        &["expr", "unit", "zh", "en"],
        json!({ "expr": text, "unit": words(Unit::WORDS), "zh": text, "en": text }),
    );
    let line = object(
        &["op", "source"],
        json!({
            "op": words(Op::WORDS), "value": number, "peer": words(PeerFigure::WORDS), "factor": number,
            "z": number, "source": words(Mark::WORDS), "from": {}, "to": {},
            "severity": words(Severity::WORDS), "min_peers": { "type": "integer", "minimum": 3 },
        }),
    );
    let test = object(
        &["name", "facts", "hit"],
        json!({
            "name": text, "facts": { "type": "object" }, "peers": { "type": "object" },
            "as_of": { "type": "integer", "minimum": 190_001, "maximum": 299_912 }, "value": number,
            "amount": { "type": ["number", "string"] },
            "hit": { "enum": [true, false, "unknown", "not_applicable"] },
        }),
    );
    let many = |item: Value| json!({ "type": "array", "items": item, "minItems": 1 });
    let mut schema = object(
        &[
            "code", "version", "name", "tax", "family", "grain", "severity", "unit", "value", "innocent",
            "ask", "evidence", "facts", "message", "lines", "tests",
        ],
        json!({
            "code": { "type": "string", "pattern": "^[A-Z]" },
            "version": { "type": "integer", "minimum": 1 },
            "name": bilingual, "tax": words(TAXES), "family": text, "grain": words(Grain::WORDS),
            "severity": words(Severity::WORDS), "unit": words(VALUE_UNITS), "applies": text, "value": text,
            "amount": text, "basis": { "type": "array", "items": basis }, "innocent": lists, "ask": lists,
            "evidence": text, "notes": bilingual,
            "facts": { "type": "object", "minProperties": 1, "additionalProperties": fact },
            "message": bilingual, "lines": many(line), "tests": many(test),
        }),
    );
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Assay indicator");
    schema
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    /// What of a value the schema does not allow. Knows the few keywords the schema uses.
    fn faults(value: &Value, schema: &Value, at: &str, found: &mut Vec<String>) {
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            found.push(format!("{at}: {value}"));
        }
        let kinds: Vec<&str> = match schema.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is = |kind: &&str| match *kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            _ => value.is_number(),
        };
        if !kinds.is_empty() && !kinds.iter().any(is) {
            found.push(format!("{at} is no {kinds:?}: {value}"));
        }
        for key in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if value.get(key.as_str().unwrap()).is_none() {
                found.push(format!("{at} lacks {key}"));
            }
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            match (schema["properties"].get(key), schema.get("additionalProperties")) {
                (Some(schema), _) => faults(value, schema, &at, found),
                (None, Some(schema @ Value::Object(_))) => faults(value, schema, &at, found),
                (None, Some(Value::Bool(false))) => found.push(format!("{at} is unknown")),
                _ => {}
            }
        }
        for (n, value) in value.as_array().into_iter().flatten().enumerate() {
            faults(value, &schema["items"], &format!("{at}[{n}]"), found);
        }
    }

    fn read(text: &str) -> Value {
        serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
    }

    #[test]
    fn every_definition_has_the_form_and_a_wrong_one_has_not() {
        let schema = json_schema();
        let (catalogue, _) = crate::Catalogue::load(None).unwrap();
        let shipped = catalogue.entries().iter().map(|entry| entry.source.text.clone());
        for text in shipped.chain([crate::TEMPLATE.replace("CODE", "J01")]) {
            let mut found = Vec::new();
            faults(&read(&text), &schema, "", &mut found);
            assert!(found.is_empty(), "{found:?}");
        }
        let wrong = crate::TEMPLATE
            .replace("severity = \"medium\"", "severity = \"grave\"")
            .replace("tax = ", "taks = ");
        let mut found = Vec::new();
        faults(&read(&wrong), &schema, "", &mut found);
        assert_eq!(found, [" lacks \"tax\"", ".severity: \"grave\"", ".taks is unknown"]);
    }
}
