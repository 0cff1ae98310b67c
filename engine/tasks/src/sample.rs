//! Test data: a scan of thirty firms in two known offices, an office without a name and none at all, as the stored
//! tables would hold it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use chrono::NaiveDate;

use super::{GradeDays, IndicatorText, MergeInput, ResponsePolicy, TaskOptions, Tasks, merge};

pub(crate) const AS_OF: i32 = 202_506;

/// A hit as a test states it; the rest follows from the indicator.
#[derive(Debug, Clone)]
pub(crate) struct SampleHit {
    pub(crate) taxpayer: i64,
    pub(crate) indicator: &'static str,
    pub(crate) value: f64,
    pub(crate) amount: Option<i128>,
    pub(crate) points: i128,
}

struct SampleIndicator {
    code: &'static str,
    name: [&'static str; 2],
    family: &'static str,
    unit: &'static str,
    line: f64,
    kind: &'static str,
    basis: &'static [(&'static str, &'static str)],
    innocent: &'static [&'static str],
    ask: &'static [&'static str],
    message: &'static str,
    tables: &'static str,
}

const INDICATORS: [SampleIndicator; 8] = [
    SampleIndicator {
        code: "I05",
        name: ["作废率偏高", "High share of voided invoices"],
        family: "void_and_red",
        unit: "share",
        line: 0.10,
        kind: "absolute",
        basis: &[("金税三期指标清单", "P")],
        innocent: &[
            "开票软件升级或换版期间集中作废重开",
            "客户抬头、税号变更导致当月重开",
            "开票人员更换、培训期间误开",
        ],
        ask: &["作废发票存根联及各联次", "对应购销合同、出入库单", "客户要求作废的往来函件或聊天记录"],
        message: "近12个月开票1,842份，其中作废{value}，超过预警线10%；作废集中在季末最后3日，作废后7日内未见重开",
        tables: "FROM invoice WHERE seller_key = {key} AND period BETWEEN 202407 AND 202506 AND status = 'void'",
    },
    SampleIndicator {
        code: "I07",
        name: ["红冲金额占比偏高", "High share of red invoices"],
        family: "void_and_red",
        unit: "share",
        line: 0.08,
        kind: "peer_p90",
        basis: &[("国家税务总局公告2016年第47号《关于红字增值税发票开具有关问题的公告》", "K")],
        innocent: &["销货退回、质量折让属实且有退货单", "年度返利以红字发票结算"],
        ask: &["红字发票信息表", "退货入库单、折让协议", "退款银行回单"],
        message: "红字发票金额占蓝字金额{value}，高于同行第90百分位8%",
        tables: "FROM invoice WHERE seller_key = {key} AND period BETWEEN 202407 AND 202506 AND amount < 0",
    },
    SampleIndicator {
        code: "I12",
        name: ["开票金额突增", "Surge of invoiced amount"],
        family: "growth",
        unit: "ratio",
        line: 3.0,
        kind: "absolute",
        basis: &[("业内经验", "P")],
        innocent: &["新签大额合同集中结算", "季节性销售旺季", "项目完工一次性开票"],
        ask: &["大额合同及验收单", "产能、库存和运输单据", "收款银行流水"],
        message: "近3个月月均开票金额为此前12个月月均的{value}倍，超过预警线3倍，而同期进项未同步增长",
        tables: "FROM invoice WHERE seller_key = {key} AND period BETWEEN 202404 AND 202506 ORDER BY issued_at",
    },
    SampleIndicator {
        code: "I21",
        name: ["顶额开票", "Invoices just under the limit"],
        family: "pattern",
        unit: "share",
        line: 0.60,
        kind: "absolute",
        basis: &[],
        innocent: &["单价接近限额的标准化商品", "客户要求按单拆分结算"],
        ask: &["价目表、销售订单", "发货及签收记录"],
        message: "接近单张限额的发票占{value}，超过预警线60%",
        tables: "FROM invoice WHERE seller_key = {key} AND period = 202506 AND amount > 90000",
    },
    SampleIndicator {
        code: "V03",
        name: ["进销项金额严重不匹配", "Input and output do not match"],
        family: "balance",
        unit: "ratio",
        line: 2.0,
        kind: "peer_z",
        basis: &[
            ("国家税务总局公告2019年第38号《关于异常增值税扣税凭证管理等有关事项的公告》第二条", "V"),
            ("《中华人民共和国增值税法》第十六条", "K"),
        ],
        innocent: &[
            "轻资产服务业，进项天然偏少",
            "期初库存较大，本期少量采购",
            "农产品收购等自开凭证未纳入比对",
        ],
        ask: &["存货明细账及盘点表", "未取得发票的采购凭据", "成本核算说明"],
        message: "近12个月销项金额为进项金额的{value}倍，同行稳健Z值超过3.5",
        tables: "FROM invoice JOIN vat_return USING (taxpayer_id) WHERE seller_key = {key}",
    },
    SampleIndicator {
        code: "N03",
        name: ["客户高度集中且为新设", "Concentrated, newly met customers"],
        family: "network",
        unit: "share",
        line: 0.80,
        kind: "absolute",
        basis: &[("系统默认", "D")],
        innocent: &["为单一总包方、平台或集团供货", "新公司首个大客户"],
        ask: &["主要客户合同、对账单", "与客户是否存在关联关系的说明"],
        message: "近3个月新增客户的开票金额占{value}，超过预警线80%，其中2户登记不足6个月",
        tables: "FROM invoice JOIN taxpayer ON taxpayer.taxpayer_key = buyer_key WHERE seller_key = {key}",
    },
    SampleIndicator {
        code: "N09",
        name: ["对开发票", "Mutual invoicing"],
        family: "network",
        unit: "money",
        line: 500_000.0,
        kind: "absolute",
        basis: &[("《中华人民共和国发票管理办法》第二十一条", "V")],
        innocent: &["委托加工往来分别开票", "以货易货且双方均已申报"],
        ask: &["双方合同及货物流转单据", "抵账协议、资金往来明细"],
        message: "近12个月与4户企业相互开票，较小一方金额合计{value}，超过预警线50万元",
        tables: "FROM rollup_trade WHERE seller_key = {key} OR buyer_key = {key}",
    },
    SampleIndicator {
        code: "I30",
        name: ["首位数字分布异常", "First digits off Benford's law"],
        family: "pattern",
        unit: "score",
        line: 20.09,
        kind: "absolute",
        basis: &[],
        innocent: &["商品价格固定、种类单一"],
        ask: &["价目表"],
        message: "开票金额首位数字分布与本福特定律的卡方值为{value}，超过20.09（显著性1%）",
        tables: "FROM invoice WHERE seller_key = {key} AND amount >= 1",
    },
];

