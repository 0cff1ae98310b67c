//! The queries of the cross-audit; their texts lie in `sql/cross_audit/`.

pub(super) const STRAY: &str = include_str!("../../../sql/cross_audit/stray.sql");
pub(super) const MARK: &str = include_str!("../../../sql/cross_audit/mark.sql");
pub(super) const LISTED: &str = include_str!("../../../sql/cross_audit/listed.sql");
pub(super) const JUDGE: &str = include_str!("../../../sql/cross_audit/judge.sql");
pub(super) const TALLY: &str = include_str!("../../../sql/cross_audit/tally.sql");
pub(super) const FINDING: &str = include_str!("../../../sql/cross_audit/finding.sql");
pub(super) const CHANGE: &str = include_str!("../../../sql/cross_audit/change.sql");
pub(super) const RED: &str = include_str!("../../../sql/cross_audit/red_unmatched.sql");
pub(super) const REQUEST: &str = include_str!("../../../sql/cross_audit/request.sql");
pub(super) const LETTER: &str = include_str!("../../../sql/cross_audit/letter.sql");
pub(super) const OUTCOMES: &str = include_str!("../../../sql/cross_audit/outcomes.sql");

/// Those that decide what is stored: when one changes, everything is compared again.
pub(super) const ALL: [&str; 8] = [STRAY, MARK, LISTED, JUDGE, TALLY, FINDING, RED, DOCUMENT];

/// Documents as they are compared.
pub(super) const DOCUMENT: &str = "SELECT invoice_id, kind, period, status, CAST(issued_at AS DATE) AS issued_on, seller_key, seller_id, \
     seller_name, buyer_key, buyer_id, amount, tax FROM invoice";

/// `column IN (…)`; never true of no months.
pub(super) fn among(column: &str, months: &[i32]) -> String {
    if months.is_empty() {
        return "false".to_owned();
    }
    let months: Vec<String> = months.iter().map(ToString::to_string).collect();
    format!("{column} IN ({})", months.join(", "))
}

/// The claims that state these months.
pub(super) fn claims(months: &[i32]) -> String {
    format!(
        "SELECT coalesce(period_of(issued_on), 0) AS period, buyer_key, buyer_id, invoice_id, claimed_period, seller_key, seller_id, \
         issued_on, amount, tax, withdrawn_on FROM deduction_claim WHERE {}",
        among("coalesce(period_of(issued_on), 0)", months)
    )
}

/// The documents of these months.
pub(super) fn documents(months: &[i32]) -> String {
    format!("{DOCUMENT} WHERE {}", among("period", months))
}

/// The documents of these months, and those of other months that claims name.
pub(super) fn all_documents(months: &[i32]) -> String {
    format!(
        "{} UNION ALL SELECT * FROM audit.elsewhere WHERE NOT ({})",
        documents(months),
        among("period", months)
    )
}
