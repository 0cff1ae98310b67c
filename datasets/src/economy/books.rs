//! One consistent set of books per firm: what it sold, bought, paid and owed each month, and what it *declared* of it.
//! Derived tables print these books. All money is in cents, without tax unless said otherwise.
//!
//! Where a scheme or a habit makes the declared figure differ from the true one there are two fields, or the true one
//! stands in [`Truth`]; all other structs hold what the table named in their heading says.

mod cit;
mod money;
mod reliefs;
mod staff;
mod taxes;
mod vat;
mod walk;

use super::Economy;
pub(super) use walk::Habits;

/// The books of a firm for one month.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MonthBook {
    /// Month by index.
    pub month: usize,
    /// Month as YYYYMM.
    pub period: i32,
    /// On the register in this month: registered, and not deregistered before its first day. Nothing of any derived
    /// table exists for a firm that is not.
    pub registered: bool,
    /// Cannot be reached any more (非正常户): files and pays nothing, no staff, no power; but still registered.
    pub vanished: bool,
    /// What really happened.
    pub truth: Truth,
    /// Reliefs wrongly claimed or forgone in the returns of this month.
    pub reliefs: Vec<ReliefTruth>,
    /// `vat_return`: due this month. General taxpayers file every month, small-scale ones in March, June, September
    /// and December for the months of the quarter within the economy. `None`: no return for this period, either
    /// because none is due or because the firm does not file (vanished, or forgot).
    pub vat: Option<VatBook>,
    /// An earlier version of the same return that `vat` corrects (filed before it, on time): kept in history.
    pub vat_first: Option<VatBook>,
    /// `cit_return` of the quarter (cumulated since January or the first month of the economy) in its last month.
    pub cit_quarter: Option<CitBook>,
    /// `cit_return` of the year, in December (of the months of the year within the economy).
    pub cit_year: Option<CitBook>,
    /// Income statement of this month, as in the firm's own books. Tables cumulate as the form asks.
    pub income: IncomeBook,
    /// Balance sheet at the end of this month.
    pub balance: BalanceBook,
    /// `payroll` and `social_insurance`.
    pub staff: StaffBook,
    /// `electricity` and `water_gas`.
    pub power: PowerBook,
    /// `bank_flow` of the company's main account.
    pub bank: BankBook,
    /// `platform_sales`, where it sells over a platform.
    pub platform: Option<PlatformBook>,
    /// `customs_declaration` of imports this month, one entry a declaration.
    pub imports: Vec<CustomsBook>,
    /// `customs_declaration` of exports this month, one entry a declaration; `export_refund` where refunded.
    pub exports: Vec<CustomsBook>,
    /// `benefit_claim`: reliefs as claimed for this period.
    pub claims: Vec<Claim>,
    /// `other_tax_return`: stamp duty, property and land-use tax, and the surcharges on VAT.
    pub other_taxes: Vec<OtherTax>,
    /// `tax_payment` for this period.
    pub payments: Vec<Payment>,
    /// `arrears` for this period: tax due and still unpaid at the end of the economy.
    pub arrears: Vec<Arrear>,
    /// `invoice_quota`.
    pub quota: Quota,
}

/// What really happened in a month, whether declared or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Truth {
    /// All sales: invoiced, uninvoiced, exported, hidden.
    pub sales: i64,
    /// Of these, not declared in any return (schemes).
    pub hidden_sales: i64,
    /// Purchases on invoices and customs documents that were real.
    pub purchases: i64,
    /// Purchases on documents that were not real (schemes).
    pub sham_purchases: i64,
    /// Sales on invoices that were not real (schemes).
    pub sham_sales: i64,
    /// People who really work there.
    pub headcount: i64,
    /// Wages really paid.
    pub wages: i64,
    /// What the firm's scheme comes to this month where it shows in books only: sales hidden, wages not insured or
    /// invented, relief claimed or forgone.
    pub at_stake: i64,
    /// VAT that should have been declared above what was, as far as it can be said; never negative.
    pub vat_gap: i64,
}

