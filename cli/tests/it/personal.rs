//! Personal data lies in the vault and nowhere else: not in any table, not in any file, unless asked for by name.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{HEADER, Place, SELLER, small_economy, walk, write_files};

/// The columns of the register that are personal.
const REGISTER: [&str; 9] = [
    "legal_rep_name",
    "legal_rep_id",
    "finance_name",
    "finance_id",
    "agent_name",
    "agent_id",
    "phone",
    "address",
    "mac_address",
];
const INVOICE: [&str; 3] = ["issuer", "issuer_ip", "issuer_mac"];

/// The values of some columns of a CSV file without quotes.
fn values(text: &str, columns: &[&str]) -> BTreeSet<String> {
    assert!(!text.contains('"'));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at: Vec<usize> = columns.iter().map(|c| header.iter().position(|h| h == c).unwrap()).collect();
    let cells = lines.flat_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        at.iter().map(|i| cells[*i].to_owned()).collect::<Vec<_>>()
    });
    cells.filter(|c| !c.is_empty()).collect()
}

/// Everything in a small economy, loaded and scanned.
fn scanned() -> Place {
    let place = Place::new();
    write_files(&place, small_economy());
    for (table, files) in [("office", "office"), ("taxpayer", "taxpayer"), ("invoice", "invoice_*")] {
        place.run(&["ingest", table, &format!("files/{files}.csv")]).ok();
    }
    place.run(&["scan"]).ok();
    place
}

#[test]
fn no_table_and_no_file_outside_the_vault_shows_personal_data() {
    let place = scanned();
    let register = std::fs::read_to_string(place.path("files/taxpayer.csv")).unwrap();
    let month = std::fs::read_to_string(place.path("files/invoice_202511.csv")).unwrap();
    let mut personal = values(&register, &REGISTER);
    personal.extend(values(&month, &INVOICE));
    assert!(personal.len() > 500, "{} values to look for", personal.len());
    // Names of two or three characters may be part of a longer word by chance; as a whole cell they may not stand.
    let (names, telling): (Vec<&str>, Vec<&str>) =
        personal.iter().map(String::as_str).partition(|v| v.chars().count() < 5);

    let tables = place
        .sql("select table_name from information_schema.tables where table_schema = 'public' order by 1");
    assert!(tables.lines().count() > 40 && tables.contains("rejected_row") && tables.contains("task_item"));
    let mut cells = 0;
    for table in tables.lines() {
        let shown = place.run(&["sql", "--format", "json", &format!("select * from \"{table}\"")]).ok().out;
        for value in &telling {
            assert!(!shown.contains(value), "table {table} shows {value}");
        }
        let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&shown).unwrap();
        for (column, value) in rows.iter().flatten() {
            cells += 1;
            let text = value.as_str().unwrap_or_default();
            assert!(names.binary_search(&text).is_err(), "table {table}, column {column} shows {text}");
        }
    }
    assert!(cells > 100_000, "{cells} cells looked at");

    let mut files = 0;
    walk(&place.path("wh"), &mut |path| {
        if path.components().any(|c| c.as_os_str() == "vault") {
            return;
        }
        files += 1;
        let bytes = std::fs::read(path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for value in &telling {
            assert!(!text.contains(value), "{} holds {value}", path.display());
        }
    });
    assert!(files > 30, "{files} files looked at");
}

#[test]
fn without_the_right_the_columns_are_not_there() {
    let place = scanned();
    for column in REGISTER {
        place.run(&["sql", &format!("select {column} from taxpayer")]).code(1).says(column);
    }
    for column in INVOICE {
        place.run(&["sql", &format!("select {column} from invoice")]).code(1).says(column);
    }
    for table in ["vault.person", "vault.phone", "assay.vault.address", "vault.rejected_value"] {
        place
            .run(&["sql", &format!("select * from {table}")])
            .code(1)
            .says("the vault is seen with --personal only");
    }
}

