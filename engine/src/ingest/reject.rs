//! Rows that did not load: why, where, and what an officer can do about it.
//!
//! Where a row stands and which rule it broke lies in the open table `rejected_row`; its values, which may be
//! personal data, lie in the vault's `rejected_value`.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::DataType;
use assay_datasets::schema::{Column, ColumnType};

use super::parse::{is_blank, parse_decimal};
use super::source::BadRecord;
use super::system;
use crate::Result;

/// One rejected row.
#[derive(Debug, Clone)]
pub struct Reject {
    /// Number in the file.
    pub row: i64,
    /// Column as the file calls it; empty when the whole record is bad.
    pub column: String,
    /// The value at fault.
    pub value: String,
    /// Rule it broke: `type`, `missing`, `code`, `percent`, `taxpayer_id`, one of a [`BadRecord`], or a mapping's own.
    pub rule: String,
    /// What is wrong, for an officer.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// The whole record, fields joined by commas.
    pub record: String,
    /// File it stands in, where its source is many files.
    pub file: Option<String>,
}

impl Reject {
    /// A record that could not be split.
    pub fn of_record(bad: &BadRecord) -> Self {
        let (zh, en) = record_fault(bad.rule, &bad.detail);
        Self {
            row: bad.row,
            column: String::new(),
            value: String::new(),
            rule: bad.rule.into(),
            zh,
            en,
            record: bad.record.clone(),
            file: None,
        }
    }

    /// A row that breaks a mapping's rule (name and texts) with some columns (names and values).
    pub fn of_rule(
        row: i64,
        (name, zh, en): (&str, &str, &str),
        (column, value): (String, String),
        record: &[String],
    ) -> Self {
        Self {
            row,
            column,
            value,
            rule: name.into(),
            zh: zh.into(),
            en: en.into(),
            record: record.join(","),
            file: None,
        }
    }

    /// A value that cannot stand in `column`; `more` further columns of the row are bad too.
    pub fn of_value(
        row: i64,
        column: &Column,
        shown: &str,
        value: String,
        rule: &str,
        more: usize,
        record: &[String],
    ) -> Self {
        let (zh, en) = match rule {
            "missing" => (
                format!("“{shown}”（{}）为空，此列必填；请在来源补齐后重新装载", column.zh),
                format!("{shown} is empty but required: have the source fill it in, load again"),
            ),
            "code" => {
                let known: Vec<&str> = column.values.iter().map(|v| v.code.as_str()).collect();
                (
                    format!(
                        "“{shown}”（{}）的取值不在代码表内（{}），请在映射中补充对应关系",
                        column.zh,
                        known.join("、")
                    ),
                    format!("{shown} is none of {}: add it to the mapping's values", known.join(", ")),
                )
            }
            "line_break" => (
                format!("“{shown}”（{}）含有换行，可能是引号未成对，吞并了后面的行", column.zh),
                format!("{shown} contains a line break: a stray quotation mark may have swallowed lines"),
            ),
            "lost_digits" => (
                format!("“{shown}”（{}）是科学计数法，末几位已丢失；请把该列设为文本后重新导出", column.zh),
                format!(
                    "{shown} is a number in exponent form, its last digits are lost: export the column as text"
                ),
            ),
            "percent" => (
                format!(
                    "“{shown}”（{}）大于1：13%应写作0.13或13%；来源若以百分数表示，请在映射中换算（sql = \"CAST({shown} AS DECIMAL(9, 4)) / 100\"）",
                    column.zh
                ),
                format!(
                    "{shown} is above 1: 13 percent is written 0.13 or 13%; where the source writes percent, convert it in the mapping (sql = \"CAST({shown} AS DECIMAL(9, 4)) / 100\")"
                ),
            ),
            "taxpayer_id" => (
                format!(
                    "“{shown}”（{}）不是有效的纳税人识别号（15至20位大写字母或数字，18位须通过校验码），请与来源核对",
                    column.zh
                ),
                format!(
                    "{shown} is no valid taxpayer id (15 to 20 capitals and digits; check character): check it with the source"
                ),
            ),
            _ => {
                let (zh, en) = type_fault(column.ty, &value);
                (format!("“{shown}”（{}）{zh}", column.zh), format!("{shown} {en}"))
            }
        };
        let zh = if more == 0 { zh } else { format!("{zh}；该行另有{more}列不合格") };
        let en = if more == 0 { en } else { format!("{en}; {more} more columns of the row are bad") };
        Self {
            row,
            column: shown.into(),
            value,
            rule: rule.into(),
            zh,
            en,
            record: record.join(","),
            file: None,
        }
    }
}

