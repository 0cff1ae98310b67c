//! The reliefs that firms of the economy claim, rightly, wrongly, or not at all though they might.

/// A relief with the code it is claimed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Short name.
    pub key: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// Tax item as in `benefit_claim.tax_code`: `vat`, `cit`, `city_maintenance`, `education`, `local_education`, `stamp`.
    pub tax_code: &'static str,
    /// Ten digits of 减免性质代码, or the line of the return where there is no code.
    pub relief_code: &'static str,
    /// Kind of `qualification` it depends on, if any.
    pub qualification: Option<&'static str>,
}

/// All of them. The index is what [`super::books::Claim::policy`] and
/// [`super::schemes::SchemePlan::policy`] hold.
pub fn policies() -> &'static [Policy] {
    &POLICIES
}

const fn policy(
    key: &'static str,
    zh: &'static str,
    tax_code: &'static str,
    relief_code: &'static str,
    qualification: Option<&'static str>,
) -> Policy {
    Policy { key, zh, tax_code, relief_code, qualification }
}

static POLICIES: [Policy; 14] = [
    policy("small_1pct", "小规模纳税人减按1%征收", "vat", "0001011608", None),
    policy("software", "软件产品增值税即征即退", "vat", "0001024103", Some("software")),
    policy("disabled", "安置残疾人就业增值税即征即退", "vat", "0001012716", Some("welfare")),
    policy("key_groups", "企业招用重点群体扣减", "vat", "0001013612", None),
    policy("veterans", "企业招用退役士兵扣减", "vat", "0001011814", None),
    policy("own_produce", "自产农产品免征增值税", "vat", "0001129999", Some("agriculture")),
    policy("tech_transfer", "技术转让、技术开发免征增值税", "vat", "0001021203", None),
    policy("half_city_small", "小规模纳税人城市维护建设税减半", "city_maintenance", "0007049901", None),
    policy("half_city_micro", "小型微利企业城市维护建设税减半", "city_maintenance", "0007049903", None),
    policy("half_education_small", "小规模纳税人教育费附加减半", "education", "0061049901", None),
    policy("education_under_line", "月销售额10万元以下免征教育费附加", "education", "0061042802", None),
    policy("small_profit", "小型微利企业所得税优惠", "cit", "small_profit_relief", None),
    policy("high_tech", "高新技术企业减按15%税率", "cit", "high_tech_relief", Some("high_tech")),
    policy("rd_super", "研发费用加计扣除", "cit", "rd_super_deduction", None),
];
