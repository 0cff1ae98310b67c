//! Workbooks and zips made for tests with nothing but Python's standard library.

use serde_json::{Value, json};

use crate::support::{Place, tool};

/// One sheet: its name and rows of cells (text, number, or null for an empty one).
pub type Sheet = (&'static str, Vec<Vec<Value>>);

const WRITE: &str = r#"
import json, sys, zipfile
from xml.sax.saxutils import escape
sheets = json.load(open("book.json", encoding="utf-8"))
def letters(c):
    text = ""
    c += 1
    while c:
        c, rest = divmod(c - 1, 26)
        text = chr(65 + rest) + text
    return text
def cell(r, c, value):
    at = f'{letters(c)}{r + 1}'
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return f'<c r="{at}"><v>{value!r}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
rels = "http://schemas.openxmlformats.org/package/2006/relationships"
office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
parts = "".join(f'<Override PartName="/xl/worksheets/sheet{i + 1}.xml" ContentType="{kind}.worksheet+xml"/>' for i in range(len(sheets)))
listed = "".join(f'<sheet name="{name}" sheetId="{i + 1}" r:id="rId{i + 1}"/>' for i, (name, _) in enumerate(sheets))
linked = "".join(f'<Relationship Id="rId{i + 1}" Type="{office}/worksheet" Target="worksheets/sheet{i + 1}.xml"/>' for i in range(len(sheets)))
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as out:
    out.writestr("[Content_Types].xml", f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{parts}</Types>')
    out.writestr("_rels/.rels", f'<Relationships xmlns="{rels}"><Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>')
    out.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>')
    out.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{rels}">{linked}</Relationships>')
    for i, (name, rows) in enumerate(sheets):
        body = "".join(f'<row r="{r + 1}">' + "".join(cell(r, c, v) for c, v in enumerate(row)) + "</row>" for r, row in enumerate(rows))
        out.writestr(f"xl/worksheets/sheet{i + 1}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>')
"#;

/// Writes a workbook into the place; `None` where the machine has no Python.
pub fn workbook(place: &Place, name: &str, sheets: &[Sheet]) -> Option<()> {
    place.file("book.json", json!(sheets).to_string());
    tool("python3", &["-c", WRITE, name], &place.path("")).map(|_| ())
}

/// Zips files of the place, in this order; `None` where the machine has no Python.
pub fn zip(place: &Place, name: &str, files: &[&str]) -> Option<()> {
    let mut args = vec!["-m", "zipfile", "-c", name];
    args.extend(files);
    tool("python3", &args, &place.path("")).map(|_| ())
}