/// A relief claimed without title, or not claimed with one: what stands in `benefit_claim` for the period or in the
/// line of the return, or would stand there. Of income tax it is cumulated since January, as its returns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReliefTruth {
    /// Index into [`super::policies::policies`].
    pub policy: u8,
    /// In the settlement of the year; otherwise in the return of the month or quarter.
    pub settled: bool,
    /// 减免计税依据.
    pub base: i64,
    /// 减免税额.
    pub relief: i64,
}

/// Lines of `vat_return`, named as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VatBook {
    /// The form for small-scale taxpayers; then only the `small_*` lines, `simple_tax`, `tax_reduction`, `tax_total`,
    /// `uninvoiced_sales`, `invoiced_*` and `export_sales` have values.
    pub small: bool,
    /// Days after the due date on which it was filed; 0 or below: in time, that many days before.
    pub days_late: i32,
    /// Line 1.
    pub taxable_sales: i64,
    /// Line 5.
    pub simple_sales: i64,
    /// Line 7.
    pub export_sales: i64,
    /// Line 8.
    pub exempt_sales: i64,
    /// Line 11.
    pub output_tax: i64,
    /// Line 12.
    pub input_tax: i64,
    /// Line 13.
    pub opening_credit: i64,
    /// Line 14.
    pub input_transfer_out: i64,
    /// Line 15.
    pub refundable_tax: i64,
    /// Line 18.
    pub deducted_tax: i64,
    /// Line 19.
    pub tax_payable: i64,
    /// Line 20.
    pub closing_credit: i64,
    /// Line 21.
    pub simple_tax: i64,
    /// Line 23.
    pub tax_reduction: i64,
    /// Line 24.
    pub tax_total: i64,
    /// 加计抵减.
    pub extra_deduction: i64,
    /// 未开具发票销售额.
    pub uninvoiced_sales: i64,
    /// 开具增值税专用发票销售额.
    pub invoiced_special_sales: i64,
    /// 开具其他发票销售额.
    pub invoiced_ordinary_sales: i64,
    /// Tax of special invoices claimed for this period.
    pub deducted_special_tax: i64,
    /// Import VAT deducted.
    pub deducted_customs_tax: i64,
    /// Computed on farm purchases.
    pub deducted_agri_tax: i64,
    /// Computed on passenger transport.
    pub deducted_transport_tax: i64,
    /// Other vouchers.
    pub deducted_other_tax: i64,
    /// 小微企业免税销售额.
    pub small_exempt_sales: i64,
    /// At 3 percent (the reduction to 1 percent is in `tax_reduction`).
    pub small_sales_3pct: i64,
    /// At 5 percent.
    pub small_sales_5pct: i64,
    /// 留抵退税额.
    pub refund_of_credit: i64,
}

/// Lines of `cit_return`, cumulated from the first month of the year (or of the economy, if later).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CitBook {
    /// Days after the due date on which it was filed; 0 or below: in time.
    pub days_late: i32,
    /// Cumulated income statement as declared.
    pub income: IncomeBook,
    /// Research expense within administration.
    pub rd_expense: i64,
    /// 纳税调整增加额.
    pub adjust_up: i64,
    /// 纳税调整减少额.
    pub adjust_down: i64,
    /// 免税、减计收入.
    pub exempt_income: i64,
    /// 研发费用加计扣除.
    pub rd_super_deduction: i64,
    /// 加速折旧调减额.
    pub accelerated_depreciation: i64,
    /// 弥补以前年度亏损.
    pub loss_offset: i64,
    /// 应纳税所得额.
    pub taxable_income: i64,
    /// Basis points: 2500.
    pub rate_bp: i64,
    /// 应纳所得税额.
    pub tax_before_relief: i64,
    /// 减免所得税额, the sum of the three below.
    pub tax_relief: i64,
    /// 小型微利企业减免.
    pub small_profit_relief: i64,
    /// 高新技术企业减免.
    pub high_tech_relief: i64,
    /// 区域性优惠减免.
    pub region_relief: i64,
    /// 实际应纳所得税额.
    pub tax_due: i64,
    /// Average headcount in hundredths: of the quarters so far, each the mean of its beginning and end.
    pub employees_avg: i64,
    /// Average total assets, likewise.
    pub assets_avg: i64,
    /// 工资薪金支出.
    pub wages: i64,
    /// Wages of disabled employees.
    pub wages_disabled: i64,
    /// 业务招待费.
    pub entertainment: i64,
    /// 广告费和业务宣传费.
    pub advertising: i64,
    /// 捐赠支出.
    pub donations: i64,
    /// 佣金和手续费.
    pub commissions: i64,
    /// 核定征收; 查账 otherwise.
    pub assessed: bool,
}

