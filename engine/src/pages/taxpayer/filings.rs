//! 申报: returns of VAT and income tax, statements, payroll, other taxes, payments, arrears; and 优惠, the reliefs claimed.

use assay_datasets::economy::policies::policies;
use assay_datasets::schema::catalog;

use super::source::Source;
use crate::Result;
use crate::pages::rows::Rows;
use crate::pages::section::{Block, Kind, Section, col};

const VAT: &str = include_str!("../../../../sql/pages/vat.sql");
const CIT: &str = include_str!("../../../../sql/pages/cit.sql");
const STATEMENTS: &str = include_str!("../../../../sql/pages/statements.sql");
const PAYROLL: &str = include_str!("../../../../sql/pages/payroll.sql");
const OTHER_TAXES: &str = include_str!("../../../../sql/pages/other_taxes.sql");
const PAID: &str = include_str!("../../../../sql/pages/paid.sql");
const ARREARS: &str = include_str!("../../../../sql/pages/arrears.sql");
const BENEFITS: &str = include_str!("../../../../sql/pages/benefits.sql");

/// The section of returns.
pub(super) async fn section(source: &Source<'_>) -> Result<Section> {
    let vat = source
        .block("vat", "增值税申报（近12个月）", "vat_return", VAT, &[
            col("period", "所属期", Kind::Month),
            col("sales", "销售额", Kind::Wan).total(),
            col("output_tax", "销项税额", Kind::Wan).total(),
            col("input_tax", "进项税额", Kind::Wan).total(),
            col("input_transfer_out", "进项转出", Kind::Wan).total(),
            col("closing_credit", "期末留抵", Kind::Wan),
            col("tax_reduction", "减征额", Kind::Wan).total(),
            col("tax_total", "应纳税额", Kind::Wan).total(),
            col("burden", "税负率", Kind::Percent),
        ])
        .await?
        .note("单位：万元。销售额含免税和出口；税负率＝应纳税额合计÷（适用税率＋简易计税销售额），小规模纳税人为÷全部申报销售额。");
    let cit = source
        .block(
            "cit",
            "企业所得税申报（近三年）",
            "cit_return",
            CIT,
            &[
                col("period", "所属期", Kind::Month),
                col("period_type", "类型", Kind::Word("cit_return", "period_type")),
                col("revenue", "营业收入", Kind::Wan),
                col("cost", "营业成本", Kind::Wan),
                col("profit", "利润总额", Kind::Wan),
                col("taxable_income", "应纳税所得额", Kind::Wan),
                col("tax_relief", "减免税额", Kind::Wan),
                col("tax_due", "应纳所得税", Kind::Wan),
                col("burden", "贡献率", Kind::Percent),
            ],
        )
        .await?
        .note("单位：万元。季度为本年累计；贡献率＝应纳所得税÷营业收入。");
    let blocks = vec![vat, cit, statements(source).await?, payroll(source).await?, other(source).await?];
    let mut section = Section { id: "filings", zh: "申报与入库", blocks };
    section.blocks.extend([paid(source).await?, arrears(source).await?]);
    Ok(section)
}

async fn statements(source: &Source<'_>) -> Result<Block> {
    let block = source
        .block(
            "statements",
            "财务报表（最近6期）",
            "financial_statement",
            STATEMENTS,
            &[
                col("period", "所属期", Kind::Month),
                col("period_type", "类型", Kind::Word("financial_statement", "period_type")),
                col("cash", "货币资金", Kind::Wan),
                col("receivables", "应收账款", Kind::Wan),
                col("inventory", "存货", Kind::Wan),
                col("total_assets", "资产总计", Kind::Wan),
                col("payables", "应付账款", Kind::Wan),
                col("total_liabilities", "负债合计", Kind::Wan),
                col("revenue", "营业收入", Kind::Wan),
                col("cost", "营业成本", Kind::Wan),
                col("profit", "利润总额", Kind::Wan),
            ],
        )
        .await?;
    Ok(block.note("单位：万元。"))
}

