//! Files that are whole or absent: written under a temporary name in the same folder, synced, then renamed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::TaskError;

/// Writes a file through `write`; on any error the target is as it was and the temporary file is gone.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    let failed = |source| TaskError::Io { path: path.to_path_buf(), source };
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary =
        tempfile::Builder::new().prefix(".assay-").suffix(".part").tempfile_in(folder).map_err(failed)?;
    let file = temporary.as_file().try_clone().map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    write(&mut writer)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    temporary.as_file().sync_all().map_err(failed)?;
    readable_by_others(temporary.path()).map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Writes a text, whole or not at all.
pub fn write_text(path: &Path, text: &str) -> Result<(), TaskError> {
    let failed = |source| TaskError::Io { path: path.to_path_buf(), source };
    write_whole(path, |file| file.write_all(text.as_bytes()).map_err(failed))
}

/// Temporary files are private; a list is to be passed on, so it gets the usual rights.
#[cfg(unix)]
fn readable_by_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A part of a file name: characters that some system refuses become `_`; never empty, never longer than 60 characters.
pub fn safe_name(text: &str) -> String {
    let replace = |character: char| match character {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        other if other.is_control() || other.is_whitespace() => '_',
        other => other,
    };
    let name: String = text.trim().chars().map(replace).take(60).collect();
    let name = name.trim_matches('.');
    if name.is_empty() { "_".to_owned() } else { name.to_owned() }
}

/// The folder's path for a file name, none that `taken` already holds (compared without case).
pub fn free_path(folder: &Path, stem: &str, extension: &str, taken: &mut Vec<String>) -> PathBuf {
    let mut name = format!("{stem}.{extension}");
    let mut copy = 2;
    while taken.contains(&name.to_lowercase()) {
        name = format!("{stem}_{copy}.{extension}");
        copy += 1;
    }
    taken.push(name.to_lowercase());
    folder.join(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_safe_and_free() {
        assert_eq!(safe_name(" ../第一/税务所?\n"), "_第一_税务所_");
        assert_eq!(safe_name(".."), "_");
        let mut taken = Vec::new();
        let folder = Path::new("out");
        assert_eq!(free_path(folder, "A_1", "xlsx", &mut taken), folder.join("A_1.xlsx"));
        assert_eq!(free_path(folder, "a_1", "xlsx", &mut taken), folder.join("a_1_2.xlsx"));
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        write_whole(&path, |file| file.write_all(b"old").map_err(|_| TaskError::Input(vec![]))).unwrap();
        let failed = write_whole(&path, |file| {
            file.write_all(b"half").map_err(|_| TaskError::Input(vec![]))?;
            Err(TaskError::Input(vec!["stop".to_owned()]))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
