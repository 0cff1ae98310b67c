//! What is to be linked and to whom: records that name a taxpayer without its number, and the register.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::execution::context::SessionContext;
use rayon::prelude::*;

use super::definition::{Definition, Mention};
use super::id::{self, Form, normal_id};
use super::name::{Gazetteer, Name, NameParser};
use crate::Result;

/// Shortest text in a column of numbers that is looked at: an organisation code.
const LEAST_ID: usize = 9;

/// A registered taxpayer.
#[derive(Debug, Clone)]
pub struct Firm {
    /// Party key.
    pub key: i64,
    /// Taxpayer id.
    pub id: String,
    /// Name in the register.
    pub name: Option<String>,
    /// Division code.
    pub division: Option<u32>,
}

/// What a taxpayer is or was called.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Position in [`Register::firms`].
    pub firm: u32,
    /// Number in normal form.
    pub number: Option<String>,
    /// Name, as written and taken apart.
    pub name: Option<(String, Name)>,
    /// Not any more.
    pub former: bool,
}

/// The register with earlier names and numbers.
#[derive(Debug, Default)]
pub struct Register {
    /// Taxpayers, by key.
    pub firms: Vec<Firm>,
    /// Their names and numbers.
    pub entries: Vec<Entry>,
}

/// What a record is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordId {
    /// `old_id`, `code` or `name`.
    pub kind: &'static str,
    /// Where the value stands: table and column, for codes feed and column.
    pub space: String,
    /// The value.
    pub value: String,
}

/// A record to be linked.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it is known by.
    pub id: RecordId,
    /// Party key, where the value has one.
    pub key: Option<i64>,
    /// Rows that have it.
    pub rows: i64,
    /// Number in normal form.
    pub number: Option<String>,
    /// Names beside it, as written and taken apart.
    pub names: Vec<(String, Name)>,
}

