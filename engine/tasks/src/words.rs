//! The Chinese words for codes that stand in tasks: grades, taxes, states, source marks, tables. An unknown code is
//! shown as it is, never guessed.

/// 风险等级.
pub fn grade(code: &str) -> &str {
    match code {
        "high" => "高",
        "medium" => "中",
        "low" => "低",
        other => other,
    }
}

/// 税种.
pub fn tax(code: &str) -> &str {
    match code {
        "vat" => "增值税",
        "cit" => "企业所得税",
        "iit" => "个人所得税",
        "consumption" | "consumption_tax" => "消费税",
        "land_vat" | "lat" => "土地增值税",
        "property" | "property_tax" => "房产税",
        "land_use" | "land_use_tax" => "城镇土地使用税",
        "stamp" | "stamp_duty" => "印花税",
        "deed" | "deed_tax" => "契税",
        "resource" | "resource_tax" => "资源税",
        "vehicle" | "vehicle_tax" => "车船税",
        "environment" | "environmental" => "环境保护税",
        "city_construction" | "surcharge" => "城市维护建设税及附加",
        "social_insurance" | "social" => "社会保险费",
        "export" | "export_refund" => "出口退税",
        "farmland" => "耕地占用税",
        "city_maintenance" => "城市维护建设税",
        "education" => "教育费附加",
        "local_education" => "地方教育附加",
        "local" => "六税两费",
        "disabled_fund" => "残疾人就业保障金",
        "all" => "各税种",
        "administration" | "admin" => "征收管理",
        other => other,
    }
}

/// The taxes of a task, comma separated codes, as Chinese words.
pub(super) fn taxes(codes: &str) -> String {
    codes.split(',').map(tax).collect::<Vec<_>>().join("、")
}

/// A group of peers (`industry F51, sales 5000000+, region 4401`; `industry F`; `all`) as an officer reads it.
pub(super) fn peer_group(group: &str) -> String {
    if group == "all" {
        return "全部纳税人".to_owned();
    }
    let part = |part: &str| match part.split_once(' ') {
        Some(("industry", code)) if code.len() == 1 => industry(code),
        Some(("industry", code)) => format!("行业{code}"),
        Some(("sales", band)) => match (band.strip_suffix('+'), band.strip_prefix('<')) {
            (Some(from), _) => format!("年销售额{from}元以上"),
            (_, Some(below)) => format!("年销售额不足{below}元"),
            _ => "年销售额不限".to_owned(),
        },
        Some(("region", code)) => format!("地区{code}"),
        _ => part.to_owned(),
    };
    group.split(", ").map(part).collect::<Vec<_>>().join("，")
}

/// Where a warning line comes from (source mark).
pub fn line_source(mark: &str) -> &str {
    match mark {
        "V" => "已核对的公开规定",
        "K" => "公开规定（引用前请核对原文）",
        "P" => "业内经验",
        "D" => "系统默认，待校准",
        other => other,
    }
}

/// What a line was measured against; none for an absolute line.
pub(super) fn line_kind(kind: &str) -> Option<&str> {
    match kind {
        "absolute" => None,
        "peer_p90" => Some("同业P90"),
        "peer_p10" => Some("同业P10"),
        "peer_median" => Some("同业中位数"),
        "peer_z" => Some("同业中位数和离散度"),
        other => Some(other),
    }
}

/// The comparison sign an officer reads.
pub(super) fn comparison(op: &str) -> &str {
    match op {
        ">=" => "≥",
        "<=" => "≤",
        // A cell that opens with `=` becomes a formula in the hands of many a program.
        "=" => "应为",
        other => other,
    }
}

/// 行业: the code, with the name of its section (GB/T 4754-2017) where the code opens with one.
pub fn industry(code: &str) -> String {
    let name = match code.as_bytes().first() {
        Some(b'A') => "农、林、牧、渔业",
        Some(b'B') => "采矿业",
        Some(b'C') => "制造业",
        Some(b'D') => "电力、热力、燃气及水生产和供应业",
        Some(b'E') => "建筑业",
        Some(b'F') => "批发和零售业",
        Some(b'G') => "交通运输、仓储和邮政业",
        Some(b'H') => "住宿和餐饮业",
        Some(b'I') => "信息传输、软件和信息技术服务业",
        Some(b'J') => "金融业",
        Some(b'K') => "房地产业",
        Some(b'L') => "租赁和商务服务业",
        Some(b'M') => "科学研究和技术服务业",
        Some(b'N') => "水利、环境和公共设施管理业",
        Some(b'O') => "居民服务、修理和其他服务业",
        Some(b'P') => "教育",
        Some(b'Q') => "卫生和社会工作",
        Some(b'R') => "文化、体育和娱乐业",
        Some(b'S') => "公共管理、社会保障和社会组织",
        Some(b'T') => "国际组织",
        _ => return code.to_owned(),
    };
    format!("{code} {name}")
}

/// The Chinese name of a table an evidence query reads; none for names that are no source table (such as a CTE).
fn source_table(name: &str) -> Option<&'static str> {
    Some(match name {
        "invoice" | "rollup_sold" | "rollup_bought" | "rollup_trade" => "增值税发票",
        "invoice_line" | "rollup_goods" => "增值税发票明细",
        "deduction_claim" => "增值税抵扣联",
        "vat_return" => "增值税申报表",
        "cit_return" => "企业所得税申报表",
        "financial_statement" => "财务报表",
        "payroll" => "个人所得税扣缴申报",
        "taxpayer" | "registration_change" | "qualification" => "税务登记",
        "shareholder" => "股东信息",
        "social_insurance" => "社会保险费",
        "electricity" => "用电数据",
        "water_gas" => "用水用气数据",
        "customs_declaration" => "海关报关单",
        "export_refund" => "出口退税申报",
        "bank_flow" => "银行流水",
        "real_estate" => "不动产登记",
        "platform_sales" => "电商平台销售",
        "court_case" => "司法与处罚",
        "risk_list" => "风险名单",
        "payment" => "税款缴纳",
        "enforcement_case" => "稽查与评估",
        _ => return None,
    })
}

/// 数据来源: the source tables an evidence query reads (the words after FROM and JOIN), in order, none twice.
pub(super) fn sources(evidence_sql: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut expects_table = false;
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    for word in evidence_sql.split(|character| !is_name(character)).filter(|word| !word.is_empty()) {
        let word = word.to_ascii_lowercase();
        if expects_table
            && let Some(name) = source_table(&word)
            && !found.contains(&name)
        {
            found.push(name);
        }
        expects_table = word == "from" || word == "join";
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_the_tables_read() {
        let sql = "WITH late AS (SELECT * FROM invoice WHERE invoice_id <> '') \
                   SELECT payroll FROM late JOIN vat_return USING (taxpayer_id) JOIN invoice ON true";
        assert_eq!(sources(sql), ["增值税发票", "增值税申报表"]);
    }

    #[test]
    fn unknown_codes_are_shown_as_they_are() {
        assert_eq!(taxes("vat,export,tonnage"), "增值税、出口退税、tonnage");
        assert_eq!(industry("F5111"), "F5111 批发和零售业");
        assert_eq!(industry("9999"), "9999");
        assert_eq!(line_kind("absolute"), None);
        assert_eq!(peer_group("industry F"), "F 批发和零售业");
        assert_eq!(peer_group("industry F51, sales 0+, region 4401"), "行业F51，年销售额0元以上，地区4401");
    }
}
