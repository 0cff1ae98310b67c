//! The kinds of defects: what they are called, what is done to a row, and what a load is expected to make of it.

/// What is done to the rows of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Cells of a row say something else.
    Changed,
    /// A row more, beside a good one.
    Added,
    /// A row is missing.
    Removed,
}

impl Action {
    /// As the ledger writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// One kind of defect.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Name in the ledger.
    pub name: &'static str,
    /// What it is, in Chinese.
    pub zh: &'static str,
    /// What is done.
    pub action: Action,
    /// What is made of it: `rejected:<rule>`, `repaired:<rule>`, `duplicate` or `replaced` by a load, `quality:<rule>`
    /// (see `datasets/quality/`; a missing month is noticed at the next return), `identity:<how>` by linking.
    pub expected: &'static str,
    /// Quality rules, apart by blanks, that may notice it too in the same row: what is wrong in one way seldom fits the
    /// rest of its row.
    pub also: &'static str,
}

macro_rules! kinds {
    ($($constant:ident $name:literal $zh:literal $action:ident $expected:literal $($also:literal)?;)*) => {
        $(pub(super) const $constant: &Kind =
            &Kind { name: $name, zh: $zh, action: Action::$action, expected: $expected, also: concat!($($also)?) };)*
        /// Every kind.
        pub const KINDS: &[&Kind] = &[$($constant),*];
    };
}

kinds! {
    CHECK_CHARACTER "check_character" "纳税人识别号校验码错误" Added "rejected:taxpayer_id";
    BAD_ID "bad_id" "纳税人识别号残缺" Added "rejected:taxpayer_id";
    MISSING "missing" "必填项为空" Added "rejected:missing";
    BAD_NUMBER "bad_number" "数值无法识别" Added "rejected:type";
    BAD_DATE "bad_date" "日期无法识别" Added "rejected:type";
    UNKNOWN_CODE "unknown_code" "代码不在代码表内" Added "rejected:code";
    FIELDS "fields" "列数与表头不符" Added "rejected:fields";
    ENCODING "encoding" "混入其他编码的字节" Added "rejected:encoding";
    DUPLICATE "duplicate" "重复记录" Added "duplicate";
    SAME_KEY "same_key" "主键相同而内容不同" Added "replaced";
    BLANKS "blanks" "首尾空格" Changed "repaired:trim";
    FULL_WIDTH "full_width" "全角字符" Changed "repaired:half_width";
    SMALL_LETTERS "small_letters" "识别号小写字母" Changed "repaired:upper_case";
    LOST_ZEROS "lost_zeros" "代码丢失零" Changed "repaired:zero_pad";
    MISSPELT "misspelt" "代码名称写法不规范" Changed "repaired:spelling";
    TOTAL_DIFFERS "total_differs" "价税合计不等于金额加税额" Changed "quality:Q-INV-01";
    TAX_DIFFERS "tax_differs" "税额与金额、税率不符" Changed "quality:Q-LIN-01";
    SIGN "sign" "红字发票标为蓝字" Changed "quality:Q-INV-06" "Q-INV-13";
    NO_ORIGINAL "no_original" "红字发票未注明蓝字发票" Changed "quality:Q-INV-12";
    UNKNOWN_ORIGINAL "unknown_original" "红字发票对应的蓝字发票不存在" Changed "quality:Q-INV-18";
    EXCEEDS_ORIGINAL "exceeds_original" "红字金额超过蓝字发票" Changed "quality:Q-INV-19" "Q-INV-20";
    IMPLAUSIBLE_DATE "implausible_date" "日期不合理" Changed "quality:Q-TXP-10" "Q-TXP-13";
    UNKNOWN_REGION "unknown_region" "行政区划代码不存在" Changed "quality:Q-ALL-07";
    UNKNOWN_GOODS "unknown_goods" "商品和服务税收分类编码不存在" Changed "quality:Q-ALL-12";
    UNKNOWN_PARTY "unknown_party" "纳税人未登记" Added "quality:Q-ALL-02";
    MONTH_GAP "month_gap" "申报缺月" Removed "quality:Q-VAT-12";
    INVOICES_DIFFER "invoices_differ" "开票金额与申报表不符" Changed "quality:Q-VAT-13";
    OPENING_CREDIT "opening_credit" "上期留抵与上期期末不符" Changed "quality:Q-VAT-11" "Q-VAT-02";
    NAME_ONLY "name_only" "只有购买方名称的变体" Changed "identity:name";
    OLD_NUMBER "old_number" "购方使用旧税号" Changed "identity:old_number";
}

/// Characters of a unified social credit code (GB 32100), by value.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// The check character of the first 17 characters of a credit code.
pub(super) fn check_character(body: &str) -> Option<char> {
    let mut sum = 0;
    for (byte, weight) in body.bytes().zip(WEIGHTS) {
        sum += ALPHABET.iter().position(|known| *known == byte)? * weight;
    }
    Some(char::from(ALPHABET[(31 - sum % 31) % 31]))
}

/// A credit code of a region that is not given out, from a number.
pub(crate) fn credit_code(number: u64) -> String {
    let mut body = String::from("91990100MA");
    let mut rest = number;
    for _ in 0..7 {
        body.push(char::from(ALPHABET[(rest % 31) as usize]));
        rest /= 31;
    }
    body.extend(check_character(&body));
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use assay_sql::uscc_is_valid;

    #[test]
    fn made_codes_are_correct() {
        for number in 0..200 {
            assert!(uscc_is_valid(&credit_code(number * 977)), "{}", credit_code(number * 977));
        }
        assert_eq!(check_character("91310115MA1K39423"), Some('D'));
    }

    #[test]
    fn kinds_have_names_of_their_own() {
        for (i, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..i].iter().all(|k| k.name != kind.name), "{}", kind.name);
        }
    }
}
