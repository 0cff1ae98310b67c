//! What stands in the sheets of 全量发票查询导出结果.xlsx, the e-tax bureau's export of invoices.
//!
//! The sheet 信息汇总表 has one row a line, 发票基础信息 one an invoice, and invoices of certain businesses stand once
//! more on a sheet of their own (see `business.rs`).

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{Decimal128Type, Int64Type};
use assay_datasets::schema::{ColumnType, Table, catalog};

use super::Format;
use super::business::{BUSINESSES, business, push_digits};
use super::invoices::{INVOICE, text};
use super::layout::{Layout, LayoutColumn, Notation};
use super::render::{TextRows, plain};
use crate::{EngineError, Result};

/// Column with the running number of a row on its sheet, which rows to be rendered carry.
pub(super) const NUMBER: &str = "_number";

/// Sheet of the lines.
pub(super) const LINES_SHEET: &str = "信息汇总表";
/// Sheet of the invoices.
pub(super) const INVOICES_SHEET: &str = "发票基础信息";

/// Stands for the number an invoice of the older kinds does not have.
const NONE: &str = "--";

/// Columns whose canonical values the mapping makes by expressions.
const DERIVED: [&str; 13] = [
    "invoice_id",
    "invoice_code",
    "invoice_no",
    "buyer_id",
    "status",
    "remark",
    "goods_code",
    "spec",
    "unit",
    "quantity",
    "unit_price",
    "rate",
    "tax",
];

/// Headers of 发票基础信息 and the canonical columns they show.
const INVOICES: [(&str, Option<&str>); 19] = [
    ("序号", None),
    ("发票代码", Some("invoice_code")),
    ("发票号码", Some("invoice_no")),
    ("数电发票号码", Some("invoice_id")),
    ("销方识别号", Some("seller_id")),
    ("销方名称", Some("seller_name")),
    ("购方识别号", Some("buyer_id")),
    ("购买方名称", Some("buyer_name")),
    ("开票日期", Some("issued_at")),
    ("金额", Some("amount")),
    ("税额", Some("tax")),
    ("价税合计", Some("total")),
    ("发票来源", None),
    ("发票票种", Some("kind")),
    ("发票状态", Some("status")),
    ("是否正数发票", None),
    ("发票风险等级", None),
    ("开票人", Some("issuer")),
    ("备注", Some("remark")),
];

/// Headers of 信息汇总表 between 开票日期 and 发票来源, and the canonical columns of a line they show.
const LINES: [(&str, Option<&str>); 11] = [
    ("税收分类编码", Some("goods_code")),
    ("特定业务类型", None),
    ("货物或应税劳务名称", Some("goods_name")),
    ("规格型号", Some("spec")),
    ("单位", Some("unit")),
    ("数量", Some("quantity")),
    ("单价", Some("unit_price")),
    ("金额", Some("amount")),
    ("税率", Some("rate")),
    ("税额", Some("tax")),
    ("价税合计", None),
];

/// Kinds of invoices: code, as the export calls it, and whether it is fully digital.
const KINDS: [(&str, &str, bool); 11] = [
    ("special", "增值税专用发票", false),
    ("ordinary", "增值税普通发票", false),
    ("e_special", "数电发票（增值税专用发票）", true),
    ("e_ordinary", "数电发票（普通发票）", true),
    ("vehicle", "机动车销售统一发票", false),
    ("used_car", "二手车销售统一发票", false),
    ("agri_purchase", "农产品收购发票", false),
    ("agri_own", "自产农产品销售发票", false),
    ("toll", "通行费电子普通发票", false),
    ("passenger", "数电发票（铁路电子客票）", true),
    ("customs", "海关进口增值税专用缴款书", false),
];

fn table(name: &str) -> Result<&'static Table> {
    catalog().table(name).ok_or_else(|| EngineError::internal(format!("no table {name}")))
}

fn layout(table: &str, feed: &str, headers: &[(&str, Option<&str>)]) -> Result<Layout> {
    Layout::of_document((table, feed), (Format::Etax, "全量发票查询导出结果"), headers, &DERIVED)
}

/// The sheet 发票基础信息.
pub(super) fn invoices_layout() -> Result<Layout> {
    layout("invoice", "etax.invoices", &INVOICES)
}

/// The sheet 信息汇总表.
pub(super) fn lines_layout() -> Result<Layout> {
    let invoice = |from: usize, to: usize| INVOICES[from..to].iter().map(|(header, _)| (*header, None));
    let headers: Vec<_> = invoice(0, 9).chain(LINES).chain(invoice(12, 19)).collect();
    layout("invoice_line", "etax.lines", &headers)
}

