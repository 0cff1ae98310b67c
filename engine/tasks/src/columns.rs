//! The list an office receives: its columns in the prescribed order, and one row of cells per task. Workbook, CSV and
//! Parquet all write these cells, and a list that comes back is compared with them.

use super::model::{ItemKind, Task, TaskItem};
use super::suspicions::told_zh;
use super::text::{NO_LEGAL_BASIS, circled, clause, warning_line};
use super::{text, words};
use assay_indicators::word_zh;

/// Header of the first column, which identifies the row.
pub const KEY_COLUMN: &str = "行标识";

/// Hits described in one cell of the workbook; the rest stand on the second sheet only.
const DESCRIBED_MAX: usize = 6;
/// Entries of advice, documents and rules in one cell of the workbook.
const ENTRIES_MAX: usize = 5;

/// A value of the list, still typed.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Unknown.
    Empty,
    /// Text.
    Text(String),
    /// A whole number.
    Count(i64),
    /// Hundredths: yuan and points.
    Hundredths(i128),
    /// A fraction, shown in percent.
    Share(f64),
    /// A month, YYYYMM.
    Month(i32),
    /// Days since 1970-01-01.
    Date(i32),
}

/// What a column holds, and so how it looks and which type it has in Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Key,
    Text,
    Code,
    Grade,
    Count,
    Points,
    Money,
    Share,
    Month,
    Date,
}

/// A column of the list that is given, not filled in.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// English name, the column name in Parquet.
    pub id: &'static str,
    /// Header in the workbook and in CSV.
    pub zh: &'static str,
    /// Width in characters.
    pub width: f64,
    pub(super) kind: ColumnKind,
    /// What it means, for the instructions; empty where the header says it.
    pub(super) help: &'static str,
}

/// How much of a task a row tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// For a sheet that people read: entries on lines of their own, the most important ones.
    Sheet,
    /// For CSV and Parquet: everything, in one line.
    Full,
}

const fn column(
    id: &'static str,
    zh: &'static str,
    kind: ColumnKind,
    width: f64,
    help: &'static str,
) -> Column {
    Column { id, zh, width, kind, help }
}

/// What a random check rests on: 国务院办公厅关于推广随机抽查规范事中事后监管的通知.
const RANDOM_BASIS: &str = "国办发〔2015〕58号（随机抽查；引用前请核对原文）";

/// The columns of the list: the row key, then the prescribed ones (下发) in their order.
#[must_use]
pub fn list_columns() -> &'static [Column] {
    use ColumnKind::{Code, Count, Date, Grade, Key, Money, Month, Points, Share, Text};
    const COLUMNS: [Column; 34] = [
        column("row_key", KEY_COLUMN, Key, 9.0, "回传时识别本行的唯一标识，不得修改、删除。"),
        column("number", "序号", Count, 5.0, "本表内的顺序，按风险积分从高到低。"),
        column(
            "task_no",
            "任务编号",
            Code,
            14.0,
            "机关代码、年月、类型、7位顺序号、校验位；机关不明时机关代码为000000000。",
        ),
        column("batch", "批次", Code, 9.0, ""),
        column("source", "任务来源", Code, 9.0, ""),
        column("pushed_by", "推送单位", Code, 10.0, ""),
        column("taxpayer_id", "统一社会信用代码", Code, 12.0, ""),
        column("taxpayer_name", "纳税人名称", Text, 17.0, ""),
        column("county_name", "主管税务机关", Text, 14.0, "县（区）级税务机关。"),
        column("office_name", "主管税务所", Text, 14.0, ""),
        column("officer", "管理员", Code, 8.0, ""),
        column("industry", "行业", Text, 13.0, "国民经济行业代码及门类。"),
        column("taxpayer_status", "状态", Code, 8.0, "登记状态。"),
        column("credit_rating", "信用级别", Code, 8.0, ""),
        column("grade", "风险等级", Grade, 8.0, "高、中、低，应对方式和时限见第二部分。"),
        column("score", "风险积分", Points, 8.0, "0至100分，各疑点积分之和，同类疑点封顶。"),
        column("hit_count", "命中指标数", Count, 9.0, ""),
        column("tax", "税种", Text, 9.0, ""),
        column("period_from", "所属期起", Month, 9.0, ""),
        column("period_to", "所属期止", Month, 9.0, ""),
        column("indicators", "疑点编号", Code, 9.0, "全部疑点的指标编号，①为积分最高者。"),
        column("indicator_names", "疑点名称", Text, 22.0, "与疑点编号一一对应。"),
        column("suspicion", "疑点描述", Text, 62.0, "各疑点合并说明；超过6项的，其余见「疑点明细及证据」。"),
        column("value", "指标值", Code, 14.0, "首要疑点①的指标值；其余见「疑点明细及证据」。"),
        column("line", "预警值", Code, 14.0, "首要疑点①的预警线。"),
        column(
            "deviation",
            "偏离度",
            Share,
            8.0,
            "首要疑点①超出预警线的幅度（相对预警线），超过1000倍的不列。",
        ),
        column(
            "amount",
            "预估税款",
            Money,
            14.0,
            "元。同类疑点取最大一项再合计，不重复累加；空白表示无法估算。",
        ),
        column("data_sources", "数据来源", Text, 12.0, ""),
        column(
            "basis",
            "政策依据",
            Text,
            26.0,
            "只列公开规定；注明「无法定依据，经验指标」的，不得作为执法依据引用。",
        ),
        column("advice", "核查建议", Text, 36.0, "应先排除的合理情形。"),
        column("documents", "所需资料", Text, 30.0, ""),
        column("response", "应对方式", Code, 11.0, ""),
        column("due_on", "应对时限", Date, 11.0, "最后期限，自下发日期起按自然日计算。"),
        column("issued_on", "下发日期", Date, 11.0, ""),
    ];
    &COLUMNS
}

