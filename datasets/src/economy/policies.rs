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
    /// Ten digits of 减免性质代码, or the line of the return where no code is published (corporate income tax).
    pub relief_code: &'static str,
    /// Kind of `qualification` it depends on, if any.
    pub qualification: Option<&'static str>,
    /// Its number in the list of policies until the end of 2025, and since.
    numbers: (&'static str, &'static str),
}

impl Policy {
    /// Its number in the list of policies for a month (YYYYMM), e.g. `B34`: a new law may give an old relief another.
    pub fn number(&self, period: i32) -> &'static str {
        if period >= 202_601 { self.numbers.1 } else { self.numbers.0 }
    }
}

/// All of them. The index is what [`super::books::Claim::policy`] and
/// [`super::schemes::SchemePlan::policy`] hold.
pub fn policies() -> &'static [Policy] {
    &POLICIES
}

/// Position of the policy of this name.
pub(super) fn position(key: &str) -> Option<u8> {
    POLICIES.iter().position(|policy| policy.key == key).map(|index| index as u8)
}

const fn policy(
    key: &'static str,
    zh: &'static str,
    tax_code: &'static str,
    relief_code: &'static str,
    qualification: Option<&'static str>,
    numbers: (&'static str, &'static str),
) -> Policy {
    Policy { key, zh, tax_code, relief_code, qualification, numbers }
}

/// A relief whose number stays.
const fn since(
    number: &'static str,
    (key, zh): (&'static str, &'static str),
    tax_code: &'static str,
    relief_code: &'static str,
    qualification: Option<&'static str>,
) -> Policy {
    policy(key, zh, tax_code, relief_code, qualification, (number, number))
}

static POLICIES: [Policy; 15] = [
    policy("small_1pct", "小规模纳税人减按1%征收", "vat", "0001011608", None, ("B08", "B09")),
    since("B34", ("software", "软件产品增值税即征即退"), "vat", "0001024103", Some("software")),
    since("B35", ("disabled", "安置残疾人就业增值税即征即退"), "vat", "0001012716", Some("welfare")),
    since("B36", ("key_groups", "企业招用重点群体扣减"), "vat", "0001013612", None),
    since("B37", ("veterans", "企业招用退役士兵扣减"), "vat", "0001011814", None),
    since("B39", ("own_produce", "自产农产品免征增值税"), "vat", "0001129999", Some("agriculture")),
    since("B50", ("tech_transfer", "技术转让、技术开发免征增值税"), "vat", "0001021203", None),
    since(
        "B13",
        ("half_city_small", "小规模纳税人城市维护建设税减半"),
        "city_maintenance",
        "0007049901",
        None,
    ),
    since(
        "B13",
        ("half_city_micro", "小型微利企业城市维护建设税减半"),
        "city_maintenance",
        "0007049903",
        None,
    ),
    since("B13", ("half_education_small", "小规模纳税人教育费附加减半"), "education", "0061049901", None),
    since(
        "B10",
        ("education_under_line", "月销售额10万元以下免征教育费附加"),
        "education",
        "0061042802",
        None,
    ),
    since("B17", ("small_profit", "小型微利企业所得税优惠"), "cit", "small_profit_relief", None),
    since("B25", ("high_tech", "高新技术企业减按15%税率"), "cit", "high_tech_relief", Some("high_tech")),
    since("B23", ("rd_super", "研发费用加计扣除"), "cit", "rd_super_deduction", None),
    since("B45", ("west", "西部地区鼓励类产业减按15%税率"), "cit", "region_relief", Some("west_encouraged")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_law_in_force() {
        let small = POLICIES[0];
        assert_eq!((small.number(202_512), small.number(202_601)), ("B08", "B09"));
        assert!(POLICIES.iter().all(|policy| policy.number(202_601).starts_with('B')));
        assert_eq!(position("west"), Some(14));
        assert_eq!(position("none"), None);
    }
}
