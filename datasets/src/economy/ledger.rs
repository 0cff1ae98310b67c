//! Monthly sums of what each firm issued and received: computed once over all invoices when an economy is built, so
//! that books need not read invoices again. 72 bytes a firm and month.

/// Sums of one firm and month in cents, net of red invoices and without void ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirmMonth {
    /// Issued with a special invoice, without tax.
    pub special: i64,
    /// Tax on it.
    pub special_tax: i64,
    /// Issued with any other invoice, taxed, without tax.
    pub other: i64,
    /// Tax on it.
    pub other_tax: i64,
    /// Issued exempt or at rate zero.
    pub exempt: i64,
    /// Received on special invoices issued this month, without tax.
    pub received_special: i64,
    /// Received on other invoices issued this month: tax included, for it is cost; farm purchases too.
    pub received_other: i64,
    /// Tax of invoices claimed for deduction in this period (`deduction_claim.claimed_period`).
    pub claimed_tax: i64,
    /// Tax of red invoices received this month on claimed invoices; positive, to be transferred out.
    pub red_tax: i64,
}

/// All sums.
#[derive(Debug)]
pub struct Ledger {
    pub(super) months: usize,
    pub(super) sums: Vec<FirmMonth>,
}

impl Ledger {
    /// Sums of a firm and month, both by index.
    pub fn of(&self, firm: u32, month: usize) -> &FirmMonth {
        &self.sums[firm as usize * self.months + month]
    }
}
