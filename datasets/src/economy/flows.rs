//! Planned invoices beside the ordinary trade: those of schemes, and of honest firms that look like one. A flow runs
//! from one seller to certain buyers over certain months.

/// How the invoices of a flow look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Amounts vary around the ticket.
    Usual,
    /// Just under the ticket, which is the most an invoice may carry.
    NearLimit,
    /// The total with tax is the ticket, to the cent; or the next thousand yuan that can be reached.
    Round,
}

/// What becomes of a flow's invoices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlowFate {
    /// They stay.
    Stays,
    /// Voided after the buyer deducted them.
    VoidAfterClaim,
    /// Reversed in full one or two months later.
    Reversed,
    /// Declared out of control once the seller has vanished.
    LostControl,
    /// Declared abnormal vouchers.
    Abnormal,
}

/// Planned invoices of one seller.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flow {
    /// Party that issues them.
    pub seller: u32,
    /// Firms that receive them in turn; none: customers abroad.
    pub buyers: Vec<u32>,
    /// First and last month by index.
    pub months: (u16, u16),
    /// Sales a month without tax, cents.
    pub monthly: i64,
    /// Growth a month.
    pub growth: f64,
    /// Mean (or highest, or exact) amount of an invoice, cents.
    pub ticket: i64,
    /// Industry whose goods they name; that of the seller otherwise.
    pub goods: Option<u8>,
    pub style: Style,
    pub fate: FlowFate,
    /// Part of a scheme: counts as sham in books and truth.
    pub sham: bool,
}

/// Most invoices of all flows of a seller in a month.
pub(super) const FLOW_INVOICES_MAX: u32 = 20_000;

/// All flows, found by seller.
#[derive(Debug, Default)]
pub(super) struct Flows {
    flows: Vec<Flow>,
}

impl Flows {
    /// Sorted by seller; flows of one seller keep their order.
    pub(super) fn new(mut flows: Vec<Flow>) -> Self {
        flows.sort_by_key(|flow| flow.seller);
        Self { flows }
    }

    /// Flows of a seller in their order.
    pub(super) fn of(&self, seller: u32) -> &[Flow] {
        let start = self.flows.partition_point(|flow| flow.seller < seller);
        let rest = &self.flows[start..];
        &rest[..rest.partition_point(|flow| flow.seller == seller)]
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Flow] {
        &self.flows
    }
}

impl Flow {
    /// Whether it runs in this month, and on what scale: planned sales in cents.
    pub(super) fn planned(&self, month: usize) -> Option<f64> {
        let month = month as u16;
        let runs = (self.months.0..=self.months.1).contains(&month);
        runs.then(|| self.monthly as f64 * (1.0 + self.growth).powi(i32::from(month - self.months.0)))
    }
}
