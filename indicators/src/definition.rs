//! What an indicator is, once read: plain data with the places it came from. No reading, no checking, no compiling.

use chrono::NaiveDate;
use serde::Serialize;

use crate::reader::At;

/// A text in both languages of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bilingual {
    /// Chinese, what an officer reads.
    pub zh: String,
    /// English, beside it.
    pub en: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every word of the definition files with its meaning.
            pub const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word in definition files and result tables.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What a number or value means, and so how it is typed, shown and cast.
    Unit {
        /// A number of things: Int64, `1,234`.
        Count = "count",
        /// Yuan: Decimal(28,2), `1,234.56元`.
        Money = "money",
        /// A part of a whole: Float64, `12.3%`.
        Share = "share",
        /// A quotient that is no part of a whole: Float64, `1.23`.
        Ratio = "ratio",
        /// Calendar days: Int64.
        Days = "days",
        /// A statistic: Float64.
        Score = "score",
        /// A date: Date32.
        Date = "date",
        /// A text or a code: Utf8.
        Text = "text",
        /// A month YYYYMM: Int32.
        Period = "period",
        /// Yes or no: Boolean.
        Bool = "bool",
    }
}

words! {
    /// How much an indicator weighs.
    Severity {
        /// 高
        High = "high",
        /// 中
        Medium = "medium",
        /// 低
        Low = "low",
    }
}

words! {
    /// How the as-of month is read: the month itself, or the last quarter or year complete by then.
    Grain {
        /// The as-of month.
        Month = "month",
        /// The last month of the latest complete quarter.
        Quarter = "quarter",
        /// December of the latest complete year.
        Year = "year",
    }
}

impl Grain {
    /// Months of a span.
    pub fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::Year => 12,
        }
    }
}

words! {
    /// Where a line or a basis comes from. Only `V` and `K` may be shown as 政策依据.
    Mark {
        /// Verified in the text of the rule.
        Verified = "V",
        /// A published rule, recalled and not read again.
        Known = "K",
        /// Practice: circulates among practitioners.
        Practice = "P",
        /// Our default, to be calibrated.
        Default = "D",
    }
}

words! {
    /// On which side of the line a value is a hit.
    Op {
        /// At or above.
        Ge = ">=",
        /// Above.
        Gt = ">",
        /// At or below.
        Le = "<=",
        /// Below.
        Lt = "<",
    }
}

impl Op {
    /// Whether `value` lies on the hit side of `line`.
    pub fn crossed(self, value: f64, line: f64) -> bool {
        match self {
            Self::Ge => value >= line,
            Self::Gt => value > line,
            Self::Le => value <= line,
            Self::Lt => value < line,
        }
    }

    /// True when larger values are worse.
    pub fn upward(self) -> bool {
        matches!(self, Self::Ge | Self::Gt)
    }
}

words! {
    /// Which figure of the peers a line is drawn from.
    PeerFigure {
        /// The 90th percentile.
        P90 = "p90",
        /// The 10th percentile.
        P10 = "p10",
        /// The median.
        Median = "median",
    }
}

/// How a line's value is found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum LineKind {
    /// A number in the unit of the value.
    Absolute(f64),
    /// A figure of the peers times a factor.
    Peer {
        /// The figure.
        figure: PeerFigure,
        /// What it is multiplied by.
        factor: f64,
    },
    /// Robust z: (value − median) ÷ (1.4826 × MAD) of the peers.
    RobustZ(f64),
}

impl LineKind {
    /// The word of the result column `line_kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absolute(_) => "absolute",
            Self::Peer { figure: PeerFigure::P90, .. } => "peer_p90",
            Self::Peer { figure: PeerFigure::P10, .. } => "peer_p10",
            Self::Peer { figure: PeerFigure::Median, .. } => "peer_median",
            Self::RobustZ(_) => "peer_z",
        }
    }

    /// Whether the line needs the figures of peers.
    pub fn needs_peers(self) -> bool {
        !matches!(self, Self::Absolute(_))
    }
}

/// A warning line (预警线).
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Hit side.
    pub op: Op,
    /// Where it is drawn.
    pub kind: LineKind,
    /// Where it comes from.
    pub source: Mark,
    /// First day in force; none = always was.
    pub from: Option<NaiveDate>,
    /// Last day in force; none = still is.
    pub to: Option<NaiveDate>,
    /// Severity of a hit on this line, instead of the indicator's.
    pub severity: Option<Severity>,
    /// Fewest peers a peer line may be drawn from; none = the scan's default.
    pub min_peers: Option<usize>,
    /// Where it stands in the file.
    #[serde(skip)]
    pub span: std::ops::Range<usize>,
}

