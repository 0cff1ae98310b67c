//! 风险: score and grade of the latest scan, its hits, and the scores of scans before it.

use std::collections::HashMap;

use super::source::Source;
use crate::Result;
use crate::pages::charts;
use crate::pages::figures::{hundredths, month};
use crate::pages::rows::Rows;
use crate::pages::section::{Block, Kind, Section, State, col};
use crate::scan::load_catalogue;
use crate::warehouse::Warehouse;
use assay_tasks::{IndicatorText, grade_zh, line_source_zh, money_zh, quantity, warning_line};

const SCORES: &str = include_str!("../../../../sql/pages/scores.sql");
const HITS: &str = include_str!("../../../../sql/pages/hits.sql");

/// What the head of the page says of the risk.
pub(super) struct Judged {
    /// Label and value.
    pub(super) figures: Vec<(String, String)>,
    /// Grade, the scan's word.
    pub(super) grade: Option<String>,
}

/// The section, and its head.
pub(super) async fn section(source: &Source<'_>, warehouse: &Warehouse) -> Result<(Section, Judged)> {
    let rows = source.rows(SCORES).await?;
    let judged = judged(&rows);
    let hits = hits(source, warehouse).await?;
    let scores = scores(source, rows).await?;
    Ok((Section { id: "risk", zh: "风险", blocks: vec![scores, hits] }, judged))
}

fn judged(rows: &Rows) -> Judged {
    let grade = Some(rows.text(0, "grade")).filter(|g| !g.is_empty());
    let mut figures = Vec::new();
    if !rows.is_empty() {
        let points = rows.hundredths(0, "score").map(hundredths).unwrap_or_default();
        let level = grade.as_deref().map_or("未定级", grade_zh);
        figures.push(("风险等级（积分）".to_owned(), format!("{level}（{points}）")));
        let hits = rows.integer(0, "hits").unwrap_or_default();
        let amount =
            rows.hundredths(0, "amount").map_or_else(String::new, |fen| format!("，预估{}", money_zh(fen)));
        figures.push(("命中疑点".to_owned(), format!("{hits}项{amount}")));
    }
    Judged { figures, grade }
}

async fn scores(source: &Source<'_>, rows: Rows) -> Result<Block> {
    let grades: Vec<String> = (0..rows.len()).map(|row| rows.text(row, "grade")).collect();
    let points: Vec<(String, f64, &str)> = (0..rows.len())
        .rev()
        .filter_map(|row| {
            let label = rows.integer(row, "as_of").map(month)?;
            Some((label, rows.number(row, "score")?, grades.get(row).map_or("", String::as_str)))
        })
        .collect();
    let chart = charts::scores(&points)?;
    let block = source.block_of("scores", "历次扫描积分", "scan_run", rows).await?;
    let block = block.chart(|_| Ok(chart))?.table(&[
        col("as_of", "扫描月份", Kind::Month),
        col("grade", "等级", Kind::Grade),
        col("score", "积分", Kind::Number),
        col("hits", "疑点数", Kind::Count),
        col("amount", "预估税款（元）", Kind::Yuan),
        col("standing_zh", "影响积分的既往情况", Kind::Text),
    ]);
    Ok(unscanned(block.note("积分0至100；无等级表示未达到最低等级的积分。")))
}

/// Where nothing was scanned no data are missing.
fn unscanned(mut block: Block) -> Block {
    if block.state == State::NotConnected {
        block.state = State::NoRecord;
        block.notes.push("尚未扫描。".to_owned());
    }
    block
}

async fn hits(source: &Source<'_>, warehouse: &Warehouse) -> Result<Block> {
    let rows = source.rows(HITS).await?;
    if rows.is_empty() {
        let block = source.block_of("hits", "命中疑点", "scan_run", rows).await?;
        return Ok(unscanned(block));
    }
    let texts = indicator_texts(warehouse)?;
    let of = |row: usize| texts.get(&rows.text(row, "indicator"));
    let each = |one: &dyn Fn(usize) -> String| (0..rows.len()).map(one).collect::<Vec<_>>();
    let unit = |row: usize| of(row).map_or("ratio", |text| text.unit.as_str());
    let name = each(&|row| {
        let zh = of(row).map_or("", |text| text.name_zh.as_str());
        format!("{} {zh}", rows.text(row, "indicator")).trim_end().to_owned()
    });
    let value = each(&|row| rows.number(row, "value").map_or_else(String::new, |v| quantity(v, unit(row))));
    let line = each(&|row| {
        let peers = rows.integer(row, "peer_n");
        rows.number(row, "line").map_or_else(String::new, |line| {
            let kind = rows.text(row, "line_kind");
            let line = warning_line(&rows.text(row, "op"), line, unit(row), &kind, peers);
            format!("{line}；{}", line_source_zh(&rows.text(row, "line_source")))
        })
    });
    let rows = rows.with("name_zh", name)?.with("value_zh", value)?.with("line_zh", line)?;
    let block = source.block_of("hits", "命中疑点（最近一次扫描）", "scan_run", rows).await?.table(&[
        col("name_zh", "疑点", Kind::Text),
        col("message_zh", "说明", Kind::Text),
        col("value_zh", "指标值", Kind::Text),
        col("line_zh", "预警值及其来源", Kind::Text),
        col("severity", "程度", Kind::Grade),
        col("points", "积分", Kind::Number).total(),
        col("amount", "预估税款（元）", Kind::Yuan),
    ]);
    Ok(block.note("疑点是待核实的线索，不是结论。预估税款同类疑点只计最大一项，不逐行相加。"))
}

/// What the catalogue says of every indicator, by code.
fn indicator_texts(warehouse: &Warehouse) -> Result<HashMap<String, IndicatorText>> {
    let catalogue = load_catalogue(Some(warehouse))?;
    let text =
        |e: &assay_indicators::Entry| (e.indicator.code.value.clone(), IndicatorText::of(&e.indicator));
    Ok(catalogue.entries().iter().map(text).collect())
}
