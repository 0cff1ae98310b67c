//! People and their firms: who represents, manages the finances of, files for or owns several firms, and which natural
//! person that stands in invoices as a party is somebody's boss.
//!
//! Keys of the vault only: names and identity numbers are compared inside the vault's session and never leave it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::error::ArrowError;
use datafusion::execution::context::SessionContext;

use super::definition::{Definition, Role};
use super::records::texts;
use super::tables::{link_id, link_spec};
use crate::Result;

/// Links of people as rows of `identity_link`. `run` and `at` (ms) go into every row. The session has the right to the
/// vault.
///
/// # Errors
/// When the warehouse cannot be read.
pub async fn links(
    context: &SessionContext,
    definition: &Definition,
    run: &str,
    at: i64,
) -> Result<Vec<RecordBatch>> {
    if definition.role.is_empty() {
        return Ok(Vec::new());
    }
    let found = context.sql(&sql(definition, run, at)).await?.collect().await?;
    found.iter().filter(|b| b.num_rows() > 0).map(stored).collect()
}

/// The batch as `identity_link` stores it, links identified.
fn stored(batch: &RecordBatch) -> Result<RecordBatch> {
    let column = |name: &str| texts(batch, batch.schema().index_of(name)?);
    let (kinds, spaces, values, ids) =
        (column("from_kind")?, column("from_space")?, column("from_value")?, column("taxpayer_id")?);
    let links: StringArray = (0..batch.num_rows())
        .map(|r| Some(link_id(kinds.value(r), spaces.value(r), values.value(r), ids.value(r))))
        .collect();
    let schema = link_spec().schema;
    let columns = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "link_id" => Ok(Arc::new(links.clone()) as ArrayRef),
            name => cast(batch.column(batch.schema().index_of(name)?), field.data_type()),
        })
        .collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// One SELECT of the rows.
///
/// A person of the vault is one entry of name and number; entries with the same valid number are one person (`who`).
/// A person is linked when they have something to do with several firms, or stand as a party (`NP` and the key).
fn sql(definition: &Definition, run: &str, at: i64) -> String {
    let roles: Vec<String> = definition.role.iter().map(role).collect();
    let cases = |text: fn(&Role) -> &str| {
        let when = |r: &Role| format!("WHEN '{}' THEN '{}'", quoted(&r.role), quoted(text(r)));
        let whens: Vec<String> = definition.role.iter().map(when).collect();
        format!("CASE role {} ELSE role END", whens.join(" "))
    };
    let (zh, en) = (cases(|r| &r.zh), cases(|r| &r.en));
    let (by_number, by_name) = (definition.person.by_number, definition.person.by_name);
    format!(
        "WITH held AS ({roles}), \
         valid AS (SELECT person_key, id_no FROM assay.vault.person WHERE resident_id_valid(id_no)), \
         first AS (SELECT id_no, min(person_key) AS who FROM valid GROUP BY id_no), \
         numbered AS (SELECT v.person_key, f.who FROM valid v JOIN first f ON v.id_no = f.id_no), \
         known AS (SELECT coalesce(n.who, h.person_key) AS who, n.who IS NOT NULL AS numbered, \
           h.taxpayer_key, h.taxpayer_id, h.role FROM held h LEFT JOIN numbered n ON h.person_key = n.person_key), \
         spread AS (SELECT who, count(DISTINCT taxpayer_key) AS firms FROM known GROUP BY who), \
         party_person AS (SELECT CAST(substr(party_id, 3) AS BIGINT) AS person_key FROM assay.open.party \
           WHERE regexp_like(party_id, '^NP[0-9]+$')), \
         standing AS (SELECT coalesce(n.who, p.person_key) AS who, min(p.person_key) AS as_person \
           FROM party_person p LEFT JOIN numbered n ON p.person_key = n.person_key GROUP BY 1), \
         single AS (SELECT who, taxpayer_key, taxpayer_id, role, {zh} AS zh, {en} AS en, bool_or(numbered) AS numbered \
           FROM known GROUP BY 1, 2, 3, 4), \
         roles AS (SELECT who, taxpayer_key, taxpayer_id, bool_or(numbered) AS numbered, count(*) AS n, \
           string_agg(role, ',' ORDER BY role) AS role, string_agg(zh, '、' ORDER BY role) AS zh, \
           string_agg(en, ', ' ORDER BY role) AS en FROM single GROUP BY 1, 2, 3), \
         linked AS (SELECT r.*, s.firms, g.as_person IS NOT NULL AS is_party, coalesce(g.as_person, r.who) AS person, \
           CAST(coalesce(g.as_person, r.who) AS VARCHAR) AS shown \
           FROM roles r JOIN spread s ON r.who = s.who LEFT JOIN standing g ON r.who = g.who \
           WHERE s.firms > 1 OR g.as_person IS NOT NULL) \
         SELECT CAST(3 AS INT) AS part, 'person' AS from_kind, 'vault.person' AS from_space, \
           'NP' || shown AS from_value, person AS from_key, taxpayer_key, taxpayer_id, CAST(1 AS INT) AS rank, \
           'role' AS method, CAST(CASE WHEN numbered THEN {by_number} ELSE {by_name} END AS DECIMAL(5, 4)) AS score, \
           n AS support, CAST(NULL AS DECIMAL(5, 4)) AS runner_up, role, firms AS rows, \
           '人员' || shown || '在本户任' || zh || \
             CASE WHEN firms > 1 THEN '，另在' || CAST(firms - 1 AS VARCHAR) || '户任职或持股' ELSE '' END || \
             CASE WHEN is_party THEN '，并以个人身份出现在业务记录中' ELSE '' END || \
             CASE WHEN numbered THEN '' ELSE '（无有效证件号码，仅姓名相同）' END AS explanation_zh, \
           'person ' || shown || ' is ' || en || ' here' || \
             CASE WHEN firms > 1 THEN ', and has to do with ' || CAST(firms - 1 AS VARCHAR) || ' other firms' ELSE '' END || \
             CASE WHEN is_party THEN ', and stands in records as a person' ELSE '' END || \
             CASE WHEN numbered THEN '' ELSE ' (no valid identity number, the name alone)' END AS explanation_en, \
           'auto' AS decided, '{run}' AS run, arrow_cast({at}, 'Timestamp(Millisecond, None)') AS at \
         FROM linked ORDER BY from_key, taxpayer_key",
        roles = roles.join(" UNION ALL ")
    )
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn role(role: &Role) -> String {
    let current = if role.table == "taxpayer" { "" } else { " AND valid_to IS NULL" };
    format!(
        "SELECT {key} AS person_key, taxpayer_key, taxpayer_id, '{code}' AS role FROM assay.open.{table} \
         WHERE {key} IS NOT NULL AND taxpayer_id IS NOT NULL{current}",
        key = role.person_key,
        code = quoted(&role.role),
        table = role.table
    )
}
