//! Reading documents of one's own making, sound and broken.
#![allow(clippy::unwrap_used, clippy::panic)]

use arrow::array::{Array, AsArray};

use super::super::{RawBatch, bundle};
use super::*;

/// What a reader delivered, as text.
#[derive(Default)]
struct Kept {
    header: Vec<String>,
    rows: Vec<String>,
    bad: Vec<String>,
    skipped: Vec<String>,
}

impl RecordSink for Kept {
    fn header(&mut self, columns: &[String]) -> Result<()> {
        self.header = columns.to_vec();
        Ok(())
    }

    fn batch(&mut self, batch: RawBatch) -> Result<()> {
        for row in 0..batch.rows.len() {
            let cells = batch.columns.iter().filter_map(|c| c.as_string_opt::<i32>());
            let cell = |c: &arrow::array::StringArray| {
                if c.is_null(row) { "∅".into() } else { c.value(row).to_owned() }
            };
            self.rows.push(format!("{} {}", batch.rows[row], cells.map(cell).collect::<Vec<_>>().join("|")));
        }
        self.bad.extend(batch.bad.into_iter().map(|b| format!("{} {} {}", b.row, b.rule, b.detail)));
        Ok(())
    }

    fn skipped(&mut self, row: Skipped) -> Result<()> {
        self.skipped.push(format!("{} {}", row.row, row.kind));
        Ok(())
    }
}

fn shape(names: &[&str]) -> Shape {
    Shape::of_names(names.iter().copied())
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn kept(files: &[(&str, &[u8])], record: &str, names: &[&str]) -> Kept {
    let folder = folder(files);
    let mut kept = Kept::default();
    read(&bundle(folder.path()).unwrap(), record, &shape(names), &mut kept).unwrap();
    kept
}

const TWO: &str = "<?xml version=\"1.0\"?><n:E xmlns:n=\"urn:x\"><n:D><n:I><n:A>1</n:A><n:B/></n:I>\
    <n:I><n:A><![CDATA[<2>]]>&amp;&#x4e2d;</n:A></n:I></n:D><n:T><n:No> 77 </n:No><n:X>y</n:X></n:T></n:E>";

#[test]
fn records_see_what_follows_them() {
    let found = kept(&[("a.xml", TWO.as_bytes())], "E/D/I", &["A", "B", "/T/No"]);
    assert_eq!(found.header, ["A", "B", "/T/No", "_file", "_row"]);
    assert_eq!(found.rows, ["1 1|∅|77|a.xml", "2 <2>&中|∅|77|a.xml"]);
    let whole = kept(&[("a.xml", TWO.as_bytes())], "E", &["T/No"]);
    assert_eq!(whole.rows, ["1 77|a.xml"]);
}

#[test]
fn marks_and_declared_encodings() {
    let text = "<?xml version='1.0' encoding='GBK'?><E><N>软件</N></E>";
    let (gbk, _, _) = encoding_rs::GBK.encode(text);
    let bom = format!("\u{feff}{}", text.replace("GBK", "UTF-8"));
    let utf16: Vec<u8> = std::iter::once(0xfeff_u16)
        .chain("<E><N>软件</N></E>".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let files: [(&str, &[u8]); 4] =
        [("a.xml", &gbk), ("b.xml", bom.as_bytes()), ("c.xml", &utf16), ("d.xml", &gbk.replace_ascii())];
    let found = kept(&files, "E", &["N"]);
    assert_eq!(found.rows, ["1 软件|a.xml", "1 软件|b.xml", "1 软件|c.xml"]);
    assert_eq!(found.bad, ["1 encoding UTF-8 (declared)"]);
}

trait ReplaceAscii {
    fn replace_ascii(&self) -> Vec<u8>;
}

impl ReplaceAscii for std::borrow::Cow<'_, [u8]> {
    /// The same bytes under a wrong declaration.
    fn replace_ascii(&self) -> Vec<u8> {
        let place = self.windows(3).position(|w| w == b"GBK").unwrap();
        [&self[..place], b"UTF-8", &self[place + 3..]].concat()
    }
}

#[test]
fn a_broken_document_is_one_bad_record_and_no_half_of_it_is_kept() {
    let files: [(&str, &[u8]); 8] = [
        ("1.xml", b"<E><N>1</N></E>"),
        ("2.xml", b"<E><N>1</N>"),
        ("3.xml", b"<E><N>1</M></E>"),
        ("4.xml", b"<F><N>1</N></F>"),
        ("5.xml", b"<E><N>1</N><N>2</N></E>"),
        ("6.xml", b"<E><N>&boom;</N></E>"),
        ("7.xml", b""),
        ("note.txt", b"x"),
    ];
    let found = kept(&files, "E", &["N"]);
    assert_eq!(found.rows, ["1 1|1.xml"]);
    let rules: Vec<&str> = found.bad.iter().map(|b| b.split(',').next().unwrap()).collect();
    assert_eq!(rules.len(), 6, "{:?}", found.bad);
    for (bad, part) in found.bad.iter().zip([
        "1 xml 2.xml: the document ends before its last element is closed",
        "1 xml 3.xml: ",
        "1 xml 4.xml: no element E",
        "1 xml 5.xml: element N stands twice",
        "1 xml 6.xml: unknown entity &boom;",
        "1 xml 7.xml: no element E",
    ]) {
        assert!(bad.starts_with(part), "{bad} does not begin with {part}");
    }
    assert_eq!(found.skipped, ["8 other_file"]);
}

#[test]
fn several_documents_in_one_file() {
    let text = "<All><E><N>1</N></E><Other/><E><N>2</N></E></All>";
    let found = kept(&[("a.xml", text.as_bytes())], "E", &["N"]);
    assert_eq!(found.rows, ["1 1|a.xml", "1 2|a.xml"]);
    // What was complete before the fault stays, and the file is accused once.
    let found = kept(&[("a.xml", &text.as_bytes()[..text.len() - 4])], "E", &["N"]);
    assert_eq!((found.rows.len(), found.bad.len()), (2, 1));
}

#[test]
fn depth_is_bounded() {
    let deep = format!("<E>{}", "<a>".repeat(100_000));
    let found = kept(&[("a.xml", deep.as_bytes())], "E", &["N"]);
    assert!(found.bad[0].contains("elements more than 64 deep"), "{:?}", found.bad);
}
