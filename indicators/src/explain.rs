//! What an indicator costs: the passes over the data it takes part in, and who shares them.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::{DataFrame, SessionContext};

use crate::catalogue::{Catalogue, Entry};
use crate::compile::{CompileError, Facts, as_of_source, choose, compile, lines_in_force};
use crate::expression::{Fold, Inputs, Window};

/// An indicator taken apart.
#[derive(Debug)]
pub struct Explained {
    /// Each fact: its name and what is made of the passes' columns.
    pub facts: Vec<(String, String)>,
    /// In the order a scan runs them.
    pub passes: Vec<Pass>,
}

/// One pass over one source, as a scan of all indicators runs it.
#[derive(Debug)]
pub struct Pass {
    /// Rollup or feature file.
    pub name: String,
    /// What this indicator reads of it: column and meaning.
    pub columns: Vec<(String, String)>,
    /// Columns it computes for all indicators.
    pub all_columns: usize,
    /// Other indicators that read it.
    pub shared_with: Vec<String>,
    /// Tables it reads.
    pub tables: Vec<String>,
    /// The pass itself.
    pub frame: DataFrame,
}

/// Takes an indicator apart.
///
/// # Errors
/// An unknown code, or what [`compile`] refuses.
pub async fn explain(
    ctx: &SessionContext,
    catalogue: &Catalogue,
    code: &str,
    as_of: i32,
) -> Result<Explained, CompileError> {
    choose(catalogue, &[code.to_owned()])?;
    let all = compile(ctx, catalogue, &[], as_of).await?;
    let mut readers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut own = None;
    for entry in catalogue.entries().iter().filter(|e| lines_in_force(&e.indicator, as_of).next().is_some()) {
        let facts = Facts::resolve(catalogue, &[entry], as_of)?;
        for source in reads(&facts.inputs).into_keys() {
            readers.entry(source).or_default().insert(&entry.indicator.code.value);
        }
        if entry.indicator.code.value == code {
            own = Some((entry, facts));
        }
    }
    let Some((entry, facts)) = own else { return Ok(Explained { facts: Vec::new(), passes: Vec::new() }) };
    let mut mine = reads(&facts.inputs);
    let passes = all
        .sources
        .into_iter()
        .filter_map(|source| {
            let columns = mine.remove(&source.name)?;
            let others = readers.get(&source.name).into_iter().flatten().filter(|other| **other != code);
            Some(Pass {
                columns,
                all_columns: source.frame.schema().fields().len() - 1,
                shared_with: others.map(|other| (*other).to_owned()).collect(),
                tables: source
                    .tables()
                    .iter()
                    .map(|table| table.table().to_owned())
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
                name: source.name,
                frame: source.frame,
            })
        })
        .collect();
    Ok(Explained { facts: shown(entry, &facts), passes })
}

fn shown(entry: &Entry, facts: &Facts) -> Vec<(String, String)> {
    let resolved = facts.columns.iter().flatten().map(|place| facts.trees[*place].tree.to_string());
    entry.indicator.facts.iter().map(|fact| fact.name.value.clone()).zip(resolved).collect()
}

/// What is read, by source.
fn reads(inputs: &Inputs) -> BTreeMap<String, Vec<(String, String)>> {
    let mut reads: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (n, window) in inputs.windows.iter().enumerate() {
        reads.entry(window.rollup.clone()).or_default().push((format!("a{n}"), window_text(window)));
    }
    for (n, column) in inputs.as_of_columns.iter().enumerate() {
        let source = as_of_source(&column.file, column.as_of);
        reads.entry(source).or_default().push((format!("x{n}"), column.column.clone()));
    }
    reads
}

fn window_text(window: &Window) -> String {
    let Window { fold, inner, from, to, .. } = window;
    let months = if from == to { from.to_string() } else { format!("{from} to {to}") };
    let fold = match fold {
        Fold::Sum => "sum",
        Fold::Max if from == to => "value",
        Fold::Max => "max",
        Fold::Min => "min",
        Fold::Avg => "avg",
        Fold::Months => "months",
    };
    format!("{fold}({inner}), {months}")
}