async fn payroll(source: &Source<'_>) -> Result<Block> {
    let block = source
        .block(
            "payroll",
            "个人所得税扣缴与参保人数（近12个月）",
            "payroll",
            PAYROLL,
            &[
                col("period", "所属期", Kind::Month),
                col("persons", "扣缴人数", Kind::Count),
                col("insured", "参保人数", Kind::Count),
                col("wages", "工资薪金（万元）", Kind::Wan).total(),
                col("wage", "人均工资（元）", Kind::Yuan),
                col("wages_zero_tax_persons", "零税人数", Kind::Count),
                col("iit_withheld", "扣缴税额（万元）", Kind::Wan).total(),
                col("labour_service_pay", "劳务报酬（万元）", Kind::Wan).total(),
                col("dividends", "股息红利（万元）", Kind::Wan).total(),
            ],
        )
        .await?;
    Ok(block)
}

async fn other(source: &Source<'_>) -> Result<Block> {
    let block = source
        .block(
            "other_taxes",
            "其他税费申报（近12个月）",
            "other_tax_return",
            OTHER_TAXES,
            &[
                col("tax_code", "征收项目", Kind::Tax),
                col("returns", "申报笔数", Kind::Count),
                col("base", "计税依据（万元）", Kind::Wan),
                col("tax", "应纳税额（元）", Kind::Yuan).total(),
                col("relief", "减免（元）", Kind::Yuan).total(),
                col("tax_due", "应补（退）税额（元）", Kind::Yuan).total(),
                col("last_period", "最近所属期", Kind::Month),
            ],
        )
        .await?;
    Ok(block)
}

async fn paid(source: &Source<'_>) -> Result<Block> {
    let block = source
        .block(
            "paid",
            "税款入库（近12个月）",
            "tax_payment",
            PAID,
            &[
                col("tax_code", "征收项目", Kind::Tax),
                col("kind", "类型", Kind::Word("tax_payment", "kind")),
                col("vouchers", "笔数", Kind::Count),
                col("amount", "金额（元）", Kind::Yuan),
                col("last_paid_on", "最近入库", Kind::Text),
            ],
        )
        .await?;
    Ok(block)
}

async fn arrears(source: &Source<'_>) -> Result<Block> {
    let block = source
        .block(
            "arrears",
            "欠税",
            "arrears",
            ARREARS,
            &[
                col("tax_code", "征收项目", Kind::Tax),
                col("period", "所属期", Kind::Month),
                col("due_on", "期限", Kind::Text),
                col("amount", "金额（元）", Kind::Yuan).total(),
            ],
        )
        .await?;
    Ok(block)
}

/// The section of reliefs.
pub(super) async fn benefits(source: &Source<'_>) -> Result<Section> {
    let rows = source.rows(BENEFITS).await?;
    let names = (0..rows.len()).map(|row| relief(&rows, row)).collect();
    let block = source
        .block_of("claims", "近12个月申报的减免", "benefit_claim", rows.with("relief_zh", names)?)
        .await?;
    let block = block.table(&[
        col("tax_code", "征收项目", Kind::Tax),
        col("relief_zh", "优惠", Kind::Text),
        col("returns", "期数", Kind::Count),
        col("first_period", "最早", Kind::Month),
        col("last_period", "最近", Kind::Month),
        col("base", "计税依据（万元）", Kind::Wan),
        col("relief", "减免税额（元）", Kind::Yuan).total(),
    ]);
    let block = block.note("企业所得税申报按年累计，取最近一期的本年累计数，不逐期相加。");
    Ok(Section { id: "benefits", zh: "优惠", blocks: vec![block] })
}

/// A relief by its published code, or by the line of the return it stands in, with its name where that is known.
fn relief(rows: &Rows, row: usize) -> String {
    let code = rows.text(row, "relief_code");
    let line =
        catalog().table("cit_return").and_then(|table| table.column(&code)).map(|column| column.zh.clone());
    if let Some(line) = line {
        return line;
    }
    match policies().iter().find(|policy| policy.relief_code == code) {
        Some(policy) => format!("{}（{code}）", policy.zh),
        None => format!("减免性质代码{code}"),
    }
}