/// What is wrong with a record as a whole, in both languages.
fn record_fault(rule: &str, detail: &str) -> (String, String) {
    // Sources say `found instead of expected`, with units.
    let counts = || {
        let said = detail.replace("lines, ", "行，").replace(" instead of ", "，应为");
        said.replace(" bytes", "字节").replace(" characters", "字符").replace(" fields", "列")
    };
    match rule {
        "fields" => (
            format!(
                "列数与表头不符（{}），请检查是否有未加引号的分隔符或换行",
                detail.replace("instead of", "列，应为")
            ),
            format!("wrong number of fields ({detail}): look for an unquoted delimiter or line break"),
        ),
        "quote" => (
            format!("引号未闭合，吞并了后面的行（{}），请改正引号后重新导入", counts()),
            format!(
                "a quotation mark is not closed and swallows lines ({detail}): correct it and load again"
            ),
        ),
        "length" => (
            format!("行长与版式不符（{}），请核对定长文件版式或重新导出", counts()),
            format!(
                "the line's length is not the layout's ({detail}): check the layout or export the file again"
            ),
        ),
        "json" => (
            format!("不是有效的JSON记录（{detail}），请用原系统重新导出"),
            format!("no valid JSON record ({detail}): export the file again"),
        ),
        "xml" => (
            format!("XML文件无法读取（{detail}），请重新获取"),
            format!("unreadable XML ({detail}): ask for the file again"),
        ),
        "mark" => (
            format!("记录的删除标志不正确（{detail}），文件可能已损坏"),
            format!("the record's deletion mark is wrong ({detail}): the file may be damaged"),
        ),
        "memo" => (
            format!("备注文件中找不到所指内容（{detail}），请一并取得备注文件"),
            format!("its memo cannot be read ({detail}): ask for both files again"),
        ),
        "instant" => (format!("字段{detail}的日期时间不存在"), format!("{detail} holds no date and time")),
        _ => (
            format!("含有不是{detail}编码的字节，请用原系统重新导出"),
            format!(
                "bytes that are not {detail} text: state the encoding (encoding in the feed, or --encoding) or export the file again"
            ),
        ),
    }
}

/// Why a value is none of a type, and what to do. A number that does not fit is not called none.
fn type_fault(ty: ColumnType, value: &str) -> (String, String) {
    if let DataType::Decimal128(precision, scale) = ty.arrow_type() {
        let read = |round| parse_decimal(value.trim_matches(is_blank), 38, scale, round);
        let whole = i16::from(precision) - i16::from(scale);
        if read(false).is_some() {
            return (
                format!("过大：小数点前最多{whole}位，请与来源核对，更正后重新装载"),
                format!(
                    "is too large: {whole} digits before the point at most; check it with the source, load again"
                ),
            );
        }
        if read(true).is_some() {
            return (
                format!("的小数多于{scale}位；请更正后重新装载，或在映射中声明舍入（round = true）"),
                format!(
                    "has more than {scale} decimals: correct it and load again, or state round = true in the mapping"
                ),
            );
        }
    }
    (
        format!("不是有效的{}；请更正后重新装载，或在映射中说明它怎样写", type_zh(ty)),
        format!("is not {}: correct it and load again, or say in the mapping how it is written", type_en(ty)),
    )
}

fn type_zh(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Money => "金额（形如1234.56，最多两位小数）",
        ColumnType::Rate | ColumnType::Share => "比率（形如0.13或13%）",
        ColumnType::Quantity => "数量（最多八位小数）",
        ColumnType::Date => "日期（形如2020-02-29）",
        ColumnType::Timestamp => "时间（形如2020-02-29 13:45:00）",
        ColumnType::Period => "所属期（形如202002）",
        ColumnType::Int | ColumnType::Count => "整数",
        ColumnType::Bool => "是否标志",
        ColumnType::Text | ColumnType::Enum => "文本",
    }
}

fn type_en(ty: ColumnType) -> &'static str {
    match ty {
        ColumnType::Money => "an amount (like 1234.56, at most two decimals)",
        ColumnType::Rate | ColumnType::Share => "a rate (like 0.13 or 13%)",
        ColumnType::Quantity => "a quantity (at most eight decimals)",
        ColumnType::Date => "a date (like 2020-02-29)",
        ColumnType::Timestamp => "a time (like 2020-02-29 13:45:00)",
        ColumnType::Period => "a month (like 202002)",
        ColumnType::Int | ColumnType::Count => "a whole number",
        ColumnType::Bool => "a yes or no",
        ColumnType::Text | ColumnType::Enum => "text",
    }
}

/// Where a set of rejects comes from.
pub struct Origin<'a> {
    /// Table they were meant for.
    pub table: &'a str,
    /// Feed.
    pub source: &'a str,
    /// File.
    pub file: &'a str,
    /// Batch.
    pub batch: &'a str,
    /// Time of ingestion, ms.
    pub at: i64,
}

/// The open and the vault's rows of some rejects; `first` numbers them within the batch.
pub fn batches(rejects: &[Reject], origin: &Origin<'_>, first: usize) -> Result<(RecordBatch, RecordBatch)> {
    let n = rejects.len();
    let same = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, n)));
    let texts = |f: fn(&Reject) -> &String| Arc::new(StringArray::from_iter_values(rejects.iter().map(f)));
    let ids =
        Arc::new(StringArray::from_iter_values((0..n).map(|i| format!("{}-{:09}", origin.batch, first + i))));
    let rows = Arc::new(Int64Array::from_iter_values(rejects.iter().map(|r| r.row)));
    let at = Arc::new(TimestampMillisecondArray::from_iter_values(std::iter::repeat_n(origin.at, n)));
    let open = RecordBatch::try_new(
        system::rejected_row().schema,
        vec![
            Arc::clone(&ids) as _,
            same(origin.table),
            texts(|r| &r.column),
            texts(|r| &r.rule),
            texts(|r| &r.zh),
            texts(|r| &r.en),
            same(origin.source),
            Arc::new(StringArray::from_iter_values(
                rejects.iter().map(|r| r.file.as_deref().unwrap_or(origin.file)),
            )),
            rows,
            same(origin.batch),
            at,
        ],
    )?;
    let clear = RecordBatch::try_new(
        system::rejected_value().schema,
        vec![ids, texts(|r| &r.value), texts(|r| &r.record)],
    )?;
    Ok((open, clear))
}
