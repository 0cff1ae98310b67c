//! What decides an indicator's verdicts, apart from what it only says: the part of a definition that may not change
//! under a version that was used.

use toml::{Table, Value};

use crate::catalogue::Entry;

/// Keys of a definition that change no verdict.
const TOLD: [&str; 9] =
    ["version", "name", "basis", "notes", "evidence", "innocent", "ask", "message", "tests"];

impl Entry {
    /// The parts of the definition that decide verdicts, as normalised TOML: layout, comments, texts and test rows make no
    /// difference to it.
    pub fn meaning(&self) -> String {
        // A definition that does not read is no entry.
        let mut table: Table = toml::from_str(&self.source.text).unwrap_or_default();
        for key in TOLD {
            table.remove(key);
        }
        let facts = table.get_mut("facts").and_then(Value::as_table_mut);
        for fact in facts.into_iter().flat_map(|facts| facts.iter_mut().map(|(_, fact)| fact)) {
            if let Some(fact) = fact.as_table_mut() {
                fact.remove("zh");
                fact.remove("en");
            }
        }
        toml::to_string(&table).unwrap_or_default()
    }
}
