//! 关联与网络邻居: who shares a person, phone, address, device or capital with the taxpayer, and trading partners at risk;
//! 交叉稽核: what the cross-audit found of its claims.

use super::source::{STATUS, Source};
use crate::Result;
use crate::cross_audit::Outcomes;
use crate::pages::figures::grouped;
use crate::pages::rows::Rows;
use crate::pages::section::{Block, Kind, Section, State, col};
use assay_tasks::money_zh;

const NEIGHBOURS: &str = include_str!("../../../../sql/pages/neighbours.sql");
const PARTNERS: &str = include_str!("../../../../sql/pages/partners.sql");
const CLAIMS: &str = include_str!("../../../../sql/pages/claim_audit.sql");
const REDS: &str = include_str!("../../../../sql/pages/red_audit.sql");

/// The section of neighbours.
pub(super) async fn section(source: &Source<'_>) -> Result<Section> {
    let rows = source.rows(NEIGHBOURS).await?;
    let relations = (0..rows.len()).map(|row| relation_zh(&rows, row)).collect();
    let shared = source.block_of(
        "neighbours",
        "共用人员、电话、地址、设备及股权",
        "taxpayer",
        rows.with("relation_zh", relations)?,
    );
    let shared = shared.await?.table(&[
        col("relation_zh", "关联", Kind::Text),
        col("name", "名称", Kind::Text),
        col("taxpayer_id", "纳税人识别号", Kind::Text),
        col("status", "登记状态", STATUS),
        col("grade", "风险等级", Kind::Grade),
        col("score", "积分", Kind::Number),
        col("lists", "外部名单", Kind::Text),
    ]);
    let shared = shared.note("括号内为该关联的户数，各列出积分最高的8户。共用办税员、电话、地址也可能出自代理记账机构或集中办公区。");
    let rows = source.rows(PARTNERS).await?;
    let sides = (0..rows.len())
        .map(|row| if rows.text(row, "side") == "customer" { "购方" } else { "销方" }.to_owned());
    let rows = rows.with("side_zh", sides.collect())?;
    let partners =
        source.block_of("partners", "有风险的交易对方（近12个月）", "invoice", rows).await?.table(&[
            col("side_zh", "对方", Kind::Text),
            col("name", "名称", Kind::Text),
            col("partner_id", "纳税人识别号", Kind::Text),
            col("amount", "金额（万元）", Kind::Wan),
            col("status", "登记状态", STATUS),
            col("grade", "风险等级", Kind::Grade),
            col("score", "积分", Kind::Number),
            col("lists", "外部名单", Kind::Text),
        ]);
    let partners =
        partners.note("最近一次扫描定为高风险、登记状态不正常或列入外部名单的购销对方，按金额取前15户。");
    Ok(Section { id: "network", zh: "关联与网络邻居", blocks: vec![shared, partners] })
}

fn relation_zh(rows: &Rows, row: usize) -> String {
    let zh = match rows.text(row, "relation").as_str() {
        "legal_rep" => "同一法定代表人",
        "finance" => "同一财务负责人",
        "agent" => "同一办税员",
        "phone" => "同一电话",
        "address" => "同一地址",
        "device" => "同一开票设备",
        "holder" => "同一自然人股东",
        "parent" => "本户的法人股东",
        "invested" => "本户投资",
        _ => "其他",
    };
    format!("{zh}（{}户）", rows.integer(row, "n").unwrap_or_default())
}

/// The section of the cross-audit.
pub(super) async fn cross_audit(source: &Source<'_>) -> Result<Section> {
    let blocks = vec![claims(source).await?, reds(source).await?];
    Ok(Section { id: "cross_audit", zh: "交叉稽核", blocks })
}

async fn claims(source: &Source<'_>) -> Result<Block> {
    let rows = source.rows(CLAIMS).await?;
    let outcomes = Outcomes::built_in()?;
    let zh = |row: usize| {
        let code = rows.text(row, "outcome");
        outcomes.get(&code).map_or(code, |outcome| outcome.zh.clone())
    };
    let all = (rows.integer(0, "n"), rows.hundredths(0, "all_tax"));
    let zh = (0..rows.len()).map(zh).collect();
    let rows = rows.with("outcome_zh", zh)?;
    let mut block = source.block_of("claims", "抵扣凭证比对不符", "claim_audit", rows).await?;
    if block.state == State::NotConnected && source.has("deduction_claim").await? {
        block.state = State::NoRecord;
        if !source.rollups {
            block.notes.push("抵扣数据已入库，尚未比对；请先扫描。".to_owned());
        }
    }
    if let (Some(n), Some(tax)) = all {
        let sum = format!("近三年共{}份，税额{}；列出最近30份。", grouped(n.into()), money_zh(tax));
        block.notes.push(sum);
    }
    Ok(block.table(&[
        col("outcome_zh", "比对结果", Kind::Text),
        col("claimed_period", "抵扣所属期", Kind::Month),
        col("invoice_id", "发票号码", Kind::Text),
        col("seller_id", "销方识别号", Kind::Text),
        col("issued_on", "开票日期", Kind::Text),
        col("amount", "金额（元）", Kind::Yuan),
        col("tax", "税额（元）", Kind::Yuan),
    ]))
}

async fn reds(source: &Source<'_>) -> Result<Block> {
    let rows = source.rows(REDS).await?;
    let zh = |row: usize| match rows.text(row, "outcome").as_str() {
        "red_unmatched" => "转出少于红字税额".to_owned(),
        "cannot_tell" => "无法判断".to_owned(),
        other => other.to_owned(),
    };
    let zh = (0..rows.len()).map(zh).collect();
    let block =
        source.block_of("reds", "取得红字发票与进项转出", "red_audit", rows.with("outcome_zh", zh)?).await?;
    Ok(block.table(&[
        col("period", "所属期", Kind::Month),
        col("outcome_zh", "比对结果", Kind::Text),
        col("reds", "红字份数", Kind::Count),
        col("red_tax", "红字税额（元）", Kind::Yuan),
        col("transferred_out", "申报进项转出（元）", Kind::Yuan),
        col("shortfall", "少转出（元）", Kind::Yuan),
    ]))
}
