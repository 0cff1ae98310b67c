//! The reasons for which the handling of a refund is suspended (暂停办理, 国家税务总局公告2025年第20号第七条), and what is known of each.

use super::facts::{Application, Evidence, Loaded};
use chrono::NaiveDate;

/// A reason to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// 存在增值税涉税风险疑点.
    Risk,
    /// 被税务稽查立案且未结案.
    Audit,
    /// 增值税申报比对异常未处理.
    Mismatch,
    /// 取得增值税异常扣税凭证未处理.
    Voucher,
    /// 国家税务总局规定的其他情形: only the office's own record tells.
    Other,
}

/// Where a row that decides over a reason stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Cleared,
    Unknown,
}

impl State {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "open" => Self::Open,
            "cleared" => Self::Cleared,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }
}

impl Reason {
    /// All of them, in the order of the text.
    pub const ALL: [Self; 5] = [Self::Risk, Self::Audit, Self::Mismatch, Self::Voucher, Self::Other];

    /// The word that is stored, as in `refund_suspension`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Audit => "audit",
            Self::Mismatch => "mismatch",
            Self::Voucher => "voucher",
            Self::Other => "other",
        }
    }

    /// The reason of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// The text's own words.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Risk => "存在增值税涉税风险疑点",
            Self::Audit => "被税务稽查立案且未结案",
            Self::Mismatch => "增值税申报比对异常未处理",
            Self::Voucher => "取得增值税异常扣税凭证未处理",
            Self::Other => "国家税务总局规定的其他情形",
        }
    }

    /// The same in English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Risk => "a suspicion of VAT risk is open",
            Self::Audit => "an audit is open",
            Self::Mismatch => "a VAT return did not agree when compared, and is not dealt with",
            Self::Voucher => "abnormal vouchers are not dealt with",
            Self::Other => "another reason the State Taxation Administration names",
        }
    }

    /// What ends it.
    #[must_use]
    pub fn ends_zh(self) -> &'static str {
        match self {
            Self::Risk => "疑点排查完毕并排除",
            Self::Audit => "案件结案",
            Self::Mismatch => "比对异常处理完毕",
            Self::Voucher => "进项税额转出、异常解除或核实允许抵扣",
            Self::Other => "规定情形消除",
        }
    }

    /// What has to be loaded to know, in Chinese and by table.
    fn source(self) -> &'static str {
        match self {
            Self::Risk => "风险扫描结果(scan)",
            Self::Audit => "稽查案件(enforcement_case)",
            Self::Mismatch => "申报比对异常(vat_mismatch)",
            Self::Voucher => "发票及抵扣信息(invoice)",
            Self::Other => "暂停记录(refund_suspension)",
        }
    }

    fn is_loaded(self, loaded: &Loaded, period: i32) -> bool {
        match self {
            // A scan of before the month whose credit is asked for has not seen it.
            Self::Risk => loaded.scanned.is_some_and(|month| month >= period),
            Self::Audit => loaded.cases,
            Self::Mismatch => loaded.mismatches,
            Self::Voucher => loaded.invoices && loaded.deductions,
            Self::Other => true,
        }
    }
}

/// Whether a reason holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The reason.
    pub reason: Reason,
    /// True, false, or none where it cannot be told.
    pub holds: Option<bool>,
    /// What is missing to tell; empty where it can be told.
    pub missing: String,
    /// Rows that decide, in words; open ones first.
    pub(super) evidence: Vec<Evidence>,
    /// The day it was cleared, of a reason the office holds the application for.
    pub cleared_on: Option<NaiveDate>,
}

/// What is known of every reason, of one application.
pub(super) fn verdicts(one: &Application, evidence: &[Evidence], loaded: &Loaded) -> Vec<Verdict> {
    Reason::ALL.into_iter().map(|reason| verdict(reason, one, evidence, loaded)).collect()
}

fn verdict(reason: Reason, one: &Application, evidence: &[Evidence], loaded: &Loaded) -> Verdict {
    let of = |state: State| evidence.iter().filter(move |row| row.reason == reason && row.state == state);
    let held = one.held.last().filter(|held| held.to.is_none());
    let held = held.filter(|held| held.reason.as_deref().and_then(Reason::parse) == Some(reason));
    let verdict = |holds, missing: &str, rows: Vec<Evidence>, cleared_on| Verdict {
        reason,
        holds,
        missing: missing.to_owned(),
        evidence: rows,
        cleared_on,
    };
    if of(State::Open).next().is_some() {
        return verdict(Some(true), "", of(State::Open).chain(of(State::Unknown)).cloned().collect(), None);
    }
    if reason == Reason::Other {
        return verdict(Some(held.is_some()), "", Vec::new(), None);
    }
    if of(State::Unknown).next().is_some() {
        let missing = match reason {
            Reason::Voucher => "异常凭证转出明细",
            Reason::Audit => "案件类型(enforcement_case.kind)",
            _ => "处理完毕日期",
        };
        return verdict(None, missing, of(State::Unknown).cloned().collect(), None);
    }
    if !reason.is_loaded(loaded, one.period) {
        return verdict(None, reason.source(), Vec::new(), None);
    }
    let Some(held) = held else { return verdict(Some(false), "", Vec::new(), None) };
    // The office holds it for this: only a row that was cleared since shows that it is over.
    let since: Vec<Evidence> = of(State::Cleared)
        .filter(|row| row.cleared_on.is_some_and(|day| day >= held.from))
        .cloned()
        .collect();
    match since.iter().filter_map(|row| row.cleared_on).max() {
        Some(day) => verdict(Some(false), "", since, Some(day)),
        None => verdict(None, "情形排除记录(refund_suspension.resumed_on)", Vec::new(), None),
    }
}
