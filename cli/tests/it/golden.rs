//! What a person sees, word for word. Change these together with the text, and read them.

use std::path::Path;

use insta::assert_snapshot;

use crate::support::{Place, assay, invoice, invoices};

fn shown(args: &[&str]) -> String {
    assay(Path::new("."), args).ok().out
}

/// The text with every instant and duration the same.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.split_once(" rows in ") {
            Some((batch, _)) if batch.starts_with("batch ") => format!("{batch} rows"),
            _ => line.to_owned(),
        };
        out.push_str(&instants(&line));
        out.push('\n');
    }
    out
}

/// Replaces `2026-11-22T03:50:32.852` and its like.
fn instants(line: &str) -> String {
    const INSTANT: &str = "2026-01-01T00:00:00.000";
    let mut out = line.to_owned();
    for start in 0..line.len().saturating_sub(INSTANT.len() - 1) {
        let Some(part) = line.get(start..start + INSTANT.len()) else { continue };
        let shape =
            |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
        if shape(part) == shape(INSTANT) {
            out.replace_range(start..start + INSTANT.len(), INSTANT);
        }
    }
    out
}

#[test]
fn help() {
    assert_snapshot!(shown(&["--help"]), @r##"
        Columnar tax risk analytics: invoices and filings in, one explained task per taxpayer out

        Usage: assay [OPTIONS] <COMMAND>

        Commands:
          init         Create an empty warehouse
          ingest       Load files; prints rows read, kept, replaced, duplicate, rejected
          generate     Generate a synthetic economy with planted, labelled schemes: into an empty warehouse,
                       or as files
          quality      How good the data is: scores, failing rows and why, loads, rejected rows
          scan         Judge every taxpayer by every indicator; writes hits, scores and tasks
          cross-audit  Deduction claims held against their documents (交叉稽核), and requests to sellers'
                       offices (协查)
          tasks        Tasks: opened, planned, sent to offices, answered, closed
          cases        Closed tasks and how they ended (案例库)
          taxpayer     Everything about one taxpayer on one page (一户式)
          indicators   The catalogue of indicators
          policies     Preferential policies: who is due what, who claims what (税收优惠)
          links        Records that name a taxpayer without its number, linked to the register
          sql          Run SQL over all tables
          mapping      Mappings: how files with headers of their own become tables
          schema       The tables and their columns
          demo         The whole job on a small synthetic economy: generate, load, scan, task lists
          completions  Shell completions
          help         Print this message or the help of the given subcommand(s)

        Options:
          -w, --warehouse <WAREHOUSE>
                  Warehouse directory [or ASSAY_WAREHOUSE, or `warehouse` in an assay.toml found upwards]
                  [env: ASSAY_WAREHOUSE]
              --ledger <LEDGER>
                  Ledger of tasks: postgres://USER@HOST/DB or a SQLite file [or ASSAY_LEDGER, or `ledger` in
                  assay.toml; default: beside the warehouse] [env: ASSAY_LEDGER]
              --format <table|csv|json|parquet>
                  How results are written to stdout [default: table]
              --threads <THREADS>
                  Threads [default: all cores]
              --memory <MEMORY>
                  Memory to work in before spilling to disk, e.g. 512M or 4G [default: half the machine]
          -h, --help
                  Print help
          -V, --version
                  Print version

        Examples:
          assay demo
          assay init ./wh && export ASSAY_WAREHOUSE=./wh
          assay ingest all --mapping cumcm2020c data/*.csv
          assay scan --as-of 202002
          assay tasks export --to ./lists

        Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done with rejected rows.
    "##);
}

#[test]
fn help_of_ingest() {
    assert_snapshot!(shown(&["ingest", "--help"]), @r##"
        Load files; prints rows read, kept, replaced, duplicate, rejected

        Usage: assay ingest [OPTIONS] [TABLE] [FILES]...

        Arguments:
          [TABLE]     A table of the dictionary, or `all` for every table the mapping fills
          [FILES]...  Files and patterns, s3:// addresses among them; which kinds, see below

        Options:
          -m, --mapping <MAPPING>
                  Mapping: a name of `assay mapping list` or a .toml file; none when headers are the
                  dictionary's own. With --inbox it may stand several times
          -w, --warehouse <WAREHOUSE>
                  Warehouse directory [or ASSAY_WAREHOUSE, or `warehouse` in an assay.toml found upwards]
                  [env: ASSAY_WAREHOUSE]
              --feed <FEED>
                  Only this feed of the mapping
              --ledger <LEDGER>
                  Ledger of tasks: postgres://USER@HOST/DB or a SQLite file [or ASSAY_LEDGER, or `ledger` in
                  assay.toml; default: beside the warehouse] [env: ASSAY_LEDGER]
              --format <table|csv|json|parquet>
                  How results are written to stdout [default: table]
              --from <URL>
                  A PostgreSQL server, postgres://USER@HOST:PORT/DATABASE; the password is best given in
                  PGPASSWORD or ~/.pgpass
              --query <SQL>
                  The select whose result is loaded
              --threads <THREADS>
                  Threads [default: all cores]
              --memory <MEMORY>
                  Memory to work in before spilling to disk, e.g. 512M or 4G [default: half the machine]
              --query-file <FILE>
                  A file with the select
              --inbox <DIR>
                  A landing zone, a folder or s3://BUCKET/PREFIX: takes what has arrived and is complete, in
                  order, once
              --complete <stable:60s|done-file|manifest>
                  With --inbox: when a file is complete, unless its rule in definitions/inbox.toml says
                  otherwise
              --accept-mapping-change
                  Load though a feed means something else than when it was last loaded; the change is
                  recorded
              --encoding <ENCODING>
                  utf-8, gb18030 (gbk and gb2312 are parts of it), utf-16le, utf-16be [default: detected]
              --delimiter <DELIMITER>
                  One or a few characters, comma, tab, pipe, semicolon, or a code like \001 [default:
                  detected]
              --sheet <SHEET>
                  Sheet of a workbook [default: the mapping's, or the first]
          -h, --help
                  Print help
          -V, --version
                  Print version

        Examples:
          assay ingest taxpayer register.csv              headers as in the dictionary
          assay ingest invoice 'inbox/2020-02/*.csv.gz'
          assay ingest all --mapping cumcm2020c 附件1*.xlsx 附件2*.csv
          assay ingest all --mapping etax_invoice 全量发票查询导出结果.xlsx
          assay ingest all --mapping einvoice_xml invoices.zip
          assay ingest invoice export.txt --encoding gb18030 --delimiter tab
          assay ingest invoice 's3://tax/inbox/2020-02/*.csv'
          assay ingest invoice --from postgres://reader@db/tax --query "select * from fp"
          assay ingest --inbox /data/inbox --mapping etax_invoice

        Files are:
          delimited text     with a header, in UTF-8, GB18030 or UTF-16
          workbooks          XLSX, XLS, XLSB, ODS; the e-tax bureau's export by --mapping etax_invoice
          JSON               one object a line, or an array of objects
          Parquet, DBF
          fixed-width text   by the layout in a mapping
          Hive's, Oracle's   text without a header: by header and delimiter in a mapping
          XML                by the record in a mapping; e-invoices, one a file, in a folder or .zip, by
                             --mapping einvoice_xml
        Each may be packed (.gz, .zst, .zip) and may lie at s3://BUCKET/KEY.

        Loading the same file again changes nothing. Bad rows go to the table rejected_row; the exit code is
        then 3.
    "##);
}

#[test]
fn a_table_of_the_dictionary() {
    assert_snapshot!(shown(&["schema", "office"]), @r##"
        column       type  name_zh           marks          note
        ───────────  ────  ────────────────  ─────────────  ──────────────────────────────────────────────────────
        office_code  text  税务机关代码      key, required  office code
        name         text  税务机关名称      required       name
        level        int   机关层级                         0 national, 1 province, 2 city, 3 county, 4 grassroots
        parent_code  text  上级税务机关代码                 parent code
        region_code  text  行政区划                         region code
        capacity     int   每期可承接任务数                 tasks the office can take in one cycle
        (6 rows)
    "##);
}

#[test]
fn an_indicator() {
    assert_snapshot!(shown(&["indicators", "show", "I05"]), @r##"
        I05        作废率偏高 · High share of voided invoices
                   version 1, vat · void_and_red · month · medium
        file       catalogue/A1-invoices/I05-void-share.toml
        applies    void_n >= 5
        value      void_n / issued_n   (share)
        amount     void_tax   (yuan)
        line       >= 10.0% [P]
        fact       issued_n = coalesce(trailing(sold_n, 12), zero_if_invoiced)   (count; 近12个月开票份数 · invoices issued, 12 months)
        fact       void_n = coalesce(trailing(sold_void_n, 12), zero_if_invoiced)   (count; 近12个月作废份数 · voided, 12 months)
        fact       void_tax = coalesce(trailing(sold_void_tax, 12), zero_if_invoiced)   (money; 作废发票税额 · tax on voided invoices)
        basis      中华人民共和国发票管理办法实施细则（2024年修正） 作废须收回全部联次的规定 [K]
        basis      金税三期风险指标（实务流传）  [P]
        message    近12个月开票{issued_n}份，作废{void_n}份，作废率{value}，{line}；作废发票税额{void_tax}。
                   {void_n} of {issued_n} invoices of 12 months are void, {value}, {line}; tax on them {void_tax}.
        innocent   新上岗开票员操作不熟，抬头、税号、税率填错后重开 · A new clerk mistyped names, numbers or rates and issued again
        innocent   打印机卡纸、税控设备故障造成的当月作废 · Printer jams or a faulty control device, voided in the same month
        innocent   客户当月退货或变更结算方式，收回原票后作废 · Goods returned or terms changed within the month, original invoice taken back
        ask        作废发票全部联次原件（或电子发票作废记录） · All copies of the voided invoices, or the records of voiding
        ask        作废发票对应的合同、出库单及是否收款的银行流水 · Contracts, warehouse notes and bank statements showing whether money came in
        ask        作废后重开发票的对照清单 · A list pairing each voided invoice with the one issued instead
        evidence   SELECT invoice_id, issued_at, buyer_id, amount, tax, total, status
        FROM invoice
        WHERE seller_key = $taxpayer_key AND period BETWEEN period_add($as_of, -11) AND $as_of AND status = 'void'
        ORDER BY issued_at
        test       fires on the line → true
        test       just does not fire → false
        test       fewer than five voids → not_applicable
        test       unknown number of voids → unknown
    "##);
}

/// Four rows, of which one is good, and a copy of it.
fn a_bad_file() -> Place {
    let place = Place::new();
    let rows = [
        invoice("A1", "2020-01-05", "1.00"),
        invoice("A2", "2020-01-05", "一千"),
        invoice("A3", "2017/13/40", "1.00"),
        invoice("A4", "2020-01-05", "1.00").replace("valid", "退票"),
        invoice("A1", "2020-01-05", "1.00"),
    ];
    place.file("february.csv", invoices(&rows));
    place
}

#[test]
fn the_summary_of_a_load() {
    let run = a_bad_file().run(&["ingest", "invoice", "february.csv"]).code(3);
    assert_snapshot!(run.out, @r##"
        table    files  rows_read  kept  replaced  duplicate  rejected  units
        ───────  ─────  ─────────  ────  ────────  ─────────  ────────  ─────
        invoice  1      5          1     0         1          3         1
        (1 row)
    "##);
    assert_snapshot!(timeless(&run.err), @r##"
        invoice: 1 rows rejected by rule code
        invoice: 2 rows rejected by rule type
          february.csv, row 3: amount is not an amount (like 1234.56, at most two decimals): correct it and load again, or say in the mapping how it is written [一千]
            第3行：“amount”（金额）不是有效的金额（形如1234.56，最多两位小数）；请更正后重新装载，或在映射中说明它怎样写 [一千]
          february.csv, row 4: issued_at is not a time (like 2020-02-29 13:45:00): correct it and load again, or say in the mapping how it is written [2017/13/40]
            第4行：“issued_at”（开票时间）不是有效的时间（形如2020-02-29 13:45:00）；请更正后重新装载，或在映射中说明它怎样写 [2017/13/40]
          february.csv, row 5: status is none of valid, void, red, reversed, part_reversed, lost_control, abnormal: add it to the mapping's values [退票]
            第5行：“status”（发票状态）的取值不在代码表内（valid、void、red、reversed、part_reversed、lost_control、abnormal），请在映射中补充对应关系 [退票]
        batch 214235889dba4482: 5 rows
    "##);
}

#[test]
fn quality() {
    let place = a_bad_file();
    place.run(&["ingest", "invoice", "february.csv"]).code(3);
    let shown = |part| place.run(&["quality", "--show", part]).ok().out;
    assert_snapshot!(timeless(&(shown("loads") + &shown("rejected"))), @r##"
        ingested_at              table_name  source             rows_read  rows_kept  rows_replaced  rows_duplicate  rows_rejected  rejected_percent
        ───────────────────────  ──────────  ─────────────────  ─────────  ─────────  ─────────────  ──────────────  ─────────────  ────────────────
        2026-01-01T00:00:00.000  invoice     canonical.invoice          5          1              0               1              3              60.0
        (1 row)
        table_name  source             column_name  rule  rows  first_file    first_row  what
        ──────────  ─────────────────  ───────────  ────  ────  ────────────  ─────────  ────────────────────────────────────────────────────────────
        invoice     canonical.invoice  amount       type     1  february.csv          3  “amount”（金额）不是有效的金额（形如1234.56，最多两位小数）…
        invoice     canonical.invoice  issued_at    type     1  february.csv          4  “issued_at”（开票时间）不是有效的时间（形如2020-02-29 13:45…
        invoice     canonical.invoice  status       code     1  february.csv          5  “status”（发票状态）的取值不在代码表内（valid、void、red、r…
        (3 rows)
    "##);
}

/// Text with a delimiter, a quote and a null beside it, money, a date.
const QUERY: &str = "select 1 as 序号, '作废,\"红\"' as 状态, cast(12.5 as decimal(18, 2)) as 金额, date '2020-02-29' as 日期, \
    true as 是否 union all select 20, null, cast(-1234567.89 as decimal(18, 2)), null, false order by 1";

#[test]
fn a_result_as_a_table() {
    assert_snapshot!(Place::new().run(&["sql", QUERY]).ok().out, @r##"
        序号  状态              金额  日期        是否
        ────  ─────────  ───────────  ──────────  ─────
           1  作废,"红"        12.50  2020-02-29  true
          20  ∅          -1234567.89  ∅           false
        (2 rows)
    "##);
}

#[test]
fn a_result_as_csv() {
    assert_snapshot!(Place::new().run(&["sql", "--format", "csv", QUERY]).ok().out, @r##"
        序号,状态,金额,日期,是否
        1,"作废,""红""",12.50,2020-02-29,true
        20,,-1234567.89,,false
    "##);
}

#[test]
fn a_result_as_json() {
    assert_snapshot!(Place::new().run(&["sql", "--format", "json", QUERY]).ok().out, @r##"
        [{"序号":1,"状态":"作废,\"红\"","金额":12.50,"日期":"2020-02-29","是否":true},{"序号":20,"状态":null,"金额":-1234567.89,"日期":null,"是否":false}]
    "##);
}

/// A long result is cut, and says so.
#[test]
fn a_long_result() {
    let query =
        "select value as n, '第' || cast(value as varchar) || '期' as 期 from generate_series(1, 1000)";
    assert_snapshot!(Place::new().run(&["sql", "--limit", "2", query]).ok().out, @r##"
        n  期
        ─  ─────
        1  第1期
        2  第2期
        … 998 more rows
        (1,000 rows)
    "##);
}
