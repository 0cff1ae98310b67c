//! The states of a task and what may be done in each. Who may do it is not decided here.

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Made, not sent yet.
    Created,
    /// Sent to its office.
    Dispatched,
    /// Taken up, or answered in part.
    InProgress,
    /// Answered whole.
    Answered,
    /// The answer was looked at and holds.
    Reviewed,
    /// Ended.
    Closed,
    /// Taken back before it was answered.
    Recalled,
}

/// What is done to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Send to its office.
    Dispatch,
    /// Take up.
    Start,
    /// Put down a part of an answer.
    Draft,
    /// Answer whole.
    Answer,
    /// Fill in what was not known when answering.
    Supplement,
    /// Send an answer back to be mended.
    Return,
    /// Confirm an answer.
    Review,
    /// End.
    Close,
    /// Give more time.
    Extend,
    /// Hand to another office.
    Transfer,
    /// Take back.
    Recall,
    /// Hits of a later scan join.
    Join,
    /// What no longer holds is taken out.
    Settle,
}

impl State {
    /// All of them, in the order of a task's life.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::Dispatched,
        Self::InProgress,
        Self::Answered,
        Self::Reviewed,
        Self::Closed,
        Self::Recalled,
    ];

    /// The word that is stored and shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Dispatched => "dispatched",
            Self::InProgress => "in_progress",
            Self::Answered => "answered",
            Self::Reviewed => "reviewed",
            Self::Closed => "closed",
            Self::Recalled => "recalled",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Created => "待下发",
            Self::Dispatched => "已下发",
            Self::InProgress => "应对中",
            Self::Answered => "已反馈",
            Self::Reviewed => "已复核",
            Self::Closed => "已办结",
            Self::Recalled => "已撤回",
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing will happen to the task any more.
    #[must_use]
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Closed | Self::Recalled)
    }

    /// Whether an office is to answer.
    #[must_use]
    pub fn awaits_answer(self) -> bool {
        matches!(self, Self::Dispatched | Self::InProgress)
    }

    /// The state after an action; none where the action is not allowed.
    #[must_use]
    pub fn after(self, action: Action) -> Option<Self> {
        use Action as A;
        Some(match (self, action) {
            (Self::Created, A::Dispatch) => Self::Dispatched,
            // A task not sent yet has nobody who could have begun with it.
            (Self::Created, A::Transfer | A::Join | A::Settle) => Self::Created,
            (Self::Dispatched, A::Start | A::Draft) => Self::InProgress,
            (Self::Dispatched | Self::InProgress, A::Answer) => Self::Answered,
            (Self::InProgress, A::Draft) => Self::InProgress,
            (Self::Dispatched | Self::InProgress, A::Extend | A::Join) => self,
            // The new office has not begun.
            (Self::Dispatched | Self::InProgress, A::Transfer) => Self::Dispatched,
            (Self::Created | Self::Dispatched | Self::InProgress, A::Recall) => Self::Recalled,
            (Self::Answered | Self::Reviewed, A::Supplement) => self,
            (Self::Answered | Self::Reviewed, A::Return) => Self::InProgress,
            (Self::Answered, A::Review) => Self::Reviewed,
            (Self::Reviewed, A::Close) => Self::Closed,
            _ => return None,
        })
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Dispatch,
        Self::Start,
        Self::Draft,
        Self::Answer,
        Self::Supplement,
        Self::Return,
        Self::Review,
        Self::Close,
        Self::Extend,
        Self::Transfer,
        Self::Recall,
        Self::Join,
        Self::Settle,
    ];

    /// Whether there is a command for it; the others follow from scans and returned workbooks.
    #[must_use]
    pub fn is_command(self) -> bool {
        !matches!(self, Self::Draft | Self::Answer | Self::Supplement | Self::Join | Self::Settle)
    }

    /// The word that is stored and typed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Start => "start",
            Self::Draft => "draft",
            Self::Answer => "answer",
            Self::Supplement => "supplement",
            Self::Return => "return",
            Self::Review => "review",
            Self::Close => "close",
            Self::Extend => "extend",
            Self::Transfer => "transfer",
            Self::Recall => "recall",
            Self::Join => "join",
            Self::Settle => "settle",
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Dispatch => "下发",
            Self::Start => "开始应对",
            Self::Draft => "部分反馈",
            Self::Answer => "反馈",
            Self::Supplement => "补充反馈",
            Self::Return => "退回",
            Self::Review => "复核",
            Self::Close => "办结",
            Self::Extend => "延期",
            Self::Transfer => "移送",
            Self::Recall => "撤回",
            Self::Join => "并入新疑点",
            Self::Settle => "剔除不再成立的疑点",
        }
    }

    /// The action of a stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }

    /// What was done, for «cannot be …».
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatched",
            Self::Start => "started",
            Self::Draft | Self::Answer => "answered",
            Self::Supplement => "supplemented",
            Self::Return => "returned",
            Self::Review => "reviewed",
            Self::Close => "closed",
            Self::Extend => "extended",
            Self::Transfer => "transferred",
            Self::Recall => "recalled",
            Self::Join => "joined by further hits",
            Self::Settle => "relieved of what no longer holds",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.word()), Some(state));
        }
        for action in Action::ALL {
            assert_eq!(Action::parse(action.word()), Some(action));
        }
        assert_eq!(State::parse("open"), None);
    }

    #[test]
    fn an_ended_task_stays_ended_and_every_other_can_end() {
        for state in State::ALL {
            let next: Vec<State> = Action::ALL.into_iter().filter_map(|action| state.after(action)).collect();
            assert_eq!(next.is_empty(), state.is_ended(), "{state:?}");
        }
    }
}