/// Income statement of a month (or cumulated, in [`CitBook`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IncomeBook {
    /// 营业收入.
    pub revenue: i64,
    /// 营业成本.
    pub cost: i64,
    /// 税金及附加.
    pub surcharges: i64,
    /// 销售费用.
    pub selling_expense: i64,
    /// 管理费用, research included.
    pub admin_expense: i64,
    /// Of these, research.
    pub rd_expense: i64,
    /// 财务费用.
    pub finance_expense: i64,
    /// 资产处置收益.
    pub asset_disposal_gain: i64,
    /// 营业利润.
    pub operating_profit: i64,
    /// 营业外收入.
    pub non_operating_income: i64,
    /// 营业外支出.
    pub non_operating_expense: i64,
    /// 利润总额 = operating profit + non-operating income − non-operating expense.
    pub profit: i64,
    /// 所得税费用.
    pub income_tax: i64,
    /// 净利润.
    pub net_profit: i64,
    /// 折旧与摊销 of the month.
    pub depreciation: i64,
    /// 经营活动现金流入小计 of the month.
    pub operating_cash_in: i64,
}

/// Balance sheet. Assets = liabilities + equity, to the cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BalanceBook {
    /// 货币资金.
    pub cash: i64,
    /// 应收账款.
    pub receivables: i64,
    /// 预付账款.
    pub prepayments: i64,
    /// 其他应收款.
    pub other_receivables: i64,
    /// 存货.
    pub inventory: i64,
    /// 存货期初余额 (end of the month before).
    pub inventory_opening: i64,
    /// 固定资产, net.
    pub fixed_assets: i64,
    /// 资产总计.
    pub total_assets: i64,
    /// 应付账款.
    pub payables: i64,
    /// 预收账款.
    pub advance_receipts: i64,
    /// 其他应付款, loans included.
    pub other_payables: i64,
    /// 负债合计.
    pub total_liabilities: i64,
    /// 实收资本.
    pub paid_in_capital: i64,
    /// 所有者权益合计.
    pub equity: i64,
}

/// `payroll` (as withheld) and `social_insurance` (as paid).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StaffBook {
    /// 扣缴人数 of payroll.
    pub persons: i64,
    /// 工资薪金所得.
    pub wages: i64,
    /// 工资薪金零税款人数.
    pub zero_tax_persons: i64,
    /// 代扣个人所得税额.
    pub iit_withheld: i64,
    /// 劳务报酬所得.
    pub labour_service_pay: i64,
    /// 利息、股息、红利所得.
    pub dividends: i64,
    /// 全年一次性奖金.
    pub annual_bonus: i64,
    /// 专项附加扣除.
    pub special_deductions: i64,
    /// 参保人数.
    pub insured: i64,
    /// 缴费基数.
    pub insurance_base: i64,
    /// 缴费金额.
    pub insurance_paid: i64,
    /// 残疾人职工人数.
    pub disabled: i64,
    /// 自主就业退役士兵人数.
    pub veterans: i64,
    /// 重点群体人数.
    pub key_group: i64,
}

