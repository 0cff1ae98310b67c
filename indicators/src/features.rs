//! The profile columns that facts may use, as declared in `sql/features.toml`: monthly rollup columns, as-of
//! features with their queries, and registration columns.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field, Schema};

use crate::definition::{Bilingual, Unit};
use crate::problem::{Problem, SourceFile};
use crate::reader::{Sink, TableReader};
use crate::verdict::arrow_type;

/// Where a profile column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureSource {
    /// A column of a monthly rollup table (its name).
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
    queries: BTreeMap<String, String>,
    /// The declarations as written.
    declared: SourceFileText,
}

/// Name and text of the file of declarations.
#[derive(Debug, Clone, Default)]
struct SourceFileText {
    name: String,
    text: String,
}

impl FeatureCatalogue {
    /// Reads the declarations; `queries` are (file name, SQL) of the as-of feature files.
    pub fn new(declared: &SourceFile, queries: &[(&str, &str)]) -> (Self, Vec<Problem>) {
        let mut sink = Sink::new(declared);
        let document = sink.parse();
        let top = TableReader::new(document.get_ref(), 0..0, "sql/features.toml");
        let queries: BTreeMap<String, String> = queries
            .iter()
            .map(|(file, sql)| (file.trim_end_matches(".sql").to_owned(), (*sql).to_owned()))
            .collect();
        let mut columns = BTreeMap::new();
        for (name, value) in top.entries() {
            let what = format!("feature `{}`", name.value);
            let Some(table) = TableReader::of(value, &what, &mut sink) else { continue };
            let Some(feature) = read_feature(table, &mut sink) else { continue };
            if let FeatureSource::AsOf(file) = &feature.source
                && !queries.contains_key(file)
            {
                let message = format!("{what} comes from `{file}`, which is no query");
                sink.add(&value.span(), message, format!("add sql/features/{file}.sql or correct `source`"));
            }
            columns.insert(name.value, feature);
        }
        let problems = sink.problems;
        let declared = SourceFileText { name: declared.name.clone(), text: declared.text.clone() };
        (Self { columns, queries, declared }, problems)
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

    /// The declared columns of a monthly rollup, with its key and period, as facts see them.
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
        let declared = std::iter::once((self.declared.name.as_str(), self.declared.text.as_str()));
        declared.chain(self.queries.iter().map(|(name, sql)| (name.as_str(), sql.as_str())))
    }

    /// Columns of a source: of `taxpayer`, of a rollup, or of a feature file.
    pub fn of_source(&self, source: &FeatureSource) -> Vec<(&str, &Feature)> {
        self.columns.iter().filter(|(_, f)| f.source == *source).map(|(n, f)| (n.as_str(), f)).collect()
    }
}

fn read_feature(mut t: TableReader<'_, '_>, s: &mut Sink<'_>) -> Option<Feature> {
    let source = t.string("source", s);
    let unit = t.word("unit", Unit::WORDS, s);
    let zh = t.string("zh", s);
    let en = t.string("en", s);
    let definition = t.optional_string("definition", s).map(|text| text.value);
    t.finish(s);
    let source = match source?.value {
        table if table == "taxpayer" => FeatureSource::Registration,
        table if table.starts_with("rollup_") => FeatureSource::Monthly(table),
        file => FeatureSource::AsOf(file.trim_start_matches("features/").trim_end_matches(".sql").to_owned()),
    };
    Some(Feature { source, unit: unit?, label: Bilingual { zh: zh?.value, en: en?.value }, definition })
}
