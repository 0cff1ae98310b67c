//! The same rows in every format and packing Assay reads load as the same rows, down to keys and vault.

use std::path::Path;
use std::sync::OnceLock;

use crate::support::{Place, gb18030, small_economy, tool, write_files};

/// A month of invoices as canonical CSV.
fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let place = Place::new();
        let folder = write_files(&place, small_economy());
        let text = std::fs::read_to_string(folder.join("invoice_202512.csv")).unwrap();
        assert!(text.lines().count() > 500 && text.contains("有限公司"));
        assert!(!text.contains(['"', '\t', '|', ';']), "delimiters can be swapped without quoting");
        text
    })
}

/// All that was stored, but where it came from.
fn content(place: &Place) -> String {
    let invoices = "select * except (_file, _row, _batch, _ingested_at) from invoice order by invoice_id";
    let people = "select * from vault.person order by person_key";
    let devices = "select * from vault.device order by device_key";
    let parties = "select * from party order by party_key";
    let shown = place.run(&["sql", "--format", "csv", invoices]).ok().out;
    [shown, place.sql(parties), place.sql_personal(people), place.sql_personal(devices)].join("\n")
}

fn plain_content() -> &'static str {
    static CONTENT: OnceLock<String> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let place = Place::new();
        place.file("plain.csv", text());
        place.run(&["ingest", "invoice", "plain.csv"]).ok();
        content(&place)
    })
}

/// Loads `name` from the place and compares.
#[track_caller]
fn loads_the_same(place: &Place, name: &str, options: &[&str]) {
    let loaded = place.run(&[&["ingest", "invoice", name], options].concat()).ok();
    assert!(!loaded.err.contains("rejected"), "{}", loaded.err);
    let rows = text().lines().count() - 1;
    assert_eq!(place.sql("select rows_read, rows_kept from ingest_batch"), format!("{rows},{rows}\n"));
    let (found, wanted) = (content(place), plain_content());
    let differing = found.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(found == wanted, "{name}: {differing:?}");
}

#[track_caller]
fn bytes_load_the_same(name: &str, bytes: impl AsRef<[u8]>, options: &[&str]) {
    let place = Place::new();
    place.file(name, bytes);
    loads_the_same(&place, name, options);
    // The header is row 1, whatever the format of the text.
    assert_eq!(place.number("select min(_row) from invoice"), 2);
    assert_eq!(place.number("select max(_row) from invoice"), text().lines().count() as i64);
}

#[test]
fn utf8_with_and_without_bom() {
    bytes_load_the_same("bom.csv", format!("\u{feff}{}", text()), &[]);
    bytes_load_the_same("stated.csv", text(), &["--encoding", "utf-8"]);
}

#[test]
fn gb18030_detected_and_stated() {
    let Some(bytes) = gb18030(&Place::new(), text()) else { return };
    assert_ne!(bytes, text().as_bytes());
    bytes_load_the_same("a.csv", &bytes, &[]);
    bytes_load_the_same("b.csv", &bytes, &["--encoding", "gb18030"]);
    bytes_load_the_same("c.csv", &bytes, &["--encoding", "GBK"]);
}

#[test]
fn utf16_either_way_round_with_and_without_bom() {
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let with_bom = format!("\u{feff}{}", text());
    bytes_load_the_same("le.csv", little(&with_bom), &[]);
    bytes_load_the_same("be.csv", big(&with_bom), &[]);
    bytes_load_the_same("le-bare.csv", little(text()), &[]);
    bytes_load_the_same("be-bare.csv", big(text()), &["--encoding", "utf-16be"]);
}

