//! Begins an indicator of a warehouse's own.

use std::path::PathBuf;

use assay_indicators::TEMPLATE;

use super::judged::load_catalogue;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};
use assay_tasks::write_text;

/// Writes a commented template with this code into the warehouse's definitions; it passes its own tests.
///
/// # Errors
/// When the code is none or is taken, or the warehouse has no folder of definitions on this machine.
pub fn new_indicator(warehouse: &Warehouse, code: &str) -> Result<PathBuf> {
    let letters = code.chars().take_while(char::is_ascii_uppercase).count();
    let digits = code.chars().skip(letters).count();
    let all_digits = code.chars().skip(letters).all(|c| c.is_ascii_digit());
    if !((1..=3).contains(&letters) && (2..=4).contains(&digits) && all_digits) {
        return Err(EngineError::input(format!(
            "`{code}` is no code; write one to three capitals and two to four digits, e.g. J01"
        )));
    }
    if let Some(entry) = load_catalogue(Some(warehouse))?.get(code) {
        return Err(EngineError::input(format!(
            "indicator {code} is already defined in {}; take another code, or change a copy of that file in the \
             warehouse's definitions/indicators",
            entry.source.name
        )));
    }
    let folder = warehouse.writable_definitions().ok_or_else(|| {
        EngineError::input(
            "the definitions of this warehouse lie in an object store: begin the indicator in a local warehouse \
             and copy the file into the store's definitions/indicators",
        )
    })?;
    let path = folder.join("indicators").join(format!("{code}.toml"));
    if path.exists() {
        return Err(EngineError::file(&path)(std::io::ErrorKind::AlreadyExists.into()));
    }
    write_text(&path, &TEMPLATE.replace("CODE", code))?;
    Ok(path)
}
