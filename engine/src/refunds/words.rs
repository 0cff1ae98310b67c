//! What the queue says of an application, in Chinese with the legal text, and in English.

use assay_indicators::{Language, money};
use assay_tasks::month_zh;
use chrono::NaiveDate;

use super::clock::ClockState;
use super::eligible::policy;
use super::facts::Evidence;
use super::propose::{Proposal, Row};
use super::reason::Verdict;
use crate::policy::yuan;

/// First day of 国家税务总局公告2025年第20号.
const NEW_RULE: (i32, u32, u32) = (2025, 9, 1);

/// The legal text behind a proposal, by the day the application was accepted.
pub(super) fn basis(row: &Row) -> String {
    let accepted = row.application.received_on.or(row.application.applied_on);
    let new = NaiveDate::from_ymd_opt(NEW_RULE.0, NEW_RULE.1, NEW_RULE.2);
    if accepted < new {
        return "国家税务总局公告2019年第20号".to_owned();
    }
    let article = match row.proposal {
        Proposal::Hold => "第七条",
        Proposal::Terminate => "第九条",
        Proposal::Adjust => "第十条",
        Proposal::Refuse | Proposal::Release if is_resumed(row) => "第八条",
        _ => "",
    };
    format!("国家税务总局公告2025年第20号{article}；财政部 税务总局公告2025年第7号（{}）", policy())
}

fn is_resumed(row: &Row) -> bool {
    row.clock.is_some_and(|clock| clock.state == ClockState::Resumed)
}

/// What is missing: of the policy, of reasons, of the clock.
pub(super) fn missing(row: &Row) -> String {
    if row.proposal == Proposal::Decided {
        return String::new();
    }
    let mut parts = Vec::new();
    if row.eligible.amount.is_none() {
        let what = if row.eligible.missing.is_empty() { "应退税额" } else { &row.eligible.missing };
        parts.push(what.to_owned());
    }
    let unknown = row.verdicts.iter().filter(|verdict| verdict.holds.is_none());
    parts.extend(unknown.map(|verdict| verdict.missing.clone()));
    if row.clock.is_none() {
        parts.push(if row.application.received_on.is_none() { "受理日期" } else { "工作日历" }.to_owned());
    }
    parts.join("；")
}

pub(super) fn message_zh(row: &Row, day: NaiveDate) -> String {
    let one = &row.application;
    let mut out = format!("申请退还{}期末留抵税额{}", month_zh(one.period), yuan(one.amount));
    if row.proposal == Proposal::Decided {
        let how = match one.decision.as_deref() {
            Some("granted") => "准予退税",
            Some("refused") => "不予退税",
            Some("terminated") => "终止办理",
            Some("withdrawn") => "纳税人撤回",
            _ => "办结",
        };
        let on = one.decided_on.unwrap_or(day);
        out.push_str(&format!("，{on}{how}{}", one.granted.map(yuan).unwrap_or_default()));
        if let Some((clock, due)) = row.clock.and_then(|clock| Some((clock, clock.due_on?))) {
            let late = if clock.overdue() { "，超期" } else { "" };
            out.push_str(&format!("，用{}个工作日（期限{due}{late}）", clock.used));
        }
        out.push('。');
        return out;
    }
    match (row.eligible.amount, row.difference()) {
        (Some(eligible), Some(difference)) if difference.abs() > 100 => {
            let which = if difference > 0 { "多申请" } else { "少申请" };
            out.push_str(&format!("，按政策可退{}，{which}{}", yuan(eligible), yuan(difference.abs())));
        }
        (Some(eligible), _) => out.push_str(&format!("，按政策可退{}", yuan(eligible))),
        (None, _) => out.push_str("，可退税额无法判断"),
    }
    if !row.eligible.failed_zh.is_empty() {
        out.push_str(&format!("（不满足：{}）", row.eligible.failed_zh));
    }
    out.push_str(&format!("。建议{}", row.proposal.zh()));
    let held: Vec<String> =
        row.verdicts.iter().filter(|verdict| verdict.holds == Some(true)).map(verdict_zh).collect();
    if !held.is_empty() {
        out.push_str(&format!("：{}", held.join("；")));
    }
    if !row.missing.is_empty() {
        out.push_str(&format!("。缺少：{}", row.missing));
    }
    out.push_str(&clock_zh(row));
    out.push('。');
    out
}