#[test]
fn other_delimiters_and_line_ends() {
    bytes_load_the_same("tab.txt", text().replace(',', "\t"), &[]);
    bytes_load_the_same("pipe.txt", text().replace(',', "|"), &[]);
    bytes_load_the_same("stated.txt", text().replace(',', "|"), &["--delimiter", "pipe"]);
    bytes_load_the_same("semicolon.csv", text().replace(',', ";"), &[]);
    bytes_load_the_same("strange.csv", text().replace(',', "^"), &["--delimiter", "^"]);
    bytes_load_the_same("windows.csv", text().replace('\n', "\r\n"), &[]);
    bytes_load_the_same("unended.csv", text().trim_end(), &[]);
}

#[test]
fn quoted_fields_and_blanks_around_them() {
    let quoted: String = text().lines().map(|l| format!("\"{}\"\n", l.replace(',', "\",\""))).collect();
    bytes_load_the_same("quoted.csv", quoted, &[]);
    let padded: String = text().lines().map(|l| format!(" {}\u{3000}\n", l.replace(',', " ,\t"))).collect();
    bytes_load_the_same("padded.csv", padded, &["--delimiter", "comma"]);
}

#[test]
fn columns_in_another_order() {
    let reversed: String =
        text().lines().map(|line| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n").collect();
    bytes_load_the_same("reversed.csv", reversed, &[]);
    // A column nobody asked for is left out, and named.
    let place = Place::new();
    let wider: String = text().lines().map(|line| format!("x{line}\n").replacen('x', "extra,", 1)).collect();
    place.file("wider.csv", wider);
    loads_the_same(&place, "wider.csv", &[]);
}

#[test]
fn an_unmapped_column_is_named() {
    let place = Place::new();
    place.file("wider.csv", "taxpayer_id,name,mood\n91310115MA1K39423D,甲公司,good\n");
    let run = place.run(&["ingest", "taxpayer", "wider.csv"]).ok();
    let run = run.says("wider.csv: columns not mapped and left out: mood");
    // Colours are for terminals.
    assert!(!run.err.contains('\u{1b}'), "{:?}", run.err);
}

#[test]
fn gzip() {
    let place = Place::new();
    place.file("a.csv", text());
    let Some(packed) = tool("gzip", &["-c", "a.csv"], &place.path("")) else { return };
    bytes_load_the_same("a.csv.gz", &packed, &[]);
    // Two gzip members one after the other are one text.
    let (head, tail) = text().as_bytes().split_at(text().len() / 2);
    place.file("head", head);
    place.file("tail", tail);
    let mut both = tool("gzip", &["-c", "head"], &place.path("")).unwrap();
    both.extend(tool("gzip", &["-c", "tail"], &place.path("")).unwrap());
    bytes_load_the_same("both.csv.gz", &both, &[]);
}

#[test]
fn zstandard() {
    let place = Place::new();
    place.file("a.csv", text());
    let Some(packed) = tool("zstd", &["-c", "-q", "a.csv"], &place.path("")) else { return };
    bytes_load_the_same("a.csv.zst", packed, &[]);
}

#[test]
fn zip_with_one_entry_and_with_two() {
    let place = Place::new();
    place.file("a.csv", text());
    if tool("python3", &["-m", "zipfile", "-c", "one.zip", "a.csv"], &place.path("")).is_none() {
        return;
    }
    loads_the_same(&place, "one.zip", &[]);
    assert_eq!(place.sql("select distinct _file from invoice"), "one.zip!a.csv\n");

    let place = Place::new();
    let (header, rows) = text().split_once('\n').unwrap();
    let half = rows.lines().count() / 2;
    let part = |lines: Vec<&str>| format!("{header}\n{}\n", lines.join("\n"));
    place.file("a.csv", part(rows.lines().take(half).collect()));
    place.file("b.csv", part(rows.lines().skip(half).collect()));
    tool("python3", &["-m", "zipfile", "-c", "two.zip", "a.csv", "b.csv"], &place.path("")).unwrap();
    place.run(&["ingest", "invoice", "two.zip"]).ok();
    // Keys are given batch by batch: two files are compared with the same two.
    let plain = Place::new();
    for name in ["a.csv", "b.csv"] {
        std::fs::copy(place.path(name), plain.path(name)).unwrap();
    }
    plain.run(&["ingest", "invoice", "a.csv", "b.csv"]).ok();
    assert!(content(&place) == content(&plain), "two.zip");
    assert_eq!(place.sql("select file from ingest_file order by 1"), "two.zip!a.csv\ntwo.zip!b.csv\n");
}

#[test]
fn parquet_written_by_assay_itself() {
    let place = Place::new();
    place.file("a.csv", text());
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    // A consumer's name is replaced by a pseudonym; the file is to hold what the first file held.
    let clear = "coalesce(p.name, buyer_name) as buyer_name";
    let columns = text().lines().next().unwrap().replace("buyer_name", clear);
    let query = format!(
        "select {columns} from invoice left join vault.person p \
         on buyer_name = 'NP' || cast(p.person_key as varchar) order by _row"
    );
    place.run(&["sql", "--personal", "--format", "parquet", "-o", "a.parquet", &query]).ok();
    let bytes = std::fs::read(place.path("a.parquet")).unwrap();
    let other = Place::new();
    other.file("a.parquet", &bytes);
    loads_the_same(&other, "a.parquet", &[]);
    // And packed, as a file a reader must be able to seek in.
    if let Some(packed) = tool("gzip", &["-c", "a.parquet"], &place.path("")) {
        let other = Place::new();
        other.file("a.parquet.gz", packed);
        loads_the_same(&other, "a.parquet.gz", &[]);
    }
}

/// Makes a workbook with nothing but the standard library: texts as inline strings, money as numbers.
const WORKBOOK: &str = r#"
import csv, zipfile
from xml.sax.saxutils import escape
rows = list(csv.reader(open("a.csv", encoding="utf-8")))
money = {rows[0].index(c) for c in ("amount", "tax", "total")}
def cell(r, c, value):
    if value == "":
        return ""
    if r and c in money:
        return f'<c r="{chr(65 + c)}{r + 1}"><v>{float(value)!r}</v></c>'
    return f'<c r="{chr(65 + c)}{r + 1}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
sheet = "".join(f'<row r="{r + 1}">' + "".join(cell(r, c, v) for c, v in enumerate(row)) + "</row>" for r, row in enumerate(rows))
main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
rels = "http://schemas.openxmlformats.org/package/2006/relationships"
office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
with zipfile.ZipFile("a.xlsx", "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("[Content_Types].xml", f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/><Override PartName="/xl/worksheets/sheet2.xml" ContentType="{kind}.worksheet+xml"/></Types>')
    out.writestr("_rels/.rels", f'<Relationships xmlns="{rels}"><Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
    out.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="说明" sheetId="1" r:id="rId1"/><sheet name="发票" sheetId="2" r:id="rId2"/></sheets></workbook>')
    out.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{rels}"><Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="{office}/worksheet" Target="worksheets/sheet2.xml"/></Relationships>')
    out.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>note</t></is></c></row></sheetData></worksheet>')
    out.writestr("xl/worksheets/sheet2.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>')
"#;

fn workbook(folder: &Path) -> Option<()> {
    std::fs::write(folder.join("a.csv"), text()).unwrap();
    tool("python3", &["-c", WORKBOOK], folder).map(|_| ())
}

#[test]
fn a_sheet_of_a_workbook() {
    let place = Place::new();
    if workbook(&place.path("")).is_none() {
        return;
    }
    loads_the_same(&place, "a.xlsx", &["--sheet", "发票"]);
    assert_eq!(place.sql("select distinct _file from invoice"), "a.xlsx [发票]\n");
    assert_eq!(place.number("select min(_row) from invoice"), 2);
    // Without a name the first sheet is meant, which is another one.
    place.run(&["ingest", "invoice", "a.xlsx"]).code(1).says("missing column").says("the file has: note");
}
