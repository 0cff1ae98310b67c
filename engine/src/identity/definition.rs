//! What links and what it is worth: `data/links.toml`, or the warehouse's own `definitions/identity/links.toml`.

use assay_datasets::schema::{Table, catalog};
use serde::Deserialize;

use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// The definition that comes with Assay.
pub const EMBEDDED: &str = include_str!("data/links.toml");

/// The whole definition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Score from which a link counts as decided.
    pub cut_off: f64,
    /// Candidates below are not kept.
    pub floor: f64,
    /// Candidates kept of one record.
    pub candidates: usize,
    /// Where records come from.
    pub mention: Vec<Mention>,
    /// Sizes of blocks.
    pub block: BlockCaps,
    /// Worth of numbers.
    pub id: IdWorth,
    /// Worth of names.
    pub name: NameWorth,
    /// Worth of names that differ a little.
    pub similar: SimilarWorth,
    /// What a second candidate takes away.
    pub ambiguous: Ambiguous,
    /// Tables whose rows both sides of a deal hold.
    #[serde(default)]
    pub shared_invoice: Vec<SharedInvoice>,
    /// What people are in firms.
    #[serde(default)]
    pub role: Vec<Role>,
    /// Worth of knowing a person.
    pub person: PersonWorth,
    /// What two registrations of one business have in common.
    #[serde(default)]
    pub contact: Vec<Contact>,
}

/// A table whose rows name taxpayers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mention {
    /// Table.
    pub table: String,
    /// Column with a number.
    pub id: String,
    /// Column with a name.
    pub name: Option<String>,
    /// Whether the numbers are parties.
    #[serde(default)]
    pub party: bool,
    /// Which rows.
    pub r#where: Option<String>,
}

/// Largest blocks, in taxpayers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct BlockCaps {
    pub id: u32,
    pub whole: u32,
    pub edit: u32,
    pub bigram: u32,
}

/// See `data/links.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct IdWorth {
    pub exact: f64,
    pub former: f64,
    pub old_number: f64,
    pub organisation: f64,
    pub name_differs: f64,
    pub number_differs: f64,
}

/// See `data/links.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct NameWorth {
    pub exact: f64,
    pub exact_form: f64,
    pub normal: f64,
    pub former: f64,
    pub region_missing: f64,
    #[serde(default = "region_within")]
    pub region_within: f64,
    pub region_code_differs: f64,
    pub region_conflict: f64,
    pub suffix_missing: f64,
    pub suffix_differs: f64,
    pub suffix_family: f64,
    pub branch_differs: f64,
    pub short_core: usize,
    pub short_core_penalty: f64,
}

/// Of definitions written before there was the key.
fn region_within() -> f64 {
    0.10
}

/// See `data/links.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct SimilarWorth {
    pub slip: f64,
    pub confused: f64,
    pub replaced: f64,
    pub replaced_long: f64,
    pub long: usize,
    pub short: f64,
    pub brand: usize,
    pub brand_penalty: f64,
    pub contained: f64,
    pub scale: f64,
    pub least: f64,
    pub region_missing: f64,
}

/// See `data/links.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Ambiguous {
    pub margin: f64,
    pub slope: f64,
}

/// A table whose rows both sides of a deal hold, each with the other's anonymised code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedInvoice {
    /// Table.
    pub table: String,
    /// Its key, under which equal rows were dropped.
    pub id: String,
    /// Number column.
    pub number: String,
    /// Date or timestamp column.
    pub issued: String,
    /// Amount column.
    pub total: String,
    /// Party that issues.
    pub seller: String,
    /// Party that receives.
    pub buyer: String,
    /// How often one of several agreements comes by chance, at least.
    pub accident: f64,
    /// Shifts under which agreements are accidents.
    pub shift_days: Vec<i32>,
}

/// A column that says what a person is in a firm.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Code.
    pub role: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// Table; it has a column `taxpayer_id` with its key.
    pub table: String,
    /// Stored column with the person's key.
    pub person_key: String,
}

/// See `data/links.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PersonWorth {
    pub by_number: f64,
    pub by_name: f64,
}

/// Something two registrations of one business have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Code.
    pub fact: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// Expression over the stored table `taxpayer`.
    pub value: String,
    /// What the agreement is worth.
    pub worth: f64,
    /// Whether it brings pairs together.
    #[serde(default)]
    pub blocking: bool,
    /// Taxpayers that may share a value before it tells nothing.
    #[serde(default)]
    pub cap: u32,
}

