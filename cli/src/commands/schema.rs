//! `assay schema`: the data dictionary, from its one definition.

use anyhow::Result;
use assay_datasets::schema::{Column, ColumnType, Condition, PeriodSource, Table, catalog};

use crate::args::Cli;
use crate::print;

/// Prints all tables, or the columns of one; as a page when `markdown`.
pub async fn run(cli: &Cli, table: Option<&str>, markdown: bool) -> Result<()> {
    if markdown {
        let tables: Vec<&Table> = match table {
            Some(name) => vec![assay_engine::ingest::select::find_table(name)?],
            None => catalog().tables().iter().collect(),
        };
        return print::line(page(&tables).trim_end());
    }
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

/// Definition files and what their tables are about, in the order of the page.
const GROUPS: [(&str, &str); 5] = [
    ("registration", "登记与组织 Registration and organisation"),
    ("invoices", "发票 Invoices"),
    ("filings", "申报与征收 Filings and collection"),
    ("third_party", "第三方数据 Third-party data"),
    ("oversight", "执法与风险 Oversight and risk"),
];

/// The tables as a page, Chinese with English beside it.
fn page(tables: &[&Table]) -> String {
    let mut text = String::from(
        "# 数据表 Tables\n\n\
         <!-- Written by `assay schema --markdown`; change datasets/schemas/*.toml, not this page. -->\n\n\
         本页由唯一的表定义（`datasets/schemas/*.toml`）生成。金额为 decimal(18,2)，单位元；空值表示“未知”，不是零。\n\
         标记“个人信息”的列存入保险库（vault），明表只存其键；加 `--personal` 查询时以明文显示。\n\
         被后来版本替换的行保存在模式 replaced 的同名表中。\n\n\
         Generated from the one definition of the tables (`datasets/schemas/*.toml`). Money is decimal(18,2) in yuan; null\n\
         means unknown, not zero. Columns marked *personal* lie in the vault and open tables hold keys in their place; a query\n\
         with `--personal` shows them in clear. Every stored row ends with its lineage: `_source`, `_file`, `_row`, `_batch`,\n\
         `_ingested_at`. Rows that later versions replaced lie in the table of the same name in schema `replaced`.\n\n",
    );
    let known = |group: &str| GROUPS.iter().any(|(g, _)| *g == group);
    let others = tables.iter().map(|t| (t.group.as_str(), t.group.as_str())).filter(|(g, _)| !known(g));
    let mut groups: Vec<(&str, &str)> = GROUPS.to_vec();
    for other in others {
        if !groups.contains(&other) {
            groups.push(other);
        }
    }
    for (group, title) in groups {
        let mine: Vec<&&Table> = tables.iter().filter(|t| t.group == group).collect();
        if mine.is_empty() {
            continue;
        }
        text.push_str(&format!("## {title}\n\n"));
        for table in mine {
            describe(table, &mut text);
        }
    }
    text
}

fn describe(table: &Table, text: &mut String) {
    text.push_str(&format!("### `{}` {}\n\n{}\n\n", table.name, table.zh, cell(&table.en)));
    text.push_str(&format!("- 主键 Key: {}\n", codes(&table.key)));
    text.push_str(&format!("- 历史 History: {}\n", history(table)));
    if let Some(party) = &table.bucket_by {
        text.push_str(&format!("- 按纳税人存放 Kept by taxpayer: `{party}`\n"));
    }
    text.push_str("\n| 列 Column | 类型 Type | 中文名 | 标记 Marks | 说明 Note |\n|---|---|---|---|---|\n");
    for column in &table.columns {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            column.name,
            type_name(column.ty),
            cell(&column.zh),
            marks(table, column).join("; "),
            note(column)
        ));
    }
    text.push('\n');
}

/// How rows of one key relate over time.
fn history(table: &Table) -> String {
    let month = match &table.period {
        None => "不分月 not kept by month".to_owned(),
        Some(PeriodSource::Column) => "按月（来源给出 period） by month, stated by the source".to_owned(),
        Some(PeriodSource::Derived(column)) => format!("按月（取自 `{column}`） by month of `{column}`"),
    };
    let version = match &table.version_by {
        Some(column) => format!("同键以 `{column}` 较晚者为准 of one key the later `{column}` counts"),
        None => "同键以后到者为准 of one key what arrives later counts".to_owned(),
    };
    format!("{month}; {version}")
}

fn marks(table: &Table, column: &Column) -> Vec<String> {
    let mut marks = Vec::new();
    if table.key.contains(&column.name) {
        marks.push("主键 key".to_owned());
    }
    if column.required {
        marks.push("必填 required".to_owned());
    }
    if column.party {
        marks.push("纳税人 taxpayer id".to_owned());
    }
    if let Some(personal) = &column.personal {
        let when = match &personal.when {
            None => String::new(),
            Some(Condition::Is { column, values }) => format!(" (`{column}`: {})", codes(values)),
            Some(Condition::Missing { column }) => format!(" (`{column}` 为空 missing)"),
        };
        marks.push(format!("个人信息 personal: `{}`{when}", personal.dictionary.name()));
    }
    marks
}

fn note(column: &Column) -> String {
    let mut parts = Vec::new();
    // What merely repeats the name says nothing.
    if column.en != column.name.replace('_', " ") {
        parts.push(cell(&column.en));
    }
    if !column.values.is_empty() {
        let values: Vec<String> =
            column.values.iter().map(|v| format!("`{}` {}", v.code, cell(&v.zh))).collect();
        let open = if column.open { "；其他代码也可 other codes too" } else { "" };
        parts.push(format!("{}{open}", values.join(", ")));
    }
    parts.join("; ")
}

fn type_name(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Text => "text",
        ColumnType::Enum => "enum",
        ColumnType::Int => "int",
        ColumnType::Count => "bigint",
        ColumnType::Bool => "bool",
        ColumnType::Money => "decimal(18,2)",
        ColumnType::Rate => "decimal(6,4)",
        ColumnType::Share => "decimal(9,6)",
        ColumnType::Quantity => "decimal(24,8)",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
        ColumnType::Period => "period (YYYYMM)",
    }
}

fn codes(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// Text inside a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
