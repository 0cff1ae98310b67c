//! The industries of the economy: what they sell to whom, at what rate, how seasonal they are. Figures are plausible
//! orders of magnitude, not statistics.

use super::calendar::Rhythm;

/// One industry (a class of GB/T 4754-2017).
#[derive(Debug)]
pub(super) struct Industry {
    /// Section letter and four digits.
    pub code: &'static str,
    /// Words a company name may carry for its trade.
    pub trades: &'static [&'static str],
    /// Where it stands in the flow of goods; decides who buys from it.
    pub stage: Stage,
    /// VAT rate of a general taxpayer, in basis points.
    pub rate_bp: i64,
    /// Share of firms.
    pub weight: f64,
    /// Share of sales to consumers.
    pub consumers: f64,
    /// Purchases with an invoice, as a share of sales.
    pub purchases: f64,
    /// Season, January to December; 1 is an average month.
    pub season: [f64; 12],
    /// When it issues invoices.
    pub rhythm: Rhythm,
}

/// Place in the flow of goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Materials and parts.
    Material,
    /// Finished goods.
    Product,
    /// Wholesale.
    Wholesale,
    /// Retail and restaurants.
    Retail,
    /// Construction.
    Building,
    /// Services to firms, transport, rent.
    Service,
}

impl Stage {
    /// How readily a firm of `buyer` buys what this stage sells; 0 is never.
    pub(super) fn sells_to(self, buyer: Stage) -> f64 {
        use Stage::{Building, Material, Product, Retail, Service, Wholesale};
        match (self, buyer) {
            (Material, Product) => 1.0,
            (Material, Wholesale | Building) => 0.8,
            (Material, Material) => 0.5,
            (Product, Wholesale) => 1.0,
            (Product, Retail) => 0.7,
            (Product, Building | Product) => 0.3,
            (Wholesale, Retail) => 1.0,
            (Wholesale, Building | Material | Product) => 0.6,
            (Wholesale, Wholesale) => 0.3,
            (Wholesale, Service) => 0.3,
            (Retail, Service | Building) => 0.2,
            (Building, Product | Service) => 0.3,
            (Service, _) => 0.5,
            _ => 0.0,
        }
    }
}

const STEADY: [f64; 12] = [1.0, 0.72, 1.05, 1.02, 1.0, 1.04, 0.98, 0.98, 1.05, 0.94, 1.06, 1.16];
const YEAR_END: [f64; 12] = [0.9, 0.5, 0.85, 0.95, 1.0, 1.15, 0.95, 0.95, 1.05, 0.95, 1.15, 1.6];
const HOLIDAYS: [f64; 12] = [1.25, 1.05, 0.85, 0.9, 1.05, 0.95, 0.95, 0.95, 1.1, 1.05, 0.95, 0.95];
const TEA: [f64; 12] = [0.5, 0.4, 1.5, 3.0, 2.0, 0.8, 0.5, 0.6, 1.0, 0.8, 0.5, 0.4];
const COLD: [f64; 12] = [2.4, 2.0, 1.4, 0.3, 0.1, 0.1, 0.1, 0.1, 0.2, 0.9, 2.0, 2.4];
const CLOTHES: [f64; 12] = [1.0, 0.6, 1.1, 1.1, 0.9, 0.8, 0.8, 1.0, 1.3, 1.3, 1.2, 0.9];

const MATERIAL: Industry = Industry {
    code: "C3130",
    trades: &["钢材", "型钢", "特钢"],
    stage: Stage::Material,
    rate_bp: 1300,
    weight: 4.0,
    consumers: 0.0,
    purchases: 0.82,
    season: STEADY,
    rhythm: Rhythm::Office,
};
const PRODUCT: Industry = Industry { stage: Stage::Product, purchases: 0.7, weight: 4.0, ..MATERIAL };
const WHOLESALE: Industry = Industry { stage: Stage::Wholesale, purchases: 0.9, weight: 6.0, ..MATERIAL };
const RETAIL: Industry = Industry {
    stage: Stage::Retail,
    purchases: 0.76,
    consumers: 0.7,
    season: HOLIDAYS,
    rhythm: Rhythm::Shop,
    ..WHOLESALE
};
const BUILDING: Industry =
    Industry { stage: Stage::Building, purchases: 0.72, rate_bp: 900, season: YEAR_END, ..PRODUCT };
const SERVICE: Industry =
    Industry { stage: Stage::Service, purchases: 0.42, rate_bp: 600, weight: 3.0, ..MATERIAL };

