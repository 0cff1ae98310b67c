//! Many small files read as one input: a folder or an archive of documents of one kind.
//!
//! A hundred thousand invoices in a zip would be as many inputs, each with a converter of its own; as a bundle they
//! are one. The archive's directory is read once, and each entry then opened at its place.

use std::path::{Path, PathBuf};

use super::compress::{Member, Packing, members};
use crate::{EngineError, Result};

/// One document of a bundle.
pub struct Part {
    /// How its bytes are had.
    pub member: Member,
    /// Its name: the path below the folder, or `archive!entry`.
    pub name: String,
}

/// The input that `path` is for a feed of documents: a folder, an archive, or a single document.
///
/// # Errors
/// When it does not exist or is empty.
pub fn bundle(path: &Path) -> Result<Member> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_dir() || name.to_lowercase().ends_with(".zip") {
        return Ok(Member { path: path.to_owned(), name, packing: Packing::Bundle });
    }
    let mut found = members(path)?;
    found.pop().ok_or_else(|| EngineError::internal("a file without a member"))
}

/// The documents of a bundle in a fixed order: by path in a folder, as they stand in an archive.
///
/// # Errors
/// When the folder or an archive cannot be listed, or holds nothing.
pub fn parts(member: &Member) -> Result<Vec<Part>> {
    if !matches!(member.packing, Packing::Bundle) {
        return Ok(vec![Part { member: member.clone(), name: member.display() }]);
    }
    let root = &member.path;
    if !root.is_dir() {
        let named = |member: Member| Part { name: member.display(), member };
        return Ok(members(root)?.into_iter().map(named).collect());
    }
    let mut found = Vec::new();
    for file in files_below(root)? {
        if file.metadata().map_err(EngineError::file(&file))?.len() == 0 {
            // An empty document is a bad record of its own, not a reason to stop.
            found.push(Part { name: below(root, &file), member: Member::plain(&file) });
            continue;
        }
        let folder = below(root, file.parent().unwrap_or(root));
        for member in members(&file)? {
            let name = match folder.as_str() {
                "" => member.display(),
                folder => format!("{folder}/{}", member.display()),
            };
            found.push(Part { member, name });
        }
    }
    if found.is_empty() {
        return Err(EngineError::input(format!("{} is a folder without files", root.display())));
    }
    Ok(found)
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Every file below a folder, by path; hidden ones, which editors and file managers leave, are not documents.
fn files_below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(EngineError::file(&folder))? {
            let entry = entry.map_err(EngineError::file(&folder))?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// Bytes of all files below a folder, and a BLAKE3 hash of their names and contents.
///
/// # Errors
/// When a file cannot be read.
pub fn hash_folder(root: &Path) -> Result<(u64, String)> {
    let mut all = blake3::Hasher::new();
    let mut bytes = 0;
    for path in files_below(root)? {
        let mut hasher = blake3::Hasher::new();
        let mut file = std::fs::File::open(&path).map_err(EngineError::file(&path))?;
        bytes += std::io::copy(&mut file, &mut hasher).map_err(EngineError::file(&path))?;
        all.update(below(root, &path).as_bytes());
        all.update(b"\0");
        all.update(hasher.finalize().as_bytes());
    }
    Ok((bytes, all.finalize().to_hex().to_string()))
}
