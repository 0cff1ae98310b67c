//! Rows for tests: every table of the dictionary, with invoices, lines and returns that fit together.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use assay_datasets::schema::{Column, ColumnType, Table, catalog};

use super::files::MemoryRows;

/// A taxpayer of the samples.
pub fn taxpayer(number: usize) -> String {
    super::dirt::credit_code(number as u64 * 7919)
}

/// Name of that taxpayer.
pub fn name(number: usize) -> String {
    let brand = ["恒达", "鑫源", "瑞通", "盛和", "华丰", "泰兴", "嘉阳"][number % 7];
    let trade = ["钢材", "五金", "贸易", "软件", "服饰"][number / 7 % 5];
    format!("临江市{brand}{trade}{}有限公司", number + 1)
}

/// A batch of a table from text columns given by name; all others are null.
pub fn batch(table: &Table, rows: usize, columns: &[(&str, Vec<Option<String>>)]) -> RecordBatch {
    let schema = table.canonical_schema();
    let arrays: Vec<ArrayRef> = table
        .columns
        .iter()
        .map(|column| {
            let given = columns.iter().find(|(name, _)| *name == column.name);
            let text: StringArray = match given {
                Some((_, values)) => values.iter().map(|v| v.as_deref()).collect(),
                None => vec![None::<&str>; rows].into(),
            };
            let text: ArrayRef = Arc::new(text);
            cast(&text, &column.ty.arrow_type()).unwrap()
        })
        .collect();
    RecordBatch::try_new(schema, arrays).unwrap()
}

/// `rows` rows of any table, by the types of its columns.
pub fn any(table: &Table, rows: usize) -> RecordBatch {
    let columns: Vec<(&str, Vec<Option<String>>)> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let value = |row: usize| {
                let absent =
                    !column.required && (row + at).is_multiple_of(7) && !table.key.contains(&column.name);
                (!absent).then(|| value(table, column, row))
            };
            (column.name.as_str(), (0..rows).map(value).collect())
        })
        .collect();
    batch(table, rows, &columns)
}

fn value(table: &Table, column: &Column, row: usize) -> String {
    let day = format!("2025-{:02}-{:02}", row % 3 + 1, row % 28 + 1);
    match column.ty {
        _ if column.party => taxpayer(row),
        ColumnType::Text if is_code(&column.name) => code(column, row),
        ColumnType::Text if table.key.contains(&column.name) => format!("{}{row:06}", column.name.len()),
        ColumnType::Text if column.name.ends_with("name") || column.name == "approved_by" => name(row),
        ColumnType::Text => ["钢材，板", "a,b \"c\"", "0123", "临江市人民路1号", "ＡＢ"][row % 5].to_owned(),
        ColumnType::Enum => column.values[row % column.values.len()].code.clone(),
        ColumnType::Int => (row * 3).to_string(),
        ColumnType::Count => (row * 1_000_003).to_string(),
        ColumnType::Bool => (row.is_multiple_of(2)).to_string(),
        ColumnType::Money => {
            format!("{}{}.{:02}", if row % 4 == 3 { "-" } else { "" }, row * 12_345, row % 100)
        }
        ColumnType::Rate => ["0.13", "0.06", "0.005", "0"][row % 4].to_owned(),
        ColumnType::Share => ["0.25", "1", "0.333333"][row % 3].to_owned(),
        ColumnType::Quantity => ["12.5", "0.00000001", "123456789012.12345678"][row % 3].to_owned(),
        ColumnType::Date => day,
        // The month a date gives must be the month that stands beside it.
        ColumnType::Timestamp => format!("{day} 10:{:02}:05", row % 60),
        ColumnType::Period => format!("2025{:02}", row % 3 + 1),
    }
}

/// Columns whose full-width characters are put right.
fn is_code(name: &str) -> bool {
    let ends = ["_code", "_no", "_id", "phone", "mac_address", "_ip", "_mac"];
    ends.iter().any(|end| name.ends_with(end))
}

