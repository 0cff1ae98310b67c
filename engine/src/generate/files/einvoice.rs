//! Fully digital invoices (数电票) as XML, one document an invoice, in zip archives.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Decimal128Type;
use assay_datasets::schema::ColumnType;
use quick_xml::escape::escape;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::invoices::text;
use super::layout::Layout;
use super::render::{TextRows, plain};
use super::{Format, WrittenFile};
use crate::{EngineError, Result};

/// Columns whose canonical values the mapping makes by expressions, or that lines and invoice share in a document.
const DERIVED: [&str; 7] = ["invoice_id", "seller_id", "buyer_id", "issued_at", "kind", "rate", "tax"];

/// Elements of an invoice that hold values, by place in the document, and the canonical columns they show.
const INVOICES: [(&str, Option<&str>); 18] = [
    ("/Header/InherentLabel/InIssuType/LabelCode", Some("status")),
    ("/Header/InherentLabel/GeneralOrSpecialVAT/LabelCode", Some("kind")),
    ("/EInvoiceData/SellerInformation/SellerIdNum", Some("seller_id")),
    ("/EInvoiceData/SellerInformation/SellerName", Some("seller_name")),
    ("/EInvoiceData/BuyerInformation/BuyerIdNum", Some("buyer_id")),
    ("/EInvoiceData/BuyerInformation/BuyerName", Some("buyer_name")),
    ("/EInvoiceData/BasicInformation/TotalAmWithoutTax", Some("amount")),
    ("/EInvoiceData/BasicInformation/TotalTaxAm", Some("tax")),
    ("/EInvoiceData/BasicInformation/TotalTax-includedAmount", Some("total")),
    ("/EInvoiceData/BasicInformation/Drawer", Some("issuer")),
    ("/EInvoiceData/BasicInformation/RequestTime", None),
    ("/EInvoiceData/SpecificInformation/RedEInvoice/OriginalInvoiceCode", Some("original_invoice_id")),
    ("/EInvoiceData/AdditionalInformation/Remark", Some("remark")),
    ("/TaxSupervisionInfo/InvoiceNumber", Some("invoice_id")),
    ("/TaxSupervisionInfo/IssueTime", Some("issued_at")),
    ("/TaxSupervisionInfo/TaxBureauCode", None),
    ("/TaxSupervisionInfo/TaxBureauName", None),
    ("/Header/EIid", None),
];

/// Elements of a line.
const LINES: [(&str, Option<&str>); 10] = [
    ("ItemName", Some("goods_name")),
    ("SpecMod", Some("spec")),
    ("MeaUnits", Some("unit")),
    ("Quantity", Some("quantity")),
    ("UnPrice", Some("unit_price")),
    ("Amount", Some("amount")),
    ("TaxRate", Some("rate")),
    ("ComTaxAm", Some("tax")),
    ("TotaltaxIncludedAmount", None),
    ("TaxClassificationCode", Some("goods_code")),
];

fn layout(table: &str, feed: &str, elements: &[(&str, Option<&str>)]) -> Result<Layout> {
    Layout::of_document((table, feed), (Format::Einvoice, "数电发票"), elements, &DERIVED)
}

/// What a document says of its invoice.
pub(super) fn invoices_layout() -> Result<Layout> {
    layout("invoice", "einvoice.invoices", &INVOICES)
}

/// What a document says of a line.
pub(super) fn lines_layout() -> Result<Layout> {
    layout("invoice_line", "einvoice.lines", &LINES)
}

/// Rows of `invoice` as the documents' values, in the layout's order.
pub(super) fn render_invoices(batch: &RecordBatch) -> Result<TextRows> {
    let of = |name: &str| text(batch, name).cloned();
    let money = |name: &str| plain(batch.column(batch.schema().index_of(name)?), ColumnType::Money);
    let issued = plain(batch.column(batch.schema().index_of("issued_at")?), ColumnType::Timestamp)?;
    let map = |values: StringArray, f: fn(&str) -> &str| -> StringArray {
        values.iter().map(|v| v.map(f)).collect()
    };
    let bureaus: StringArray =
        text(batch, "seller_id")?.iter().map(|id| id.and_then(|id| id.get(2..8)).map(bureau)).collect();
    let names: StringArray = bureaus.iter().map(|code| code.map(|_| "国家税务总局示例省税务局")).collect();
    let columns = vec![
        map(of("status")?, |status| if status == "red" { "N" } else { "Y" }),
        map(of("kind")?, |kind| if kind == "e_special" { "01" } else { "02" }),
        of("seller_id")?,
        of("seller_name")?,
        of("buyer_id")?,
        of("buyer_name")?,
        money("amount")?,
        money("tax")?,
        money("total")?,
        of("issuer")?,
        issued.clone(),
        of("original_invoice_id")?,
        of("remark")?,
        of("invoice_id")?,
        issued,
        bureaus,
        names,
        of("invoice_id")?,
    ];
    Ok(TextRows { columns, broken: Vec::new() })
}