fn clock_zh(row: &Row) -> String {
    let Some(clock) = row.clock else { return String::new() };
    let since =
        |text: &str, day: Option<NaiveDate>| day.map(|day| format!("{day}{text}")).unwrap_or_default();
    let (suspended, resumed) = (since("暂停", clock.suspended_on), since("排除", clock.resumed_on));
    match (clock.due_on, clock.left) {
        (Some(due), Some(left)) => {
            let from = if clock.state == ClockState::Resumed {
                format!("（{suspended}，{resumed}）")
            } else {
                String::new()
            };
            let rest = match left {
                0 => "当日到期".to_owned(),
                1.. => format!("剩{left}个工作日"),
                _ => format!("已超期{}个工作日", -left),
            };
            format!("。{}第{}个工作日{from}，应于{due}前办结，{rest}", clock.state.zh(), clock.used)
        }
        _ => format!("。{}（{suspended}），暂停前已用{}个工作日", clock.state.zh(), clock.used),
    }
}

fn verdict_zh(verdict: &Verdict) -> String {
    let rows: Vec<String> = verdict.evidence.iter().take(3).map(evidence_zh).collect();
    let more = match verdict.evidence.len() {
        n @ 4.. => format!("等{n}项"),
        _ => String::new(),
    };
    if rows.is_empty() {
        return verdict.reason.zh().to_owned();
    }
    format!("{}（{}{more}）", verdict.reason.zh(), rows.join("、"))
}

fn evidence_zh(row: &Evidence) -> String {
    let on = row.day.map(|day| day.to_string()).unwrap_or_default();
    match row.source.as_str() {
        "task" => format!("任务{} {}", row.number, row.detail.as_deref().unwrap_or_default()),
        "enforcement_case" => format!("案件{} {on}立案", row.number),
        "vat_mismatch" => format!("所属期{}比对不符{}", row.number, row.amount.map(yuan).unwrap_or_default()),
        _ => format!("发票{} 税额{}", row.number, row.amount.map(yuan).unwrap_or_default()),
    }
}

/// What to do, and what ends a hold.
pub(super) fn advice_zh(row: &Row) -> String {
    match row.proposal {
        Proposal::Release if row.difference().is_some_and(|difference| difference < -100) => {
            "按申请额办理，出具准予留抵退税的《税务事项通知书》；可提示纳税人少申请部分。".to_owned()
        }
        Proposal::Release => {
            "核对进项构成比例及出口退税办理情况后，出具准予留抵退税的《税务事项通知书》。".to_owned()
        }
        Proposal::Adjust => {
            "按最近一期期末留抵税额扣减已核准免抵退税额、增值税欠税后的余额重新核定，与纳税人核对差额后按核定额出具《税务事项通知书》。"
                .to_owned()
        }
        Proposal::Hold => {
            let held = row.verdicts.iter().filter(|verdict| verdict.holds == Some(true));
            let ends: Vec<&str> = held.map(|verdict| verdict.reason.ends_zh()).collect();
            format!("暂停办理；{}后恢复，自排除且处理完毕之日起5个工作日内完成审核。", ends.join("、"))
        }
        Proposal::Refuse => "不符合留抵退税条件，出具不予留抵退税的《税务事项通知书》，并告知不满足的条件。".to_owned(),
        Proposal::Terminate => {
            "终止办理，自作出决定之日起5个工作日内出具《税务事项通知书》；核查处理完毕后仍符合条件的可重新申请。".to_owned()
        }
        Proposal::CannotTell => format!("补充以下数据或人工核实后再定：{}。", row.missing),
        Proposal::Decided => String::new(),
    }
}

pub(super) fn message_en(row: &Row) -> String {
    let one = &row.application;
    let shown = |fen: i128| format!("{} yuan", money(fen, Language::En));
    let mut out = format!("{} of the credit of {} asked for", shown(one.amount), one.period);
    if row.proposal == Proposal::Decided {
        let on = one.decided_on.map(|day| day.to_string()).unwrap_or_default();
        return format!("{out}; {} on {on}.", one.decision.as_deref().unwrap_or("decided"));
    }
    match row.eligible.amount {
        Some(eligible) => out.push_str(&format!(", {} may be refunded", shown(eligible))),
        None => out.push_str(", what may be refunded cannot be told"),
    }
    out.push_str(&format!("; proposed: {}", row.proposal.word().replace('_', " ")));
    let held = row.verdicts.iter().filter(|verdict| verdict.holds == Some(true));
    let held: Vec<&str> = held.map(|verdict| verdict.reason.en()).collect();
    if !held.is_empty() {
        out.push_str(&format!(" ({})", held.join("; ")));
    }
    if let Some((due, left)) = row.clock.and_then(|clock| clock.due_on.zip(clock.left)) {
        out.push_str(&format!("; due on {due}, {left} working days left"));
    }
    out.push('.');
    out
}
