//! The office tree: which office manages a taxpayer, what stands above that office, and what below.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::error::TaskError;
use super::read::{Reader, optional, optional_text};

/// `office.level` of a county office, the level that answers for a task (主管税务机关).
const COUNTY_LEVEL: i64 = 3;
/// No tree of offices is deeper; a longer climb is a loop in the data.
const DEPTH_MAX: usize = 8;

/// An office of the register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeRow {
    /// Its code.
    pub office_code: String,
    /// Its name.
    pub name: Option<String>,
    /// 0 national, 1 province, 2 city, 3 county, 4 grassroots.
    pub level: Option<i64>,
    /// The office above it.
    pub parent_code: Option<String>,
    /// Tasks it can take a cycle, as the register says.
    pub capacity: Option<i64>,
}

/// Codes of an office and all below it; none where no office has that code.
pub fn office_and_below(offices: Vec<OfficeRow>, code: &str) -> Option<BTreeSet<String>> {
    let tree = Tree(offices.into_iter().map(|office| (office.office_code.clone(), office)).collect());
    tree.0.contains_key(code).then(|| tree.below(code))
}

/// All offices, by code.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, OfficeRow>);

/// Where a task goes. Everything is none when the office is unknown.
#[derive(Default)]
pub(crate) struct Route {
    pub(crate) office_code: Option<String>,
    pub(crate) office_name: Option<String>,
    pub(crate) county_name: Option<String>,
    pub(crate) path: Option<String>,
}

impl Tree {
    /// Of the table `office`; capacities are not read.
    pub(crate) fn of_table(batches: &[RecordBatch]) -> Result<Self, TaskError> {
        let mut offices = BTreeMap::new();
        for batch in batches {
            let reader = Reader::new("office", batch);
            let codes = reader.text("office_code")?;
            let names = reader.text("name")?;
            let levels = reader.int32("level")?;
            let parents = reader.text("parent_code")?;
            for row in 0..batch.num_rows() {
                let Some(office_code) = optional_text(&codes, row) else { continue };
                let office = OfficeRow {
                    office_code: office_code.clone(),
                    name: optional_text(&names, row),
                    level: optional(&levels, row).map(i64::from),
                    parent_code: optional_text(&parents, row),
                    capacity: None,
                };
                offices.insert(office_code, office);
            }
        }
        Ok(Self(offices))
    }

    /// The route to an office. An office that the tree does not know keeps its code and has no names.
    pub(crate) fn route(&self, office_code: Option<String>) -> Route {
        let Some(code) = office_code else { return Route::default() };
        let chain = self.climb(&code);
        let county = chain.iter().find(|office| office.level.is_some_and(|level| level <= COUNTY_LEVEL));
        let mut names: Vec<&str> = chain.iter().filter_map(|office| office.name.as_deref()).collect();
        names.reverse();
        Route {
            office_name: chain.first().and_then(|office| office.name.clone()),
            county_name: county.and_then(|office| office.name.clone()),
            path: (!names.is_empty()).then(|| names.join(" › ")),
            office_code: Some(code),
        }
    }

    /// The office and all above it, itself first.
    fn climb(&self, code: &str) -> Vec<&OfficeRow> {
        let mut chain = Vec::new();
        let mut next = self.0.get(code);
        while let Some(office) = next
            && chain.len() < DEPTH_MAX
        {
            chain.push(office);
            next = office.parent_code.as_deref().and_then(|parent| self.0.get(parent));
        }
        chain
    }

    /// An office and all below it.
    pub(crate) fn below(&self, code: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([code.to_owned()]);
        let mut edge = vec![code];
        while let Some(above) = edge.pop() {
            for office in self.0.values().filter(|o| o.parent_code.as_deref() == Some(above)) {
                if found.insert(office.office_code.clone()) {
                    edge.push(&office.office_code);
                }
            }
        }
        found
    }
}