/// The definition of a warehouse and its text.
///
/// # Errors
/// Everything that is wrong in it, with file and remedy.
pub fn load(warehouse: &Warehouse) -> Result<(Definition, String)> {
    let own = warehouse
        .local_path()
        .map(|root| root.join("definitions/identity/links.toml"))
        .filter(|p| p.is_file());
    let (shown, text) = match own {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(EngineError::file(path.clone()))?;
            (path.display().to_string(), text)
        }
        None => ("links.toml".to_owned(), EMBEDDED.to_owned()),
    };
    Ok((parse(&shown, &text)?, text))
}

/// Reads and checks a definition.
pub(super) fn parse(shown: &str, text: &str) -> Result<Definition> {
    let definition: Definition =
        toml::from_str(text).map_err(|e| EngineError::Definitions(vec![format!("{shown}: {e}")]))?;
    let problems = problems(&definition);
    if problems.is_empty() {
        Ok(definition)
    } else {
        Err(EngineError::Definitions(problems.into_iter().map(|p| format!("{shown}: {p}")).collect()))
    }
}

fn problems(definition: &Definition) -> Vec<String> {
    let mut found = Vec::new();
    let mut share = |name: &str, value: f64| {
        if !(0.0..=1.0).contains(&value) {
            found.push(format!("{name} = {value} is no score; give a number from 0 to 1"));
        }
    };
    share("cut_off", definition.cut_off);
    share("floor", definition.floor);
    for (at, shared) in definition.shared_invoice.iter().enumerate() {
        share(&format!("shared_invoice {}: accident", at + 1), shared.accident);
    }
    for contact in &definition.contact {
        share(&format!("contact {}: worth", contact.fact), contact.worth);
    }
    if definition.candidates == 0 {
        found.push("candidates = 0 keeps no link; give 1 or more".to_owned());
    }
    for (at, mention) in definition.mention.iter().enumerate() {
        if mention.table == "party" {
            continue;
        }
        let columns = [Some(&mention.id), mention.name.as_ref()];
        check(&format!("mention {}", at + 1), &mention.table, &columns, &mut found);
    }
    for (at, s) in definition.shared_invoice.iter().enumerate() {
        let columns = [&s.id, &s.number, &s.issued, &s.total, &s.seller, &s.buyer].map(Some);
        check(&format!("shared_invoice {}", at + 1), &s.table, &columns, &mut found);
    }
    for (at, role) in definition.role.iter().enumerate() {
        let what = format!("role {}", at + 1);
        check(&what, &role.table, &[], &mut found);
        let stored = catalog().table(&role.table).map(Table::stored_schema);
        if stored.is_some_and(|s| s.field_with_name(&role.person_key).is_err()) {
            found.push(format!("{what}: table {} has no stored column {}", role.table, role.person_key));
        }
    }
    found
}

fn check(what: &str, table: &str, columns: &[Option<&String>], found: &mut Vec<String>) {
    let Some(known) = catalog().table(table) else {
        let near = catalog().nearest(table).join(", ");
        found.push(format!("{what}: no table {table}; did you mean {near}?"));
        return;
    };
    for column in columns.iter().flatten() {
        if known.column(column).is_none() {
            let near = known.nearest_column(column).join(", ");
            found.push(format!("{what}: table {table} has no column {column}; did you mean {near}?"));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_embedded_definition_reads() {
        let definition = parse("links.toml", EMBEDDED).unwrap();
        assert!(definition.mention.len() >= 4 && definition.role.len() == 4);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = EMBEDDED
            .replace("cut_off = 0.9", "cut_off = 9.0")
            .replace("name = \"buyer_name\"", "name = \"buyer_nam\"")
            .replace("table = \"shareholder\"\nid", "table = \"shareholders\"\nid")
            .replace("person_key = \"finance_key\"", "person_key = \"finance_person\"");
        let said = parse("links.toml", &text).unwrap_err().to_string();
        for part in [
            "cut_off = 9 is no score",
            "no column buyer_nam; did you mean buyer_name",
            "no table shareholders; did you mean shareholder",
            "no stored column finance_person",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert_eq!(said.lines().count(), 4, "{said}");
    }
}
