//! The industries of the economy: what they sell to whom, at what rate, with how much staff and power. They lie in
//! `datasets/economy/industries.toml`; orders of magnitude are plausible, not statistics.

/// When a kind of business issues its invoices.
pub use super::calendar::Rhythm;

/// The kind of invoice a trade asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// Special and ordinary invoices; consumers mostly ask for none.
    #[default]
    Usual,
    /// 机动车销售统一发票, one for each vehicle; dealers give each other special invoices.
    Vehicle,
    /// 二手车销售统一发票, at half a percent.
    UsedCar,
    /// 通行费电子普通发票, whose tax can be deducted.
    Toll,
    /// 旅客运输发票 for travellers.
    Passenger,
}

impl Document {
    /// Whether each invoice is of one vehicle.
    pub fn is_one_vehicle(self) -> bool {
        matches!(self, Self::Vehicle | Self::UsedCar)
    }
}

/// One industry (a class of GB/T 4754-2017).
#[derive(Debug, Clone, PartialEq)]
pub struct Industry {
    /// Section letter and four digits, e.g. `F5164`.
    pub code: String,
    /// Words a company name may carry for its trade.
    pub trades: Vec<String>,
    /// VAT rate of a general taxpayer, basis points.
    pub rate_bp: i64,
    /// Share of firms, relative.
    pub weight: f64,
    /// Share of sales to consumers.
    pub consumers: f64,
    /// Share of sales abroad, of exporters.
    pub exports: f64,
    /// Purchases as a share of sales.
    pub purchases: f64,
    /// Wages as a share of sales.
    pub wages: f64,
    /// Kilowatt hours per 10,000 yuan of sales.
    pub kwh: f64,
    /// Cubic metres of water per 10,000 yuan of sales.
    pub water: f64,
    /// Cubic metres of gas per 10,000 yuan of sales.
    pub gas: f64,
    /// Stock in months of purchases; 0 for services.
    pub stock_months: f64,
    /// Fixed assets as a share of yearly sales.
    pub fixed_assets: f64,
    /// Published range of VAT paid over sales of general taxpayers, basis points, low and high.
    pub burden_bp: (i64, i64),
    /// Mean number of lines of an invoice.
    pub lines: f64,
    /// Season, January to December; 1 is an average month.
    pub season: [f64; 12],
    /// When it issues invoices.
    pub rhythm: Rhythm,
    /// What its invoices look like.
    pub document: Document,
    /// What it sells.
    pub goods: Vec<Good>,
    /// From which industries it buys, with shares of its purchases that add up to one: (industry index, share).
    pub inputs: Vec<(u8, f64)>,
    /// What it buys from farmers.
    pub farm: Option<Farm>,
}

/// Purchases from farmers, on invoices the buyer issues (农产品收购发票).
#[derive(Debug, Clone, PartialEq)]
pub struct Farm {
    /// What is bought.
    pub good: Good,
    /// Share of all purchases.
    pub share: f64,
}

/// Goods or a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Good {
    /// 商品和服务税收分类编码, 19 digits.
    pub code: String,
    /// As on an invoice: `*黑色金属冶炼压延品*螺纹钢`.
    pub name: String,
    /// Specifications it comes in.
    pub specs: Vec<String>,
    /// Unit; empty for a service billed as such.
    pub unit: String,
    /// Usual price of a unit, cents without tax.
    pub price: i64,
    /// VAT rate of a general taxpayer, basis points.
    pub rate_bp: i64,
    /// Exempt from VAT.
    pub exempt: bool,
    /// Customs commodity code, ten digits; empty for services.
    pub hs_code: String,
}