/// All industries.
pub(super) static INDUSTRIES: [Industry; 32] = [
    MATERIAL,
    Industry { code: "C2929", trades: &["塑料", "塑胶"], weight: 4.0, ..MATERIAL },
    Industry { code: "C3489", trades: &["机械配件", "精密零件"], weight: 5.0, ..MATERIAL },
    Industry { code: "C3021", trades: &["水泥制品", "混凝土"], weight: 3.0, ..MATERIAL },
    Industry { code: "C2319", trades: &["包装", "印务"], weight: 3.0, ..MATERIAL },
    Industry { code: "C3983", trades: &["电子", "传感技术"], weight: 3.0, ..MATERIAL },
    Industry { code: "C1819", trades: &["服饰", "制衣"], season: CLOTHES, ..PRODUCT },
    Industry { code: "C2110", trades: &["家具", "木业"], consumers: 0.1, ..PRODUCT },
    Industry {
        code: "C1530",
        trades: &["茶业", "茶厂"],
        season: TEA,
        consumers: 0.15,
        weight: 3.0,
        ..PRODUCT
    },
    Industry { code: "C1411", trades: &["食品", "糕点"], season: HOLIDAYS, weight: 3.0, ..PRODUCT },
    Industry { code: "C3829", trades: &["电气", "电力设备"], season: YEAR_END, ..PRODUCT },
    Industry { code: "C3311", trades: &["钢结构", "金属制品"], ..PRODUCT },
    Industry { code: "D4430", trades: &["热力"], season: COLD, rate_bp: 900, weight: 1.0, ..PRODUCT },
    Industry { code: "E4710", trades: &["建设工程", "建筑"], ..BUILDING },
    Industry { code: "E5011", trades: &["装饰工程", "装饰"], ..BUILDING },
    Industry { code: "F5164", trades: &["金属材料", "物资贸易"], ..WHOLESALE },
    Industry { code: "F5165", trades: &["建材", "建筑材料"], ..WHOLESALE },
    Industry { code: "F5174", trades: &["五金", "五金机电"], ..WHOLESALE },
    Industry {
        code: "F5132", trades: &["服装贸易", "纺织品"], season: CLOTHES, weight: 4.0, ..WHOLESALE
    },
    Industry { code: "F5179", trades: &["机电设备", "电子科技"], weight: 7.0, ..WHOLESALE },
    Industry {
        code: "F5127", trades: &["酒业", "食品贸易"], season: HOLIDAYS, weight: 4.0, ..WHOLESALE
    },
    Industry { code: "F5211", trades: &["百货", "商贸"], ..RETAIL },
    Industry { code: "F5212", trades: &["超市", "生活超市"], ..RETAIL },
    Industry { code: "H6210", trades: &["餐饮", "酒楼"], rate_bp: 600, purchases: 0.45, ..RETAIL },
    Industry {
        code: "G5431",
        trades: &["物流", "货运"],
        rate_bp: 900,
        purchases: 0.6,
        weight: 5.0,
        ..SERVICE
    },
    Industry { code: "I6513", trades: &["软件", "信息技术"], season: YEAR_END, weight: 4.0, ..SERVICE },
    Industry { code: "I6560", trades: &["信息咨询", "数据服务"], ..SERVICE },
    Industry {
        code: "K7040",
        trades: &["物业租赁", "资产管理"],
        rate_bp: 900,
        purchases: 0.3,
        weight: 2.5,
        ..SERVICE
    },
    Industry { code: "L7259", trades: &["广告", "文化传媒"], ..SERVICE },
    Industry { code: "L7119", trades: &["设备租赁", "机械租赁"], rate_bp: 1300, ..SERVICE },
    Industry { code: "M7484", trades: &["设计院", "工程设计"], season: YEAR_END, ..SERVICE },
    Industry { code: "L7262", trades: &["人力资源", "劳务服务"], ..SERVICE },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classes_and_unique() {
        let mut codes: Vec<_> = INDUSTRIES.iter().map(|industry| industry.code).collect();
        assert!(codes.iter().all(|code| code.len() == 5 && code[1..].bytes().all(|b| b.is_ascii_digit())));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), INDUSTRIES.len());
    }

    #[test]
    fn a_year_has_about_twelve_average_months() {
        for industry in &INDUSTRIES {
            let year: f64 = industry.season.iter().sum();
            assert!((year - 12.0).abs() < 0.8, "{}: {year}", industry.code);
        }
    }

    #[test]
    fn every_stage_buys_something() {
        for buyer in [Stage::Product, Stage::Wholesale, Stage::Retail, Stage::Building, Stage::Service] {
            assert!(INDUSTRIES.iter().any(|seller| seller.stage.sells_to(buyer) > 0.0), "{buyer:?}");
        }
    }
}
