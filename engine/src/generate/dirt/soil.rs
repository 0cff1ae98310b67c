//! Plants defects into the rows of one file: which rows are drawn, what they become, and what the ledger says.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::row::{RowConverter, Rows as KeyRows, SortField};

use super::plan::of_return;
use super::plan::{Change, Planned, Row, key_text};
use super::{Defect, Dirt, Identity, draws, integers, within};
use crate::generate::files::{Broken, Layout, TextRows, text_column};
use crate::{EngineError, Result};

/// What a file allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trait {
    /// Rows may be added.
    Additions,
    /// But only after the last line of an invoice, whose lines are numbered by their place.
    AdditionsLast,
    /// A second version of a key may stand before the first.
    SameKey,
    /// Records may be broken as such: text parted by delimiters.
    Records,
    /// Blanks around a value are part of it.
    Blanks,
    /// The number of an invoice stands in one of several columns (the e-tax workbook).
    SeveralNumbers,
    /// A row is a document of its own (XML).
    Documents,
}

/// How the rows of a table stand in a file.
pub(crate) struct Sheet<'a> {
    /// Columns.
    pub layout: &'a Layout,
    /// From rows to text.
    pub render: &'a (dyn Fn(&RecordBatch) -> Result<TextRows> + Sync),
    /// What is allowed.
    pub traits: &'a [Trait],
}

/// Rows with defects.
pub(crate) struct Soiled {
    /// What is written.
    pub rows: TextRows,
    /// Which row of the clean ones each is, or is a copy of; and whether it is a copy.
    pub origins: Vec<(usize, bool)>,
    /// What was planted, with the row's place among `rows` (`None`: it is missing). Files and numbers of rows are not
    /// known here and left empty.
    pub defects: Vec<(Option<usize>, Defect)>,
    /// Records whose party is hidden.
    pub identities: Vec<Identity>,
}

/// A row that is not the clean one.
struct Dirty {
    /// The clean row.
    of: usize,
    planned: Planned,
    cells: Vec<Option<String>>,
    broken: Option<Broken>,
    key: String,
}

enum Out {
    Clean(usize),
    Dirty(usize),
}

impl Dirt {
    /// Plants defects into `clean`, which is `sheet`'s rendering of `batch`.
    pub fn soil(&self, sheet: &Sheet<'_>, batch: &RecordBatch, clean: TextRows) -> Result<Soiled> {
        let mut dirty = self.drawn(sheet, batch, &clean)?;
        fill(sheet, batch, &mut dirty)?;
        // What the file does not show was not done.
        dirty.retain(|one| is_visible(one, &clean));
        Ok(assemble(sheet, clean, &dirty))
    }

    /// The rows that get a defect, in order, with what happens to them.
    fn drawn(&self, sheet: &Sheet<'_>, batch: &RecordBatch, clean: &TextRows) -> Result<Vec<Dirty>> {
        let table = sheet.layout.table;
        let keys = key_rows(sheet, batch)?;
        let returns = if table.name == "vat_return" {
            Some((
                text_column(batch, "taxpayer_id")?,
                integers(batch, "period")?,
                text_column(batch, "form")?,
            ))
        } else {
            None
        };
        let mut dirty = Vec::new();
        for row in 0..batch.num_rows() {
            let draws = draws(self.options.seed, &table.name, keys.row(row).as_ref());
            let view = Row { sheet, batch, text: clean, row, draws };
            let ahead = returns.as_ref().and_then(|(ids, periods, forms)| {
                self.returns.of(ids.value(row), periods.value(row), forms.value(row))
            });
            let planned = match ahead {
                Some(kind) => of_return(&view, kind)?,
                None if within(draws[0], self.options.rate) => view.plan(self)?,
                None => None,
            };
            if let Some(planned) = planned {
                let cells = (0..clean.columns.len()).map(|c| clean.cell(row, c).map(str::to_owned)).collect();
                let key = key_text(sheet, batch, row)?;
                dirty.push(Dirty { of: row, planned, cells, broken: None, key });
            }
        }
        Ok(dirty)
    }
}

fn key_rows(sheet: &Sheet<'_>, batch: &RecordBatch) -> Result<KeyRows> {
    let mut columns: Vec<ArrayRef> = Vec::new();
    for name in &sheet.layout.table.key {
        columns.push(Arc::clone(batch.column(batch.schema().index_of(name)?)));
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    Ok(RowConverter::new(fields)?.convert_columns(&columns)?)
}

/// Writes the changes into the cells; values are rendered as the file renders them.
fn fill(sheet: &Sheet<'_>, batch: &RecordBatch, dirty: &mut [Dirty]) -> Result<()> {
    let mut changed = Vec::new();
    let mut places = Vec::new();
    for (place, one) in dirty.iter_mut().enumerate() {
        match &one.planned.change {
            Change::Cells(cells) | Change::Copy(cells) => {
                for (at, value) in cells {
                    one.cells[*at].clone_from(value);
                }
            }
            Change::Values(values) | Change::CopyValues { values, .. } => {
                changed.push(with_values(&batch.slice(one.of, 1), values)?);
                places.push(place);
            }
            Change::Broken(broken) => one.broken = Some(*broken),
            Change::Remove => {}
        }
    }
    let Some(first) = changed.first() else { return Ok(()) };
    let changed = concat_batches(&first.schema(), &changed)?;
    let text = (sheet.render)(&changed)?;
    for (row, place) in places.into_iter().enumerate() {
        let one = &mut dirty[place];
        for (at, cell) in one.cells.iter_mut().enumerate() {
            *cell = text.cell(row, at).map(str::to_owned);
        }
        if matches!(one.planned.change, Change::CopyValues { .. }) {
            one.key = key_text(sheet, &changed, row)?;
        }
    }
    Ok(())
}

/// One row with other values in some columns.
fn with_values(row: &RecordBatch, values: &[(&str, Option<String>)]) -> Result<RecordBatch> {
    let schema = row.schema();
    let mut columns = row.columns().to_vec();
    for (name, value) in values {
        let at = schema.index_of(name)?;
        let text: ArrayRef = Arc::new(StringArray::from(vec![value.as_deref()]));
        let options = CastOptions { safe: false, ..CastOptions::default() };
        columns[at] = cast_with_options(&text, schema.field(at).data_type(), &options)?;
    }
    let fields: Vec<_> = schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    Ok(RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns)?)
}

