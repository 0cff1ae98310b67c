//! What every definition must satisfy, and the frozen names of the dictionary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use super::*;

const PERSONAL: [&str; 12] = [
    "legal_rep_name",
    "legal_rep_id",
    "finance_name",
    "finance_id",
    "agent_name",
    "agent_id",
    "phone",
    "address",
    "mac_address",
    "issuer",
    "issuer_ip",
    "issuer_mac",
];

fn table(name: &str) -> &'static Table {
    catalog().table(name).unwrap_or_else(|| panic!("no table {name}"))
}

fn stored_names(name: &str) -> Vec<String> {
    table(name).stored_schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn read(text: &str) -> Vec<SchemaError> {
    Catalog::parse(&[("registration", text)]).expect_err("a faulty definition is refused")
}

#[test]
fn the_embedded_definition_is_sound() {
    let read = Catalog::parse(&SOURCES).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert_eq!(&read, catalog());
    assert_eq!(read.tables().len(), 42);
}

#[test]
fn no_name_of_the_dictionary_was_dropped() {
    let lines = include_str!("dictionary_names.txt").lines().filter(|line| !line.starts_with('#'));
    let mut tables = 0;
    for line in lines {
        let (name, columns) = line.split_once(": ").expect("table: columns");
        for column in columns.split(", ") {
            assert!(table(name).column(column).is_some(), "{name}.{column}");
        }
        tables += 1;
    }
    assert_eq!(tables, catalog().tables().len());
}

#[test]
fn every_name_has_a_chinese_one() {
    let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    for table in catalog().tables() {
        assert!(is_chinese(&table.zh) && !table.en.is_empty(), "{}", table.name);
        for column in &table.columns {
            assert!(is_chinese(&column.zh) && !column.en.is_empty(), "{}.{}", table.name, column.name);
            assert!(
                column.values.iter().all(|value| is_chinese(&value.zh)),
                "{}.{}",
                table.name,
                column.name
            );
        }
    }
}

#[test]
fn keys_and_buckets_name_required_columns() {
    for table in catalog().tables() {
        assert!(!table.key.is_empty(), "{}", table.name);
        for key in &table.key {
            let column = table.column(key).unwrap();
            assert!(column.required || table.name == "industry_cluster", "{}.{key}", table.name);
        }
        let led_by_party = table.bucket_by.as_ref().is_some_and(|name| table.column(name).unwrap().required);
        let exempt = table.bucket_by.is_none() || table.follows_invoice();
        assert!(led_by_party || exempt, "{}: {:?}", table.name, table.bucket_by);
    }
}

#[test]
fn stored_names_are_unique_and_end_in_lineage_and_bucket() {
    let end = ["_source", "_file", "_row", "_batch", "_ingested_at", "bucket"];
    for table in catalog().tables() {
        let names = stored_names(&table.name);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{}", table.name);
        assert_eq!(names[names.len() - end.len()..], end, "{}", table.name);
    }
}

#[test]
fn stored_tables_hold_no_personal_column() {
    for table in catalog().tables() {
        let stored = table.stored_schema();
        for column in table.columns.iter().filter(|column| column.always_personal()) {
            assert!(stored.field_with_name(&column.name).is_err(), "{}.{}", table.name, column.name);
            let key = &column.personal.as_ref().unwrap().key_column;
            assert_eq!(stored.field_with_name(key).unwrap().data_type(), &DataType::Int64);
        }
    }
    for name in PERSONAL {
        let marked = catalog().tables().iter().filter_map(|table| table.column(name));
        assert!(marked.clone().count() > 0 && marked.into_iter().all(Column::always_personal), "{name}");
    }
}

#[test]
fn the_stored_invoice_is_as_designed() {
    let expected = [
        "invoice_id",
        "invoice_code",
        "invoice_no",
        "kind",
        "issued_at",
        "period",
        "seller_id",
        "seller_key",
        "seller_name",
        "buyer_id",
        "buyer_key",
        "buyer_name",
        "amount",
        "tax",
        "total",
        "status",
        "original_invoice_id",
        "issuer_key",
        "issuer_ip_key",
        "issuer_mac_key",
        "remark",
        "deducted_period",
        "deduction_use",
        "_source",
        "_file",
        "_row",
        "_batch",
        "_ingested_at",
        "bucket",
    ];
    assert_eq!(stored_names("invoice"), expected);
    let invoice = table("invoice");
    assert_eq!(invoice.bucket_by.as_deref(), Some("seller_id"));
    assert_eq!(invoice.bucket_key().as_deref(), Some("seller_key"));
    assert_eq!(invoice.sort, ["issued_at", "invoice_id"]);
    assert_eq!(invoice.period, Some(PeriodSource::Derived("issued_at".into())));
    assert_eq!(invoice.stored_key(), ["invoice_id"]);
    let stored = invoice.stored_schema();
    let nullable = |name: &str| stored.field_with_name(name).unwrap().is_nullable();
    assert!(!nullable("seller_key") && !nullable("period") && !nullable("bucket") && nullable("buyer_key"));
}

#[test]
fn the_stored_taxpayer_holds_vault_keys() {
    let names = stored_names("taxpayer");
    for key in ["legal_rep_key", "finance_key", "agent_key", "phone_key", "address_key", "device_key"] {
        assert_eq!(names.iter().filter(|name| *name == key).count(), 1, "{key}");
    }
    assert_eq!(names[..2], ["taxpayer_id", "taxpayer_key"]);
    assert_eq!(table("taxpayer").period, None);
}

#[test]
fn a_person_who_owns_shares_is_keyed_in_the_vault() {
    let shareholder = table("shareholder");
    assert_eq!(shareholder.stored_key(), ["taxpayer_id", "holder_id", "holder_person_key", "valid_from"]);
    let stored = shareholder.stored_schema();
    for name in ["holder_id", "holder_key", "holder_name", "holder_person_key"] {
        assert!(stored.field_with_name(name).unwrap().is_nullable(), "{name}");
    }
}

#[test]
fn types_become_the_agreed_arrow_types() {
    let ty = |table_name: &str, name: &str| {
        table(table_name).canonical_schema().field_with_name(name).unwrap().data_type().clone()
    };
    assert_eq!(ty("invoice", "amount"), DataType::Decimal128(18, 2));
    assert_eq!(ty("invoice", "issued_at"), DataType::Timestamp(TimeUnit::Millisecond, None));
    assert_eq!(ty("invoice", "period"), DataType::Int32);
    assert_eq!(ty("invoice", "status"), DataType::Utf8);
    assert_eq!(ty("invoice_line", "quantity"), DataType::Decimal128(24, 8));
    assert_eq!(ty("invoice_line", "rate"), DataType::Decimal128(6, 4));
    assert_eq!(ty("shareholder", "share"), DataType::Decimal128(9, 6));
    assert_eq!(ty("taxpayer", "registered_on"), DataType::Date32);
    assert_eq!(ty("taxpayer", "employees"), DataType::Int32);
    assert_eq!(ty("bank_flow", "inflow_count"), DataType::Int64);
    assert_eq!(ty("cit_return", "restricted_industry"), DataType::Boolean);
}

#[test]
fn only_tables_with_a_period_are_kept_by_month() {
    assert_eq!(table("vat_return").period, Some(PeriodSource::Column));
    assert_eq!(table("customs_declaration").period, Some(PeriodSource::Derived("declared_on".into())));
    assert_eq!(table("deduction_claim").period, None);
    assert_eq!(table("vat_return").sort, ["form"]);
    assert_eq!(table("vat_return").version_by.as_deref(), Some("filed_on"));
}

#[test]
fn parts_of_invoices_follow_them() {
    let following: Vec<&str> =
        catalog().tables().iter().filter(|t| t.follows_invoice()).map(|t| t.name.as_str()).collect();
    assert_eq!(following, ["invoice_line", "invoice_attribute"]);
}

#[test]
fn mistyped_names_get_suggestions() {
    assert_eq!(catalog().nearest("invoices")[0], "invoice");
    assert_eq!(catalog().nearest("tax_payer")[0], "taxpayer");
    assert!(catalog().nearest("qqqq").is_empty());
    assert_eq!(table("invoice").nearest_column("ammount"), ["amount"]);
    let status = table("invoice").column("status").unwrap();
    assert_eq!(status.nearest_code("viod"), ["void"]);
    assert!(status.allows("void") && !status.allows("viod"));
    assert!(table("registration_change").column("item").unwrap().allows("bank_account"));
}

#[test]
fn everything_wrong_is_reported_with_its_line() {
    let text = r#"
[[table]]
name = "a"
zh = "甲"
en = "a"
key = ["nope"]
columns = [
  { name = "x", type = "decimal", zh = "某" },
  { name = "k", type = "enum", zh = "某" },
  { name = "x", type = "text", zh = "某", personal = { key = "x_key", dictionary = "person", field = "mac" } },
  { name = "seller", type = "text", zh = "销方", party = true },
]
"#;
    let found: Vec<(usize, String)> =
        read(text).into_iter().map(|error| (error.line, error.problem)).collect();
    let has = |line: usize, part: &str| {
        assert!(
            found.iter().any(|(at, problem)| *at == line && problem.contains(part)),
            "{part}: {found:#?}"
        );
    };
    has(8, "unknown type `decimal`");
    has(9, "lists its `values`");
    has(10, "has the fields `name`, `id_no`");
    has(11, "is named `…_id`");
    has(3, "`nope`");
    has(3, "`x` stands there twice");
}

#[test]
fn a_mistyped_attribute_is_refused() {
    let text = "[[table]]\nname = \"a\"\nzh = \"甲\"\nen = \"a\"\nkey = [\"x\"]\ncolumns = [\n  \
                { name = \"x\", tpye = \"text\", zh = \"某\" },\n]\n";
    let errors = read(text);
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].to_string().starts_with("schemas/registration.toml:7: unknown field `tpye`"),
        "{}",
        errors[0]
    );
}
