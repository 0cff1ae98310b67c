//! Which warehouse and which ledger: the argument, the environment, or a line in an `assay.toml` found upwards.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The warehouse's location.
pub fn warehouse(stated: Option<&str>) -> anyhow::Result<String> {
    if let Some(stated) = stated {
        return Ok(stated.to_owned());
    }
    let Some((file, table)) = nearest()? else {
        bail!(
            "which warehouse? Give --warehouse DIR, set ASSAY_WAREHOUSE, or write warehouse = \"DIR\" into assay.toml"
        );
    };
    match place(&file, &table, "warehouse")? {
        Some(location) => Ok(location),
        None => bail!("{} has no line: warehouse = \"DIR or URL\"", file.display()),
    }
}

/// The ledger's location, where one is stated.
pub fn ledger(stated: Option<&str>) -> anyhow::Result<Option<String>> {
    if let Some(stated) = stated {
        return Ok(Some(stated.to_owned()));
    }
    match nearest()? {
        Some((file, table)) => place(&file, &table, "ledger"),
        None => Ok(None),
    }
}

/// The nearest `assay.toml`, in this folder or above it.
fn nearest() -> anyhow::Result<Option<(PathBuf, toml::Table)>> {
    let start = std::env::current_dir()?;
    let Some(file) = start.ancestors().map(|folder| folder.join("assay.toml")).find(|file| file.is_file())
    else {
        return Ok(None);
    };
    let shown = file.display();
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {shown}"))?;
    let table = text.parse().with_context(|| format!("{shown} is not valid TOML"))?;
    Ok(Some((file, table)))
}

/// A place that a file states; a relative one is relative to the file.
fn place(file: &Path, table: &toml::Table, name: &str) -> anyhow::Result<Option<String>> {
    let Some(value) = table.get(name) else { return Ok(None) };
    let Some(location) = value.as_str() else {
        bail!("{}: {name} must be a text, such as {name} = \"DIR\"", file.display());
    };
    if location.contains("://") || Path::new(location).is_absolute() {
        return Ok(Some(location.to_owned()));
    }
    Ok(Some(file.parent().map(PathBuf::from).unwrap_or_default().join(location).display().to_string()))
}
