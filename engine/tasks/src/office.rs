//! Routing: which office manages a taxpayer, and what stands above that office.

use std::collections::HashMap;

use arrow::array::RecordBatch;

use super::error::TaskError;
use super::read::{Reader, optional, optional_text};

/// `office.level` of a county office, the level that answers for a task (主管税务机关).
const COUNTY_LEVEL: i32 = 3;
/// No tree of offices is deeper; a longer climb is a loop in the data.
const DEPTH_MAX: usize = 8;

struct Office {
    name: Option<String>,
    level: Option<i32>,
    parent_code: Option<String>,
}

/// All offices, by code.
#[derive(Default)]
pub(super) struct Offices(HashMap<String, Office>);

/// Where a task goes. Everything is none when the office is unknown.
#[derive(Default)]
pub(super) struct Route {
    pub(super) office_code: Option<String>,
    pub(super) office_name: Option<String>,
    pub(super) county_name: Option<String>,
    pub(super) path: Option<String>,
}

impl Offices {
    pub(super) fn read(batches: &[RecordBatch]) -> Result<Self, TaskError> {
        let mut offices = HashMap::new();
        for batch in batches {
            let reader = Reader::new("office", batch);
            let codes = reader.text("office_code")?;
            let names = reader.text("name")?;
            let levels = reader.int32("level")?;
            let parents = reader.text("parent_code")?;
            for row in 0..batch.num_rows() {
                let Some(code) = optional_text(&codes, row) else { continue };
                let name = optional_text(&names, row);
                let parent_code = optional_text(&parents, row);
                offices.insert(code, Office { name, level: optional(&levels, row), parent_code });
            }
        }
        Ok(Self(offices))
    }

    /// The route to an office. An office that the table does not know keeps its code and has no names.
    pub(super) fn route(&self, office_code: Option<String>) -> Route {
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
    fn climb(&self, code: &str) -> Vec<&Office> {
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
}
