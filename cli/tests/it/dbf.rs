//! DBF as old third-party systems send it: with code pages, deletion marks and memos; each with a dirty twin.

use crate::sources::{balanced, load, mapping, rejected};
use crate::support::{BUYER, Place, SELLER};

/// A DBF file: version, code page, fields (name, type, width) and records with their mark.
fn dbf(version: u8, page: u8, fields: &[(&str, u8, u8)], records: &[Vec<u8>]) -> Vec<u8> {
    let width: usize = 1 + fields.iter().map(|f| usize::from(f.2)).sum::<usize>();
    let start = 33 + 32 * fields.len();
    let mut bytes = vec![version, 124, 3, 5];
    bytes.extend((records.len() as u32).to_le_bytes());
    bytes.extend((start as u16).to_le_bytes());
    bytes.extend((width as u16).to_le_bytes());
    bytes.resize(32, 0);
    bytes[29] = page;
    for (name, kind, width) in fields {
        let mut field = [0_u8; 32];
        field[..name.len()].copy_from_slice(name.as_bytes());
        (field[11], field[16]) = (*kind, *width);
        bytes.extend(field);
    }
    bytes.push(0x0D);
    for record in records {
        assert_eq!(record.len(), width);
        bytes.extend(record);
    }
    bytes.push(0x1A);
    bytes
}

const DBF_FIELDS: [(&str, u8, u8); 7] = [
    ("FPHM", b'C', 8),
    ("KPRQ", b'D', 8),
    ("XFSBH", b'C', 20),
    ("GFSBH", b'C', 20),
    ("GFMC", b'C', 16),
    ("JE", b'N', 20),
    ("FPZT", b'C', 4),
];
const DBF_COLUMNS: &str = "invoice_id = 'FPHM'\nissued_at = 'KPRQ'\nseller_id = 'XFSBH'\nbuyer_id = 'GFSBH'\nbuyer_name = 'GFMC'\n\
     amount = 'JE'\nstatus = { from = 'FPZT', values = { '正常' = 'valid', '作废' = 'void' } }\n";

/// 新信商贸公司 and 正常 in GBK.
const NAME: &[u8] = b"\xD0\xC2\xD0\xC5\xC9\xCC\xC3\xB3\xB9\xAB\xCB\xBE    ";
const STATE: &[u8] = b"\xD5\xFD\xB3\xA3";

fn dbf_record(mark: u8, id: &str, day: &str, name: &[u8], amount: &str) -> Vec<u8> {
    let mut record = vec![mark];
    record.extend(format!("{id:<8}{day:<8}{SELLER:<20}{BUYER:<20}").bytes());
    record.extend(name);
    record.extend(format!("{amount:>20}").bytes());
    record.extend(STATE);
    record
}

#[test]
fn dbf_clean_and_dirty() {
    let place = Place::new();
    mapping(&place, "", DBF_COLUMNS);
    let clean = [
        dbf_record(b' ', "A1", "20240305", NAME, "9007199254740993.01"),
        dbf_record(b'*', "A2", "20240305", NAME, "1"),
        dbf_record(b' ', "A3", "20240306", &[b' '; 16], "-0.10"),
    ];
    // With its code page stated, and with none, as most Chinese systems write it.
    place.file("CLEAN.DBF", dbf(0x03, 0x4D, &DBF_FIELDS, &clean));
    load(&place, "CLEAN.DBF").ok().says("invoice: 1 rows are no records: deleted");
    assert_eq!(
        place.sql("select invoice_id, buyer_name, amount, status, _row from invoice order by 1"),
        "A1,新信商贸公司,9007199254740993.01,valid,1\nA3,,-0.10,valid,3\n"
    );
    assert_eq!(place.number("select count(*) from repaired_value"), 0);
    assert_eq!(place.sql("select _row, kind from skipped_row"), "2,deleted\n");
    balanced(&place, 2);
    let place = Place::new();
    mapping(&place, "", DBF_COLUMNS);
    place.file("clean.dbf", dbf(0x30, 0, &DBF_FIELDS, &clean));
    load(&place, "clean.dbf").ok();
    assert_eq!(place.sql("select buyer_name from invoice where invoice_id = 'A1'"), "新信商贸公司\n");

    let place = Place::new();
    mapping(&place, "", DBF_COLUMNS);
    let mut broken = NAME.to_vec();
    broken[15] = 0xFF;
    let dirty = [
        dbf_record(b' ', "B1", "20240305", NAME, "1.00"),
        dbf_record(b' ', "B2", "20240305", &broken, "1.00"),
        dbf_record(b' ', "B3", "20240305", NAME, "********************"),
        dbf_record(b'x', "B4", "20240305", NAME, "1.00"),
        dbf_record(b' ', "B5", "20240230", NAME, "1.00"),
        dbf_record(b' ', "B6", "        ", NAME, "1.00"),
    ];
    let bytes = dbf(0x03, 0x4D, &DBF_FIELDS, &dirty);
    place.file("dirty.dbf", &bytes);
    let run = load(&place, "dirty.dbf").code(3);
    assert_eq!(rejected(&place), "2,,encoding\n3,JE,type\n4,,mark\n5,KPRQ,type\n6,KPRQ,missing\n");
    run.says("row 4: the record's deletion mark is wrong (mark 0x78 is neither blank nor *)");
    balanced(&place, 6);
    // Cut off, or not closed by its writer: refused, not read as far as it goes.
    let before = place.state();
    place.file("cut.dbf", &bytes[..bytes.len() - 200]);
    load(&place, "cut.dbf")
        .code(1)
        .says("cut.dbf: its header states 6 records, but the file holds 3; it is truncated");
    let mut open = bytes.clone();
    open[4] = 2;
    place.file("open.dbf", &open);
    load(&place, "open.dbf").code(1).says("its header states 2 records, but the file holds 6");
    place.file("none.dbf", "号码,日期\n");
    load(&place, "none.dbf").code(1).says("none.dbf cannot be read as DBF");
    assert_eq!(place.state(), before);
}

/// FoxPro's memo file, beside the table and in an archive with it.
#[test]
fn dbf_memos() {
    let mut fields = DBF_FIELDS.to_vec();
    fields.push(("BZ", b'M', 4));
    let columns = format!("{DBF_COLUMNS}remark = 'BZ'\n");
    let record = |id: &str, block: u32| {
        let mut record = dbf_record(b' ', id, "20240305", NAME, "1.00");
        record.extend(block.to_le_bytes());
        record
    };
    let table = dbf(0x30, 0x7A, &fields, &[record("A1", 2), record("A2", 0), record("A3", 99)]);
    let mut memo = vec![0_u8; 128];
    memo[7] = 64;
    memo.extend(1_u32.to_be_bytes());
    memo.extend((STATE.len() as u32).to_be_bytes());
    memo.extend(STATE);
    let place = Place::new();
    mapping(&place, "", &columns);
    place.file("t.dbf", &table);
    load(&place, "t.dbf").code(1).says("t.dbf keeps texts in a memo file, t.fpt, which is not beside it");
    place.file("T.FPT", &memo);
    let run = load(&place, "t.dbf").code(3);
    run.says("row 3: its memo cannot be read (BZ: block 99 lies beyond the end of the memo file)");
    assert_eq!(place.sql("select invoice_id, remark from invoice order by 1"), "A1,正常\nA2,\n");
    balanced(&place, 3);
}
