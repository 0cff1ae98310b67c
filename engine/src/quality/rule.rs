//! What a quality rule is: which rows it concerns, how they are judged, what is said about those that fail, who
//! mends them. Reading rules from TOML is `parse`, running them `pass` and `query`.

use std::collections::BTreeMap;
use std::sync::Arc;

use assay_datasets::schema::Table;
use assay_indicators::{At, SourceFile};

use super::template::Template;
use super::testrow::Test;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// A fact that should be there is.
    Completeness,
    /// A value is one that can be.
    Validity,
    /// What names one thing stands once.
    Uniqueness,
    /// Facts agree, in a row, between rows, between tables.
    Consistency,
    /// Data arrive when they are due.
    Timeliness,
    /// Counts and distributions stay what they were.
    Drift,
}

impl Dimension {
    /// Every dimension, in the order of a report.
    pub const ALL: [Self; 6] = [
        Self::Completeness,
        Self::Validity,
        Self::Uniqueness,
        Self::Consistency,
        Self::Timeliness,
        Self::Drift,
    ];

    /// Its word in rules and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completeness => "completeness",
            Self::Validity => "validity",
            Self::Uniqueness => "uniqueness",
            Self::Consistency => "consistency",
            Self::Timeliness => "timeliness",
            Self::Drift => "drift",
        }
    }

    /// Its Chinese name.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Completeness => "完整性",
            Self::Validity => "有效性",
            Self::Uniqueness => "唯一性",
            Self::Consistency => "一致性",
            Self::Timeliness => "及时性",
            Self::Drift => "稳定性",
        }
    }
}

/// How much a failing row matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Results computed from such a row are wrong.
    High,
    /// Some results are.
    Medium,
    /// Worth knowing.
    Low,
}

impl Severity {
    /// Its word in rules and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }

    /// Its Chinese name.
    pub fn zh(self) -> &'static str {
        match self {
            Self::High => "高",
            Self::Medium => "中",
            Self::Low => "低",
        }
    }

    /// Weight of the rule in a score.
    pub fn weight(self) -> i32 {
        match self {
            Self::High => 5,
            Self::Medium => 3,
            Self::Low => 1,
        }
    }
}

/// What a rule says of a row that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Claim {
    /// The row is wrong, or contradicts another, or lacks what it must have: somebody has to put it right.
    #[default]
    Defect,
    /// It is unusual, and right data can be so: worth a look, no fault of anybody's until looked at.
    Notice,
}

impl Claim {
    /// Its word in rules and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Defect => "defect",
            Self::Notice => "notice",
        }
    }

    /// Its Chinese name.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Defect => "差错",
            Self::Notice => "提示",
        }
    }
}

/// Who can mend what a rule finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Whoever sends the feed.
    Source,
    /// The registration section.
    Registration,
    /// The section in charge of invoices.
    Invoices,
    /// The section in charge of filings and collection.
    Filings,
    /// The bureau's data section.
    Data,
}

impl Owner {
    /// Its word in rules and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Registration => "registration",
            Self::Invoices => "invoices",
            Self::Filings => "filings",
            Self::Data => "data",
        }
    }

    /// The section's Chinese name.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Source => "数据提供方",
            Self::Registration => "登记管理部门",
            Self::Invoices => "发票管理部门",
            Self::Filings => "征管部门",
            Self::Data => "数据管理部门",
        }
    }
}

/// Text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Both {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Over which rows a query looks at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Tables kept by month are seen one month at a time, and only changed months are looked at again.
    Month,
    /// All rows.
    All,
}

/// How rows are judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// By a condition over the row itself: true passes, false fails, null cannot tell.
    Row {
        /// SQL over the stored columns.
        ok: At<String>,
    },
    /// Columns that together may name one row only.
    Unique {
        /// Stored columns; a row in which one of them is null is not concerned.
        columns: Vec<At<String>>,
    },
    /// By a query that finds the failing rows.
    Between {
        /// `name AS (…), …`, if any.
        with: Option<At<String>>,
        /// What follows FROM, in which `t` is the rule's table.
        from: At<String>,
        /// SQL over a found row: true where it cannot be told whether the row fails.
        unknown: Option<At<String>>,
        /// A personal value that led to the finding; stored in the vault only.
        clear: Option<At<String>>,
    },
}

/// One rule over one table.
#[derive(Debug, Clone)]
pub struct Rule {
    /// E.g. `Q-INV-07`; a rule over several tables has one id in all of them.
    pub id: String,
    /// The table.
    pub table: &'static Table,
    /// What it is about.
    pub dimension: Dimension,
    /// How much it matters.
    pub severity: Severity,
    /// What it says of a row that fails.
    pub claim: Claim,
    /// What holds for a good row.
    pub name: Both,
    /// SQL: which rows it concerns; all when absent.
    pub when: Option<At<String>>,
    /// How they are judged.
    pub kind: Kind,
    /// Over which rows a query looks at a time.
    pub window: Window,
    /// Stored columns kept with a failing row, the one at fault first.
    pub columns: Vec<At<String>>,
    /// Further values of a query, by the name messages use.
    pub show: BTreeMap<String, At<String>>,
    /// Said about a failing row.
    pub message: [Template; 2],
    /// What to do.
    pub fix: Both,
    /// And who does it.
    pub owner: Owner,
    /// Test rows.
    pub tests: Vec<Test>,
    /// Where it is written.
    pub source: Arc<SourceFile>,
    /// Its place there.
    pub span: std::ops::Range<usize>,
}

impl Rule {
    /// Whether it needs a query of its own.
    pub fn is_query(&self) -> bool {
        !matches!(self.kind, Kind::Row { .. })
    }

    /// Whether it reads clear values.
    pub fn reads_vault(&self) -> bool {
        matches!(&self.kind, Kind::Between { clear: Some(_), .. })
    }

    /// What decides whether rows measured before must be measured again: the rule's own text.
    pub fn fingerprint(&self) -> blake3::Hash {
        let text = self.source.text.get(self.span.clone()).unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.table.name.as_bytes());
        hasher.update(self.id.as_bytes());
        hasher.update(text.as_bytes());
        hasher.finalize()
    }

    /// Stored columns a message or a finding needs beside key and lineage.
    pub fn shown(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.value.as_str())
    }
}

/// A distribution that is compared month by month.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// E.g. `D-INV-01`.
    pub id: String,
    /// The table.
    pub table: &'static Table,
    /// What is distributed.
    pub name: Both,
    /// Where its values come from.
    pub bins: Bins,
    /// Population stability index from which a month is noted.
    pub warn: f64,
    /// Fewest rows on both sides.
    pub min_rows: u64,
    /// Where it is written.
    pub source: Arc<SourceFile>,
    /// Its place there.
    pub span: std::ops::Range<usize>,
}

/// The parts of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub enum Bins {
    /// The values of a text column.
    Column(At<String>),
    /// A whole number from SQL.
    Number(At<String>),
}

/// What is expected of a month of a table as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Days after a month's end by which it should be there; `None`: nobody said.
    pub due_days: Option<i64>,
    /// By how much the number of rows may differ from the months before: 1.0 is from half to twice as many.
    pub count_change: f64,
    /// Fewest rows a month must have had before its count is watched.
    pub min_rows: u64,
}

impl Default for Expectation {
    fn default() -> Self {
        Self { due_days: None, count_change: 1.0, min_rows: 200 }
    }
}
