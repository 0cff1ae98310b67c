//! The files of one table and month, from rows to written bytes.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};

use super::einvoice::{self, Archives};
use super::etax;
use super::invoices::{Group, groups, text, with_column};
use super::layout::{Layout, departments, single};
use super::render::{TextRows, render};
use super::text::TextWriter;
use super::workbook::{Sheet as Page, Workbooks};
use super::{
    FileOptions, FileWriter, Format, Headers, Made, RowPart, Rows, Selection, TextEncoding, WrittenFile,
};
use super::{dbf::DbfWriter, fixed::FixedWriter, json::JsonWriter, parquet::ParquetWriter};
use crate::generate::dirt::{Dirt, Sheet, Soiled, Trait};
use crate::ingest::select::find_table;
use crate::{EngineError, Result};

/// One seller in so many sends its fully digital invoices as XML instead of through the export.
const XML_SELLERS: u64 = 8;
/// What the bureau calls its export.
const WORKBOOKS: &str = "全量发票查询导出结果";
/// Invoices taken together.
const INVOICES_AT_ONCE: usize = 8_192;

/// The layouts of the tables asked for.
pub(super) fn layouts(options: &FileOptions) -> Result<Vec<Layout>> {
    for name in &options.tables {
        find_table(name)?;
    }
    let mut layouts = match options.selection {
        Selection::Departments => departments()?,
        Selection::Single(format) => single(format, options),
    };
    let plain = FileOptions { headers: Headers::Canonical, encoding: TextEncoding::Utf8, ..options.clone() };
    let canonical = single(Format::Csv, &plain);
    for layout in &mut layouts {
        if layout.format.holds_invoices() && !matches!(layout.table.name.as_str(), "invoice" | "invoice_line")
        {
            layout.clone_from(one_of(&canonical, &layout.table.name)?);
        }
    }
    // A table nobody sends is written as the dictionary has it.
    for layout in canonical {
        if !layouts.iter().any(|known| known.table.name == layout.table.name) {
            layouts.push(layout);
        }
    }
    layouts.retain(|l| options.tables.is_empty() || options.tables.contains(&l.table.name));
    // Lines come with their invoices; alone nothing would be written of them.
    let lines = layouts.iter().find(|l| l.format.holds_invoices() && l.table.name == "invoice_line");
    if let Some(lines) = lines
        && !layouts.iter().any(|l| l.table.name == "invoice")
    {
        return Err(EngineError::input(format!(
            "files of format {} hold the tables invoice and invoice_line together; ask for both, or for invoice_line as csv",
            lines.format.name()
        )));
    }
    Ok(layouts)
}

fn one_of<'a>(layouts: &'a [Layout], table: &str) -> Result<&'a Layout> {
    let found = layouts.iter().find(|layout| layout.table.name == table);
    found.ok_or_else(|| EngineError::internal(format!("no layout of {table}")))
}

/// What is written at one go.
pub(super) enum Job {
    /// One file of one table.
    Table { layout: Layout, period: Option<i32>, parts: Vec<RowPart> },
    /// Workbooks and archives of a month's invoices.
    Invoices {
        stem: String,
        format: Format,
        period: Option<i32>,
        invoices: Vec<RowPart>,
        lines: Vec<RowPart>,
    },
}

/// Jobs in the order of layouts and months.
pub(super) fn jobs(source: &dyn Rows, layouts: &[Layout], options: &FileOptions) -> Vec<Job> {
    let parts = source.parts();
    let of = |table: &str, period: Option<i32>| -> Vec<RowPart> {
        parts.iter().filter(|part| part.table == table && part.period == period).cloned().collect()
    };
    let mut jobs = Vec::new();
    for layout in layouts {
        let mut periods: Vec<Option<i32>> =
            parts.iter().filter(|part| part.table == layout.table.name).map(|part| part.period).collect();
        periods.sort_unstable();
        periods.dedup();
        let together = layout.format.holds_invoices();
        if together && layout.table.name != "invoice" {
            continue;
        }
        for period in periods {
            let own = of(&layout.table.name, period);
            jobs.push(if together {
                let format = match options.selection {
                    // The departments' invoices come both ways.
                    Selection::Departments => Format::Etax,
                    Selection::Single(format) => format,
                };
                let (stem, lines) = (WORKBOOKS.to_owned(), of("invoice_line", period));
                Job::Invoices { stem, format, period, invoices: own, lines }
            } else {
                Job::Table { layout: layout.clone(), period, parts: own }
            });
        }
    }
    jobs
}

