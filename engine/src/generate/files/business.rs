//! Businesses whose invoices stand once more on a sheet of their own, with particulars.
//!
//! Particulars are made up from the invoice's number: vehicles, places and people in them exist nowhere.

/// A business with a sheet of its own.
pub(super) struct Business {
    /// Sheet, and what 特定业务类型 says.
    pub sheet: &'static str,
    /// Its own columns and how their content is made up.
    pub columns: &'static [(&'static str, Particular)],
}

/// How a particular is made up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Particular {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// So many characters of the alphabet of vehicle numbers.
    Characters(usize),
    /// So many digits.
    Digits(usize),
    /// The day the invoice was issued.
    Day,
    /// A person's name from a short list.
    Person,
}

const TOWNS: &[&str] = &["临江市", "东湖区", "云岭县", "青浦镇", "白沙市", "石桥县"];
const YES_NO: &[&str] = &["是", "否"];

/// The sheets by business, in the order of the workbook.
pub(super) const BUSINESSES: [Business; 6] = [
    Business {
        sheet: "机动车销售统一发票",
        columns: &[
            ("车辆类型", Particular::OneOf(&["轿车", "多用途乘用车", "载货汽车", "半挂牵引车"])),
            ("厂牌型号", Particular::OneOf(&["临江牌LJ6480", "东湖牌DH7150", "云岭牌YL1040"])),
            ("车辆识别代号/车架号码", Particular::Characters(17)),
            ("发动机号码", Particular::Characters(9)),
            ("产地", Particular::OneOf(TOWNS)),
            ("吨位", Particular::OneOf(&["1.5", "5", "31"])),
            ("限乘人数", Particular::OneOf(&["2", "5", "7"])),
        ],
    },
    Business {
        sheet: "建筑服务",
        columns: &[
            ("土地增值税项目编号", Particular::Digits(16)),
            ("建筑服务发生地", Particular::OneOf(TOWNS)),
            ("建筑项目名称", Particular::OneOf(&["厂房一期", "道路改造", "学校扩建", "安置房三标段"])),
            ("跨地（市）标志", Particular::OneOf(YES_NO)),
        ],
    },
    Business {
        sheet: "不动产经营租赁服务",
        columns: &[
            ("房屋产权证书/不动产权证号码", Particular::Digits(14)),
            ("不动产地址", Particular::OneOf(TOWNS)),
            ("租赁期起", Particular::Day),
            ("跨地（市）标志", Particular::OneOf(YES_NO)),
            ("面积单位", Particular::OneOf(&["平方米"])),
        ],
    },
    Business {
        sheet: "铁路电子客票",
        columns: &[
            ("乘车人", Particular::Person),
            ("出行日期", Particular::Day),
            ("车次", Particular::OneOf(&["G9801", "D9912", "K9777"])),
            ("出发站", Particular::OneOf(TOWNS)),
            ("到达站", Particular::OneOf(TOWNS)),
            ("席别", Particular::OneOf(&["二等座", "一等座", "硬座"])),
        ],
    },
    Business {
        sheet: "旅客运输服务",
        columns: &[
            ("出行人", Particular::Person),
            ("出行日期", Particular::Day),
            ("出发地", Particular::OneOf(TOWNS)),
            ("到达地", Particular::OneOf(TOWNS)),
            ("交通工具类型", Particular::OneOf(&["长途汽车", "公共交通", "出租车"])),
        ],
    },
    Business {
        sheet: "货物运输服务",
        columns: &[
            ("运输工具种类", Particular::OneOf(&["公路运输", "水路运输", "铁路运输"])),
            ("运输工具牌号", Particular::Characters(7)),
            ("起运地", Particular::OneOf(TOWNS)),
            ("到达地", Particular::OneOf(TOWNS)),
            ("运输货物名称", Particular::OneOf(&["钢材", "日用百货", "粮食", "机械设备"])),
        ],
    },
];

/// The business an invoice belongs to, from its kind and the class of its goods.
pub(super) fn business(kind: &str, goods_code: &str) -> Option<usize> {
    match kind {
        "vehicle" => return Some(0),
        "passenger" => return Some(3),
        // Of the class of leases, but no lease.
        "toll" => return None,
        _ => {}
    }
    let starts = |prefix: &str| goods_code.starts_with(prefix);
    if starts("305") {
        Some(1)
    } else if starts("3040502") {
        Some(2)
    } else if starts("3010101") || starts("3010201") {
        Some(4)
    } else if starts("301") {
        Some(5)
    } else {
        None
    }
}

/// A particular of an invoice: the same for the same invoice and column.
pub(super) fn particular(how: Particular, invoice: &str, column: &str, issued: &str) -> String {
    const VEHICLE: &[u8] = b"0123456789ABCDEFGHJKLMNPRSTUVWXYZ";
    const PEOPLE: [&str; 8] = ["王甲", "李乙", "张丙", "刘丁", "陈戊", "杨己", "黄庚", "赵辛"];
    let hash = blake3::hash(format!("{invoice}/{column}").as_bytes());
    let bytes = hash.as_bytes();
    let of = |length: usize| usize::from(bytes[0]) % length;
    match how {
        Particular::OneOf(words) => words[of(words.len())].to_owned(),
        Particular::Characters(n) => bytes
            .iter()
            .cycle()
            .take(n)
            .map(|b| char::from(VEHICLE[usize::from(*b) % VEHICLE.len()]))
            .collect(),
        Particular::Digits(n) => {
            let mut digits = String::new();
            push_digits(&mut digits, invoice, column, n);
            digits
        }
        Particular::Day => issued.chars().take(10).collect(),
        Particular::Person => PEOPLE[of(PEOPLE.len())].to_owned(),
    }
}

/// Digits that follow from an invoice's number and what they are for.
pub(super) fn push_digits(out: &mut String, invoice: &str, purpose: &str, digits: usize) {
    let hash = blake3::hash(format!("{invoice}/{purpose}").as_bytes());
    let bytes = hash.as_bytes().iter().cycle().take(digits);
    out.extend(bytes.map(|b| char::from(b'0' + b % 10)));
}
