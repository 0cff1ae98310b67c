//! Workbooks and zips made for tests with nothing but Python's standard library; sheets without a header.

use serde_json::{Value, json};

use crate::support::{BUYER, Place, SELLER, tool};

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

#[test]
fn a_sheet_without_a_header() {
    let place = Place::new();
    let row = |id: &str, amount: f64| {
        vec![
            json!(id),
            json!(SELLER),
            json!(BUYER),
            json!("2025-03-02"),
            json!(amount),
            json!(0.0),
            json!("正常"),
        ]
    };
    let rows = |title: bool| {
        let title = title.then(|| vec![json!("三月开票"), json!(null), json!("单位：元")]);
        title.into_iter().chain([row("A1", 10.5), row("A2", 20.25)]).collect::<Vec<_>>()
    };
    if workbook(&place, "bare.xlsx", &[("Sheet1", rows(false))]).is_none()
        || workbook(&place, "titled.xlsx", &[("Sheet1", rows(true))]).is_none()
    {
        return;
    }
    // The names below stand in no row, so the first row is no header, and the file is refused with what to write.
    let columns = r#"[feed.columns]
invoice_id = "号码"
seller_id = "销方"
buyer_id = "购方"
issued_at = "日期"
amount = "金额"
tax = "税额"
status = { from = "状态", values = { "正常" = "valid" } }
"#;
    let keys = "[[feed]]\nname = 'bare'\ntable = 'invoice'\nfiles = ['*.xlsx']\nanonymised_ids = true\n";
    let names = "header = ['号码', '销方', '购方', '日期', '金额', '税额', '状态']\n";
    let head = "name = 'bare'\nzh = '无表头'\nen = 'no header'\n";
    place.file("none.toml", format!("{head}{keys}{columns}"));
    let before = place.state();
    place
        .run(&["ingest", "invoice", "--mapping", "none.toml", "bare.xlsx"])
        .code(1)
        .says("bare.xlsx [Sheet1]: 没有表头")
        .says("header = [");
    assert_eq!(place.state(), before);

    place.file("bare.toml", format!("{head}{keys}{names}{columns}"));
    place.run(&["ingest", "invoice", "--mapping", "bare.toml", "bare.xlsx"]).ok();
    assert_eq!(
        place.sql("select invoice_id, amount, _row from invoice order by 1"),
        "A1,10.50,1\nA2,20.25,2\n"
    );

    let titled = Place::new();
    std::fs::copy(place.path("titled.xlsx"), titled.path("titled.xlsx")).unwrap();
    titled.file("bare.toml", format!("{head}{keys}skip_first = 1\n{names}{columns}"));
    titled.run(&["ingest", "invoice", "--mapping", "bare.toml", "titled.xlsx"]).ok();
    assert_eq!(titled.sql("select invoice_id, _row from invoice order by 1"), "A1,2\nA2,3\n");
    assert_eq!(titled.sql("select kind, _row from skipped_row"), "title,1\n");
}
