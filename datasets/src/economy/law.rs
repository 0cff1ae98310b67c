//! What tax law grants, as taxpayers of the economy apply it to their own books: limits, rounding, who is small and when. Written from
//! the texts, apart from the rules that are asked of the tables: what is planted must not lean on what is to find it.

use super::model::EXEMPT_LINE;

/// Tax below this is not levied (国家税务总局公告2012年第25号): what comes to less is neither claimed wrongly nor forgotten.
pub(super) const ONE_YUAN: i64 = 100;

/// `amount` × `share` / `of`, half a cent rounded away from zero.
pub(super) fn part_of(amount: i64, share: i64, of: i64) -> i64 {
    let (product, of) = (i128::from(amount) * i128::from(share), i128::from(of));
    ((product + product.signum() * of / 2) / of) as i64
}

/// Half of a tax, as the six taxes and two fees are cut (财政部 税务总局公告2023年第12号 article 2).
pub(super) fn half(tax: i64) -> i64 {
    part_of(tax, 1, 2)
}

/// Whether sales of so many months (YYYYMM of the last) stay under the line to VAT: the line itself was free until the end of 2025
/// (2023年第19号, 含本数) and is taxed since (2026年第10号, 达到起征点).
pub(super) fn free_of_vat(sales: i64, months: i64, period: i32) -> bool {
    let line = EXEMPT_LINE * months;
    if period >= 202_601 { sales < line } else { sales <= line }
}

/// Whether sales of so many months leave the education surcharges unpaid (财税〔2016〕12号: 不超过).
pub(super) fn free_of_fees(sales: i64, months: i64) -> bool {
    sales <= EXEMPT_LINE * months
}

/// What makes an enterprise small and of low profit (小型微利企业), over a year or the part of it so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// Taxable income, cents.
    pub income: i64,
    /// Average headcount, hundredths.
    pub people: i64,
    /// Average total assets, cents.
    pub assets: i64,
}

impl Size {
    /// Up to 3,000,000 yuan of income, 300 people, 50,000,000 yuan of assets: none of the limits is passed by reaching it.
    pub(super) fn is_small(&self) -> bool {
        self.income <= 300_000_000 && self.people <= 30_000 && self.assets <= 5_000_000_000
    }
}

/// By what a company is small for the six taxes and two fees in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yardstick {
    /// By the settlement of income tax of this year.
    Settlement(i32),
    /// By headcount and assets at the end of the month: newly founded, nothing settled yet.
    MonthEnd,
}

/// The yardstick of a month (YYYYMM) for who was registered in the year `founded`: from July to June of the next year the settlement of
/// the year before (国家税务总局公告2022年第3号). Who is newer goes by the end of the month up to its first settlement, which all file
/// by the end of May, and by that from June on.
pub(super) fn yardstick(period: i32, founded: i32) -> Yardstick {
    let (year, month) = (period / 100, period % 100);
    let counting = if month >= 7 { year - 1 } else { year - 2 };
    match founded {
        _ if founded <= counting => Yardstick::Settlement(counting),
        _ if period <= (founded + 1) * 100 + 5 => Yardstick::MonthEnd,
        _ => Yardstick::Settlement(founded),
    }
}

/// Whether an industry (section letter and class) may deduct research more than once: not tobacco, trade, hotels and restaurants, real
/// estate, leasing and business services, entertainment (财税〔2015〕119号 article 4).
pub(super) fn may_super_deduct(industry: &str) -> bool {
    let excluded = ["F", "H", "K", "L", "C16", "R90"];
    !excluded.iter().any(|code| industry.starts_with(code))
}

/// How much of a credit of input tax is refunded on application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CreditRefund {
    /// All of it.
    Whole,
    /// Six tenths of what was added since the last December, where that is half a million yuan or more.
    Increase,
}

/// What may be refunded to an industry in a month (YYYYMM), credit rating and the rest apart: 2022年第14号 and 第21号 until August 2025 (of
/// other industries small firms too, which the economy leaves out), 2025年第7号 since, developers left out.
pub(super) fn credit_refund(industry: &str, period: i32) -> Option<CreditRefund> {
    let among = |codes: &[&str]| codes.iter().any(|code| industry.starts_with(code));
    match period {
        202_509.. if among(&["C", "M", "I65", "N77"]) => Some(CreditRefund::Whole),
        202_509.. if !among(&["K701"]) => Some(CreditRefund::Increase),
        202_207..202_509 if among(&["C", "D", "G", "M", "I65", "N77", "A", "F", "H", "O", "P", "Q", "R"]) => {
            Some(CreditRefund::Whole)
        }
        _ => None,
    }
}

/// Least share of sales, in percent, that a high-tech enterprise spends on research, by sales of the last year
/// (国科发火〔2016〕32号 article 11).
pub(super) fn research_share(sales: i64) -> i64 {
    match sales {
        20_000_000_001.. => 3,
        5_000_000_001.. => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_cent_rounds_up() {
        assert_eq!((half(3), half(4), half(-3)), (2, 2, -2));
        assert_eq!((part_of(50, 3, 100), part_of(49, 3, 100), part_of(-50, 3, 100)), (2, 1, -2));
    }

    #[test]
    fn reaching_the_line_is_taxed_since_2026() {
        assert!(free_of_vat(3 * EXEMPT_LINE, 3, 202_512));
        assert!(!free_of_vat(3 * EXEMPT_LINE, 3, 202_603));
        assert!(free_of_vat(3 * EXEMPT_LINE - 1, 3, 202_603));
        assert!(free_of_fees(EXEMPT_LINE, 1) && !free_of_fees(EXEMPT_LINE + 1, 1));
    }

    #[test]
    fn limits_of_size_are_closed() {
        let most = Size { income: 300_000_000, people: 30_000, assets: 5_000_000_000 };
        assert!(most.is_small());
        assert!(!Size { income: most.income + 1, ..most }.is_small());
        assert!(!Size { people: most.people + 1, ..most }.is_small());
        assert!(!Size { assets: most.assets + 1, ..most }.is_small());
    }

    #[test]
    fn settlements_count_from_july() {
        use Yardstick::{MonthEnd, Settlement};
        assert_eq!(yardstick(202_506, 2_010), Settlement(2_023));
        assert_eq!(yardstick(202_507, 2_010), Settlement(2_024));
        assert_eq!(yardstick(202_606, 2_010), Settlement(2_024));
        // Founded in 2024: new until May 2025, then by the settlement of 2024 until a later one counts.
        let founded = [202_403, 202_412, 202_505, 202_506, 202_507, 202_606, 202_607];
        let found = founded.map(|period| yardstick(period, 2_024));
        let first = Settlement(2_024);
        assert_eq!(found, [MonthEnd, MonthEnd, MonthEnd, first, first, first, Settlement(2_025)]);
    }

    #[test]
    fn credits_of_trade_are_refunded_by_their_increase_since_september_2025() {
        use CreditRefund::{Increase, Whole};
        assert_eq!(credit_refund("F5164", 202_508), Some(Whole));
        assert_eq!(credit_refund("F5164", 202_509), Some(Increase));
        assert_eq!(credit_refund("C3983", 202_509), Some(Whole));
        assert_eq!((credit_refund("L7241", 202_508), credit_refund("K7010", 202_509)), (None, None));
    }

    #[test]
    fn trade_does_not_super_deduct() {
        assert!(may_super_deduct("C3983") && may_super_deduct("I6513"));
        assert!(["F5164", "K7040", "L7241", "H6210", "C1610"].iter().all(|code| !may_super_deduct(code)));
    }
}
