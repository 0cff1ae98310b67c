//! 登记: the register, qualifications, shareholders, and what changed.

use super::source::{STATUS, Source, shown};
use crate::Result;
use crate::pages::figures::UNKNOWN;
use crate::pages::rows::Rows;
use crate::pages::section::{Block, Kind, Section, State, col, word};

const REGISTER: &str = include_str!("../../../../sql/pages/register.sql");
const CHANGES: &str = include_str!("../../../../sql/pages/changes.sql");
const QUALIFICATIONS: &str = include_str!("../../../../sql/pages/qualifications.sql");
const SHAREHOLDERS: &str = include_str!("../../../../sql/pages/shareholders.sql");

/// The section, and the register's row.
pub(super) async fn sections(source: &Source<'_>) -> Result<(Section, Rows)> {
    let registration = source.rows(REGISTER).await?;
    let mut register = source.block_of("register", "基本信息", "taxpayer", registration.clone()).await?;
    if register.state == State::Filled {
        register.facts = facts(&registration);
        register.notes.push(
            "人员、电话、地址、设备只显示内部编号；编号相同即为同一人、同一号码、同一地址、同一设备。".into(),
        );
    }
    let blocks =
        vec![register, shareholders(source).await?, qualifications(source).await?, changes(source).await?];
    Ok((Section { id: "registration", zh: "登记", blocks }, registration))
}

fn facts(rows: &Rows) -> Vec<(String, String)> {
    let coded = |code: &str, name: &str| {
        let (code, name) = (rows.text(0, code), rows.text(0, name));
        let parts: Vec<String> = [code, name].into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { UNKNOWN.to_owned() } else { parts.join(" ") }
    };
    let of = |name: &str, kind: Kind| shown(rows, name, kind);
    let people = ["legal_rep_key", "finance_key", "agent_key"].map(|name| rows.text(0, name));
    let office = Some(rows.text(0, "office_path")).filter(|path| !path.is_empty());
    let pair = |label: &str, value: String| (label.to_owned(), value);
    vec![
        pair("纳税人名称", of("name", Kind::Text)),
        pair("纳税人识别号", of("taxpayer_id", Kind::Text)),
        pair("纳税人类型", of("kind", Kind::Word("taxpayer", "kind"))),
        pair("增值税资格", of("vat_status", Kind::Word("taxpayer", "vat_status"))),
        pair("登记状态", format!("{}（自{}）", of("status", STATUS), of("status_since", Kind::Text))),
        pair("纳税信用等级", of("credit_rating", Kind::Word("taxpayer", "credit_rating"))),
        pair("行业", coded("industry_code", "industry")),
        pair("登记注册类型", coded("ownership_code", "ownership")),
        pair("行政区划", coded("region_code", "region")),
        pair("登记日期", of("registered_on", Kind::Text)),
        pair("注册资本", money(rows, "registered_capital")),
        pair("实收资本", money(rows, "paid_in_capital")),
        pair("从业人数", of("employees", Kind::Count)),
        pair("法定代表人", numbered("人员", &people[0])),
        pair("财务负责人", numbered("人员", &people[1])),
        pair("办税员", numbered("人员", &people[2])),
        pair("联系电话", numbered("电话", &rows.text(0, "phone_key"))),
        pair("经营地址", numbered("地址", &rows.text(0, "address_key"))),
        pair("开票设备", numbered("设备", &rows.text(0, "device_key"))),
        pair("主管税务机关", office.unwrap_or_else(|| of("office_code", Kind::Text))),
    ]
}

fn money(rows: &Rows, name: &str) -> String {
    rows.hundredths(0, name).map_or_else(|| UNKNOWN.to_owned(), assay_tasks::money_zh)
}

/// A key with what it is a key of.
fn numbered(what: &str, key: &str) -> String {
    if key.is_empty() { UNKNOWN.to_owned() } else { format!("{what}编号 {key}") }
}

async fn shareholders(source: &Source<'_>) -> Result<Block> {
    let rows = source.rows(SHAREHOLDERS).await?;
    let who = (0..rows.len())
        .map(|row| {
            let (name, key) = (rows.text(row, "holder_name"), rows.text(row, "holder_person_key"));
            let known = if name.is_empty() { rows.text(row, "holder_id") } else { name };
            if known.is_empty() { numbered("人员", &key) } else { known }
        })
        .collect();
    let block = source.block_of("shareholders", "股东", "shareholder", rows.with("who", who)?).await?;
    Ok(block.half().table(&[
        col("who", "股东", Kind::Text),
        col("holder_kind", "类型", Kind::Word("shareholder", "holder_kind")),
        col("share", "持股比例", Kind::Percent),
        col("valid_from", "起始", Kind::Text),
    ]))
}

async fn qualifications(source: &Source<'_>) -> Result<Block> {
    let rows = source.rows(QUALIFICATIONS).await?;
    let state =
        (0..rows.len()).map(|row| if rows.is(row, "in_force") { "有效" } else { "已失效" }.to_owned());
    let state = state.collect();
    let block =
        source.block_of("qualifications", "资格认定", "qualification", rows.with("state_zh", state)?).await?;
    Ok(block.half().table(&[
        col("kind", "资格", Kind::Word("qualification", "kind")),
        col("valid_from", "有效期起", Kind::Text),
        col("valid_to", "有效期止", Kind::Text),
        col("state_zh", "状态", Kind::Text),
    ]))
}

async fn changes(source: &Source<'_>) -> Result<Block> {
    let rows = source.rows(CHANGES).await?;
    let side = |name: &str| {
        let one = |row: usize| {
            let text = rows.text(row, name);
            match (rows.text(row, "item").as_str(), text.is_empty()) {
                (_, true) if rows.is(row, "personal") => "个人信息，不显示".to_owned(),
                ("status", _) => word("taxpayer", "status", &text),
                _ => text,
            }
        };
        (0..rows.len()).map(one).collect::<Vec<_>>()
    };
    let (before, after) = (side("before"), side("after"));
    let rows = rows.with("before_zh", before)?.with("after_zh", after)?;
    let block = source.block_of("changes", "变更登记", "registration_change", rows).await?;
    Ok(block.table(&[
        col("changed_on", "变更日期", Kind::Text),
        col("item", "变更项目", Kind::Word("registration_change", "item")),
        col("before_zh", "变更前", Kind::Text),
        col("after_zh", "变更后", Kind::Text),
    ]))
}
