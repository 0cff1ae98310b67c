//! The mapping that reads the written files back, made from their layouts.

use std::path::{Path, PathBuf};

use assay_datasets::mapping::EMBEDDED;
use assay_datasets::schema::ColumnType;
use toml::{Table as TomlTable, Value};

use super::layout::{Layout, LayoutColumn, Notation};
use super::{Format, Written};
use crate::{EngineError, Result};

/// Folder and file.
const FOLDER: &str = "mappings";
const FILE: &str = "generated.toml";
/// Mappings that come with Assay and read workbooks and documents of invoices.
const INVOICES: [(&str, &str); 2] =
    [("etax_invoice", "全量发票查询导出结果*.xlsx"), ("einvoice_xml", "数电发票*.zip")];

/// Writes the mapping of all layouts of which files were written. None where every file has the dictionary's headers.
pub(super) fn write(folder: &Path, layouts: &[Layout], written: &Written) -> Result<Option<PathBuf>> {
    let has_rows = |layout: &&Layout| {
        written.files.iter().any(|file| file.rows.iter().any(|(table, _)| *table == layout.table.name))
    };
    let used: Vec<&Layout> = layouts.iter().filter(has_rows).collect();
    if used.iter().all(|layout| layout.is_canonical()) {
        return Ok(None);
    }
    let mut text = String::from(
        "# Reads the files beside this folder: one feed a kind of file. Made with them; change a copy.\n\n\
         name = \"generated\"\nzh = \"模拟经济生成的各部门数据\"\nen = \"files generated from a synthetic economy\"\n",
    );
    let by_table = |layout: &&&Layout| !layout.format.holds_invoices();
    for layout in used.iter().filter(by_table) {
        text.push('\n');
        text.push_str(&feed(layout)?);
    }
    if used.iter().any(|layout| layout.format.holds_invoices()) {
        for (name, files) in INVOICES {
            text.push_str(&embedded(name, files)?);
        }
    }
    let place = folder.join(FOLDER);
    std::fs::create_dir_all(&place).map_err(EngineError::file(&place))?;
    let path = place.join(FILE);
    std::fs::write(&path, text).map_err(EngineError::file(&path))?;
    Ok(Some(path))
}

/// One `[[feed]]`.
fn feed(layout: &Layout) -> Result<String> {
    let mut feed = TomlTable::new();
    feed.insert("name".into(), layout.feed.clone().into());
    feed.insert("table".into(), layout.table.name.clone().into());
    let files = format!(
        "{}{}.{}",
        layout.stem,
        if layout.table.period.is_some() { "_[0-9]*" } else { "" },
        layout.format.ending()
    );
    feed.insert("files".into(), Value::Array(vec![files.into()]));
    let names = || layout.columns.iter().map(|column| Value::from(column.name.clone())).collect();
    match layout.format {
        Format::Csv => {
            feed.insert("encoding".into(), layout.encoding.name().into());
            feed.insert("delimiter".into(), ",".into());
        }
        Format::Hive => {
            feed.insert("encoding".into(), layout.encoding.name().into());
            feed.insert("delimiter".into(), "\\001".into());
            feed.insert("header".into(), Value::Array(names()));
        }
        Format::JsonLines | Format::JsonArray => {
            feed.insert("format".into(), "json".into());
        }
        Format::Fixed => {
            feed.insert("format".into(), "fixed".into());
            feed.insert("encoding".into(), layout.encoding.name().into());
            feed.insert("layout".into(), Value::Array(places(layout)));
        }
        Format::Dbf => {
            feed.insert("format".into(), "dbf".into());
        }
        Format::Parquet | Format::Etax | Format::Einvoice => {}
    }
    let mut columns = TomlTable::new();
    for column in &layout.columns {
        if let Some(known) = column.column {
            columns.insert(known.name.clone(), source(column));
        }
    }
    feed.insert("columns".into(), columns.into());
    let mut all = TomlTable::new();
    all.insert("feed".into(), Value::Array(vec![feed.into()]));
    toml::to_string(&all).map_err(|e| EngineError::internal(format!("feed {}: {e}", layout.feed)))
}

/// The feeds of a mapping that comes with Assay, for files of this name only: other feeds stand beside them here.
fn embedded(name: &str, files: &str) -> Result<String> {
    let Some((_, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) else { return Ok(String::new()) };
    let failed = |e: String| EngineError::internal(format!("mapping {name}: {e}"));
    let mapping: TomlTable = text.parse().map_err(|e: toml::de::Error| failed(e.to_string()))?;
    let mut feeds = mapping.get("feed").and_then(Value::as_array).cloned().unwrap_or_default();
    for feed in feeds.iter_mut().filter_map(Value::as_table_mut) {
        feed.insert("files".into(), Value::Array(vec![files.into()]));
    }
    let mut all = TomlTable::new();
    all.insert("feed".into(), Value::Array(feeds));
    Ok(format!("\n{}", toml::to_string(&all).map_err(|e| failed(e.to_string()))?))
}

/// Where each field of a fixed-width line stands.
fn places(layout: &Layout) -> Vec<Value> {
    let mut start = 1;
    let number = |n: usize| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    layout
        .columns
        .iter()
        .map(|column| {
            let mut field = TomlTable::new();
            field.insert("name".into(), column.name.clone().into());
            field.insert("start".into(), number(start));
            field.insert("width".into(), number(column.width));
            start += column.width;
            field.into()
        })
        .collect()
}

/// Where one canonical column comes from.
fn source(column: &LayoutColumn) -> Value {
    let from: Value = column.name.clone().into();
    let Some(known) = column.column else { return from };
    let labels = column.notation == Notation::Label && known.ty == ColumnType::Enum;
    if !labels {
        return from;
    }
    let mut values = TomlTable::new();
    for value in &known.values {
        values.insert(value.zh.clone(), value.code.clone().into());
    }
    let mut transform = TomlTable::new();
    transform.insert("from".into(), from);
    transform.insert("values".into(), values.into());
    transform.into()
}
