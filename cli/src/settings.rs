//! Which warehouse: `--warehouse`, `ASSAY_WAREHOUSE`, or `warehouse = "…"` in an `assay.toml` found upwards.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// The warehouse's location.
pub fn warehouse(stated: Option<&str>) -> anyhow::Result<String> {
    if let Some(stated) = stated {
        return Ok(stated.to_owned());
    }
    let start = std::env::current_dir()?;
    for folder in start.ancestors() {
        let file = folder.join("assay.toml");
        if file.is_file() {
            return from_file(&file);
        }
    }
    bail!(
        "which warehouse? Give --warehouse DIR, set ASSAY_WAREHOUSE, or write warehouse = \"DIR\" into assay.toml"
    )
}

fn from_file(file: &PathBuf) -> anyhow::Result<String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{shown} is not valid TOML"))?;
    let Some(location) = table.get("warehouse").and_then(toml::Value::as_str) else {
        bail!("{shown} has no line: warehouse = \"DIR or URL\"");
    };
    if location.contains("://") || PathBuf::from(location).is_absolute() {
        return Ok(location.to_owned());
    }
    // A relative place is relative to the file that names it.
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    Ok(folder.join(location).display().to_string())
}
