//! The arguments of `assay ingest`.

use std::path::PathBuf;

use clap::Args;

/// Examples, and what kinds of files there are.
pub(super) const HELP: &str = "Examples:
  assay ingest taxpayer register.csv              headers as in the dictionary
  assay ingest invoice 'inbox/2020-02/*.csv.gz'
  assay ingest all --mapping cumcm2020c 附件1*.xlsx 附件2*.csv
  assay ingest all --mapping etax_invoice 全量发票查询导出结果.xlsx
  assay ingest all --mapping einvoice_xml invoices.zip
  assay ingest invoice export.txt --encoding gb18030 --delimiter tab
  assay ingest invoice 's3://tax/inbox/2020-02/*.csv'
  assay ingest invoice --from postgres://reader@db/tax --query \"select * from fp\"
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

Loading the same file again changes nothing. Bad rows go to the table rejected_row; the exit code is then 3.";

/// `ingest`.
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// A table of the dictionary, or `all` for every table the mapping fills
    #[arg(required_unless_present = "inbox")]
    pub table: Option<String>,
    /// Files and patterns, s3:// addresses among them; which kinds, see below
    #[arg(required_unless_present_any = ["from", "inbox"], conflicts_with_all = ["from", "inbox"])]
    pub files: Vec<String>,
    /// Mapping: a name of `assay mapping list` or a .toml file; none when headers are the dictionary's own. With --inbox it may stand several times
    #[arg(long, short = 'm')]
    pub mapping: Vec<String>,
    /// Only this feed of the mapping
    #[arg(long)]
    pub feed: Option<String>,
    /// A PostgreSQL server, postgres://USER@HOST:PORT/DATABASE; the password is best given in PGPASSWORD or ~/.pgpass
    #[arg(long, value_name = "URL", conflicts_with = "inbox")]
    pub from: Option<String>,
    /// The select whose result is loaded
    #[arg(long, value_name = "SQL", requires = "from", conflicts_with = "query_file")]
    pub query: Option<String>,
    /// A file with the select
    #[arg(long, value_name = "FILE", requires = "from")]
    pub query_file: Option<PathBuf>,
    /// A landing zone, a folder or s3://BUCKET/PREFIX: takes what has arrived and is complete, in order, once
    #[arg(long, value_name = "DIR")]
    pub inbox: Option<String>,
    /// With --inbox: when a file is complete, unless its rule in definitions/inbox.toml says otherwise
    #[arg(long, requires = "inbox", value_name = "stable:60s|done-file|manifest")]
    pub complete: Option<String>,
    /// Load though a feed means something else than when it was last loaded; the change is recorded
    #[arg(long)]
    pub accept_mapping_change: bool,
    /// utf-8, gb18030 (gbk and gb2312 are parts of it), utf-16le, utf-16be [default: detected]
    #[arg(long)]
    pub encoding: Option<String>,
    /// One or a few characters, comma, tab, pipe, semicolon, or a code like \001 [default: detected]
    #[arg(long)]
    pub delimiter: Option<String>,
    /// Sheet of a workbook [default: the mapping's, or the first]
    #[arg(long)]
    pub sheet: Option<String>,
}