/// A code of a length that nobody takes for a cut one.
fn code(column: &Column, row: usize) -> String {
    match column.name.as_str() {
        "region_code" => format!("99{row:04}"),
        "goods_code" => format!("10{row:017}"),
        "relief_code" | "hs_code" => format!("00{row:08}"),
        "invoice_code" => format!("0{row:011}"),
        _ => format!("{row:08}"),
    }
}

fn texts(rows: usize, value: impl Fn(usize) -> String) -> Vec<Option<String>> {
    (0..rows).map(|row| Some(value(row))).collect()
}

fn yuan(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// Firms of the samples.
pub const FIRMS: usize = 60;

/// One invoice of the samples.
struct Sample {
    month: usize,
    seller: usize,
    number: usize,
}

impl Sample {
    fn all() -> impl Iterator<Item = Self> {
        (0..4).flat_map(|month| {
            (0..FIRMS).flat_map(move |seller| (0..12).map(move |number| Self { month, seller, number }))
        })
    }

    /// The last of a firm's month is red and reverses the first.
    fn red(&self) -> bool {
        self.number == 11
    }

    fn id(&self, number: usize) -> String {
        format!("259901{:02}{:06}{:06}", self.month, self.seller, number)
    }

    fn kind(&self) -> &'static str {
        if self.seller.is_multiple_of(3) {
            return ["special", "ordinary"][self.number.min(10) % 2];
        }
        ["e_special", "e_ordinary", "e_ordinary", "vehicle"][if self.red() { 0 } else { self.number % 4 }]
    }

    /// Amounts of the two lines, in cents.
    fn lines(&self) -> [i64; 2] {
        let number = if self.red() { 0 } else { self.number };
        // The one that is reversed is the largest, so that there are smaller ones a red one may be tied to by mistake.
        let large = if number == 0 { 3_000 } else { 1_000 };
        let base = ((self.seller * 37 + number * 11) % 900 + 100) as i64 * large;
        if self.red() { [-base, -base * 2] } else { [base, base * 2] }
    }

    fn tax(amount: i64) -> i64 {
        (amount * 13 + amount.signum() * 50) / 100
    }

    fn status(&self) -> &'static str {
        match self.number {
            0 => "reversed",
            5 => "void",
            11 => "red",
            _ => "valid",
        }
    }

    fn period(&self) -> String {
        (202_501 + self.month).to_string()
    }
}

/// The register, and invoices, lines, returns and electricity of four months that fit together.
pub fn economy() -> MemoryRows {
    let mut rows = MemoryRows::default();
    let table = |name: &str| catalog().table(name).unwrap();
    let taxpayers = batch(
        table("taxpayer"),
        FIRMS,
        &[
            ("taxpayer_id", texts(FIRMS, taxpayer)),
            ("name", texts(FIRMS, name)),
            ("kind", texts(FIRMS, |_| "enterprise".into())),
            ("vat_status", texts(FIRMS, |_| "general".into())),
            ("industry_code", texts(FIRMS, |row| ["F5164", "C3130"][row % 2].into())),
            ("region_code", texts(FIRMS, |_| "990101".into())),
            ("registered_on", texts(FIRMS, |row| format!("2019-03-{:02}", row % 28 + 1))),
            ("status", texts(FIRMS, |_| "normal".into())),
            ("legal_rep_name", texts(FIRMS, |_| "王甲".into())),
            ("valid_from", texts(FIRMS, |_| "2019-03-01".into())),
        ],
    );
    rows.add("taxpayer", &taxpayers).unwrap();
    rows.add("invoice", &invoices(table("invoice"))).unwrap();
    rows.add("invoice_line", &lines(table("invoice_line"))).unwrap();
    let n = FIRMS * 4;
    let returns = batch(
        table("vat_return"),
        n,
        &[
            ("taxpayer_id", texts(n, |row| taxpayer(row % FIRMS))),
            ("period", texts(n, |row| (202_501 + row / FIRMS).to_string())),
            ("form", texts(n, |_| "general".into())),
            ("filed_on", texts(n, |row| format!("2025-{:02}-12", row / FIRMS + 2))),
            ("taxable_sales", texts(n, |row| yuan(90_000_000 + row as i64))),
            ("tax_payable", texts(n, |row| yuan(1_500_000 + row as i64))),
            ("opening_credit", texts(n, |_| "0.00".into())),
            ("closing_credit", texts(n, |_| "0.00".into())),
            ("uninvoiced_sales", texts(n, |_| "0.00".into())),
            ("invoiced_special_sales", texts(n, |row| yuan(90_000_000 + row as i64))),
        ],
    );
    rows.add("vat_return", &returns).unwrap();
    let power = batch(
        table("electricity"),
        n,
        &[
            ("taxpayer_id", texts(n, |row| taxpayer(row % FIRMS))),
            ("period", texts(n, |row| (202_501 + row / FIRMS).to_string())),
            ("meter_no", texts(n, |row| format!("00{:08}", row % FIRMS))),
            ("kwh", texts(n, |row| format!("{}.5", row * 17))),
            ("amount", texts(n, |row| yuan(row as i64 * 1_117))),
        ],
    );
    rows.add("electricity", &power).unwrap();
    rows
}