#[test]
fn with_the_right_everything_comes_back_as_it_was() {
    let place = scanned();
    let register = std::fs::read_to_string(place.path("files/taxpayer.csv")).unwrap();
    let (header, rows) = register.split_once('\n').unwrap();
    // What was in force earlier ends with the day it ended on; the table shows what is in force.
    let mut wanted: Vec<&str> = rows.lines().filter(|row| row.ends_with(',')).collect();
    wanted.sort_unstable();
    let found = place.sql_personal(&format!("select {header} from taxpayer order by taxpayer_id"));
    assert_eq!(found.lines().collect::<Vec<_>>(), wanted);

    let month = std::fs::read_to_string(place.path("files/invoice_202511.csv")).unwrap();
    let columns = month.lines().next().unwrap();
    let columns = columns.replace("buyer_name", "coalesce(b.name, buyer_name)");
    let columns = columns.replace("buyer_id", "coalesce(b.id_no, buyer_id)");
    let columns = columns.replace("seller_name", "coalesce(s.name, seller_name)");
    let columns = columns.replace("seller_id", "coalesce(s.id_no, seller_id)");
    // A natural person stands as `NP` and the key in the vault, with or without a number.
    let found = place.sql_personal(&format!(
        "select {columns} from invoice left join vault.person b on buyer_name = 'NP' || cast(b.person_key as varchar) \
         left join vault.person s on seller_name = 'NP' || cast(s.person_key as varchar) \
         where period = 202511 order by _row"
    ));
    // The one difference: CSV output writes instants with a T.
    let wanted: Vec<String> = month.lines().skip(1).map(instants).collect();
    assert_eq!(found.lines().collect::<Vec<_>>(), wanted);
}

/// `2025-11-01 08:15:22` as `2025-11-01T08:15:22`; only the remark, which stands behind, has blanks too.
fn instants(line: &str) -> String {
    line.replacen(' ', "T", 1)
}

/// An identity number where a taxpayer id is expected is a person, whoever put it there.
#[test]
fn a_natural_person_as_buyer_gets_a_pseudonym() {
    let place = Place::new();
    let person = "11010519491231002X";
    let rows = [
        format!("A,2020-01-05,{SELLER},{person},1.00,valid,欧阳小明"),
        format!("B,2020-01-06,{SELLER},{person},2.00,valid,"),
        format!("C,2020-01-07,{SELLER},,3.00,valid,欧阳小明"),
        format!("D,2020-01-08,{SELLER},91530000291993988P,4.00,valid,甲乙公司"),
    ];
    place.file("a.csv", format!("{HEADER},buyer_name\n{}\n", rows.join("\n")));
    place.run(&["ingest", "invoice", "a.csv"]).ok();
    let found = place.sql("select invoice_id, buyer_id, buyer_name from invoice order by 1");
    let lines: Vec<Vec<&str>> = found.lines().map(|l| l.split(',').collect()).collect();
    let pseudonym = lines[0][1];
    assert!(pseudonym.starts_with("NP") && pseudonym[2..].parse::<u32>().is_ok(), "{found}");
    // The name has a pseudonym of its own: the party is whom the number names, however the name is spelt.
    assert!(lines[0][2].starts_with("NP") && lines[0][2] != pseudonym, "{found}");
    assert_eq!(lines[1], ["B", pseudonym, ""]);
    // Of a consumer only the name is known: no party, but no name in the open either.
    assert_eq!((lines[2][1], lines[2][2].starts_with("NP")), ("", true), "{found}");
    assert_eq!(lines[3], ["D", "91530000291993988P", "甲乙公司"]);
    assert_eq!(place.number("select count(distinct buyer_key) from invoice"), 2);
    for table in ["invoice", "party", "ingest_batch"] {
        let shown = place.sql(&format!("select * from {table}"));
        assert!(!shown.contains(person) && !shown.contains("欧阳"), "{shown}");
    }
    // The vault knows who it is.
    let clear =
        format!("select id_no from vault.person where 'NP' || cast(person_key as varchar) = '{pseudonym}'");
    assert_eq!(place.sql_personal(&clear), format!("{person}\n"));
    // With the right, the clear values stand where they stood in the file.
    assert_eq!(
        place.sql_personal("select invoice_id, buyer_id, buyer_name from invoice order by 1"),
        format!("A,{person},欧阳小明\nB,{person},\nC,,欧阳小明\nD,91530000291993988P,甲乙公司\n")
    );
    // The same person in a later file is the same pseudonym.
    place.file("b.csv", format!("{HEADER}\nE,2020-02-05,{SELLER},{person},5.00,valid\n"));
    place.run(&["ingest", "invoice", "b.csv"]).ok();
    assert_eq!(place.sql("select buyer_id from invoice where invoice_id = 'E'"), format!("{pseudonym}\n"));
}
