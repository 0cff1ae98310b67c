//! Filling a page's template: everything from data is escaped, charts are ours and are not.

use minijinja::{AutoEscape, Environment, Value};

use crate::{EngineError, Result};

/// The page of a template.
///
/// # Errors
/// When the template cannot be filled: a mistake in this crate.
pub(crate) fn render(template: &str, values: Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment
        .render_str(template, values)
        .map_err(|e| EngineError::internal(format!("the page cannot be made: {e:#}")))
}
