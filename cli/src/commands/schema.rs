//! `assay schema`: the data dictionary, from its one definition.

use anyhow::Result;
use assay_datasets::schema::catalog;

use crate::args::Cli;
use crate::print;

/// Prints all tables, or the columns of one.
pub async fn run(cli: &Cli, table: Option<&str>) -> Result<()> {
    let Some(name) = table else {
        let rows: Vec<Vec<String>> = catalog()
            .tables()
            .iter()
            .map(|t| {
                vec![
                    t.name.clone(),
                    t.zh.clone(),
                    t.key.join(", "),
                    t.columns.len().to_string(),
                    t.en.clone(),
                ]
            })
            .collect();
        return print::rows(&["table", "name_zh", "key", "columns", "note"], &rows, cli.format).await;
    };
    let table = assay_engine::ingest::select::find_table(name)?;
    let rows: Vec<Vec<String>> = table
        .columns
        .iter()
        .map(|c| {
            let values: Vec<String> = c.values.iter().map(|v| format!("{} {}", v.code, v.zh)).collect();
            let mut marks = Vec::new();
            if table.key.contains(&c.name) {
                marks.push("key");
            }
            if c.required {
                marks.push("required");
            }
            if c.personal.is_some() {
                marks.push("personal");
            }
            vec![
                c.name.clone(),
                format!("{:?}", c.ty).to_lowercase(),
                c.zh.clone(),
                marks.join(", "),
                if values.is_empty() { c.en.clone() } else { values.join("; ") },
            ]
        })
        .collect();
    print::rows(&["column", "type", "name_zh", "marks", "note"], &rows, cli.format).await
}