fn is_visible(one: &Dirty, clean: &TextRows) -> bool {
    let differs = || (0..one.cells.len()).any(|c| one.cells[c].as_deref() != clean.cell(one.of, c));
    match &one.planned.change {
        Change::Cells(_) | Change::Values(_) | Change::CopyValues { .. } => differs(),
        Change::Copy(cells) => cells.is_empty() || differs(),
        Change::Broken(_) | Change::Remove => true,
    }
}

fn assemble(sheet: &Sheet<'_>, clean: TextRows, dirty: &[Dirty]) -> Soiled {
    let mut out: Vec<Out> = Vec::with_capacity(clean.len() + dirty.len());
    let mut next = dirty.iter().enumerate().peekable();
    for row in 0..clean.len() {
        let Some((place, one)) = next.next_if(|(_, one)| one.of == row) else {
            out.push(Out::Clean(row));
            continue;
        };
        match one.planned.change {
            Change::Cells(_) | Change::Values(_) => out.push(Out::Dirty(place)),
            Change::CopyValues { before: true, .. } => out.extend([Out::Dirty(place), Out::Clean(row)]),
            Change::Copy(_) | Change::CopyValues { .. } | Change::Broken(_) => {
                out.extend([Out::Clean(row), Out::Dirty(place)]);
            }
            Change::Remove => {}
        }
    }
    let mut found = Soiled {
        origins: Vec::with_capacity(out.len()),
        defects: Vec::new(),
        identities: Vec::new(),
        rows: TextRows { columns: Vec::new(), broken: Vec::new() },
    };
    for (at, one) in out.iter().enumerate() {
        match one {
            Out::Clean(row) => found.origins.push((*row, false)),
            Out::Dirty(place) => {
                let one = &dirty[*place];
                let added = !matches!(one.planned.change, Change::Cells(_) | Change::Values(_));
                found.origins.push((one.of, added));
                found.rows.broken.extend(one.broken.map(|how| (at, how)));
                note(sheet, &clean, one, Some(at), &mut found);
            }
        }
    }
    for one in dirty.iter().filter(|one| matches!(one.planned.change, Change::Remove)) {
        note(sheet, &clean, one, None, &mut found);
    }
    found.rows.columns = if dirty.is_empty() { clean.columns } else { interleave(&clean, dirty, &out) };
    found
}

fn interleave(clean: &TextRows, dirty: &[Dirty], out: &[Out]) -> Vec<StringArray> {
    let columns = clean.columns.iter().enumerate();
    columns
        .map(|(column, values)| {
            let mut builder = StringBuilder::with_capacity(out.len(), values.value_data().len());
            for one in out {
                match one {
                    Out::Clean(row) if values.is_valid(*row) => builder.append_value(values.value(*row)),
                    Out::Clean(_) => builder.append_null(),
                    Out::Dirty(place) => builder.append_option(dirty[*place].cells[column].as_deref()),
                }
            }
            builder.finish()
        })
        .collect()
}

/// What the ledger says of one dirty row: each cell that differs, or the row as a whole.
fn note(sheet: &Sheet<'_>, clean: &TextRows, one: &Dirty, at: Option<usize>, found: &mut Soiled) {
    let defect = |column: &str, before: Option<&str>, after: Option<&str>| Defect {
        file: String::new(),
        row: None,
        table: sheet.layout.table.name.clone(),
        key: one.key.clone(),
        column: column.to_owned(),
        kind: one.planned.kind,
        clean: before.unwrap_or_default().to_owned(),
        dirty: after.unwrap_or_default().to_owned(),
    };
    let before = found.defects.len();
    for (column, layout) in sheet.layout.columns.iter().enumerate() {
        let (was, is) = (clean.cell(one.of, column), one.cells[column].as_deref());
        if was != is {
            let name = layout.column.map_or(layout.name.as_str(), |known| known.name.as_str());
            found.defects.push((at, defect(name, was, is)));
        }
    }
    if found.defects.len() == before {
        found.defects.push((at, defect("", None, None)));
    }
    if let Some(identity) = &one.planned.identity {
        found.identities.push(Identity { key: one.key.clone(), ..identity.clone() });
    }
}

impl Soiled {
    /// Clean rows as they are.
    pub fn clean(rows: TextRows) -> Self {
        let origins = (0..rows.len()).map(|row| (row, false)).collect();
        Self { rows, origins, defects: Vec::new(), identities: Vec::new() }
    }

    /// Says where the rows stand: the file, and the number of the first one.
    pub fn place(
        &mut self,
        file: &str,
        first: i64,
        ledger: &mut Vec<Defect>,
        truth: &mut Vec<Identity>,
    ) -> Result<()> {
        for (at, defect) in self.defects.drain(..) {
            let row = match at {
                Some(at) => {
                    Some(first + i64::try_from(at).map_err(|_| EngineError::internal("too many rows"))?)
                }
                None => None,
            };
            ledger.push(Defect { file: file.to_owned(), row, ..defect });
        }
        truth.append(&mut self.identities);
        Ok(())
    }
}
