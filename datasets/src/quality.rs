//! The quality rules that come with Assay, as text. Reading them is the engine's job.

macro_rules! rules {
    ($($name:literal),* $(,)?) => {
        /// Name and TOML text of every file.
        pub const EMBEDDED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../quality/", $name, ".toml")))),*];
    };
}

rules![
    "arrears",
    "bank_flow",
    "benefit_claim",
    "budget_split",
    "cit_return",
    "common",
    "court_case",
    "customs_declaration",
    "deduction_claim",
    "economic_series",
    "electricity",
    "enforcement_case",
    "export_refund",
    "financial_statement",
    "industry_cluster",
    "invoice",
    "invoice_line",
    "invoice_quota",
    "key_source",
    "office",
    "other_tax_return",
    "payroll",
    "platform_sales",
    "qualification",
    "real_estate",
    "refund_application",
    "refund_suspension",
    "registration_change",
    "revenue_adjustment",
    "revenue_plan",
    "risk_list",
    "shareholder",
    "social_insurance",
    "tax_assessment",
    "tax_calendar",
    "tax_payment",
    "taxpayer",
    "vat_mismatch",
    "vat_return",
    "waiver",
    "water_gas",
    "workday",
];