impl Job {
    /// Writes the files.
    pub fn run(
        &self,
        source: &dyn Rows,
        folder: &Path,
        options: &FileOptions,
        dirt: Option<&Dirt>,
    ) -> Result<Made> {
        match self {
            Self::Table { layout, period, parts } => table(source, folder, layout, *period, parts, dirt),
            Self::Invoices { stem, format, period, invoices, lines } => {
                let month = period.map(|p| format!("_{p}")).unwrap_or_default();
                let both = options.selection == Selection::Departments;
                let mut writer = InvoiceWriter {
                    books: Workbooks::new(folder, format!("{stem}{month}"))?,
                    archives: Archives::new(
                        folder,
                        format!("数电发票{month}"),
                        options.documents_per_archive,
                    ),
                    options,
                    dirt,
                    made: Made::default(),
                };
                let (invoices, lines): (Vec<&RowPart>, Vec<&RowPart>) =
                    (invoices.iter().collect(), lines.iter().collect());
                groups(source, &invoices, &lines, |group| writer.group(&group, *format, both))?;
                writer.finish()
            }
        }
    }
}

fn table(
    source: &dyn Rows,
    folder: &Path,
    layout: &Layout,
    period: Option<i32>,
    parts: &[RowPart],
    dirt: Option<&Dirt>,
) -> Result<Made> {
    let name = layout.file_name(period);
    let path = folder.join(&name);
    let mut writer: Option<Box<dyn FileWriter>> = None;
    let render = |batch: &RecordBatch| render(layout, batch);
    let sheet = Sheet { layout, render: &render, traits: traits(layout.format) };
    let mut made = Made::default();
    let mut rows = 0;
    for part in parts {
        for batch in source.rows(part)? {
            let clean = render(&batch)?;
            let mut soiled = soil(dirt, &sheet, &batch, clean)?;
            if soiled.rows.len() == 0 {
                continue;
            }
            // A month without rows has no file: an empty one would look like a broken delivery.
            let file = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(open(&path, layout)?),
            };
            file.write(&soiled.rows)?;
            let first = file.first_row() + i64::try_from(rows).unwrap_or(i64::MAX);
            rows += soiled.rows.len();
            soiled.place(&name, first, &mut made.defects, &mut made.identities)?;
        }
    }
    if let Some(writer) = writer {
        writer.finish()?;
        made.files.push(WrittenFile { path, rows: vec![(layout.table.name.clone(), rows)] });
    }
    Ok(made)
}

fn open(path: &Path, layout: &Layout) -> Result<Box<dyn FileWriter>> {
    Ok(match layout.format {
        Format::Csv => {
            let header: Vec<String> = layout.columns.iter().map(|c| c.name.clone()).collect();
            Box::new(TextWriter::csv(path, layout.encoding, &header)?)
        }
        Format::Hive => Box::new(TextWriter::hive(path, layout.encoding)?),
        Format::JsonLines => Box::new(JsonWriter::new(path, layout, false)?),
        Format::JsonArray => Box::new(JsonWriter::new(path, layout, true)?),
        Format::Fixed => Box::new(FixedWriter::new(path, layout)?),
        Format::Dbf => Box::new(DbfWriter::new(path, layout)?),
        Format::Parquet => Box::new(ParquetWriter::new(path, layout)?),
        Format::Etax | Format::Einvoice => {
            return Err(EngineError::internal(format!("{} is no format of one table", layout.format.name())));
        }
    })
}

/// What a format's files allow.
fn traits(format: Format) -> &'static [Trait] {
    match format {
        Format::Csv | Format::Hive => &[Trait::Additions, Trait::SameKey, Trait::Records, Trait::Blanks],
        Format::JsonLines | Format::JsonArray => &[Trait::Additions, Trait::SameKey, Trait::Blanks],
        Format::Parquet => &[Trait::Additions, Trait::SameKey, Trait::Blanks],
        Format::Fixed | Format::Dbf => &[Trait::Additions, Trait::SameKey],
        Format::Etax | Format::Einvoice => &[],
    }
}

