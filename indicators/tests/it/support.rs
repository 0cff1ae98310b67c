//! A small world: a few features, and definitions made from a template.

use assay_indicators::{Catalogue, FeatureCatalogue, FeatureLayer, Problem, SourceFile};
use datafusion::prelude::SessionContext;

pub const FEATURES: &str = r#"
sold_n = { source = "rollup_sold", unit = "count", zh = "开具份数", en = "issued" }
sold_void_n = { source = "rollup_sold", unit = "count", zh = "作废份数", en = "voided" }
sold_amount = { source = "rollup_sold", unit = "money", zh = "金额", en = "amount" }
bought_amount = { source = "rollup_bought", unit = "money", zh = "金额", en = "amount" }
customers_12 = { source = "customers", unit = "count", zh = "客户数", en = "customers" }
employees = { source = "taxpayer", unit = "count", zh = "从业人数", en = "employees" }
registered_on = { source = "taxpayer", unit = "date", zh = "登记日期", en = "registered" }
"#;

pub const CUSTOMERS: &str = "SELECT seller_key AS taxpayer_key, count(DISTINCT buyer_key) AS customers_12, \
     $as_of AS seen_at FROM rollup_trade WHERE period <= $as_of GROUP BY seller_key";

pub fn features() -> FeatureCatalogue {
    let (features, problems) = FeatureCatalogue::from_layers(&[FeatureLayer {
        declared: SourceFile::new("features.toml", FEATURES),
        as_of: vec![("customers.sql".to_owned(), CUSTOMERS.to_owned())],
        monthly: Vec::new(),
    }]);
    assert!(problems.is_empty(), "{problems:?}");
    features
}

/// A definition around facts, a value and whatever else the test is about.
pub fn definition(code: &str, head: &str, facts: &str, tail: &str) -> String {
    let head_of = |key: &str, default: &str| {
        let given = head.lines().any(|line| line.trim_start().starts_with(key));
        if given { String::new() } else { format!("{key} = {default}\n") }
    };
    let mut text = format!(
        "code = \"{code}\"\nversion = 1\nname = {{ zh = \"测试\", en = \"test\" }}\ntax = \"vat\"\nseverity = \"medium\"\n\
         innocent = {{ zh = [\"季节\"], en = [\"season\"] }}\nask = {{ zh = [\"合同\"], en = [\"contract\"] }}\n\
         evidence = \"SELECT 1 FROM invoice WHERE seller_key = $taxpayer_key\"\n"
    );
    text.push_str(&head_of("family", "\"f\""));
    text.push_str(&head_of("grain", "\"month\""));
    text.push_str(&head_of("unit", "\"ratio\""));
    text.push_str(head);
    text.push_str(&format!(
        "\n[facts]\n{facts}\n[message]\nzh = \"值{{value}}，{{line}}\"\nen = \"{{value}}, {{line}}\"\n{tail}"
    ));
    text
}

/// A line and tests nothing depends on.
pub const LINE: &str = "[[lines]]\nop = \">=\"\nvalue = 1.0\nsource = \"D\"\n";

pub fn catalogue(texts: &[String]) -> (Catalogue, Vec<Problem>) {
    let files = texts
        .iter()
        .enumerate()
        .map(|(n, text)| SourceFile::new(format!("{n}.toml"), text.clone()))
        .collect();
    Catalogue::from_files(features(), vec![files])
}

pub fn session() -> SessionContext {
    assay_sql::new_session(&assay_sql::SessionOptions { threads: 2, ..Default::default() }).unwrap()
}
