//! The Chinese words for codes that a fact of text may hold: states and kinds of registration, industries a policy names, and the roles of the parties to a deal. What
//! is no code, such as a number of registration, is shown as it is.

/// A code in Chinese.
#[must_use]
pub fn word_zh(code: &str) -> &str {
    match code {
        "normal" => "正常",
        "suspended" => "停业",
        "abnormal" => "非正常户",
        "deregistered" => "注销",
        "cancelled" => "吊销",
        "enterprise" => "企业",
        "individual_business" => "个体工商户",
        "partnership" => "合伙企业",
        "natural_person" => "自然人",
        "institution" => "事业单位及其他组织",
        "general" => "一般纳税人",
        "small_scale" => "小规模纳税人",
        "ind4" => "制造业等四个行业",
        "real_estate" => "房地产开发经营业",
        "buyer" => "买方",
        "seller" => "卖方",
        "old" => "旧户",
        "new" => "新户",
        other => other,
    }
}