/// Rows of `invoice` (with [`NUMBER`]) as on 发票基础信息.
pub(super) fn render_invoices(batch: &RecordBatch) -> Result<TextRows> {
    Ok(TextRows { columns: invoice_columns(batch, "")?, broken: Vec::new() })
}

/// Rows of `invoice_line` with their invoice beside them (and [`NUMBER`]) as on 信息汇总表.
pub(super) fn render_lines(batch: &RecordBatch) -> Result<TextRows> {
    let mut invoice = invoice_columns(batch, INVOICE)?;
    let rest = invoice.split_off(12);
    invoice.truncate(9);
    let quantity = |name| plain_column(batch, name, ColumnType::Quantity);
    let money = |name| plain_column(batch, name, ColumnType::Money);
    let mut columns = invoice;
    columns.extend([
        text(batch, "goods_code")?.clone(),
        businesses(batch)?,
        text(batch, "goods_name")?.clone(),
        text(batch, "spec")?.clone(),
        text(batch, "unit")?.clone(),
        quantity("quantity")?,
        quantity("unit_price")?,
        money("amount")?,
        rates(batch)?,
        money("tax")?,
        line_totals(batch)?,
    ]);
    columns.extend(rest);
    Ok(TextRows { columns, broken: Vec::new() })
}

fn plain_column(batch: &RecordBatch, name: &str, ty: ColumnType) -> Result<StringArray> {
    plain(batch.column(batch.schema().index_of(name)?), ty)
}

/// The nineteen columns of 发票基础信息; `prefix` stands before the invoice's columns in the batch.
fn invoice_columns(batch: &RecordBatch, prefix: &str) -> Result<Vec<StringArray>> {
    let name = |column: &str| format!("{prefix}{column}");
    let of = |column: &str| text(batch, &name(column)).cloned();
    let money = |column: &str| plain_column(batch, &name(column), ColumnType::Money);
    let kinds = of("kind")?;
    let rows = batch.num_rows();
    let kind = |row: usize| KINDS.iter().find(|(code, ..)| *code == kinds.value(row));
    let digital = |row: usize| kind(row).is_some_and(|(_, _, digital)| *digital);
    let ids = of("invoice_id")?;
    let numbers: StringArray =
        (0..rows).map(|r| Some(if digital(r) { ids.value(r) } else { NONE })).collect();
    // Fully digital invoices have neither code nor number of the older form.
    let older = |values: StringArray, part: fn(&str) -> &str| -> StringArray {
        (0..rows)
            .map(|r| match (digital(r), values.is_valid(r)) {
                (true, _) => None,
                (false, true) => Some(values.value(r)),
                (false, false) => Some(part(ids.value(r))),
            })
            .collect()
    };
    let amounts = batch.column(batch.schema().index_of(&name("amount"))?).as_primitive::<Decimal128Type>();
    let statuses = of("status")?;
    let running = batch.column(batch.schema().index_of(NUMBER)?).as_primitive::<Int64Type>();
    Ok(vec![
        running.iter().map(|n| n.map(|n| n.to_string())).collect(),
        older(of("invoice_code")?, |id| id.get(..id.len().saturating_sub(8)).unwrap_or_default()),
        older(of("invoice_no")?, |id| id.get(id.len().saturating_sub(8)..).unwrap_or(id)),
        numbers,
        of("seller_id")?,
        of("seller_name")?,
        of("buyer_id")?,
        of("buyer_name")?,
        plain_column(batch, &name("issued_at"), ColumnType::Timestamp)?,
        money("amount")?,
        money("tax")?,
        money("total")?,
        (0..rows)
            .map(|r| {
                Some(if digital(r) { "电子发票服务平台" } else { "增值税发票管理系统" })
            })
            .collect(),
        (0..rows).map(|r| Some(kind(r).map_or_else(|| kinds.value(r), |(_, zh, _)| *zh))).collect(),
        statuses.iter().map(|s| s.map(status)).collect(),
        amounts.iter().map(|a| Some(if a.is_some_and(|a| a < 0) { "否" } else { "是" })).collect(),
        statuses.iter().map(|s| s.map(risk)).collect(),
        of("issuer")?,
        remarks(&ids, &of("original_invoice_id")?, &of("remark")?, digital),
    ])
}

fn status(code: &str) -> &str {
    match code {
        "void" => "已作废",
        "reversed" => "已红冲-全额",
        "part_reversed" => "已红冲-部分",
        _ => "正常",
    }
}

fn risk(code: &str) -> &str {
    match code {
        "lost_control" => "失控",
        "abnormal" => "异常",
        _ => "正常",
    }
}

