//! A rule that looks at a later class of indicators only when an earlier one is conspicuous.

use serde::Deserialize;

use super::HitFigures;

/// The classes of such a rule.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gate {
    /// The rule, for who reads the file.
    #[serde(rename = "name")]
    _name: String,
    /// Codes, first class first.
    classes: Vec<Vec<String>>,
}

impl Gate {
    fn class_of(&self, code: &str) -> Option<usize> {
        self.classes.iter().position(|class| class.iter().any(|member| member == code))
    }

    /// Whether a hit counts beside the taxpayer's others: it is of no class, of the first, or one of an earlier class
    /// is there.
    pub(super) fn opens(&self, code: &str, hits: &[HitFigures<'_>]) -> bool {
        let earlier = |class: usize| {
            hits.iter().any(|hit| self.class_of(hit.indicator).is_some_and(|other| other < class))
        };
        self.class_of(code).is_none_or(|class| class == 0 || earlier(class))
    }

    /// Codes of all classes.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().flatten().map(String::as_str)
    }
}
