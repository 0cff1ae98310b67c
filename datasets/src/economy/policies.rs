//! The reliefs that firms of the economy claim, rightly, wrongly, or not at all though they might.

/// A relief of one tax, with the code it is claimed under. A policy that relieves several taxes has an entry for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Short name of the policy.
    pub key: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// Tax item as in `benefit_claim.tax_code`: `vat`, `cit`, `city_maintenance`, `education`, `local_education`, `stamp`, `property`,
    /// `land_use`.
    pub tax_code: &'static str,
    /// Ten digits of 减免性质代码, or the line of the return where no code is published.
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

    /// Whether it stands among the details of reliefs (`benefit_claim`) and not in a line of the VAT return alone.
    pub(super) fn has_details(&self) -> bool {
        self.tax_code == "cit" || self.relief_code.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// All of them. The index is what [`super::books::Claim::policy`] and
/// [`super::schemes::SchemePlan::policy`] hold; a plan holds the first of its policy.
pub fn policies() -> &'static [Policy] {
    &POLICIES
}

/// Position of the relief of this tax under the policy of this name.
pub(super) fn position(key: &str, tax_code: &str) -> Option<u8> {
    let wanted = |policy: &Policy| policy.key == key && policy.tax_code == tax_code;
    POLICIES.iter().position(wanted).map(|index| index as u8)
}

/// Positions of the first entry of each policy.
pub(super) fn firsts() -> Vec<usize> {
    let is_first = |index: &usize| *index == 0 || POLICIES[index - 1].key != POLICIES[*index].key;
    (0..POLICIES.len()).filter(is_first).collect()
}

/// A relief whose number stays.
const fn since(
    number: &'static str,
    (key, zh): (&'static str, &'static str),
    tax_code: &'static str,
    relief_code: &'static str,
    qualification: Option<&'static str>,
) -> Policy {
    Policy { key, zh, tax_code, relief_code, qualification, numbers: (number, number) }
}

/// A relief of VAT on small-scale taxpayers: the law of 2026 gave it a new number.
const fn of_small(
    numbers: (&'static str, &'static str),
    (key, zh): (&'static str, &'static str),
    relief_code: &'static str,
) -> Policy {
    Policy { key, zh, tax_code: "vat", relief_code, qualification: None, numbers }
}

const fn halved_small(tax_code: &'static str, relief_code: &'static str) -> Policy {
    since("B13", ("six_taxes_small", "小规模纳税人六税两费减半"), tax_code, relief_code, None)
}

const fn halved_micro(tax_code: &'static str, relief_code: &'static str) -> Policy {
    since("B13", ("six_taxes_micro", "小型微利企业六税两费减半"), tax_code, relief_code, None)
}

const fn under_line(tax_code: &'static str, relief_code: &'static str) -> Policy {
    since(
        "B10",
        ("fees_under_line", "月销售额10万元以下免征教育费附加、地方教育附加"),
        tax_code,
        relief_code,
        None,
    )
}

static POLICIES: [Policy; 27] = [
    of_small(
        ("B04", "B05"),
        ("small_exempt", "小规模纳税人月销售额10万元以下免征增值税"),
        "small_exempt_sales",
    ),
    of_small(("B08", "B09"), ("small_1pct", "小规模纳税人减按1%征收"), "0001011608"),
    since("B34", ("software", "软件产品增值税即征即退"), "vat", "0001024103", Some("software")),
    since("B35", ("disabled", "安置残疾人就业增值税即征即退"), "vat", "0001012716", Some("welfare")),
    since("B36", ("key_groups", "企业招用重点群体扣减"), "vat", "0001013612", None),
    since("B37", ("veterans", "企业招用退役士兵扣减"), "vat", "0001011814", None),
    since("B39", ("own_produce", "自产农产品免征增值税"), "vat", "0001129999", Some("agriculture")),
    since("B50", ("tech_transfer", "技术转让、技术开发免征增值税"), "vat", "0001021203", None),
    halved_small("city_maintenance", "0007049901"),
    halved_small("education", "0061049901"),
    halved_small("local_education", "0099049901"),
    halved_small("stamp", "0009049901"),
    halved_small("property", "0008049901"),
    halved_small("land_use", "0010049901"),
    halved_micro("city_maintenance", "0007049903"),
    halved_micro("education", "0061049903"),
    // No other code of this surcharge is confirmed.
    halved_micro("local_education", "0099049901"),
    halved_micro("stamp", "0009049903"),
    halved_micro("property", "0008049903"),
    halved_micro("land_use", "0010049903"),
    under_line("education", "0061042802"),
    under_line("local_education", "0099042802"),
    since("B17", ("small_profit", "小型微利企业所得税优惠"), "cit", "small_profit_relief", None),
    since("B25", ("high_tech", "高新技术企业减按15%税率"), "cit", "high_tech_relief", Some("high_tech")),
    since("B23", ("rd_super", "研发费用加计扣除"), "cit", "rd_super_deduction", None),
    since(
        "B24",
        ("rd_listed", "集成电路和工业母机企业研发费用加计扣除120%"),
        "cit",
        "rd_super_deduction",
        Some("machine_tool"),
    ),
    since("B45", ("west", "西部地区鼓励类产业减按15%税率"), "cit", "region_relief", Some("west_encouraged")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_law_in_force() {
        let small = POLICIES[1];
        assert_eq!((small.number(202_512), small.number(202_601)), ("B08", "B09"));
        assert!(POLICIES.iter().all(|policy| policy.number(202_601).starts_with('B')));
    }

    #[test]
    fn entries_of_a_policy_stand_together() {
        assert_eq!(position("west", "cit"), Some(26));
        assert_eq!(position("west", "vat"), None);
        let mut keys: Vec<&str> = firsts().into_iter().map(|index| POLICIES[index].key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), firsts().len());
        for (index, policy) in POLICIES.iter().enumerate() {
            assert_eq!(position(policy.key, policy.tax_code), Some(index as u8), "{}", policy.key);
        }
    }
}
