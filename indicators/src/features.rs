//! The profile columns that facts may use, as declared in `sql/features.toml` and a warehouse's own: monthly columns of
//! rollups and of filings, as-of features with their queries, and registration columns.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, Schema};

use crate::definition::{Bilingual, Unit};
use crate::problem::{Problem, SourceFile};
use crate::reader::{Sink, TableReader};
use crate::verdict::arrow_type;

/// Where a profile column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureSource {
    /// A column of a monthly source: a rollup table, or a query of `sql/monthly` (its name).
    Monthly(String),
    /// A column of an as-of feature query (the file's name without `.sql`).
    AsOf(String),
    /// A column of the table `taxpayer`.
    Registration,
}

/// A declared profile column.
#[derive(Debug, Clone)]
pub struct Feature {
    /// Where it comes from.
    pub source: FeatureSource,
    /// What it means.
    pub unit: Unit,
    /// Names.
    pub label: Bilingual,
    /// Definition, if the names do not say it all.
    pub definition: Option<String>,
}

/// All declared profile columns and the queries of the as-of ones.
#[derive(Debug, Clone, Default)]
pub struct FeatureCatalogue {
    columns: BTreeMap<String, Feature>,
    /// As-of queries by name.
    queries: BTreeMap<String, String>,
    /// Queries of monthly sources that are no rollups, by name.
    monthly: BTreeMap<String, String>,
    /// The declarations as written, the text of each file.
    declared: Vec<String>,
}

/// Declarations and their queries, as (file name, SQL): those that come with Assay, or a warehouse's own.
#[derive(Debug, Clone)]
pub struct FeatureLayer {
    /// `features.toml`.
    pub declared: SourceFile,
    /// Files of `features/`: one row a taxpayer as of `$as_of`.
    pub as_of: Vec<(String, String)>,
    /// Files of `monthly/`: one row a taxpayer and month.
    pub monthly: Vec<(String, String)>,
}

impl FeatureCatalogue {
    /// Reads layers of declarations; what a later one says of a name replaces what an earlier one says.
    pub fn from_layers(layers: &[FeatureLayer]) -> (Self, Vec<Problem>) {
        let (mut found, mut problems) = (Self::default(), Vec::new());
        let named = |files: &[(String, String)]| {
            let name = |file: &str| file.trim_end_matches(".sql").to_owned();
            files.iter().map(|(file, sql)| (name(file), sql.clone())).collect::<Vec<_>>()
        };
        for layer in layers {
            found.queries.extend(named(&layer.as_of));
            found.monthly.extend(named(&layer.monthly));
            problems.extend(found.declare(&layer.declared));
            found.declared.push(layer.declared.text.clone());
        }
        (found, problems)
    }

    fn declare(&mut self, declared: &SourceFile) -> Vec<Problem> {
        let mut sink = Sink::new(declared);
        let document = sink.parse();
        let top = TableReader::new(document.get_ref(), 0..0, "features.toml");
        for (name, value) in top.entries() {
            let what = format!("feature `{}`", name.value);
            let Some(table) = TableReader::of(value, &what, &mut sink) else { continue };
            let Some(feature) = self.read_feature(table, &mut sink) else { continue };
            if let FeatureSource::AsOf(file) = &feature.source
                && !self.queries.contains_key(file)
            {
                let message = format!("{what} comes from `{file}`, which is no query");
                let remedy = format!("add features/{file}.sql or monthly/{file}.sql, or correct `source`");
                sink.add(&value.span(), message, remedy);
            }
            self.columns.insert(name.value, feature);
        }
        sink.problems
    }

    fn read_feature(&self, mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Feature> {
        let source = t.string("source", s);
        let unit = t.word("unit", Unit::WORDS, s);
        let zh = t.string("zh", s);
        let en = t.string("en", s);
        let definition = t.optional_string("definition", s).map(|text| text.value);
        t.finish(s);
        let source = match source?.value {
            table if table == "taxpayer" => FeatureSource::Registration,
            table if table.starts_with("rollup_") || self.monthly.contains_key(&table) => {
                FeatureSource::Monthly(table)
            }
            file => FeatureSource::AsOf(file),
        };
        Some(Feature { source, unit: unit?, label: Bilingual { zh: zh?.value, en: en?.value }, definition })
    }

    /// Adds a source that is made, not written: its query and columns.
    pub(crate) fn add(
        &mut self,
        source: &FeatureSource,
        sql: String,
        columns: Vec<(String, Unit, Bilingual)>,
    ) {
        match source {
            FeatureSource::Monthly(name) => self.monthly.insert(name.clone(), sql),
            FeatureSource::AsOf(name) => self.queries.insert(name.clone(), sql),
            FeatureSource::Registration => None,
        };
        for (name, unit, label) in columns {
            self.columns.insert(name, Feature { source: source.clone(), unit, label, definition: None });
        }
    }

    /// A declared column.
    pub fn get(&self, name: &str) -> Option<&Feature> {
        self.columns.get(name)
    }

    /// All declared names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// The query of an as-of feature file at a month.
    pub fn sql(&self, file: &str, as_of: i32) -> Option<String> {
        self.queries.get(file).map(|sql| sql.replace("$as_of", &as_of.to_string()))
    }

    /// The query of a monthly source; `None` for a rollup, which is a table.
    pub fn monthly_sql(&self, source: &str) -> Option<&str> {
        self.monthly.get(source).map(String::as_str)
    }

    /// The declared columns of a monthly source, with its key and period, as facts see them.
    pub fn monthly_schema(&self, rollup: &str) -> Schema {
        let mut fields = vec![
            Field::new("taxpayer_key", DataType::Int64, false),
            Field::new("period", DataType::Int32, false),
        ];
        fields.extend(
            self.columns
                .iter()
                .filter(|(_, feature)| feature.source == FeatureSource::Monthly(rollup.to_owned()))
                .map(|(name, feature)| Field::new(name, arrow_type(feature.unit), true)),
        );
        Schema::new(fields)
    }

    /// The declarations and the queries, as (name, text).
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.declared.iter().map(|text| ("features.toml", text.as_str()));
        let queries = self.queries.iter().chain(&self.monthly);
        texts.chain(queries.map(|(name, sql)| (name.as_str(), sql.as_str())))
    }

    /// Columns of a source: of `taxpayer`, of a rollup, or of a feature file.
    pub fn of_source(&self, source: &FeatureSource) -> Vec<(&str, &Feature)> {
        self.columns.iter().filter(|(_, f)| f.source == *source).map(|(n, f)| (n.as_str(), f)).collect()
    }
}
