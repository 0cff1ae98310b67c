//! From what a person named (files, patterns, a mapping) to what is read: one input per feed and file member.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use assay_datasets::mapping::{self, Feed, Mapping};
use assay_datasets::schema::{self, Table};

use super::source::postgres::Query;
use super::source::shape::Shape;
use super::source::{self, Cut, Delimiter, Encoding, Member, ReadOptions};
use super::{DatabaseQuery, IngestRequest, Input};
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// A file as it was when the load began.
#[derive(Debug, Clone)]
pub struct Fingerprint {
    /// The file.
    pub path: PathBuf,
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3 of its content, hexadecimal.
    pub hash: String,
    modified: Option<SystemTime>,
    file: bool,
}

impl Fingerprint {
    /// Of what is no file: a query's result. Before it has been read, `hash` stands for it.
    pub fn of_stream(path: &Path, bytes: u64, hash: String) -> Self {
        Self { path: path.to_owned(), bytes, hash, modified: None, file: false }
    }

    /// Reads the file once and hashes it.
    pub fn take(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(EngineError::file(path))?;
        if meta.is_dir() {
            let (bytes, hash) = source::hash_folder(path)?;
            return Ok(Self { path: path.to_owned(), bytes, hash, modified: None, file: true });
        }
        let mut file = File::open(path).map_err(EngineError::file(path))?;
        let mut hasher = blake3::Hasher::new();
        std::io::copy(&mut file, &mut hasher).map_err(EngineError::file(path))?;
        let hash = hasher.finalize().to_hex().to_string();
        Ok(Self {
            path: path.to_owned(),
            bytes: meta.len(),
            hash,
            modified: meta.modified().ok(),
            file: true,
        })
    }

    /// Fails when the file is not any more what was hashed.
    pub fn check_unchanged(&self) -> Result<()> {
        if !self.file {
            return Ok(());
        }
        let changed = || {
            EngineError::input(format!(
                "{} changed while it was being read; nothing was loaded. Wait until it is complete and run the command again",
                self.path.display()
            ))
        };
        let meta = std::fs::metadata(&self.path).map_err(|_| changed())?;
        let same = !meta.is_dir() && meta.len() == self.bytes && meta.modified().ok() == self.modified;
        if same || Self::take(&self.path)?.hash == self.hash { Ok(()) } else { Err(changed()) }
    }
}

/// The mapping of that name: a file, one of the warehouse's, or one that comes with Assay.
pub fn find_mapping(warehouse: &Warehouse, name: &str) -> Result<Mapping> {
    let (shown, text) = mapping_text(warehouse.definitions("mappings").as_deref(), name)?;
    mapping::parse(&shown, &text).map_err(EngineError::Definitions)
}

/// The mapping of that name, unread: where it stands and its text. `definitions` is the warehouse's own folder.
///
/// # Errors
/// When there is none.
pub fn mapping_text(definitions: Option<&Path>, name: &str) -> Result<(String, String)> {
    let path = Path::new(name);
    let own = definitions.map(|d| d.join(format!("{name}.toml"))).filter(|p| p.is_file());
    let found = if path.extension().is_some_and(|e| e == "toml") {
        (name.to_owned(), std::fs::read_to_string(path).map_err(EngineError::file(path))?)
    } else if let Some(own) = own {
        (own.display().to_string(), std::fs::read_to_string(&own).map_err(EngineError::file(&own))?)
    } else if let Some((_, text)) = mapping::EMBEDDED.iter().find(|(n, _)| *n == name) {
        (format!("{name}.toml"), (*text).to_owned())
    } else {
        let known: Vec<&str> = mapping::EMBEDDED.iter().map(|(n, _)| *n).collect();
        return Err(EngineError::input(format!(
            "no mapping {name}; known are {} and the files in the warehouse's definitions/mappings, or give a path to a .toml file",
            known.join(", ")
        )));
    };
    Ok(found)
}

/// Every file the patterns name, in order, once.
pub fn files(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let before = found.len();
        if Path::new(pattern).exists() {
            found.push(PathBuf::from(pattern));
        } else {
            let matches = glob::glob(pattern).map_err(|e| EngineError::input(format!("{pattern}: {e}")))?;
            found.extend(matches.filter_map(std::result::Result::ok));
        }
        if found.len() == before {
            return Err(EngineError::input(format!("{pattern}: no such file")));
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|p| seen.insert(p.clone()));
    Ok(found)
}