/// Power, water and gas as metered: nobody distorts a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PowerBook {
    /// Kilowatt hours; 0: no meter.
    pub kwh: i64,
    /// Number of meters over which they are spread, at least 1 where `kwh` > 0.
    pub meters: u8,
    /// Cost of power, cents.
    pub power_cost: i64,
    /// Water, cubic metres; 0: no meter.
    pub water: i64,
    /// Cost of water, cents.
    pub water_cost: i64,
    /// Gas, cubic metres; 0: no meter.
    pub gas: i64,
    /// Cost of gas, cents.
    pub gas_cost: i64,
}

/// `bank_flow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BankBook {
    /// 流入金额.
    pub inflow: i64,
    /// 流出金额.
    pub outflow: i64,
    /// 流入笔数.
    pub inflow_count: i64,
    /// 个人账户流入金额 (within inflow).
    pub private_inflow: i64,
    /// 流向个人账户金额 (within outflow).
    pub private_outflow: i64,
    /// 资金回流金额.
    pub round_trip: i64,
}

/// `platform_sales`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlatformBook {
    /// Number of the platform, 0 to 3.
    pub platform: u8,
    /// 订单数.
    pub orders: i64,
    /// 成交总额, tax included.
    pub gross: i64,
    /// 退款金额.
    pub refunded: i64,
}

/// One customs declaration and, for a refunded export, its `export_refund`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CustomsBook {
    /// Items on the declaration, at least 1.
    pub items: u8,
    /// Value in yuan cents (离岸价; for imports the dutiable value).
    pub value: i64,
    /// 关税.
    pub duty: i64,
    /// 进口环节增值税.
    pub import_vat: i64,
    /// Index into the industry's goods of what was traded.
    pub good: u8,
    /// Refund rate, basis points; 0 where nothing is refunded.
    pub refund_rate_bp: i64,
    /// 进项税额 the refund rests on.
    pub input_tax: i64,
    /// 退税额.
    pub refund: i64,
    /// The same goods went out and came back (scheme).
    pub circulated: bool,
}

/// A relief as claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claim {
    /// Index into [`super::policies::policies`].
    pub policy: u8,
    /// 减免计税依据.
    pub base: i64,
    /// 减免税额.
    pub relief: i64,
    /// Whether its conditions are met (truth, not in any table).
    pub entitled: bool,
    /// Days after the due date on which it was filed; 0 or below: in time.
    pub days_late: i32,
}

/// One row of `other_tax_return`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OtherTax {
    /// As in `other_tax_return.tax_code`.
    pub tax_code: &'static str,
    /// 征收品目.
    pub item: &'static str,
    /// 计税依据.
    pub base: i64,
    /// Rate × 10^8 (as decimal(24,8) holds it).
    pub rate_e8: i64,
    /// 应纳税额.
    pub tax: i64,
    /// 减免税额.
    pub relief: i64,
    /// 应补（退）税额 = tax − relief.
    pub tax_due: i64,
}

/// One row of `tax_payment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payment {
    /// `vat`, `cit`, `iit`, or a code of `other_tax_return`.
    pub tax_code: &'static str,
    /// As in `tax_payment.kind`.
    pub kind: &'static str,
    /// As in `tax_payment.refund_kind`; only where `kind` is `refund`.
    pub refund_kind: Option<&'static str>,
    /// Days after the due date of the period; 0 or below: in time.
    pub days_late: i32,
    /// Positive; the table shows refunds as they come.
    pub amount: i64,
}

/// One row of `arrears`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrear {
    /// As in `Payment`.
    pub tax_code: &'static str,
    /// Cents.
    pub amount: i64,
}

/// `invoice_quota`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// 最高开票限额.
    pub invoice_limit: i64,
    /// 月度发票总额度.
    pub monthly: i64,
    /// 额度调增次数.
    pub raises: i32,
}

/// Walks a firm's months in order.
pub(super) fn walk(economy: &Economy, firm: u32) -> Vec<MonthBook> {
    walk::Keeper::new(economy, firm).months()
}

/// What a scheme that shows only in the books comes to over all months, cents.
pub(super) fn at_stake(economy: &Economy, firm: u32) -> i64 {
    walk(economy, firm).iter().map(|book| book.truth.at_stake).sum()
}