impl Line {
    /// Whether the line is in force on a day.
    pub fn in_force(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// A named input of an indicator: SQL over profile columns.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Name used in expressions and messages.
    pub name: At<String>,
    /// The SQL.
    pub expr: At<String>,
    /// What the number means.
    pub unit: Unit,
    /// Label for officers.
    pub label: Bilingual,
}

/// A legal or practical basis.
#[derive(Debug, Clone, Serialize)]
pub struct Basis {
    /// The document.
    pub doc: String,
    /// Where in it.
    pub article: Option<String>,
    /// How far it is verified.
    pub source: Mark,
}

/// Lists of sentences in both languages.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BilingualList {
    /// Chinese sentences.
    pub zh: Vec<String>,
    /// English sentences.
    pub en: Vec<String>,
}

/// A fact's value in a test row, as written.
#[derive(Debug, Clone, PartialEq)]
pub enum TestValue {
    /// A number, kept as text so that money stays exact.
    Number(String),
    /// A text.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// A date.
    Date(NaiveDate),
}

words! {
    /// What judging a taxpayer comes to.
    Verdict {
        /// A line was crossed.
        Hit = "true",
        /// No line was crossed.
        Clear = "false",
        /// It could not be told, for want of facts.
        Unknown = "unknown",
        /// The indicator does not concern this taxpayer.
        NotApplicable = "not_applicable",
    }
}

/// The figures of a group of peers, in the unit of the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerFigures {
    /// Median.
    pub median: f64,
    /// 10th percentile.
    pub p10: f64,
    /// 90th percentile.
    pub p90: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
    /// Number of peers.
    pub n: usize,
}

/// A test row beside the definition: facts in, verdict out.
#[derive(Debug, Clone)]
pub struct TestRow {
    /// What it shows.
    pub name: String,
    /// Facts by name; one left out is null.
    pub facts: Vec<(At<String>, At<TestValue>)>,
    /// Figures of the peers, for indicators with peer lines.
    pub peers: Option<PeerFigures>,
    /// The month the lines are read at; none = the latest the definition covers.
    pub as_of: Option<i32>,
    /// Expected value.
    pub value: Option<At<f64>>,
    /// Expected amount, exact, as written.
    pub amount: Option<At<String>>,
    /// Expected verdict.
    pub verdict: Verdict,
    /// Where it stands.
    pub span: std::ops::Range<usize>,
}

/// A risk indicator as written down in one file.
#[derive(Debug, Clone)]
pub struct Indicator {
    /// Id, e.g. `I05`.
    pub code: At<String>,
    /// Version, raised with every change of meaning.
    pub version: i32,
    /// Name.
    pub name: Bilingual,
    /// Tax concerned: `vat`, `cit`, …
    pub tax: String,
    /// Family whose points are capped together.
    pub family: String,
    /// How the as-of month is read.
    pub grain: Grain,
    /// Weight of a hit.
    pub severity: Severity,
    /// Unit of the value.
    pub unit: Unit,
    /// Whom it concerns; none = everyone.
    pub applies: Option<At<String>>,
    /// The value compared with the lines.
    pub value: At<String>,
    /// Tax at stake in yuan.
    pub amount: Option<At<String>>,
    /// Legal and practical bases.
    pub basis: Vec<Basis>,
    /// Innocent explanations to rule out (正当理由).
    pub innocent: BilingualList,
    /// What to ask for (所需资料).
    pub ask: BilingualList,
    /// Query that returns the records behind a hit, with `$taxpayer_key` and `$as_of`.
    pub evidence: At<String>,
    /// What an officer should know when reading a hit, e.g. that it is a weak sign.
    pub notes: Option<Bilingual>,
    /// Inputs, in the order of the file.
    pub facts: Vec<Fact>,
    /// Message of a hit, with `{fact}`, `{value}`, `{amount}` and `{line}`.
    pub message: Bilingual,
    /// Where the messages stand (zh, en).
    pub message_spans: [std::ops::Range<usize>; 2],
    /// Lines, most severe first.
    pub lines: Vec<Line>,
    /// Test rows.
    pub tests: Vec<TestRow>,
    /// File it was read from.
    pub file: String,
}

impl Indicator {
    /// Index and definition of a fact by name.
    pub fn fact(&self, name: &str) -> Option<(usize, &Fact)> {
        self.facts.iter().enumerate().find(|(_, fact)| fact.name.value == name)
    }

    /// The bases that may be shown to an officer as 政策依据: verified or known rules only.
    pub fn legal_basis(&self) -> impl Iterator<Item = &Basis> {
        self.basis.iter().filter(|basis| matches!(basis.source, Mark::Verified | Mark::Known))
    }
}