/// A column as text.
pub(super) fn texts(batch: &RecordBatch, column: usize) -> Result<StringArray> {
    Ok(cast(batch.column(column), &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A column as 64-bit integers.
pub(super) fn integers(batch: &RecordBatch, column: usize) -> Result<Int64Array> {
    Ok(cast(batch.column(column), &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn at(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row)).filter(|t| !t.trim().is_empty())
}

/// A parser that knows the places of the warehouse's offices.
pub async fn parser(context: &SessionContext) -> Result<NameParser> {
    let mut gazetteer = Gazetteer::national().clone();
    let offices = context
        .sql("SELECT name, region_code FROM office WHERE name IS NOT NULL AND region_code IS NOT NULL ORDER BY office_code")
        .await?
        .collect()
        .await?;
    for batch in &offices {
        let (names, codes) = (texts(batch, 0)?, texts(batch, 1)?);
        for (name, code) in names.iter().flatten().zip(codes.iter().flatten()) {
            if let Ok(code) = code.parse() {
                gazetteer.learn_office(name, code);
            }
        }
    }
    Ok(NameParser::new(gazetteer))
}

impl Register {
    /// Reads the register and what it was called before.
    pub async fn read(context: &SessionContext, parser: &NameParser) -> Result<Self> {
        let mut register = Self::default();
        let rows = context
            .sql("SELECT taxpayer_key, taxpayer_id, name, region_code FROM taxpayer ORDER BY taxpayer_key")
            .await?
            .collect()
            .await?;
        for batch in &rows {
            let (keys, ids) = (integers(batch, 0)?, texts(batch, 1)?);
            let (names, divisions) = (texts(batch, 2)?, texts(batch, 3)?);
            register.firms.extend((0..batch.num_rows()).map(|row| Firm {
                key: keys.value(row),
                id: ids.value(row).to_owned(),
                name: at(&names, row).map(str::to_owned),
                division: at(&divisions, row).and_then(|d| d.parse().ok()),
            }));
        }
        register.entries = register
            .firms
            .par_iter()
            .enumerate()
            .map(|(firm, f)| Entry {
                firm: u32::try_from(firm).unwrap_or(u32::MAX),
                number: Some(normal_id(&f.id)),
                name: f.name.as_ref().map(|n| (n.clone(), parser.parse(n))),
                former: false,
            })
            .collect();
        register.read_former(context, parser).await?;
        Ok(register)
    }

    async fn read_former(&mut self, context: &SessionContext, parser: &NameParser) -> Result<()> {
        // What a change led to is a name too: the register may have moved on since, or lag behind.
        let rows = context
            .sql(
                "SELECT DISTINCT taxpayer_key, item, text FROM ( \
                 SELECT taxpayer_key, item, before AS text FROM registration_change WHERE item IN ('name', 'id') \
                 UNION ALL SELECT taxpayer_key, item, after FROM registration_change WHERE item = 'name') \
                 WHERE text IS NOT NULL ORDER BY 1, 2, 3",
            )
            .await?
            .collect()
            .await?;
        for batch in &rows {
            let (keys, items, values) = (integers(batch, 0)?, texts(batch, 1)?, texts(batch, 2)?);
            for row in 0..batch.num_rows() {
                let (key, text) = (keys.value(row), values.value(row));
                let Ok(firm) = self.firms.binary_search_by_key(&key, |f| f.key) else { continue };
                if self.firms[firm].name.as_deref() == Some(text) {
                    continue;
                }
                let is_name = items.value(row) == "name";
                self.entries.push(Entry {
                    firm: u32::try_from(firm).unwrap_or(u32::MAX),
                    number: (!is_name).then(|| normal_id(text)),
                    name: is_name.then(|| (text.to_owned(), parser.parse(text))),
                    former: true,
                });
            }
        }
        Ok(())
    }
}

/// Reads all records the definition names, ordered by what they are known by.
pub async fn read_records(
    context: &SessionContext,
    definition: &Definition,
    parser: &NameParser,
) -> Result<Vec<Record>> {
    let mut found: BTreeMap<RecordId, Raw> = BTreeMap::new();
    for mention in &definition.mention {
        for batch in context.sql(&query(mention)).await?.collect().await? {
            collect(mention, &batch, &mut found)?;
        }
    }
    let raw: Vec<(RecordId, Raw)> = found.into_iter().collect();
    let record = |(id, raw): (RecordId, Raw)| Record {
        key: raw.key,
        rows: raw.rows,
        number: raw.number,
        names: raw.names.into_iter().map(|n| (n.clone(), parser.parse(&n))).collect(),
        id,
    };
    Ok(raw.into_par_iter().map(record).collect())
}

#[derive(Default)]
struct Raw {
    key: Option<i64>,
    rows: i64,
    number: Option<String>,
    names: std::collections::BTreeSet<String>,
}

/// Rows that name somebody who is not in the register: number, key, name, feed, count.
fn query(mention: &Mention) -> String {
    let Mention { table, id, .. } = mention;
    let filter = mention.r#where.as_ref().map_or_else(String::new, |w| format!(" AND ({w})"));
    let known = match mention.party {
        true => format!("m.{}_key = t.taxpayer_key", id.strip_suffix("_id").unwrap_or(id)),
        false => format!("m.{id} = t.taxpayer_id"),
    };
    // A made-up code means something within its feed only; names and numbers mean the same in all.
    let feed = (table != "party").then(|| format!("CASE WHEN m.{id} IS NULL THEN NULL ELSE m._source END"));
    let key = mention.party.then(|| format!("m.{}_key", id.strip_suffix("_id").unwrap_or(id)));
    let name = mention.name.as_ref().map(|n| format!("m.{n}"));
    let columns = [
        ("id", "VARCHAR", Some(format!("m.{id}"))),
        ("key", "BIGINT", key),
        ("name", "VARCHAR", name.clone()),
        ("feed", "VARCHAR", feed),
    ];
    let (mut inner, mut outer) = (Vec::new(), Vec::new());
    for (alias, kind, expression) in columns {
        match expression {
            Some(expression) => {
                inner.push(format!("{expression} AS {alias}"));
                outer.push(alias.to_owned());
            }
            None => outer.push(format!("CAST(NULL AS {kind}) AS {alias}")),
        }
    }
    let groups: Vec<String> = (1..=inner.len()).map(|n| n.to_string()).collect();
    let named = name.as_ref().map_or_else(String::new, |n| format!("{n} IS NOT NULL OR "));
    // Pseudonyms of natural persons are not companies' names or numbers.
    let open = name.map_or_else(String::new, |n| format!(" AND NOT coalesce(starts_with({n}, 'NP'), false)"));
    format!(
        "SELECT {}, n FROM (SELECT {}, count(*) AS n FROM {table} m LEFT ANTI JOIN taxpayer t ON {known} \
         WHERE ({named}character_length(m.{id}) >= {LEAST_ID}) \
         AND NOT coalesce(starts_with(m.{id}, 'NP'), false){open}{filter} GROUP BY {})",
        outer.join(", "),
        inner.join(", "),
        groups.join(", ")
    )
}

fn collect(mention: &Mention, batch: &RecordBatch, found: &mut BTreeMap<RecordId, Raw>) -> Result<()> {
    let (ids, keys, names) = (texts(batch, 0)?, integers(batch, 1)?, texts(batch, 2)?);
    let (feeds, counts) = (texts(batch, 3)?, integers(batch, 4)?);
    for row in 0..batch.num_rows() {
        let Some(known) = identify(mention, at(&ids, row), at(&names, row), at(&feeds, row)) else {
            continue;
        };
        let raw = found.entry(known.id).or_default();
        raw.key = raw.key.or_else(|| keys.is_valid(row).then(|| keys.value(row)));
        raw.rows += counts.value(row);
        raw.number = raw.number.take().or(known.number);
        raw.names.extend(known.name);
    }
    Ok(())
}

struct Known {
    id: RecordId,
    number: Option<String>,
    name: Option<String>,
}

/// What a row is known by; `None` when it says nothing that could be compared.
fn identify(mention: &Mention, id: Option<&str>, name: Option<&str>, feed: Option<&str>) -> Option<Known> {
    let at = |kind, space: String, value: &str| RecordId { kind, space, value: value.to_owned() };
    let column = |column: &str| format!("{}.{column}", mention.table);
    let Some(text) = id else {
        let (name, column_name) = (name?, mention.name.as_deref().unwrap_or(&mention.id));
        return Some(Known {
            id: at("name", column(column_name), name),
            number: None,
            name: Some(name.to_owned()),
        });
    };
    let number = normal_id(text);
    if id::form(&number) != Form::Code {
        // Parties are one space, whichever table names them.
        let space = if mention.party { "party".to_owned() } else { column(&mention.id) };
        return Some(Known {
            id: at("old_id", space, text),
            number: Some(number),
            name: name.map(str::to_owned),
        });
    }
    // Some sources put the name where the number belongs.
    let written = text.chars().filter(|c| u32::from(*c) >= 0x3400).count() >= 4;
    let name = name.or_else(|| written.then_some(text))?.to_owned();
    // A made-up code means something within its feed only.
    let space = feed.map_or_else(|| column(&mention.id), |feed| format!("{feed}.{}", mention.id));
    Some(Known { id: at(if written { "name" } else { "code" }, space, text), number: None, name: Some(name) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn mention() -> Mention {
        Mention {
            table: "invoice".into(),
            id: "buyer_id".into(),
            name: Some("buyer_name".into()),
            party: true,
            r#where: None,
        }
    }

    fn known(id: Option<&str>, name: Option<&str>) -> Option<(&'static str, String, String)> {
        let known = identify(&mention(), id, name, Some("feed.one"))?;
        Some((known.id.kind, known.id.space, known.id.value))
    }

    #[test]
    fn records_are_known_by_their_best_value() {
        let is = |kind, space: &str, value: &str| Some((kind, space.to_owned(), value.to_owned()));
        assert_eq!(known(Some("310115MA1K39423"), Some("甲公司")), is("old_id", "party", "310115MA1K39423"));
        assert_eq!(known(None, Some("甲公司")), is("name", "invoice.buyer_name", "甲公司"));
        assert_eq!(known(Some("C06972"), Some("甲公司")), is("code", "feed.one.buyer_id", "C06972"));
        assert_eq!(
            known(Some("恒达钢材有限公司"), None),
            is("name", "feed.one.buyer_id", "恒达钢材有限公司")
        );
        assert_eq!(known(Some("C06972"), None), None);
        assert_eq!(known(None, None), None);
    }
}
