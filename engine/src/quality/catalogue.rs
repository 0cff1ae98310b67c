//! The rules in force: those that come with Assay, with a warehouse's own over them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use assay_datasets::quality::EMBEDDED;
use assay_datasets::schema::Table;
use assay_indicators::{Problem, SourceFile};
use datafusion::prelude::SessionContext;

use super::check::check;
use super::parse::{Parsed, parse};
use super::rule::{Distribution, Expectation, Rule};
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// Where the files that come with Assay stand, in problems.
const SHIPPED: &str = "quality/";

/// All rules, by table.
#[derive(Debug, Default)]
pub struct Rules {
    /// Rules ordered by table and id.
    pub rules: Vec<Arc<Rule>>,
    /// Distributions ordered by table and id.
    pub distributions: Vec<Arc<Distribution>>,
    months: BTreeMap<&'static str, Expectation>,
}

impl Rules {
    /// The embedded rules and those of a folder, if there is one: there, a known id replaces the embedded rule of
    /// its table, a new one is added, and `off = ["Q-…"]` switches rules off. What is wrong is left out and returned.
    ///
    /// # Errors
    /// Only when the folder or a file in it cannot be read.
    pub fn load(own: Option<&Path>) -> Result<(Self, Vec<Problem>)> {
        let mut layers = vec![
            EMBEDDED
                .iter()
                .map(|(name, text)| SourceFile::new(format!("{SHIPPED}{name}.toml"), *text))
                .collect(),
        ];
        if let Some(folder) = own {
            layers.push(read_folder(folder)?);
        }
        Ok(Self::from_layers(layers))
    }

    /// Later layers go over earlier ones.
    pub fn from_layers(layers: Vec<Vec<SourceFile>>) -> (Self, Vec<Problem>) {
        let mut rules: BTreeMap<(&str, String), Arc<Rule>> = BTreeMap::new();
        let mut distributions: BTreeMap<(&str, String), Arc<Distribution>> = BTreeMap::new();
        let mut months = BTreeMap::new();
        let mut problems = Vec::new();
        for layer in layers {
            let mut here: BTreeMap<(&str, String), String> = BTreeMap::new();
            for file in layer {
                let file = Arc::new(file);
                let Parsed {
                    rules: new,
                    distributions: new_distributions,
                    months: new_months,
                    off,
                    problems: wrong,
                } = parse(&file);
                problems.extend(wrong);
                months.extend(new_months);
                for id in off {
                    let before = rules.len() + distributions.len();
                    rules.retain(|(_, known), _| *known != id.value);
                    distributions.retain(|(_, known), _| *known != id.value);
                    if before == rules.len() + distributions.len() {
                        problems.push(file.problem(
                            &id.span,
                            format!("there is no rule `{}` to switch off", id.value),
                            "see the ids in: assay quality --rules",
                        ));
                    }
                }
                let ids = new.iter().map(|r| (r.table, &r.id, &r.span));
                for (table, id, span) in
                    ids.chain(new_distributions.iter().map(|d| (d.table, &d.id, &d.span)))
                {
                    if let Some(other) = here.insert((&table.name, id.clone()), file.name.clone()) {
                        problems.push(file.problem(
                            span,
                            format!("rule `{id}` of {} stands in {other} already", table.name),
                            "give it another id",
                        ));
                    }
                }
                rules.extend(new.into_iter().map(|r| ((r.table.name.as_str(), r.id.clone()), Arc::new(r))));
                distributions.extend(
                    new_distributions
                        .into_iter()
                        .map(|d| ((d.table.name.as_str(), d.id.clone()), Arc::new(d))),
                );
            }
        }
        let found = Self {
            rules: rules.into_values().collect(),
            distributions: distributions.into_values().collect(),
            months,
        };
        (found, problems)
    }

    /// The rules of a table.
    pub fn of<'r>(&'r self, table: &'r Table) -> impl Iterator<Item = &'r Arc<Rule>> {
        self.rules.iter().filter(move |r| r.table.name == table.name)
    }

    /// The distributions of a table.
    pub fn distributions_of<'r>(&'r self, table: &'r Table) -> impl Iterator<Item = &'r Arc<Distribution>> {
        self.distributions.iter().filter(move |d| d.table.name == table.name)
    }

    /// What is expected of the table's months; `None` for a table that need not have some every month.
    pub fn expectation(&self, table: &str) -> Option<&Expectation> {
        self.months.get(table)
    }
}

fn read_folder(folder: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(EngineError::file(folder))? {
        let path = entry.map_err(EngineError::file(folder))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let text = std::fs::read_to_string(&path).map_err(EngineError::file(&path))?;
            files.push(SourceFile::new(path.display().to_string(), text));
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The rules of a warehouse.
///
/// # Errors
/// When anything is wrong with any definition, with every problem.
pub fn load_rules(warehouse: Option<&Warehouse>) -> Result<Rules> {
    let folder = warehouse.and_then(|w| w.definitions("quality"));
    let (rules, problems) = Rules::load(folder.as_deref())?;
    sound(rules, &problems)
}

/// The same, every expression planned; those that come with Assay are planned by its tests.
///
/// # Errors
/// As [`load_rules`].
pub async fn load_checked(warehouse: &Warehouse, context: &SessionContext) -> Result<Rules> {
    let folder = warehouse.definitions("quality");
    let (rules, mut problems) = Rules::load(folder.as_deref())?;
    if rules.rules.iter().any(|r| !r.source.name.starts_with(SHIPPED)) {
        problems.extend(check(context, &rules, false).await?);
    }
    sound(rules, &problems)
}

fn sound(rules: Rules, problems: &[Problem]) -> Result<Rules> {
    if problems.is_empty() {
        return Ok(rules);
    }
    Err(EngineError::Definitions(problems.iter().map(ToString::to_string).collect()))
}
