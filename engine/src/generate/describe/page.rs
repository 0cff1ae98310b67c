//! The description as one HTML page.

use minijinja::{AutoEscape, Environment, context};

use super::Description;
use crate::{EngineError, Result};

const TEMPLATE: &str = include_str!("page.html");

/// Fills the template.
pub(super) fn render(description: &Description) -> Result<String> {
    let failed = |e: minijinja::Error| EngineError::internal(format!("the page cannot be made: {e}"));
    let mut environment = Environment::new();
    // Names come from data: everything is escaped but the charts, which are ours.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page.html", TEMPLATE).map_err(failed)?;
    let sections: Vec<_> = description
        .sections
        .iter()
        .map(|section| {
            context! {
                id => section.id,
                zh => section.zh,
                en => section.en,
                header => section.header.clone(),
                rows => section.rows.clone(),
                notes => section.notes.clone(),
                chart => section.chart.clone().map(minijinja::Value::from_safe_string),
            }
        })
        .collect();
    let page = environment.get_template("page.html").map_err(failed)?;
    page.render(context! { sections }).map_err(failed)
}
