//! JSON lines and JSON arrays: one object a row, numbers as numbers, a missing value as `null`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use assay_datasets::schema::ColumnType;

use super::FileWriter;
use super::layout::Layout;
use super::render::TextRows;
use crate::{EngineError, Result};

/// Writes one JSON file.
pub(super) struct JsonWriter {
    path: PathBuf,
    out: BufWriter<File>,
    /// Keys with their quotes and colon, and whether their values are numbers or truth values.
    keys: Vec<(Vec<u8>, bool)>,
    array: bool,
    rows: usize,
}

impl JsonWriter {
    /// An array of objects, or one object a line.
    pub fn new(path: &Path, layout: &Layout, array: bool) -> Result<Self> {
        let file = File::create(path).map_err(EngineError::file(path))?;
        let mut keys = Vec::with_capacity(layout.columns.len());
        for column in &layout.columns {
            let mut key = serde_json::to_vec(&column.name)?;
            key.push(b':');
            keys.push((key, column.column.is_some_and(|c| is_bare(c.ty))));
        }
        Ok(Self { path: path.to_owned(), out: BufWriter::with_capacity(1 << 18, file), keys, array, rows: 0 })
    }

    fn row(&mut self, rows: &TextRows, row: usize) -> std::io::Result<()> {
        match (self.array, self.rows) {
            (true, 0) => self.out.write_all(b"[\n")?,
            (true, _) => self.out.write_all(b",\n")?,
            (false, 0) => {}
            (false, _) => self.out.write_all(b"\n")?,
        }
        self.rows += 1;
        for (column, (key, bare)) in self.keys.iter().enumerate() {
            self.out.write_all(if column == 0 { b"{" } else { b"," })?;
            self.out.write_all(key)?;
            match rows.cell(row, column) {
                None => self.out.write_all(b"null")?,
                // What is no number stands as text, as a careless exporter writes it.
                Some(value) if *bare && is_json_scalar(value) => self.out.write_all(value.as_bytes())?,
                Some(value) => serde_json::to_writer(&mut self.out, value)?,
            }
        }
        self.out.write_all(b"}")
    }
}

/// Whether values stand without quotes.
fn is_bare(ty: ColumnType) -> bool {
    ty.is_number() || ty == ColumnType::Bool
}

fn is_json_scalar(value: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(value)
        .is_ok_and(|raw| raw.get().len() == value.len() && !raw.get().starts_with(['{', '[', '"', 'n']))
}

impl FileWriter for JsonWriter {
    fn write(&mut self, rows: &TextRows) -> Result<()> {
        for row in 0..rows.len() {
            self.row(rows, row).map_err(EngineError::file(&self.path))?;
        }
        Ok(())
    }

    fn first_row(&self) -> i64 {
        1
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let end: &[u8] = match (self.array, self.rows) {
            (true, 0) => b"[]\n",
            (true, _) => b"\n]\n",
            (false, _) => b"\n",
        };
        self.out.write_all(end).and_then(|()| self.out.flush()).map_err(EngineError::file(&self.path))
    }
}
