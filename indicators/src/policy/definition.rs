//! What a policy is, once read: plain data with the places it came from. No reading, no checking, no compiling.

use std::ops::Range;

use chrono::NaiveDate;

use crate::definition::{Basis, Bilingual, Fact, Grain, Op, TestValue};
use crate::reader::At;

/// The built-in fact: relief claimed in the period under the relief codes, in yuan.
pub const RELIEF: &str = "relief";
/// The built-in fact: whether the taxpayer gave the policy up for the period.
pub const WAIVED: &str = "waived";

macro_rules! answers {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $word:literal, $zh:literal;)+) => {
        /// What asking a policy of a taxpayer and a period comes to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Answer { $($(#[$doc])* $variant = $code),+ }

        impl Answer {
            /// Every answer.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in test rows and result tables.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// In Chinese.
            #[must_use]
            pub fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),+ }
            }
        }
    };
}

answers! {
    /// Entitled, and claims what it is due.
    DueClaimed = 1, "due_claimed", "应享已享";
    /// Entitled, and claims nothing.
    DueNotClaimed = 2, "due_not_claimed", "应享未享";
    /// Claims, though a condition fails.
    ClaimedNotDue = 3, "claimed_not_due", "不应享而享";
    /// Entitled, but claims more than it is due.
    OverClaimed = 4, "over_claimed", "多享";
    /// Entitled, but claims less than it is due.
    UnderClaimed = 5, "under_claimed", "少享";
    /// Not entitled, and within 10 percent of a limit it fails.
    NearLine = 6, "near_line", "临界";
    /// What tables can say holds; a document, or a boundary case, is to be looked at.
    ToBeConfirmed = 7, "to_be_confirmed", "待确认";
    /// A fact is missing.
    CannotTell = 8, "cannot_tell", "待补数据";
    /// Entitled, but it gave the policy up.
    Waived = 9, "waived", "已放弃";
    /// Not entitled, and claims nothing.
    NotDue = 10, "not_due", "不适用";
}

impl Answer {
    /// The answer of a number in a column of answers.
    #[must_use]
    pub fn of(code: i8) -> Option<Self> {
        Self::ALL.iter().copied().find(|answer| *answer as i8 == code)
    }

    /// The answer of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|answer| answer.as_str() == word)
    }
}

/// How a benefit is rounded, after everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the cent, half away from zero.
    Cent,
    /// To the yuan, half away from zero.
    Yuan,
}

impl Rounding {
    /// The words of definition files.
    pub const WORDS: &'static [(&'static str, Self)] = &[("cent", Self::Cent), ("yuan", Self::Yuan)];
}

/// How a condition is tested.
#[derive(Debug, Clone)]
pub enum Test {
    /// An expression that holds, fails, or cannot be told.
    Holds(At<String>),
    /// A value on the right side of a limit. The operator says whether the boundary is closed.
    Limit {
        /// What is compared.
        value: At<String>,
        /// On which side it must lie.
        op: Op,
        /// The limit: an expression, often a parameter.
        limit: At<String>,
        /// The text does not say which side the limit itself is on: equality is to be confirmed.
        equal_unsaid: bool,
    },
    /// Nothing in any table tells: a person looks at documents.
    Document,
}

/// One of the conditions that must all hold.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Name used in test rows and results.
    pub name: At<String>,
    /// How it is tested.
    pub test: Test,
    /// What it demands.
    pub label: Bilingual,
}

/// A dated version of a policy.
#[derive(Debug, Clone)]
pub struct Version {
    /// Place among the versions of its policy, from 1.
    pub number: i32,
    /// The limb of the policy it belongs to, where several are in force side by side.
    pub part: Option<String>,
    /// First day in force.
    pub from: NaiveDate,
    /// Last day in force; none: no end is known.
    pub to: Option<NaiveDate>,
    /// From this day its validity is unknown, and findings say so.
    pub needs_reverify: Option<NaiveDate>,
    /// Legal texts.
    pub basis: Vec<Basis>,
    /// The decisive words of the text.
    pub phrase: Option<String>,
    /// Who read the text last.
    pub reviewer: String,
    /// When.
    pub reviewed_on: NaiveDate,
    /// What ended it, or takes its place afterwards.
    pub ended_by: Option<String>,
    /// What keeps it alive though a later text ends its kind (whitelist).
    pub kept_by: Option<String>,
    /// Whom this version is asked of, beside the policy's own; none: all of these.
    pub concerns: Option<At<String>>,
    /// Relief codes of this version, where they differ from the policy's.
    pub relief_codes: Option<Vec<String>>,
    /// Conditions, all of which must hold.
    pub conditions: Vec<Condition>,
    /// What it is worth, in yuan.
    pub benefit: At<String>,
    /// How that is rounded.
    pub rounding: Rounding,
    /// Documents a claimant keeps.
    pub documents: Vec<Bilingual>,
    /// Where it stands.
    pub span: Range<usize>,
}