/// The table of that name.
pub fn find_table(name: &str) -> Result<&'static Table> {
    let catalog = schema::catalog();
    catalog.table(name).ok_or_else(|| {
        let near = catalog.nearest(name).join(", ");
        let hint = if near.is_empty() { String::new() } else { format!(" did you mean {near}?") };
        EngineError::input(format!("no table {name};{hint} All of them: assay schema"))
    })
}

/// The feeds a request may use: the mapping's, or the canonical one of its table.
pub fn feeds(warehouse: &Warehouse, request: &IngestRequest) -> Result<Vec<Feed>> {
    let (Some(name), table) = (&request.mapping, &request.table) else {
        let Some(table) = &request.table else {
            return Err(EngineError::input(
                "name a table (files with the dictionary's own headers), or a mapping with --mapping",
            ));
        };
        return Ok(vec![Feed::canonical(find_table(table)?)]);
    };
    let mut feeds = find_mapping(warehouse, name)?.feeds;
    if let Some(table) = table {
        find_table(table)?;
        let filled: BTreeSet<String> = feeds.iter().map(|f| f.table.clone()).collect();
        feeds.retain(|f| &f.table == table);
        if feeds.is_empty() {
            let filled: Vec<String> = filled.into_iter().collect();
            return Err(EngineError::input(format!(
                "mapping {name} has no feed for table {table}; its tables are {}",
                filled.join(", ")
            )));
        }
    }
    if let Some(wanted) = &request.feed {
        let known: Vec<String> = feeds.iter().map(|f| f.name.clone()).collect();
        feeds.retain(|f| &f.name == wanted);
        if feeds.is_empty() {
            return Err(EngineError::input(format!(
                "mapping {name} has no feed {wanted}; its feeds are {}",
                known.join(", ")
            )));
        }
    }
    Ok(feeds)
}

/// What is to be read.
pub fn inputs(warehouse: &Warehouse, request: &IngestRequest) -> Result<Vec<Input>> {
    let feeds = feeds(warehouse, request)?;
    if let Some(database) = &request.database {
        return query_input(request, &feeds, database).map(|input| vec![input]);
    }
    inputs_of(&feeds, request)
}

/// What is to be read for these feeds.
pub fn inputs_of(feeds: &[Feed], request: &IngestRequest) -> Result<Vec<Input>> {
    let feeds: Vec<Arc<Feed>> = feeds.iter().cloned().map(Arc::new).collect();
    // A folder or an archive of documents is one input of a feed, not as many as it has documents.
    let (documents, feeds): (Vec<_>, Vec<_>) = feeds.into_iter().partition(|f| f.is_xml());
    let mut inputs = Vec::new();
    for path in files(&request.files)? {
        let start = inputs.len();
        // A folder is read by feeds of documents only.
        let folder = path.is_dir();
        let members = if folder { Vec::new() } else { source::members(&path)? };
        let parts: Vec<&Member> = members.iter().filter(|m| source::is_xml(Path::new(&m.name))).collect();
        if !documents.is_empty() && (folder || !parts.is_empty()) {
            let member = source::bundle(&path)?;
            let takes = |feed: &&Arc<Feed>| fits(feed, &member) || parts.iter().any(|part| fits(feed, part));
            for feed in documents.iter().filter(takes) {
                inputs.push(input(request, feed, &path, &member)?);
            }
        }
        let taken = inputs.len() > start;
        if folder && !taken {
            // Says what to name instead.
            source::members(&path)?;
        }
        for member in members {
            // Memo files are read with the table they belong to.
            if source::is_memo(&member.name) {
                continue;
            }
            let fitting = feeds.iter().filter(|f| fits(f, &member));
            let before = inputs.len();
            for feed in fitting {
                inputs.push(input(request, feed, &path, &member)?);
            }
            if inputs.len() == before && !taken {
                return Err(untaken(&path, documents.iter().chain(&feeds)));
            }
        }
    }
    Ok(inputs)
}