/// Remarks; a red invoice's names the blue one and the confirmation of its reversal.
fn remarks(
    ids: &StringArray,
    originals: &StringArray,
    remarks: &StringArray,
    digital: impl Fn(usize) -> bool,
) -> StringArray {
    let mut out = StringBuilder::new();
    let mut buffer = String::new();
    for row in 0..ids.len() {
        buffer.clear();
        let original = originals.is_valid(row).then(|| originals.value(row));
        let own = if remarks.is_valid(row) { remarks.value(row) } else { "" };
        let said = RED_REMARKS.iter().any(|text| own.starts_with(text));
        match original {
            // The remark says it already.
            Some(original) if said && own.contains(original) => buffer.push_str(own),
            _ => {
                if let Some(original) = original {
                    red_remark(&mut buffer, ids.value(row), original, digital(row));
                }
                if !said && !own.is_empty() {
                    buffer.push_str(if buffer.is_empty() { "" } else { " " });
                    buffer.push_str(own);
                }
            }
        }
        if buffer.is_empty() { out.append_null() } else { out.append_value(&buffer) }
    }
    out.finish()
}

/// How the remark of a red invoice begins.
const RED_REMARKS: [&str; 2] = ["被红冲蓝字数电票号码：", "对应正数发票代码:"];

/// Which invoice a red one reverses, and the number of the confirmation, which follows from its own.
fn red_remark(out: &mut String, id: &str, original: &str, digital: bool) {
    match code_and_number(original).filter(|_| !digital) {
        Some((code, number)) => {
            out.push_str(RED_REMARKS[1]);
            out.push_str(code);
            out.push_str("号码:");
            out.push_str(number);
        }
        None => {
            out.push_str(RED_REMARKS[0]);
            out.push_str(original);
        }
    }
    out.push_str(" 红字发票信息确认单编号：");
    push_digits(out, id, "confirmation", 20);
}

/// An older invoice's number in its two parts.
fn code_and_number(id: &str) -> Option<(&str, &str)> {
    id.len().checked_sub(8).and_then(|at| id.split_at_checked(at))
}

/// Tax rates as the export writes them: a percent, or why there is none.
fn rates(batch: &RecordBatch) -> Result<StringArray> {
    let rates = plain_column(batch, "rate", ColumnType::Rate)?;
    let preferences = text(batch, "preference")?;
    let layout = LayoutColumn {
        name: String::new(),
        column: None,
        notation: Notation::Percent,
        width: 0,
        derived: false,
        typed: false,
    };
    let known = table("invoice_line")?
        .column("rate")
        .ok_or_else(|| EngineError::internal("invoice_line has no rate"))?;
    let array: arrow::array::ArrayRef = Arc::new(rates);
    let percents = super::render::text(&array, known, &layout)?;
    Ok((0..batch.num_rows())
        .map(|row| match preferences.is_valid(row).then(|| preferences.value(row)) {
            Some("exempt") => Some("免税"),
            Some("not_taxable") => Some("不征税"),
            _ => percents.is_valid(row).then(|| percents.value(row)),
        })
        .collect())
}

fn line_totals(batch: &RecordBatch) -> Result<StringArray> {
    let cents = |name: &str| -> Result<_> {
        Ok(batch.column(batch.schema().index_of(name)?).as_primitive::<Decimal128Type>().clone())
    };
    let (amounts, taxes) = (cents("amount")?, cents("tax")?);
    let totals: arrow::array::Decimal128Array = amounts
        .iter()
        .zip(taxes.iter())
        .map(|(amount, tax)| amount.map(|amount| amount + tax.unwrap_or(0)))
        .collect();
    let totals = totals.with_precision_and_scale(18, 2)?;
    let totals: arrow::array::ArrayRef = Arc::new(totals);
    plain(&totals, ColumnType::Money)
}

/// Columns that every sheet by business has before its own: those of 发票基础信息 but 发票来源, 发票风险等级 and 备注.
pub(super) fn shared_columns() -> Vec<usize> {
    (0..INVOICES.len()).filter(|i| !["发票来源", "发票风险等级", "备注"].contains(&INVOICES[*i].0)).collect()
}

/// 特定业务类型 of each line.
fn businesses(batch: &RecordBatch) -> Result<StringArray> {
    let kinds = text(batch, &format!("{INVOICE}kind"))?;
    let goods = text(batch, "goods_code")?;
    let of = |row: usize| {
        let code = if goods.is_valid(row) { goods.value(row) } else { "" };
        business(kinds.value(row), code).map(|found| BUSINESSES[found].sheet)
    };
    Ok((0..batch.num_rows()).map(of).collect())
}