fn soil(dirt: Option<&Dirt>, sheet: &Sheet<'_>, batch: &RecordBatch, clean: TextRows) -> Result<Soiled> {
    match dirt {
        None => Ok(Soiled::clean(clean)),
        Some(dirt) => dirt.soil(sheet, batch, clean),
    }
}

/// Invoices with their lines on their way into workbooks and archives.
struct InvoiceWriter<'a> {
    books: Workbooks,
    archives: Archives,
    options: &'a FileOptions,
    dirt: Option<&'a Dirt>,
    made: Made,
}

impl InvoiceWriter<'_> {
    fn group(&mut self, group: &Group, format: Format, both: bool) -> Result<()> {
        let (kinds, statuses) = (text(&group.invoices, "kind")?, text(&group.invoices, "status")?);
        let sellers = text(&group.invoices, "seller_id")?;
        let (mut to_books, mut to_archives) = (Vec::new(), Vec::new());
        for row in 0..group.invoices.num_rows() {
            let kind = kinds.value(row);
            // A document says that an invoice was issued, not what became of it.
            let told = matches!(statuses.value(row), "valid" | "red");
            let document = matches!(kind, "e_special" | "e_ordinary") && told;
            let direct = format == Format::Einvoice || (both && is_direct(sellers.value(row)));
            if document && direct {
                to_archives.push(row);
            } else {
                to_books.push(row);
            }
        }
        self.write_books(&group.take(&to_books)?)?;
        for some in to_archives.chunks(INVOICES_AT_ONCE) {
            self.write_archive(&group.take(some)?)?;
        }
        Ok(())
    }

    /// Cuts the invoices so that each workbook holds as many lines as it may.
    fn write_books(&mut self, group: &Group) -> Result<()> {
        // Each row may get one more.
        let rate = self.options.dirt.map_or(0.0, |dirt| dirt.rate);
        let limit = (self.options.lines_per_workbook as f64 / (1.0 + 2.0 * rate)) as usize;
        let mut from = 0;
        while from < group.invoices.num_rows() {
            let (_, lines) = self.books.rows();
            let room = limit.saturating_sub(lines);
            let fits = |to: usize| group.starts[to] - group.starts[from] <= room;
            let mut to = from;
            while to < group.invoices.num_rows() && to - from < INVOICES_AT_ONCE && fits(to + 1) {
                to += 1;
            }
            if to == from {
                if lines > 0 {
                    self.books.close()?;
                    continue;
                }
                // One invoice with more lines than a workbook is to hold.
                to = from + 1;
            }
            self.page(&group.slice(from, to))?;
            from = to;
        }
        Ok(())
    }

    fn page(&mut self, group: &Group) -> Result<()> {
        let (invoices_before, lines_before) = self.books.rows();
        let invoices = numbered(&group.invoices, invoices_before)?;
        let lines = numbered(&group.lines, lines_before)?;
        let clean = etax::render_invoices(&invoices)?;
        self.books.add_particulars(group, &clean)?;
        let layout = etax::invoices_layout()?;
        let traits = [Trait::Additions, Trait::SameKey, Trait::Blanks, Trait::SeveralNumbers];
        let sheet = Sheet { layout: &layout, render: &etax::render_invoices, traits: &traits };
        let soiled = soil(self.dirt, &sheet, &invoices, clean)?;
        self.onto(Page::Invoices, soiled)?;
        let layout = etax::lines_layout()?;
        let traits = [Trait::Additions, Trait::AdditionsLast, Trait::Blanks, Trait::SeveralNumbers];
        let sheet = Sheet { layout: &layout, render: &etax::render_lines, traits: &traits };
        let clean = etax::render_lines(&lines)?;
        let soiled = soil(self.dirt, &sheet, &lines, clean)?;
        self.onto(Page::Lines, soiled)
    }

    fn onto(&mut self, page: Page, mut soiled: Soiled) -> Result<()> {
        let (file, first) = self.books.write(page, &soiled.rows)?;
        soiled.place(&file, first, &mut self.made.defects, &mut self.made.identities)
    }

    fn write_archive(&mut self, group: &Group) -> Result<()> {
        let layout = einvoice::invoices_layout()?;
        let sheet =
            Sheet { layout: &layout, render: &einvoice::render_invoices, traits: &[Trait::Documents] };
        let clean = einvoice::render_invoices(&group.invoices)?;
        let mut invoices = soil(self.dirt, &sheet, &group.invoices, clean)?;
        let layout = einvoice::lines_layout()?;
        let sheet = Sheet { layout: &layout, render: &einvoice::render_lines, traits: &[] };
        let clean = einvoice::render_lines(&group.lines)?;
        let mut lines = soil(self.dirt, &sheet, &group.lines, clean)?;
        let spoilt: Vec<usize> = lines.defects.iter().filter_map(|(at, _)| *at).collect();
        // Neither invoices nor lines gain or lose rows but by copies of whole documents.
        let mut of_rows = std::mem::take(&mut invoices.defects).into_iter().peekable();
        let mut of_lines = std::mem::take(&mut lines.defects).into_iter().peekable();
        for (row, (origin, copy)) in invoices.origins.iter().enumerate() {
            let range = group.starts[*origin]..group.starts[*origin + 1];
            if *copy && spoilt.iter().any(|line| range.contains(line)) {
                // A copy of a document with a defect has it too, which would make two of one.
                while of_rows.next_if(|(at, _)| *at == Some(row)).is_some() {}
                continue;
            }
            let file =
                self.archives.write(&invoices.rows, row, &lines.rows, range.clone(), usize::from(*copy))?;
            while let Some((_, defect)) = of_rows.next_if(|(at, _)| *at == Some(row)) {
                let kind = defect.kind;
                self.made.defects.push(crate::generate::dirt::Defect {
                    file: file.clone(),
                    row: Some(1),
                    ..defect
                });
                if *copy {
                    self.copied_lines(&file, group, range.clone(), kind)?;
                }
            }
            if *copy {
                continue;
            }
            while let Some((at, defect)) =
                of_lines.next_if(|(at, _)| at.is_some_and(|at| range.contains(&at)))
            {
                let number = at.map(|at| i64::try_from(at - range.start + 1).unwrap_or(i64::MAX));
                self.made.defects.push(crate::generate::dirt::Defect {
                    file: file.clone(),
                    row: number,
                    ..defect
                });
            }
        }
        self.made.identities.append(&mut invoices.identities);
        Ok(())
    }

    /// The lines of a document that is there twice are there twice.
    fn copied_lines(
        &mut self,
        file: &str,
        group: &Group,
        range: std::ops::Range<usize>,
        kind: &'static crate::generate::dirt::Kind,
    ) -> Result<()> {
        let ids = text(&group.lines, "invoice_id")?;
        for (number, line) in (1..).zip(range) {
            self.made.defects.push(crate::generate::dirt::Defect {
                file: file.to_owned(),
                row: Some(number),
                table: "invoice_line".to_owned(),
                key: format!("{}|{number}", ids.value(line)),
                column: String::new(),
                kind,
                clean: String::new(),
                dirty: String::new(),
            });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Made> {
        self.books.close()?;
        self.archives.close()?;
        self.made.files.append(&mut self.books.files);
        self.made.files.append(&mut self.archives.files);
        Ok(self.made)
    }
}

/// Whether a seller is one of those who send documents.
fn is_direct(seller: &str) -> bool {
    crate::generate::dirt::draws(0, "direct", seller.as_bytes())[0].is_multiple_of(XML_SELLERS)
}

/// The rows with the running numbers they get on a sheet that has `before` rows.
fn numbered(batch: &RecordBatch, before: usize) -> Result<RecordBatch> {
    let first = i64::try_from(before).unwrap_or(i64::MAX) + 1;
    let numbers = Int64Array::from_iter_values((0..batch.num_rows()).map(|row| first + row as i64));
    with_column(batch, etax::NUMBER, Arc::new(numbers))
}
