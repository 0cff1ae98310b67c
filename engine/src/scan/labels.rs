//! Labels for backtests: a file of taxpayer ids and yes/no, in any format ingestion reads.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::execution::context::SessionContext;

use crate::ingest::source::{self, RawBatch, ReadOptions, RecordSink};
use crate::{EngineError, Result};

/// Known outcomes.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// File they come from.
    pub file: String,
    /// Taxpayer id → guilty (or defaulted).
    pub by_id: HashMap<String, bool>,
}

/// Reads labels. `id` and `label` name the columns; without them the first and the last column are taken.
///
/// Positive is `1`, `true`, `yes`, `y`, `是`; negative `0`, `false`, `no`, `n`, `否`; rows without a label are left out.
///
/// # Errors
/// When the file cannot be read, a named column is missing, or a label is neither.
pub fn read_labels(
    path: &Path,
    sheet: Option<&str>,
    id: Option<&str>,
    label: Option<&str>,
) -> Result<Labels> {
    let mut reader = Reader {
        id,
        label,
        columns: None,
        labels: Labels { file: path.display().to_string(), ..Labels::default() },
    };
    for member in source::members(path)? {
        let options = ReadOptions { sheet: sheet.map(str::to_owned), ..ReadOptions::default() };
        source::read(&member, &options, &mut reader)?;
    }
    Ok(reader.labels)
}

/// Labels of a synthetic economy: guilty is who organised or used a scheme, honest everybody else in the register.
///
/// # Errors
/// When table `truth` is empty.
pub(super) async fn of_truth(context: &SessionContext) -> Result<Labels> {
    let sql = "SELECT arrow_cast(t.taxpayer_id, 'Utf8') AS id, bool_or(l.role IS NOT NULL AND l.role <> 'innocent') AS guilty \
               FROM taxpayer AS t LEFT JOIN truth AS l ON l.taxpayer_id = t.taxpayer_id \
               WHERE t.taxpayer_id IS NOT NULL AND (SELECT count(*) FROM truth) > 0 GROUP BY t.taxpayer_id";
    let mut labels = Labels { file: "table truth".to_owned(), ..Labels::default() };
    for batch in context.sql(sql).await?.collect().await? {
        let (ids, guilty) = (batch.column(0).as_string::<i32>(), batch.column(1).as_boolean());
        labels.by_id.extend(ids.iter().flatten().map(str::to_owned).zip(guilty.iter().flatten()));
    }
    if labels.by_id.is_empty() {
        return Err(EngineError::input(
            "table truth is empty: only a generated economy has labels of its own; name a file of labels with --labels FILE",
        ));
    }
    Ok(labels)
}

struct Reader<'a> {
    id: Option<&'a str>,
    label: Option<&'a str>,
    columns: Option<(usize, usize)>,
    labels: Labels,
}

impl RecordSink for Reader<'_> {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        let find = |name: Option<&str>, otherwise: usize| match name {
            None => Ok(otherwise),
            Some(name) => columns.iter().position(|c| c == name).ok_or_else(|| {
                EngineError::input(format!(
                    "{} has no column {name}; it has {}",
                    self.labels.file,
                    columns.join(", ")
                ))
            }),
        };
        self.columns = Some((find(self.id, 0)?, find(self.label, columns.len().saturating_sub(1))?));
        Ok(())
    }

    fn batch(&mut self, batch: RawBatch) -> Result<()> {
        let Some((id, label)) = self.columns else { return Ok(()) };
        let ids = cast(&batch.columns[id], &DataType::Utf8)?;
        let labels = cast(&batch.columns[label], &DataType::Utf8)?;
        let (ids, labels) = (ids.as_string::<i32>(), labels.as_string::<i32>());
        for row in 0..ids.len() {
            if ids.is_null(row) || labels.is_null(row) || labels.value(row).trim().is_empty() {
                continue;
            }
            let guilty = match labels.value(row).trim().to_lowercase().as_str() {
                "1" | "true" | "yes" | "y" | "是" => true,
                "0" | "false" | "no" | "n" | "否" => false,
                other => {
                    return Err(EngineError::input(format!(
                        "{}, row {}: label {other} is neither yes nor no (1/0, true/false, yes/no, 是/否)",
                        self.labels.file, batch.rows[row]
                    )));
                }
            };
            self.labels.by_id.insert(ids.value(row).trim().to_owned(), guilty);
        }
        Ok(())
    }
}