impl Version {
    /// Whether it is in force on a day.
    #[must_use]
    pub fn in_force(&self, day: NaiveDate) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }

    /// Whether its validity on a day is unknown.
    #[must_use]
    pub fn unverified(&self, day: NaiveDate) -> bool {
        self.needs_reverify.is_some_and(|from| from <= day)
    }
}

/// What a test row is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An answer.
    Answer(Answer),
    /// None: the policy is not asked of this taxpayer.
    NotConcerned,
    /// None: no version is in force.
    NotInForce,
}

impl Expected {
    /// The words beside those of [`Answer`].
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("not_concerned", Self::NotConcerned), ("not_in_force", Self::NotInForce)];

    /// What a word asks for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let own = Self::WORDS.iter().find(|(own, _)| *own == word).map(|(_, expected)| *expected);
        own.or_else(|| Answer::of_word(word).map(Self::Answer))
    }

    /// The word in test rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer(answer) => answer.as_str(),
            Self::NotConcerned => "not_concerned",
            Self::NotInForce => "not_in_force",
        }
    }
}

/// A test row: facts in, answer out.
#[derive(Debug, Clone)]
pub struct PolicyTest {
    /// What it shows.
    pub name: String,
    /// The last month of the period.
    pub period: i32,
    /// The limb asked; none: the only one in force.
    pub part: Option<String>,
    /// Facts by name; one left out is unknown, but for [`RELIEF`] (0) and [`WAIVED`] (false).
    pub facts: Vec<(At<String>, At<TestValue>)>,
    /// Built-in facts that are unknown.
    pub unknown: Vec<String>,
    /// Expected answer.
    pub answer: Expected,
    /// Expected benefit, as written.
    pub benefit: Option<At<String>>,
    /// Expected amount, as written.
    pub amount: Option<At<String>>,
    /// Conditions expected to fail, where the row says so.
    pub failed: Option<Vec<String>>,
    /// Facts expected to be missing, where the row says so.
    pub missing: Option<Vec<String>>,
    /// Where it stands.
    pub span: Range<usize>,
}

/// A preferential policy as written down in one file.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Id, e.g. `B34`.
    pub code: At<String>,
    /// Name.
    pub name: Bilingual,
    /// Tax concerned.
    pub tax: String,
    /// The period it is asked for.
    pub grain: Grain,
    /// Ten-digit relief codes by which it is claimed; none where it has no code.
    pub relief_codes: Vec<String>,
    /// Where in the returns a claim shows.
    pub claim_lines: Bilingual,
    /// What is claimed, in yuan, over the facts; [`RELIEF`] where it has a code of its own.
    pub claim: At<String>,
    /// Whom it is asked of; none: everyone.
    pub concerns: Option<At<String>>,
    /// Policies of one group exclude each other.
    pub group: Option<String>,
    /// Whether it can be given up.
    pub waivable: bool,
    /// Yuan by which claim and benefit may differ, as written.
    pub tolerance: At<String>,
    /// What to tell who did not claim.
    pub advice: Bilingual,
    /// Query that returns the rows behind an answer, with `$taxpayer_key`, `$from` and `$to` (months).
    pub evidence: At<String>,
    /// What a reader should know.
    pub notes: Option<Bilingual>,
    /// Inputs, in the order of the file, then the built-in ones.
    pub facts: Vec<Fact>,
    /// Versions, in the order of the file.
    pub versions: Vec<Version>,
    /// Test rows.
    pub tests: Vec<PolicyTest>,
}

impl Policy {
    /// Months of a period.
    #[must_use]
    pub fn months(&self) -> i32 {
        self.grain.months()
    }
}
