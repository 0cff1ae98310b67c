//! Parquet in the dictionary's own types, zstd.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::FileWriter;
use super::layout::{Layout, LayoutColumn};
use super::render::{TextRows, typed};
use crate::{EngineError, Result};

/// Writes one Parquet file.
pub(super) struct ParquetWriter {
    columns: Vec<LayoutColumn>,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
}

impl ParquetWriter {
    /// A file with the layout's columns.
    pub fn new(path: &Path, layout: &Layout) -> Result<Self> {
        let field = |column: &LayoutColumn| {
            let ty = column.column.map_or(DataType::Utf8, |c| c.ty.arrow_type());
            Field::new(&column.name, ty, true)
        };
        let schema: SchemaRef = Arc::new(Schema::new(layout.columns.iter().map(field).collect::<Vec<_>>()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
            .set_created_by("assay".to_owned())
            .build();
        let file = File::create(path).map_err(EngineError::file(path))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        Ok(Self { columns: layout.columns.clone(), schema, writer })
    }
}

impl FileWriter for ParquetWriter {
    fn write(&mut self, rows: &TextRows) -> Result<()> {
        let columns = self.columns.iter().zip(&rows.columns);
        let arrays = columns
            .map(|(column, text)| match column.column {
                Some(known) => typed(text, known),
                None => Ok(Arc::new(text.clone()) as ArrayRef),
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)?)
    }

    fn first_row(&self) -> i64 {
        1
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish()?;
        Ok(())
    }
}
