//! Embeds the catalogue and the feature definitions: writes a table of `include_str!` for every file found.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let sql = here.join("../sql");
    let mut table = String::new();
    table.push_str(&embed("CATALOGUE", &here.join("catalogue"), "toml")?);
    table.push_str(&embed("POLICIES", &here.join("policies"), "toml")?);
    table.push_str(&embed("FEATURE_QUERIES", &sql.join("features"), "sql")?);
    table.push_str(&embed("MONTHLY_QUERIES", &sql.join("monthly"), "sql")?);
    let features = sql.join("features.toml").canonicalize()?;
    println!("cargo::rerun-if-changed={}", features.display());
    table.push_str(&format!("const FEATURES: &str = include_str!({features:?});\n"));
    fs::write(out.join("embedded.rs"), table)
}

/// A constant with (path below the folder, text) of every file with the extension, sorted.
fn embed(name: &str, folder: &Path, extension: &str) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(folder, extension, &mut files)?;
    files.sort();
    let mut text = format!("const {name}: &[(&str, &str)] = &[\n");
    for file in files {
        let file = file.canonicalize()?;
        let below =
            file.strip_prefix(folder.canonicalize()?).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        text.push_str(&format!("    ({below:?}, include_str!({file:?})),\n"));
    }
    text.push_str("];\n");
    Ok(text)
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, extension, files)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    Ok(())
}