/// The cells of one task, in the order of [`list_columns`]. `number` is its place in the list (1 first), `items` are
/// its hits, most points first.
#[must_use]
pub fn list_row(number: usize, task: &Task, items: &[TaskItem], width: Width) -> Vec<Cell> {
    let lead = items.first();
    let lead_text = |get: fn(&TaskItem) -> String| lead.map_or(Cell::Empty, |item| Cell::Text(get(item)));
    vec![
        plain(&task.row_key),
        Cell::Count(i64::try_from(number).unwrap_or(i64::MAX)),
        plain(&task.task_no),
        plain(&task.batch),
        plain(&task.source),
        known(task.pushed_by.as_deref()),
        plain(&task.taxpayer_id),
        known(task.taxpayer_name.as_deref()),
        known(task.county_name.as_deref()),
        plain(office_label(task)),
        // The registration does not say who within the office is in charge.
        Cell::Empty,
        task.industry_code.as_deref().map_or(Cell::Empty, |code| Cell::Text(words::industry(code))),
        known(task.taxpayer_status.as_deref().map(word_zh)),
        known(task.credit_rating.as_deref()),
        plain(words::grade(&task.grade)),
        Cell::Hundredths(task.score),
        Cell::Count(task.hit_count),
        Cell::Text(words::taxes(&task.tax)),
        Cell::Month(task.period_from),
        Cell::Month(task.period_to),
        Cell::Text(numbered(items, width, |item| item.indicator.clone())),
        Cell::Text(numbered(items, width, |item| item.name_zh.clone())),
        Cell::Text(suspicion(task, items, width)),
        lead_text(|item| text::quantity(item.value, &item.unit)),
        lead_text(|item| warning_line(&item.op, item.line, &item.unit, &item.line_kind, item.peer_n)),
        share(lead.and_then(|item| item.deviation)),
        task.amount.map_or(Cell::Empty, Cell::Hundredths),
        Cell::Text(sources(items)),
        Cell::Text(basis(items, width)),
        Cell::Text(advice(task, items, width)),
        Cell::Text(listed(&entries(items, |item| &item.ask_zh), width)),
        plain(&task.response),
        Cell::Date(task.due_on),
        Cell::Date(task.issued_on),
    ]
}

/// The office as an officer reads it: its name, else its code, else that it is unknown.
pub(super) fn office_label(task: &Task) -> &str {
    task.office_name.as_deref().or(task.office_code.as_deref()).unwrap_or("不明")
}

/// Beyond a thousand times its line a deviation says only that the line is next to nothing.
const DEVIATION_MAX: f64 = 1000.0;

/// A fraction, none beyond a thousand, in twelve digits: a workbook holds fifteen, so what comes back is what left, to the last bit.
pub(super) fn share(fraction: Option<f64>) -> Cell {
    let told = |number: &f64| number.is_finite() && number.abs() <= DEVIATION_MAX;
    let digits = fraction.filter(told).map(|number| format!("{number:.11e}"));
    digits.and_then(|text| text.parse().ok()).map_or(Cell::Empty, Cell::Share)
}