const FIRMS: [&str; 30] = [
    "深圳市鹏程万里供应链管理有限公司",
    "东莞市恒瑞五金制品有限公司",
    "广州粤海建材贸易有限公司",
    "佛山市南海区金德胜铝业有限公司",
    "惠州市博罗县石湾镇兴旺废旧物资回收有限公司",
    "珠海横琴新区智汇信息科技有限公司",
    "中山市小榄镇永昌灯饰厂",
    "深圳前海联合保理商业服务有限公司",
    "江门市新会区古典家具有限公司",
    "肇庆市高要区农产品购销专业合作社",
    "湛江市霞山区海鲜水产贸易行",
    "茂名市石化配套工程有限公司",
    "清远市英德市红茶加工有限公司",
    "韶关市曲江区钢材经营部",
    "汕头市潮南区峡山针织服装有限公司",
    "揭阳市空港区玉器工艺品有限公司",
    "梅州市客家围屋旅游发展有限公司",
    "河源市紫金县矿产品有限公司",
    "阳江市阳东区刀具制造有限公司",
    "云浮市云城区石材有限公司",
    "深圳市龙岗区坂田电子元器件商行",
    "广州市白云区化妆品批发部",
    "东莞市虎门镇服装辅料有限公司",
    "佛山市顺德区家电配件有限公司",
    "深圳市福田区华强北通讯器材有限公司",
    "广州市天河区文化传媒有限公司",
    "深圳市宝安区劳务派遣有限公司",
    "广州市番禺区珠宝首饰有限公司",
    "=HYPERLINK(\"http://x\",\"有限公司\")",
    "深圳市南山区软件技术有限公司",
];

