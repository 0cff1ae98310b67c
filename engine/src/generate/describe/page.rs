//! The description as one HTML page.

use minijinja::context;

use super::{Description, Section};
use crate::Result;
use crate::pages::render;

const TEMPLATE: &str = include_str!("page.html");

/// Fills the template.
pub(super) fn render(description: &Description) -> Result<String> {
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
                text => text_columns(section),
                notes => section.notes.clone(),
                chart => section.chart.clone().map(minijinja::Value::from_safe_string),
            }
        })
        .collect();
    render::render(TEMPLATE, context! { sections })
}

/// Which columns hold text, which stands to the left; numbers stand to the right.
fn text_columns(section: &Section) -> Vec<bool> {
    let number = |cell: &String| cell.chars().all(|c| c.is_ascii_digit() || ",.%+-–".contains(c));
    (0..section.header.len())
        .map(|at| !section.rows.iter().filter_map(|row| row.get(at)).all(number))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_escaped_and_charts_are_not() {
        let section = Section {
            id: "x",
            zh: "表",
            en: "table",
            header: vec![("名称", "name"), ("数", "n")],
            rows: vec![vec!["<b>".into(), "1,000".into()]],
            notes: vec![("甲&乙".into(), "a".into())],
            chart: Some("<svg></svg>".into()),
        };
        assert_eq!(text_columns(&section), [true, false]);
        let page = render(&Description { sections: vec![section] }).unwrap();
        assert!(
            page.contains("&lt;b&gt;") && page.contains("<svg></svg>") && page.contains("甲&amp;乙"),
            "{page}"
        );
    }
}