/// No feed takes the file.
fn untaken<'a>(path: &Path, feeds: impl Iterator<Item = &'a Arc<Feed>>) -> EngineError {
    let patterns: Vec<&str> = feeds.flat_map(|f| &f.files).map(String::as_str).collect();
    EngineError::input(match patterns.is_empty() {
        true => format!(
            "{}: the mapping reads XML documents, and this holds none; name .xml files, folders or archives of them",
            path.display()
        ),
        false => format!(
            "{}: no feed of the mapping takes a file of this name; its patterns are {}",
            path.display(),
            patterns.join(", ")
        ),
    })
}

/// Warns of sheets that no feed reads, in workbooks whose feeds all name their sheets.
pub fn tell_unread_sheets<'a>(inputs: impl Iterator<Item = &'a Input>) -> Result<()> {
    let mut books: BTreeMap<String, Vec<&Input>> = BTreeMap::new();
    for input in inputs.filter(|input| source::is_workbook(&input.member)) {
        books.entry(input.member.display()).or_default().push(input);
    }
    for (shown, inputs) in books {
        let own = |input: &&Input| {
            input.feed.sheet.clone().filter(|sheet| input.options.sheet.as_ref() == Some(sheet))
        };
        let Some(read) = inputs.iter().map(own).collect::<Option<Vec<String>>>() else { continue };
        let is_read = |sheet: &String| read.iter().any(|read| read.trim() == sheet.trim());
        let (known, unread): (Vec<String>, Vec<String>) =
            source::sheets(&inputs[0].member)?.into_iter().partition(is_read);
        // Where none is there, the load is refused for that.
        if !unread.is_empty() && !known.is_empty() {
            tracing::warn!(
                "{shown}: no feed of the mapping reads {}: left out (工作表未导入)",
                unread.iter().map(|sheet| format!("[{sheet}]")).collect::<Vec<_>>().join(", ")
            );
        }
    }
    Ok(())
}

/// A query has no file name by which a feed would know it, so one feed must be left.
fn query_input(request: &IngestRequest, feeds: &[Feed], database: &DatabaseQuery) -> Result<Input> {
    let [feed] = feeds else {
        let names: Vec<&str> = feeds.iter().map(|f| f.name.as_str()).collect();
        return Err(EngineError::input(format!(
            "a query is read by one feed, and the mapping has {}; say which with --feed: {}",
            names.len(),
            names.join(", ")
        )));
    };
    let member = Member::query(Query::new(&database.url, &database.sql)?);
    // What the server sends is known, whatever the feed says of its files.
    let options = ReadOptions {
        encoding: Some(Encoding::Utf8),
        delimiter: Some(Delimiter::parse("comma")?),
        ..ReadOptions::default()
    };
    let mut input = input(request, &Arc::new(feed.clone()), &member.path.clone(), &member)?;
    input.options = options;
    Ok(input)
}

/// Whether the feed takes the member by its name.
pub fn takes(feed: &Feed, member: &Member) -> bool {
    !feed.files.is_empty() && fits(feed, member)
}

fn fits(feed: &Feed, member: &Member) -> bool {
    let file = member.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let matches = |p: &String| {
        glob::Pattern::new(p)
            .is_ok_and(|g| g.matches(&file) || g.matches(&member.name) || g.matches(&member.display()))
    };
    feed.files.is_empty() || feed.files.iter().any(matches)
}

fn input(request: &IngestRequest, feed: &Arc<Feed>, path: &Path, member: &Member) -> Result<Input> {
    let encoding = match (&request.encoding, &feed.encoding) {
        (Some(name), _) | (None, Some(name)) => Some(Encoding::parse(name)?),
        (None, None) => None,
    };
    let delimiter = match (&request.delimiter, &feed.delimiter) {
        (Some(name), _) | (None, Some(name)) => Some(Delimiter::parse(name)?),
        (None, None) => None,
    };
    let sheet = request.sheet.clone().or_else(|| feed.sheet.clone()).filter(|_| source::is_workbook(member));
    let table = find_table(&feed.table)?;
    let cut = Arc::new(Cut::of(feed, table));
    Ok(Input {
        path: path.to_owned(),
        member: member.clone(),
        feed: Arc::clone(feed),
        table,
        options: ReadOptions { encoding, delimiter, sheet, shape: Arc::new(Shape::of(feed, table)), cut },
    })
}