fn plain(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn known(text: Option<&str>) -> Cell {
    text.map_or(Cell::Empty, plain)
}

fn separator(width: Width) -> &'static str {
    match width {
        Width::Sheet => "\n",
        Width::Full => "；",
    }
}

/// One entry per hit, numbered like the description.
fn numbered(items: &[TaskItem], width: Width, get: impl Fn(&TaskItem) -> String) -> String {
    let limit = if width == Width::Sheet { DESCRIBED_MAX } else { usize::MAX };
    let mut entries: Vec<String> = items
        .iter()
        .take(limit)
        .enumerate()
        .map(|(at, item)| format!("{}{}", circled(at + 1), get(item)))
        .collect();
    if items.len() > limit {
        entries.push(format!("…共{}项", items.len()));
    }
    entries.join(separator(width))
}

fn suspicion(task: &Task, items: &[TaskItem], width: Width) -> String {
    let request = task.request_zh.as_deref();
    if width == Width::Full {
        let besides = request.filter(|request| *request != task.suspicion_zh).unwrap_or_default();
        return format!("{besides}{}", task.suspicion_zh);
    }
    let described = items.iter().take(DESCRIBED_MAX).enumerate();
    let mut lines: Vec<String> = request.map(str::to_owned).into_iter().collect();
    lines.extend(described.map(|(at, item)| {
        let told = told_zh(item, task.period_to);
        format!("{}{}：{}。", circled(at + 1), item.name_zh, clause(&told))
    }));
    if items.len() > DESCRIBED_MAX {
        lines.push(format!("其余{}项见「疑点明细及证据」。", items.len() - DESCRIBED_MAX));
    }
    lines.join("\n")
}

fn sources(items: &[TaskItem]) -> String {
    let mut found = Vec::new();
    for name in items.iter().flat_map(|item| words::sources(&item.evidence_sql)) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found.join("、")
}

/// Lines of all hits, most points first, none twice.
fn entries<'a>(
    items: impl IntoIterator<Item = &'a TaskItem>,
    get: impl Fn(&'a TaskItem) -> &'a str,
) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for line in items.into_iter().flat_map(|item| get(item).lines()).filter(|line| !line.trim().is_empty()) {
        if !found.contains(&line) {
            found.push(line);
        }
    }
    found
}

fn listed(entries: &[&str], width: Width) -> String {
    let limit = if width == Width::Sheet { ENTRIES_MAX } else { usize::MAX };
    let mut lines: Vec<String> = entries
        .iter()
        .take(limit)
        .enumerate()
        .map(|(at, entry)| format!("{}. {}", at + 1, clause(entry)))
        .collect();
    if entries.len() > limit {
        lines.push(format!("等{}项，见「疑点明细及证据」", entries.len()));
    }
    lines.join(separator(width))
}

fn basis(items: &[TaskItem], width: Width) -> String {
    if items.is_empty() {
        return RANDOM_BASIS.to_owned();
    }
    let legal: Vec<&str> =
        entries(items, |item| &item.basis_zh).into_iter().filter(|line| *line != NO_LEGAL_BASIS).collect();
    if legal.is_empty() { NO_LEGAL_BASIS.to_owned() } else { listed(&legal, width) }
}

fn advice(task: &Task, items: &[TaskItem], width: Width) -> String {
    let (hits, benefits): (Vec<&TaskItem>, Vec<&TaskItem>) =
        items.iter().partition(|item| item.kind == ItemKind::Hit);
    let separator = separator(width);
    let mut parts = Vec::new();
    if items.is_empty() {
        return "没有预设疑点；按抽查要求全面核查所属期内各税种申报，如实反馈。".to_owned();
    }
    if !hits.is_empty() {
        let innocent = entries(hits.iter().copied(), |item| &item.innocent_zh);
        let response = task.response.replace('/', "或");
        parts.push(if innocent.is_empty() {
            format!("疑点不等于定性；应对方式：{response}。")
        } else {
            let reasons = listed(&innocent, width);
            format!("疑点不等于定性，先核实是否属于：{separator}{reasons}{separator}不能合理解释的，开展{response}。")
        });
    }
    if !benefits.is_empty() {
        let notes = entries(benefits.iter().copied(), |item| item.note_zh.as_deref().unwrap_or_default());
        parts.push(format!("优惠政策事项：{separator}{}", listed(&notes, width)));
    }
    parts.join(separator)
}
