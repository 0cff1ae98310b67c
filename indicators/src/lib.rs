//! The language and the catalogue of risk indicators, and of preferential policies, compiled to DataFusion expressions.
//!
//! A definition is one TOML file: facts (SQL over declared profile columns, with lags and trailing windows), a
//! value, lines, texts and test rows. [`Catalogue::load`] reads all of them and says everything that is wrong at
//! once; [`check`] plans every expression without a warehouse and runs the test rows; [`compile`] turns the
//! indicators of a scan into one plan. Judging the result (lines against columns, peers, scores) is the engine's.

mod catalogue;
mod check;
mod compile;
mod definition;
mod describe;
mod evaluation;
mod explain;
mod expression;
mod features;
mod line;
mod meaning;
mod message;
mod parse;
pub mod period;
pub mod policy;
mod problem;
mod reader;
mod rewrite;
mod schema;
mod sources;
mod testrow;
mod verdict;
mod words;

pub use catalogue::{Catalogue, Entry, ReadError};
pub use check::{check, check_entry, fill_evidence};
pub use compile::{
    Asked, CompileError, CompiledIndicator, CompiledPolicy, Layout, Profile, SIZE_COLUMN, Source, compile,
    compile_with,
};
pub use definition::{
    Basis, Bilingual, BilingualList, Fact, Grain, Indicator, Line, LineKind, Mark, Op, PeerFigure,
    PeerFigures, Severity, TestRow, TestValue, Unit, Verdict,
};
pub use describe::{Summary, TestSummary, line_text, list, show, test};
pub use evaluation::Evaluation;
pub use explain::{Explained, Pass, explain};
pub use features::{Feature, FeatureCatalogue, FeatureLayer, FeatureSource};
pub use line::{Crossing, deviation, first_crossed, threshold};
pub use message::{FactValue, Language, Template, line_phrase, money, number, yuan_exact};
pub use problem::{Problem, Problems, SourceFile};
pub use reader::{At, Sink, TableReader, as_string};
pub use schema::json_schema;
pub use testrow::{TestReport, run_tests};
/// A commented definition that passes its own tests; `CODE` stands for the code.
pub const TEMPLATE: &str = include_str!("template.toml");

pub use verdict::{AMOUNT, arrow_type};
pub use words::word_zh;
