//! The response policy: what an office is asked to do with a task of each grade. Read from `response.toml`, or from a
//! file of the warehouse that takes its place.

use serde::Deserialize;

use super::error::TaskError;

/// The text of the policy that comes with Assay.
pub const RESPONSE_POLICY: &str = include_str!("response.toml");

/// The published ways of response.
const WAYS: [&str; 8] =
    ["提示提醒", "纳税辅导", "税务约谈", "调查核实", "纳税评估", "税务审计", "反避税调查", "税务稽查"];

/// How tasks are typed and answered, by grade.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponsePolicy {
    /// Two capital letters or digits inside the task number.
    pub task_type: String,
    /// 任务来源.
    pub source: String,
    /// Months covered, when an indicator does not say.
    pub period_months: u32,
    /// 应对方式 of each grade.
    pub response: GradeResponse,
}

/// 应对方式 of each grade, and of tasks without a suspicion; several ways are joined with `/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradeResponse {
    /// Grade high.
    pub high: String,
    /// Grade medium.
    pub medium: String,
    /// Grade low.
    pub low: String,
    /// A benefit that was claimed and is not due.
    pub verify: String,
    /// A benefit that is due and was not claimed.
    pub remind: String,
}

/// Calendar days an office has to respond, by grade; they come from the scorecard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GradeDays {
    /// Grade high.
    pub high: i32,
    /// Grade medium.
    pub medium: i32,
    /// Grade low.
    pub low: i32,
}

impl GradeDays {
    /// Days of a grade (`high`, `medium`, `low`); none for any other word.
    #[must_use]
    pub fn of(&self, grade: &str) -> Option<i32> {
        match grade {
            "high" => Some(self.high),
            "medium" => Some(self.medium),
            "low" => Some(self.low),
            _ => None,
        }
    }
}

impl ResponsePolicy {
    /// The policy built into the program.
    ///
    /// # Errors
    /// [`TaskError::Policy`] if the built-in file is wrong, which the tests exclude.
    pub fn built_in() -> Result<Self, TaskError> {
        Self::parse(RESPONSE_POLICY, "response.toml")
    }

    /// Reads a policy; `origin` is the file name that errors speak of.
    ///
    /// # Errors
    /// [`TaskError::Policy`] with everything that is wrong in it.
    pub fn parse(text: &str, origin: &str) -> Result<Self, TaskError> {
        let wrong = |problems| TaskError::Policy { origin: origin.to_owned(), problems };
        let policy: Self = toml::from_str(text).map_err(|error| wrong(vec![error.to_string()]))?;
        let problems = policy.problems();
        if problems.is_empty() { Ok(policy) } else { Err(wrong(problems)) }
    }

    /// 应对方式 of a grade, of `verify` or `remind`; none for any other word.
    #[must_use]
    pub fn response_of(&self, grade: &str) -> Option<&str> {
        match grade {
            "high" => Some(&self.response.high),
            "medium" => Some(&self.response.medium),
            "low" => Some(&self.response.low),
            "verify" => Some(&self.response.verify),
            "remind" => Some(&self.response.remind),
            _ => None,
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if self.task_type.len() != 2 || !self.task_type.bytes().all(letters) {
            let found = &self.task_type;
            problems.push(format!("task_type is `{found}`; write two capital letters or digits, such as FX"));
        }
        if !(1..=120).contains(&self.period_months) {
            problems.push(format!("period_months is {}; write 1 to 120", self.period_months));
        }
        let GradeResponse { high, medium, low, verify, remind } = &self.response;
        let all = [("high", high), ("medium", medium), ("low", low), ("verify", verify), ("remind", remind)];
        for (grade, ways) in all {
            for way in ways.split('/').filter(|way| !WAYS.contains(way)) {
                problems.push(format!("response.{grade}: `{way}` is none of {}", WAYS.join(" ")));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_built_in_policy_is_valid() {
        let policy = ResponsePolicy::built_in().unwrap();
        assert_eq!(policy.response_of("high"), Some("纳税评估"));
        assert_eq!(policy.response_of("medium"), Some("税务约谈/调查核实"));
        assert_eq!(policy.response_of("urgent"), None);
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let text = RESPONSE_POLICY
            .replace("\"FX\"", "\"risk\"")
            .replace("= 12", "= 0")
            .replace("提示提醒\"", "打电话\"");
        let TaskError::Policy { origin, problems } = ResponsePolicy::parse(&text, "my.toml").unwrap_err()
        else {
            panic!("another error");
        };
        // The way of the lowest grade is the one of reminders too.
        assert_eq!((origin.as_str(), problems.len()), ("my.toml", 4));
    }
}