fn indicator(code: &str) -> &'static SampleIndicator {
    INDICATORS.iter().find(|known| known.code == code).expect("an indicator of the sample")
}

pub(crate) fn texts() -> BTreeMap<String, IndicatorText> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let of = |known: &SampleIndicator| IndicatorText {
        code: known.code.to_owned(),
        name_zh: known.name[0].to_owned(),
        name_en: known.name[1].to_owned(),
        unit: known.unit.to_owned(),
        months: None,
        innocent_zh: owned(known.innocent),
        ask_zh: owned(known.ask),
        basis: known.basis.iter().map(|(text, mark)| ((*text).to_owned(), (*mark).to_owned())).collect(),
        note_zh: (known.code == "I30")
            .then(|| "分布偏离本身不说明税收问题，宜与其他疑点合并判断。".to_owned()),
    };
    INDICATORS.iter().map(|known| (known.code.to_owned(), of(known))).collect()
}

/// Hits of the thirty firms: up to eight each, more for the first ones.
pub(crate) fn hits() -> Vec<SampleHit> {
    let mut hits = Vec::new();
    for taxpayer in 0_i64..30 {
        let count = [8, 5, 4, 3, 3, 2, 2, 2, 1, 1][usize::try_from(taxpayer / 3).unwrap()];
        for at in 0..count {
            let known = &INDICATORS[(usize::try_from(taxpayer).unwrap() * 3 + at) % INDICATORS.len()];
            let excess = 1.0 + 0.37 * f64::from(u8::try_from((taxpayer * 7 + 3) % 11).unwrap());
            let amount = (taxpayer * 37 + i64::try_from(at).unwrap() * 11) % 5 != 0;
            let fen = i128::from((taxpayer * 7_919 + 13) % 997) * 123_457 + 1_000_033;
            hits.push(SampleHit {
                taxpayer,
                indicator: known.code,
                value: if known.unit == "share" {
                    (known.line * excess).min(0.98)
                } else {
                    known.line * excess
                },
                amount: amount.then_some(fen),
                points: 1_150 - i128::try_from(at).unwrap() * 40 + i128::from(taxpayer % 7) * 10,
            });
        }
    }
    hits
}

fn texts_of(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn money(values: impl Iterator<Item = Option<i128>>, precision: u8) -> ArrayRef {
    Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(precision, 2).unwrap())
}

pub(crate) fn taxpayer_id(key: i64) -> String {
    format!("9144030{:010}{}", 12_345_678 + key * 7_919, ["X", "7", "M"][usize::try_from(key % 3).unwrap()])
}

fn shown(hit: &SampleHit) -> String {
    match indicator(hit.indicator).unit {
        "share" => format!("{:.1}%", hit.value * 100.0),
        "money" => format!("{:.2}元", hit.value),
        _ => format!("{:.2}", hit.value),
    }
}