/// Code of the provincial bureau of a region.
fn bureau(region: &str) -> String {
    format!("1{}000000", region.get(..4).unwrap_or("0000"))
}

/// Rows of `invoice_line` as the documents' values.
pub(super) fn render_lines(batch: &RecordBatch) -> Result<TextRows> {
    let of = |name: &str| text(batch, name).cloned();
    let number = |name: &str, ty| plain(batch.column(batch.schema().index_of(name)?), ty);
    let cents = |name: &str| -> Result<_> {
        Ok(batch.column(batch.schema().index_of(name)?).as_primitive::<Decimal128Type>().clone())
    };
    let (amounts, taxes) = (cents("amount")?, cents("tax")?);
    let totals: StringArray = (0..batch.num_rows())
        .map(|row| {
            let total = amounts.value(row) + if taxes.is_valid(row) { taxes.value(row) } else { 0 };
            let sign = if total < 0 { "-" } else { "" };
            Some(format!("{sign}{}.{:02}", total.unsigned_abs() / 100, total.unsigned_abs() % 100))
        })
        .collect();
    let columns = vec![
        of("goods_name")?,
        of("spec")?,
        of("unit")?,
        number("quantity", ColumnType::Quantity)?,
        number("unit_price", ColumnType::Quantity)?,
        number("amount", ColumnType::Money)?,
        number("rate", ColumnType::Rate)?,
        number("tax", ColumnType::Money)?,
        totals,
        of("goods_code")?,
    ];
    Ok(TextRows { columns, broken: Vec::new() })
}

/// Archives of documents, a new one when the last is full.
pub(super) struct Archives {
    folder: PathBuf,
    stem: String,
    limit: usize,
    number: usize,
    open: Option<Archive>,
    /// Archives that are finished.
    pub files: Vec<WrittenFile>,
}

struct Archive {
    name: String,
    zip: ZipWriter<BufWriter<File>>,
    documents: usize,
    lines: usize,
}

impl Archives {
    /// Archives named `<stem>_<n>.zip` in `folder`, each of at most `limit` documents.
    pub fn new(folder: &Path, stem: String, limit: usize) -> Self {
        Self { folder: folder.to_owned(), stem, limit, number: 0, open: None, files: Vec::new() }
    }

    /// Writes one document; returns how lineage names it. `copy` tells copies of one invoice apart.
    pub fn write(
        &mut self,
        invoices: &TextRows,
        row: usize,
        lines: &TextRows,
        of: std::ops::Range<usize>,
        copy: usize,
    ) -> Result<String> {
        if self.open.as_ref().is_some_and(|archive| archive.documents >= self.limit) {
            self.close()?;
        }
        let number = invoices.cell(row, 17).unwrap_or_default();
        let entry = match copy {
            0 => format!("{number}.xml"),
            copy => format!("{number}-{copy}.xml"),
        };
        let archive = self.archive()?;
        let failed = broken(&archive.name);
        // Fixed options: the default time of an entry is the clock's.
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .compression_method(zip::CompressionMethod::Deflated);
        archive.zip.start_file(entry.as_str(), options).map_err(&failed)?;
        archive.zip.write_all(&document(invoices, row, lines, of.clone()))?;
        archive.documents += 1;
        archive.lines += of.len();
        Ok(format!("{}!{entry}", archive.name))
    }

    fn archive(&mut self) -> Result<&mut Archive> {
        if self.open.is_none() {
            self.number += 1;
            let name = format!("{}_{:02}.zip", self.stem, self.number);
            let path = self.folder.join(&name);
            let file = File::create(&path).map_err(EngineError::file(&path))?;
            let zip = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
            self.open = Some(Archive { name, zip, documents: 0, lines: 0 });
        }
        self.open.as_mut().ok_or_else(|| EngineError::internal("no archive is open"))
    }

