//! dBASE tables as old third-party systems send them: GBK, field names of at most ten bytes.
//!
//! Amounts, counts, rates and dates are fields of their type. Quantities have more digits than the library's numbers
//! (doubles) keep, so that they are characters, as are months.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use assay_datasets::schema::ColumnType;
use dbase::encoding::EncodingRs;
use dbase::{Date, FieldName, FieldWriter, TableWriter, TableWriterBuilder, WritableRecord};

use super::FileWriter;
use super::layout::{Layout, dbf_typed};
use super::render::TextRows;
use crate::{EngineError, Result};

/// Bytes 1 to 3 of the header hold the day of the last change: a fixed one, for the same rows make the same file.
const LAST_CHANGE: [u8; 3] = [125, 1, 1];
/// Largest amount whose cents a double keeps.
const EXACT: f64 = 9e13;

/// Writes one DBF file.
pub(super) struct DbfWriter {
    path: PathBuf,
    table: TableWriter<BufWriter<File>>,
    fields: Vec<Field>,
    rows: usize,
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    kind: Kind,
    width: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Character,
    Number,
    Day,
    Logical,
}

impl DbfWriter {
    /// A table with the layout's fields.
    pub fn new(path: &Path, layout: &Layout) -> Result<Self> {
        let mut builder = TableWriterBuilder::with_encoding(EncodingRs::from(encoding_rs::GBK));
        let mut fields = Vec::with_capacity(layout.columns.len());
        for column in &layout.columns {
            let ty = column.column.map_or(ColumnType::Text, |c| c.ty);
            let name = FieldName::try_from(column.name.as_str())
                .map_err(|e| EngineError::internal(format!("DBF field {}: {e}", column.name)))?;
            let width = u8::try_from(column.width.min(254)).unwrap_or(254);
            let kind = kind_of(ty);
            builder = match kind {
                Kind::Number => builder.add_numeric_field(name, 20, decimals(ty)),
                Kind::Day => builder.add_date_field(name),
                Kind::Logical => builder.add_logical_field(name),
                Kind::Character => builder.add_character_field(name, width),
            };
            fields.push(Field { name: column.name.clone(), kind, width: usize::from(width) });
        }
        let file = File::create(path).map_err(EngineError::file(path))?;
        let table = builder.build_with_dest(BufWriter::with_capacity(1 << 18, file));
        Ok(Self { path: path.to_owned(), table, fields, rows: 0 })
    }

    /// The library cuts what is too long; here nothing is lost unsaid.
    fn check(&self, rows: &TextRows, row: usize) -> Result<()> {
        for (column, field) in self.fields.iter().enumerate() {
            let Some(value) = rows.cell(row, column) else { continue };
            let fits = match field.kind {
                Kind::Character => encoding_rs::GBK.encode(value).0.len() <= field.width,
                Kind::Number => value.parse::<f64>().is_ok_and(|v| v.abs() < EXACT),
                Kind::Day => day(value).is_some(),
                Kind::Logical => matches!(value, "true" | "false"),
            };
            if !fits {
                return Err(EngineError::input(format!(
                    "{}, record {}: {} is {value}, which its field cannot hold; write this table in another format",
                    self.path.display(),
                    self.rows + 1,
                    field.name
                )));
            }
        }
        Ok(())
    }
}

fn kind_of(ty: ColumnType) -> Kind {
    match ty {
        ColumnType::Date => Kind::Day,
        ColumnType::Bool => Kind::Logical,
        ty if dbf_typed(ty) => Kind::Number,
        _ => Kind::Character,
    }
}

fn decimals(ty: ColumnType) -> u8 {
    match ty {
        ColumnType::Money => 2,
        ColumnType::Rate => 4,
        ColumnType::Share => 6,
        _ => 0,
    }
}

/// A day written `2025-01-31`, `20250131` or `2025/1/31`.
fn day(text: &str) -> Option<Date> {
    let (date, _) = crate::ingest::parse::parse_instant(text)?;
    use chrono::Datelike;
    Date::new(date.day(), date.month(), u32::try_from(date.year()).ok()?).ok()
}

/// One row as the library wants it.
struct Record<'a> {
    fields: &'a [Field],
    rows: &'a TextRows,
    row: usize,
}

impl WritableRecord for Record<'_> {
    fn write_using<W: Write>(&self, writer: &mut FieldWriter<'_, W>) -> Result<(), dbase::FieldError> {
        for (column, field) in self.fields.iter().enumerate() {
            let value = self.rows.cell(self.row, column);
            match field.kind {
                Kind::Character => writer.write_next_field_value(&value.unwrap_or_default())?,
                Kind::Number => writer.write_next_field_value(&value.and_then(|v| v.parse::<f64>().ok()))?,
                Kind::Day => writer.write_next_field_value(&value.and_then(day))?,
                Kind::Logical => writer.write_next_field_value(&value.map(|v| v == "true"))?,
            }
        }
        Ok(())
    }
}

impl FileWriter for DbfWriter {
    fn write(&mut self, rows: &TextRows) -> Result<()> {
        for row in 0..rows.len() {
            self.check(rows, row)?;
            self.rows += 1;
            let record = Record { fields: &self.fields, rows, row };
            self.table.write_record(&record).map_err(|e| {
                EngineError::internal(format!("{}, record {}: {e}", self.path.display(), self.rows))
            })?;
        }
        Ok(())
    }

    fn first_row(&self) -> i64 {
        1
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let failed = |e: dbase::Error| EngineError::internal(format!("{}: {e}", self.path.display()));
        self.table.finalize().map_err(failed)?;
        let path = self.path.clone();
        drop(self);
        let mut file = OpenOptions::new().write(true).open(&path).map_err(EngineError::file(&path))?;
        file.seek(SeekFrom::Start(1)).map_err(EngineError::file(&path))?;
        file.write_all(&LAST_CHANGE).map_err(EngineError::file(&path))
    }
}