/// The table `hit`.
pub(crate) fn hit_batch(hits: &[SampleHit]) -> RecordBatch {
    let of = |get: fn(&SampleIndicator) -> &str| {
        texts_of(hits.iter().map(move |hit| get(indicator(hit.indicator)).to_owned()))
    };
    let rows = hits.len();
    let peer = |hit: &SampleHit| indicator(hit.indicator).kind.starts_with("peer");
    let peer_groups: StringArray =
        hits.iter().map(|hit| peer(hit).then_some("F51 批发业·中型·4403")).collect();
    let line = |hit: &SampleHit| indicator(hit.indicator).line;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("as_of", Arc::new(Int32Array::from(vec![AS_OF; rows]))),
        ("taxpayer_key", Arc::new(Int64Array::from_iter_values(hits.iter().map(|hit| hit.taxpayer)))),
        ("taxpayer_id", texts_of(hits.iter().map(|hit| taxpayer_id(hit.taxpayer)))),
        ("indicator", of(|known| known.code)),
        ("version", Arc::new(Int32Array::from(vec![1; rows]))),
        ("family", of(|known| known.family)),
        ("tax", of(|known| if known.code == "V03" { "cit" } else { "vat" })),
        ("severity", of(|known| if known.line > 1.0 { "high" } else { "medium" })),
        ("value", Arc::new(Float64Array::from_iter_values(hits.iter().map(|hit| hit.value)))),
        ("op", of(|_| ">=")),
        ("line", Arc::new(Float64Array::from_iter_values(hits.iter().map(line)))),
        ("line_kind", of(|known| known.kind)),
        ("line_source", of(|known| if known.basis.is_empty() { "D" } else { known.basis[0].1 })),
        ("peer_group", Arc::new(peer_groups)),
        ("peer_n", Arc::new(hits.iter().map(|hit| peer(hit).then_some(36)).collect::<Int64Array>())),
        (
            "deviation",
            Arc::new(Float64Array::from_iter_values(hits.iter().map(|hit| hit.value / line(hit) - 1.0))),
        ),
        ("amount", money(hits.iter().map(|hit| hit.amount), 18)),
        ("points", money(hits.iter().map(|hit| Some(hit.points)), 9)),
        (
            "message_zh",
            texts_of(
                hits.iter()
                    .map(|hit| indicator(hit.indicator).message.replace("{value}", &shown(hit)) + "。"),
            ),
        ),
        ("message_en", texts_of(hits.iter().map(|hit| format!("The value is {}.", shown(hit))))),
        (
            "facts",
            texts_of(hits.iter().map(|hit| {
                format!(
                    concat!(
                        r#"{{"issued_n":{{"unit":"count","zh":"近12个月开票份数","en":"issued","value":{}}},"#,
                        r#""blue":{{"unit":"money","zh":"近12个月蓝字金额","en":"blue","value":48213377.25}},"#,
                        r#""share":{{"unit":"share","zh":"占比","en":"share","value":{}}}}}"#
                    ),
                    1_842 + hit.taxpayer,
                    hit.value.min(1.0)
                )
            })),
        ),
        (
            "evidence_sql",
            texts_of(hits.iter().map(|hit| {
                let tables = indicator(hit.indicator).tables.replace("{key}", &hit.taxpayer.to_string());
                format!("SELECT invoice_id, issued_at, buyer_id, amount, tax, status {tables}")
            })),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

pub(crate) fn grade(score: i128) -> &'static str {
    match score {
        6_100.. => "high",
        3_100.. => "medium",
        _ => "low",
    }
}

/// The table `score`, as the sum of the hits; of firm 2 something is known besides.
pub(crate) fn score_batch(hits: &[SampleHit]) -> RecordBatch {
    let mut sums: BTreeMap<i64, (i128, i64)> = BTreeMap::new();
    for hit in hits {
        let sum = sums.entry(hit.taxpayer).or_default();
        *sum = (sum.0 + hit.points, sum.1 + 1);
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("as_of", Arc::new(Int32Array::from(vec![AS_OF; sums.len()]))),
        ("taxpayer_key", Arc::new(Int64Array::from_iter_values(sums.keys().copied()))),
        ("taxpayer_id", texts_of(sums.keys().map(|key| taxpayer_id(*key)))),
        ("score", money(sums.values().map(|(points, _)| Some(*points)), 9)),
        ("grade", texts_of(sums.values().map(|(points, _)| grade(*points).to_owned()))),
        ("hits", Arc::new(Int64Array::from_iter_values(sums.values().map(|(_, count)| *count)))),
        (
            "standing_factor",
            Arc::new(sums.keys().map(|key| (*key == 2).then_some(1.44)).collect::<Float64Array>()),
        ),
        (
            "standing_zh",
            Arc::new(sums.keys().map(|key| (*key == 2).then_some("纳税信用D级")).collect::<StringArray>()),
        ),
        (
            "standing_en",
            Arc::new(
                sums.keys().map(|key| (*key == 2).then_some("credit rating D")).collect::<StringArray>(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

/// The table `taxpayer`: firms 0–11 in the first office, 12–21 in the second, 22–23 in one without a name, 24–28 in
/// none; firm 29 is not registered. Firm 0 moved to the first office on 2025-01-01.
pub(crate) fn taxpayer_batch() -> RecordBatch {
    let moved = 20_089; // 2025-01-01
    let keys: Vec<i64> = [0].into_iter().chain(0..29).collect();
    let old = |at: usize| at == 0;
    let office = |at: usize| match keys[at] {
        0 if old(at) => Some("14403000300"),
        0..=11 => Some("14403000200"),
        12..=21 => Some("14403000300"),
        22..=23 => Some("14403000900"),
        _ => None,
    };
    let rows = keys.len();
    let optional = |get: &dyn Fn(usize) -> Option<&'static str>| -> ArrayRef {
        Arc::new((0..rows).map(get).collect::<StringArray>())
    };
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("taxpayer_key", Arc::new(Int64Array::from(keys.clone())), false),
        ("name", optional(&|at| Some(FIRMS[usize::try_from(keys[at]).unwrap()])), true),
        ("industry_code", optional(&|at| [Some("F5111"), Some("C3399"), None, Some("L7240")][at % 4]), true),
        ("office_code", optional(&office), true),
        ("status", optional(&|at| Some(if at % 9 == 4 { "abnormal" } else { "normal" })), true),
        ("credit_rating", optional(&|at| [Some("A"), Some("B"), Some("M"), Some("D"), None][at % 5]), true),
        (
            "valid_from",
            Arc::new((0..rows).map(|at| (!old(at)).then_some(moved)).collect::<Date32Array>()),
            true,
        ),
        (
            "valid_to",
            Arc::new((0..rows).map(|at| old(at).then_some(moved - 1)).collect::<Date32Array>()),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The table `office`.
pub(crate) fn office_batch() -> RecordBatch {
    let text = |values: [Option<&str>; 4]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        (
            "office_code",
            text([Some("14403000000"), Some("14403000100"), Some("14403000200"), Some("14403000300")]),
            false,
        ),
        (
            "name",
            text([
                Some("国家税务总局深圳市税务局"),
                Some("国家税务总局深圳市福田区税务局"),
                Some("第一税务所"),
                Some("第二税务所（办税服务厅）"),
            ]),
            true,
        ),
        ("level", Arc::new(Int32Array::from(vec![2, 3, 4, 4])), true),
        ("parent_code", text([None, Some("14403000000"), Some("14403000100"), Some("14403000100")]), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

pub(crate) fn options() -> TaskOptions {
    TaskOptions {
        issued_on: NaiveDate::from_ymd_opt(2025, 7, 15).unwrap(),
        batch: "2025年第7批".to_owned(),
        pushed_by: Some("深圳市税务局风险管理处".to_owned()),
        first_sequence: 1,
        due_days: GradeDays { high: 7, medium: 30, low: 90 },
        policy: ResponsePolicy::built_in().unwrap(),
    }
}

/// Merges hits with the sample's registrations and offices.
pub(crate) fn merged(hits: &[SampleHit]) -> Tasks {
    let texts = texts();
    let input = MergeInput {
        hits: &[hit_batch(hits)],
        scores: &[score_batch(hits)],
        taxpayers: &[taxpayer_batch()],
        offices: &[office_batch()],
        texts: &texts,
    };
    merge(input, &options()).unwrap()
}