    /// Closes the archive that is open.
    pub fn close(&mut self) -> Result<()> {
        let Some(archive) = self.open.take() else { return Ok(()) };
        archive.zip.finish().map_err(broken(&archive.name))?.flush()?;
        self.files.push(WrittenFile {
            path: self.folder.join(&archive.name),
            rows: vec![("invoice".to_owned(), archive.documents), ("invoice_line".to_owned(), archive.lines)],
        });
        Ok(())
    }
}

fn broken(name: &str) -> impl Fn(zip::result::ZipError) -> EngineError + use<> {
    let name = name.to_owned();
    move |error| EngineError::internal(format!("{name}: {error}"))
}

/// One document.
fn document(invoices: &TextRows, row: usize, lines: &TextRows, of: std::ops::Range<usize>) -> Vec<u8> {
    let mut xml = Xml { text: String::with_capacity(4096) };
    let value = |i: usize| invoices.cell(row, i);
    xml.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EInvoice><Header>");
    xml.leaf("EIid", value(17));
    xml.leaf("EInvoiceTag", Some("SWEI3200"));
    xml.leaf("Version", Some("0.2"));
    xml.text.push_str("<InherentLabel>");
    let red = value(0) == Some("N");
    xml.label("InIssuType", value(0), if red { "红字发票" } else { "蓝字发票" });
    xml.label("EInvoiceType", Some("01"), "电子发票");
    let special = value(1) == Some("01");
    xml.label("GeneralOrSpecialVAT", value(1), if special { "增值税专用发票" } else { "普通发票" });
    xml.text.push_str("</InherentLabel></Header><EInvoiceData><SellerInformation>");
    for (name, i) in [("SellerIdNum", 2), ("SellerName", 3)] {
        xml.leaf(name, value(i));
    }
    for name in ["SellerAddr", "SellerTelNum", "SellerBankName", "SellerBankAccNum"] {
        xml.leaf(name, None);
    }
    xml.text.push_str("</SellerInformation><BuyerInformation>");
    for (name, i) in [("BuyerIdNum", 4), ("BuyerName", 5)] {
        xml.leaf(name, value(i));
    }
    for name in ["BuyerAddr", "BuyerTelNum", "BuyerBankName", "BuyerBankAccNum"] {
        xml.leaf(name, None);
    }
    xml.text.push_str("</BuyerInformation><BasicInformation>");
    let basic = ["TotalAmWithoutTax", "TotalTaxAm", "TotalTax-includedAmount", "Drawer", "RequestTime"];
    for (i, name) in (6..).zip(basic) {
        xml.leaf(name, value(i));
    }
    xml.text.push_str("</BasicInformation>");
    for line in of {
        xml.text.push_str("<IssuItemInformation>");
        for (i, (name, _)) in LINES.iter().enumerate() {
            xml.leaf(name, lines.cell(line, i));
        }
        xml.text.push_str("</IssuItemInformation>");
    }
    xml.text.push_str("<SpecificInformation>");
    if value(11).is_some() {
        xml.text.push_str("<RedEInvoice>");
        xml.leaf("OriginalInvoiceCode", value(11));
        xml.text.push_str("</RedEInvoice>");
    }
    xml.text.push_str("</SpecificInformation><AdditionalInformation>");
    xml.leaf("Remark", value(12));
    xml.text.push_str("</AdditionalInformation></EInvoiceData><TaxSupervisionInfo>");
    let supervision = ["InvoiceNumber", "IssueTime", "TaxBureauCode", "TaxBureauName"];
    for (i, name) in (13..).zip(supervision) {
        xml.leaf(name, value(i));
    }
    xml.text.push_str("</TaxSupervisionInfo></EInvoice>\n");
    xml.text.into_bytes()
}

struct Xml {
    text: String,
}

impl Xml {
    fn leaf(&mut self, name: &str, value: Option<&str>) {
        self.text.push('<');
        self.text.push_str(name);
        match value {
            None => self.text.push_str("/>"),
            Some(value) => {
                self.text.push('>');
                self.text.push_str(&escape(value));
                self.text.push_str("</");
                self.text.push_str(name);
                self.text.push('>');
            }
        }
    }

    fn label(&mut self, name: &str, code: Option<&str>, label: &str) {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push('>');
        self.leaf("LabelCode", code);
        self.leaf("LabelName", Some(label));
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }
}
