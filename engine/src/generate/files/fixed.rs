//! Fixed-width text: every field at its place, counted in bytes of the file's encoding; text to the left, numbers to
//! the right, a missing value blank.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::layout::Layout;
use super::render::TextRows;
use super::{FileWriter, TextEncoding};
use crate::{EngineError, Result};

/// Writes one fixed-width file.
pub(super) struct FixedWriter {
    path: PathBuf,
    out: BufWriter<File>,
    encoding: TextEncoding,
    fields: Vec<Field>,
    rows: i64,
    line: Vec<u8>,
}

struct Field {
    name: String,
    width: usize,
    to_the_right: bool,
}

impl FixedWriter {
    /// A file in the layout's widths.
    pub fn new(path: &Path, layout: &Layout) -> Result<Self> {
        let file = File::create(path).map_err(EngineError::file(path))?;
        let fields = layout
            .columns
            .iter()
            .map(|column| Field {
                name: column.name.clone(),
                width: column.width,
                to_the_right: column.column.is_some_and(|c| c.ty.is_number()),
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::with_capacity(1 << 18, file),
            encoding: layout.encoding,
            fields,
            rows: 0,
            line: Vec::new(),
        })
    }

    fn field(&mut self, number: usize, value: &str) -> Result<()> {
        let field = &self.fields[number];
        let encoded = match self.encoding {
            TextEncoding::Utf8 => value.as_bytes().into(),
            TextEncoding::Gb18030 => encoding_rs::GB18030.encode(value).0,
        };
        if encoded.len() > field.width {
            return Err(EngineError::input(format!(
                "{}, row {}: {} is {value}, {} bytes; the layout gives it {}. Write this table in another format",
                self.path.display(),
                self.rows,
                field.name,
                encoded.len(),
                field.width
            )));
        }
        let blanks = field.width - encoded.len();
        let to_the_right = field.to_the_right;
        if to_the_right {
            self.line.resize(self.line.len() + blanks, b' ');
        }
        self.line.extend_from_slice(&encoded);
        if !to_the_right {
            self.line.resize(self.line.len() + blanks, b' ');
        }
        Ok(())
    }
}

impl FileWriter for FixedWriter {
    fn write(&mut self, rows: &TextRows) -> Result<()> {
        for row in 0..rows.len() {
            self.rows += 1;
            self.line.clear();
            for column in 0..self.fields.len() {
                self.field(column, rows.cell(row, column).unwrap_or_default())?;
            }
            self.line.push(b'\n');
            self.out.write_all(&self.line).map_err(EngineError::file(&self.path))?;
        }
        Ok(())
    }

    fn first_row(&self) -> i64 {
        1
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush().map_err(EngineError::file(&self.path))
    }
}