fn invoices(table: &Table) -> RecordBatch {
    let all: Vec<Sample> = Sample::all().collect();
    let n = all.len();
    let of =
        |f: &dyn Fn(&Sample) -> String| -> Vec<Option<String>> { all.iter().map(|s| Some(f(s))).collect() };
    let amount = |s: &Sample| s.lines().iter().sum::<i64>();
    let tax = |s: &Sample| s.lines().iter().map(|a| Sample::tax(*a)).sum::<i64>();
    batch(
        table,
        n,
        &[
            ("invoice_id", of(&|s| s.id(s.number))),
            ("kind", of(&|s| s.kind().into())),
            (
                "issued_at",
                of(&|s| format!("2025-{:02}-{:02} 09:{:02}:00", s.month + 1, s.number + 2, s.seller)),
            ),
            ("period", of(&Sample::period)),
            ("seller_id", of(&|s| taxpayer(s.seller))),
            ("seller_name", of(&|s| name(s.seller))),
            ("buyer_id", of(&|s| taxpayer((s.seller + s.number + 1) % FIRMS))),
            ("buyer_name", of(&|s| name((s.seller + s.number + 1) % FIRMS))),
            ("amount", of(&|s| yuan(amount(s)))),
            ("tax", of(&|s| yuan(tax(s)))),
            ("total", of(&|s| yuan(amount(s) + tax(s)))),
            ("status", of(&|s| s.status().into())),
            ("original_invoice_id", all.iter().map(|s| s.red().then(|| s.id(0))).collect()),
            ("issuer", of(&|_| "李乙".into())),
        ],
    )
}

fn lines(table: &Table) -> RecordBatch {
    let all: Vec<(Sample, usize)> =
        Sample::all().flat_map(|s| (0..2).map(move |line| (Sample { ..s }, line))).collect();
    let n = all.len();
    let of = |f: &dyn Fn(&Sample, usize) -> String| -> Vec<Option<String>> {
        all.iter().map(|(s, line)| Some(f(s, *line))).collect()
    };
    batch(
        table,
        n,
        &[
            ("invoice_id", of(&|s, _| s.id(s.number))),
            ("line_no", of(&|_, line| (line + 1).to_string())),
            ("period", of(&|s, _| s.period())),
            ("seller_id", of(&|s, _| taxpayer(s.seller))),
            ("buyer_id", of(&|s, _| taxpayer((s.seller + s.number + 1) % FIRMS))),
            ("goods_code", of(&|s, _| ["1080109010000000000", "3050100000000000000"][s.number % 2].into())),
            ("goods_name", of(&|_, line| ["*黑色金属冶炼压延品*螺纹钢", "*建筑服务*工程款"][line].into())),
            ("unit", of(&|_, _| "吨".into())),
            ("quantity", of(&|s, line| yuan(s.lines()[line] / 10))),
            ("unit_price", of(&|_, _| "10".into())),
            ("amount", of(&|s, line| yuan(s.lines()[line]))),
            ("rate", of(&|_, _| "0.13".into())),
            ("tax", of(&|s, line| yuan(Sample::tax(s.lines()[line])))),
        ],
    )
}
