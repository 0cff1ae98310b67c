//! What a mapping makes of a file's first rows: before and after, and what it rejects and why. Nothing is stored.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::util::display::array_value_to_string;
use assay_datasets::mapping::{self, Feed};
use assay_datasets::repairs::{self, Repairs};
use assay_sql::session::{SessionOptions, new_session};
use datafusion::execution::context::SessionContext;

use crate::ingest::convert::Converter;
use crate::ingest::select::{inputs_of, tell_unread_sheets};
use crate::ingest::source::shape::Skipped;
use crate::ingest::source::{self, RawBatch, RecordSink};
use crate::ingest::{IngestRequest, Input, Reject};
use crate::{EngineError, Result};

/// Rows shown of each feed, and rejected rows.
const SHOWN: usize = 10;
/// Records read of each feed.
const RECORDS: usize = 100_000;

/// One value before and after.
#[derive(Debug, Clone)]
pub struct PreviewCell {
    /// Row in the file.
    pub row: i64,
    /// The table's column.
    pub column: String,
    /// The file's column or columns; empty for a constant.
    pub source: String,
    /// The value as it stands in the file.
    pub before: String,
    /// The value as it would be stored.
    pub after: String,
}

/// What a feed makes of a file.
#[derive(Debug, Clone)]
pub struct FeedPreview {
    /// Feed.
    pub feed: String,
    /// Table it fills.
    pub table: String,
    /// File, entry or sheet.
    pub file: String,
    /// Records read; not all of a large file.
    pub read: usize,
    /// Whether that is the whole file.
    pub whole: bool,
    /// Those that would load.
    pub kept: usize,
    /// The first ten rows, cell by cell.
    pub cells: Vec<PreviewCell>,
    /// The first ten rejected rows.
    pub rejects: Vec<Reject>,
    /// Rejected rows in all.
    pub rejected: usize,
    /// Rows that are no records.
    pub skipped: Vec<Skipped>,
    /// Columns that go nowhere.
    pub unused: Vec<String>,
    /// Why the file cannot be read by this feed.
    pub error: Option<String>,
}

/// Applies the mapping `text` (named `shown` in messages) to the first rows of `path`.
///
/// # Errors
/// When the mapping is wrong, with everything wrong in it, or no feed takes the file.
pub fn check(shown: &str, text: &str, path: &Path) -> Result<Vec<FeedPreview>> {
    let mapping = mapping::parse(shown, text).map_err(EngineError::Definitions)?;
    let request = IngestRequest {
        table: None,
        files: vec![path.display().to_string()],
        database: None,
        feed: None,
        accept_mapping_change: false,
        mapping: None,
        encoding: None,
        delimiter: None,
        sheet: None,
        threads: 1,
        memory: 0,
    };
    let context = new_session(&SessionOptions { threads: 1, ..SessionOptions::default() })?;
    let feeds: Vec<Feed> = mapping.feeds;
    let inputs = inputs_of(&feeds, &request)?;
    tell_unread_sheets(inputs.iter())?;
    inputs.iter().map(|input| preview(&context, input)).collect()
}

fn preview(context: &SessionContext, input: &Input) -> Result<FeedPreview> {
    let found = FeedPreview {
        feed: input.feed.name.clone(),
        table: input.table.name.clone(),
        file: input.label(),
        read: 0,
        whole: true,
        kept: 0,
        cells: Vec::new(),
        rejects: Vec::new(),
        rejected: 0,
        skipped: Vec::new(),
        unused: Vec::new(),
        error: None,
    };
    // As a warehouse without repairs of its own would load it.
    let repairs = repairs::parse("repairs.toml", repairs::EMBEDDED).map_err(EngineError::Definitions)?;
    let mut sink = Sink { repairs, context, input, converter: None, header: Vec::new(), shown: 0, found };
    match source::read(&input.member, &input.options, &mut sink) {
        Err(_) if !sink.found.whole => {}
        Err(error @ (EngineError::Input(_) | EngineError::DataFusion(_))) => {
            sink.found.error = Some(error.to_string());
        }
        outcome => outcome?,
    }
    Ok(sink.found)
}

struct Sink<'a> {
    repairs: Repairs,
    context: &'a SessionContext,
    input: &'a Input,
    converter: Option<Arc<Converter>>,
    header: Vec<String>,
    shown: usize,
    found: FeedPreview,
}

impl RecordSink for Sink<'_> {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        let label = self.input.label();
        let (table, feed) = (self.input.table, &self.input.feed);
        let converter = Converter::new(self.context, table, feed, &self.repairs, &label, columns)?;
        self.found.unused = converter.unused().into_iter().map(str::to_owned).collect();
        self.header = columns.to_vec();
        self.converter = Some(Arc::new(converter));
        Ok(())
    }

    fn skipped(&mut self, row: Skipped) -> Result<()> {
        self.found.skipped.push(row);
        Ok(())
    }

    fn batch(&mut self, raw: RawBatch) -> Result<()> {
        let Some(converter) = self.converter.clone() else {
            return Err(EngineError::internal("records before a header"));
        };
        let mut converted = converter.convert(&raw)?;
        self.found.read += converted.read;
        self.found.kept += converted.batch.num_rows();
        self.found.rejected += converted.rejects.len();
        let room = SHOWN - self.found.rejects.len();
        self.found.rejects.extend(converted.rejects.drain(..).take(room));
        let mut place = 0;
        for row in 0..converted.batch.num_rows() {
            if self.shown == SHOWN {
                break;
            }
            let number = converted.rows.value(row);
            // Good rows keep their order, so the record is found by going on.
            while place < raw.rows.len() && raw.rows[place] != number {
                place += 1;
            }
            self.show(&converter, &raw, place, number, converted.batch.columns(), row)?;
            place += 1;
            self.shown += 1;
        }
        if self.found.read >= RECORDS {
            self.found.whole = false;
            return Err(EngineError::internal("enough"));
        }
        Ok(())
    }
}

impl Sink<'_> {
    fn show(
        &mut self,
        converter: &Converter,
        raw: &RawBatch,
        place: usize,
        number: i64,
        columns: &[ArrayRef],
        row: usize,
    ) -> Result<()> {
        for (index, column) in self.input.table.columns.iter().enumerate() {
            if !converter.delivers(index) && columns[index].is_null(row) {
                continue;
            }
            let sources = converter.sources(index);
            let names: Vec<&str> = sources.iter().map(|s| self.header[*s].as_str()).collect();
            let before =
                sources.iter().map(|s| shown(&raw.columns[*s], place)).collect::<Result<Vec<_>>>()?;
            self.found.cells.push(PreviewCell {
                row: number,
                column: column.name.clone(),
                source: names.join(", "),
                before: before.join(" | "),
                after: shown(&columns[index], row)?,
            });
        }
        Ok(())
    }
}

fn shown(array: &ArrayRef, row: usize) -> Result<String> {
    if row >= array.len() || array.is_null(row) {
        return Ok(String::new());
    }
    Ok(array_value_to_string(array, row)?)
}
