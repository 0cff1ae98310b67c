//! What an office fills in: the feedback columns, what each accepts, and the code lists. The ledger reads filled
//! lists, and accepts what stands here and nothing else.

/// 核实结论.
pub const CONCLUSIONS: [&str; 3] = ["属实", "部分属实", "排除"];

/// 处理方式.
pub const HANDLINGS: [&str; 6] = ["更正申报", "补税", "调减留抵", "调减亏损", "退税", "移送稽查"];

/// 排除原因码: why a suspicion turned out to be none. The cell holds code and words.
pub const EXCLUSION_REASONS: [&str; 10] = [
    "01 源数据错误或重复",
    "02 取数口径或时间性差异",
    "03 行业或季节特点",
    "04 享受税收优惠",
    "05 红冲重开、退货折让",
    "06 资产处置等一次性业务",
    "07 重组或业务调整",
    "08 登记信息有误",
    "09 已由其他部门处理",
    "99 其他（写明情况）",
];

/// The most a money cell accepts, in yuan: what `decimal(18,2)` and a spreadsheet's number both hold to the fen.
pub(crate) const MONEY_MAX: f64 = 9_999_999_999_999.99;

/// What a feedback cell accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeedbackKind {
    /// One of the words.
    List(&'static [&'static str]),
    /// Free text of at most so many characters.
    Text(u32),
    /// Yuan, not negative, two decimals.
    Money,
    /// A date from 2000-01-01 on.
    Date,
    /// A date from the day of issue on.
    DateSinceIssue,
}

/// A column the office fills in.
#[derive(Debug, Clone, Copy)]
pub struct FeedbackColumn {
    /// English name.
    pub id: &'static str,
    /// Header.
    pub zh: &'static str,
    /// What it accepts.
    pub kind: FeedbackKind,
    /// Width in characters.
    pub width: f64,
    /// How to fill it in, for the instructions.
    pub help: &'static str,
}

/// The feedback columns in the order of the list.
#[must_use]
pub fn feedback_columns() -> &'static [FeedbackColumn] {
    use FeedbackKind::{Date, DateSinceIssue, List, Money, Text};
    const fn column(
        id: &'static str,
        zh: &'static str,
        kind: FeedbackKind,
        width: f64,
        help: &'static str,
    ) -> FeedbackColumn {
        FeedbackColumn { id, zh, kind, width, help }
    }
    const COLUMNS: [FeedbackColumn; 15] = [
        column("conclusion", "核实结论", List(&CONCLUSIONS), 9.0, "必填。下拉选择：属实、部分属实、排除。"),
        column(
            "exclusion_reason",
            "排除原因码",
            List(&EXCLUSION_REASONS),
            15.0,
            "结论为「排除」或「部分属实」时必填，下拉选择，代码见下表。",
        ),
        column(
            "explanation",
            "情况说明",
            Text(2000),
            24.0,
            "必填。逐项（①②③…）写明核实经过和依据，不超过2000字。",
        ),
        column(
            "handling",
            "处理方式",
            List(&HANDLINGS),
            10.0,
            "结论为「属实」「部分属实」时必填，下拉选择主要的一种，其余写入情况说明。",
        ),
        column(
            "tax_recovered",
            "补缴税款",
            Money,
            12.0,
            "元，两位小数，不填负数；没有的填0，尚未确定的留空。",
        ),
        column("late_fee", "滞纳金", Money, 10.0, "同上。"),
        column("fine", "罚款", Money, 10.0, "同上。"),
        column("credit_reduced", "调减留抵", Money, 12.0, "同上，填调减的期末留抵税额。"),
        column("loss_reduced", "调减亏损", Money, 12.0, "同上，填调减的可弥补亏损额。"),
        column("paid_on", "入库日期", Date, 11.0, "税款入库之日，格式2026-12-01；分次入库的填最后一次。"),
        column("handler", "应对人", Text(50), 8.0, "必填。主办人员姓名。"),
        column("completed_on", "完成日期", DateSinceIssue, 11.0, "必填。应对完成之日，不早于下发日期。"),
        column("reviewer", "复核人", Text(50), 8.0, "与应对人不得为同一人。"),
        column("review_opinion", "复核意见", Text(500), 13.0, "同意，或退回的理由，不超过500字。"),
        column("delay_reason", "延期原因", Text(500), 13.0, "超过应对时限的必填，不超过500字。"),
    ];
    &COLUMNS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_fit_into_a_validation_rule() {
        for column in feedback_columns() {
            if let FeedbackKind::List(words) = column.kind {
                // A spreadsheet holds the list as one text of at most 255 characters, separated by commas.
                assert!(words.join(",").chars().count() <= 255, "{}", column.zh);
                assert!(words.iter().all(|word| !word.contains(',')), "{}", column.zh);
            }
        }
    }
}
