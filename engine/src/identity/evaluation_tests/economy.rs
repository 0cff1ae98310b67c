//! The register and the records: shared brands, chains of branches, look-alikes, names repeated in other regions.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::Truth;
use super::super::id::normal_id;
use super::super::name::{Gazetteer, NameParser};
use super::super::records::{Entry, Firm, Record, RecordId, Register};

/// Splitmix64: the same register on every machine.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Province, city, division code. The last six are not in the register's province.
const CITIES: [(&str, &str, u32); 18] = [
    ("江苏省", "南京市", 320_100),
    ("江苏省", "无锡市", 320_200),
    ("江苏省", "徐州市", 320_300),
    ("江苏省", "常州市", 320_400),
    ("江苏省", "苏州市", 320_500),
    ("江苏省", "昆山市", 320_583),
    ("江苏省", "南通市", 320_600),
    ("江苏省", "盐城市", 320_900),
    ("江苏省", "扬州市", 321_000),
    ("江苏省", "镇江市", 321_100),
    ("江苏省", "宿迁市", 321_300),
    ("江苏省", "云州市", 329_900),
    ("浙江省", "杭州市", 330_100),
    ("浙江省", "宁波市", 330_200),
    ("安徽省", "合肥市", 340_100),
    ("山东省", "济南市", 370_100),
    ("广东省", "佛山市", 440_600),
    ("福建省", "厦门市", 350_200),
];
const OWN: usize = 12;
const FIRST: &str = "恒鑫瑞盛华泰嘉宏永润德正远汇博诚金凯明新天隆佳海东安锦卓亿科百福万顺荣康";
const SECOND: &str = "达源通和丰兴阳业祥利信航茂腾邦辉伟顺昌泽合创力康宇基隆诚盛美景星";
const TRADES: [&str; 40] = [
    "钢材贸易",
    "建材",
    "电子科技",
    "机械制造",
    "物流",
    "商贸",
    "建筑工程",
    "餐饮管理",
    "服饰",
    "医药",
    "化工",
    "食品",
    "农业发展",
    "信息技术",
    "装饰工程",
    "汽车销售服务",
    "纺织",
    "塑料制品",
    "五金",
    "包装材料",
    "环保科技",
    "新能源",
    "供应链管理",
    "文化传媒",
    "教育咨询",
    "房地产开发",
    "园林绿化",
    "电气设备",
    "模具",
    "家具",
    "印刷",
    "水产养殖",
    "粮油",
    "电缆",
    "光电科技",
    "人力资源",
    "市政工程",
    "仪器仪表",
    "劳务",
    "橡胶制品",
];
/// Simplified and traditional, of the characters used here.
const TRADITIONAL: [(char, char); 34] = [
    ('鑫', '鑫'),
    ('华', '華'),
    ('润', '潤'),
    ('远', '遠'),
    ('汇', '匯'),
    ('诚', '誠'),
    ('凯', '凱'),
    ('东', '東'),
    ('锦', '錦'),
    ('亿', '億'),
    ('万', '萬'),
    ('顺', '順'),
    ('荣', '榮'),
    ('达', '達'),
    ('丰', '豐'),
    ('兴', '興'),
    ('阳', '陽'),
    ('业', '業'),
    ('腾', '騰'),
    ('辉', '輝'),
    ('泽', '澤'),
    ('创', '創'),
    ('钢', '鋼'),
    ('贸', '貿'),
    ('电', '電'),
    ('机', '機'),
    ('医', '醫'),
    ('农', '農'),
    ('务', '務'),
    ('云', '雲'),
    ('苏', '蘇'),
    ('无', '無'),
    ('锡', '錫'),
    ('镇', '鎮'),
];
const HOMOPHONES: [(char, char); 12] = [
    ('源', '元'),
    ('盛', '胜'),
    ('宏', '洪'),
    ('嘉', '佳'),
    ('诚', '成'),
    ('祥', '翔'),
    ('丰', '峰'),
    ('辉', '晖'),
    ('伟', '威'),
    ('泽', '择'),
    ('通', '同'),
    ('瑞', '睿'),
];

#[derive(Clone)]
struct Company {
    city: usize,
    core: String,
    form: &'static str,
    /// 0 region first, 1 region in brackets, 2 no region.
    layout: u8,
    branch: Option<String>,
}

impl Company {
    fn name(&self) -> String {
        let city = CITIES[self.city].1;
        let head = match self.layout {
            0 => format!("{city}{}{}", self.core, self.form),
            1 => format!("{}（{}）{}", self.core, city.trim_end_matches('市'), self.form),
            _ => format!("{}{}", self.core, self.form),
        };
        match &self.branch {
            Some(branch) => format!("{head}{branch}分公司"),
            None => head,
        }
    }
}

fn brand(rng: &mut Rng) -> String {
    let (first, second): (Vec<char>, Vec<char>) = (FIRST.chars().collect(), SECOND.chars().collect());
    let mut brand: String = [*rng.pick(&first), *rng.pick(&second)].iter().collect();
    if rng.chance(20) {
        brand.push(*rng.pick(&second));
    }
    brand
}

fn company(rng: &mut Rng, city: usize) -> Company {
    let form = *rng.pick(&[
        "有限公司",
        "有限公司",
        "有限公司",
        "有限公司",
        "有限公司",
        "有限公司",
        "有限责任公司",
        "有限责任公司",
        "股份有限公司",
        "集团有限公司",
        "经营部",
        "商行",
        "厂",
    ]);
    let layout = if form.ends_with("公司") { *rng.pick(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 2]) } else { 0 };
    let core = format!("{}{}", brand(rng), rng.pick(&TRADES));
    Company { city, core, form, layout, branch: None }
}

/// A register of `n` companies with the hard cases in it; no two have the same name.
fn companies(rng: &mut Rng, n: usize) -> Vec<Company> {
    let mut taken = HashSet::new();
    let mut made: Vec<Company> = Vec::new();
    let add = |made: &mut Vec<Company>, taken: &mut HashSet<String>, company: Company| {
        if taken.insert(company.name()) {
            made.push(company);
        }
    };
    while made.len() < n {
        let city = rng.below(OWN);
        let new = company(rng, city);
        add(&mut made, &mut taken, new.clone());
        match rng.below(100) {
            // A chain of branches.
            0..3 if new.form.ends_with("公司") => {
                for _ in 0..=rng.below(6) {
                    let branch = match rng.below(3) {
                        0 => "第二".to_owned(),
                        _ => CITIES[rng.below(CITIES.len())].1.trim_end_matches('市').to_owned(),
                    };
                    add(&mut made, &mut taken, Company { branch: Some(branch), ..new.clone() });
                }
            }
            // A look-alike in the same place: one character of the brand is another.
            3..7 => {
                let mut chars: Vec<char> = new.core.chars().collect();
                chars[1] = *rng.pick(&SECOND.chars().collect::<Vec<_>>());
                add(&mut made, &mut taken, Company { core: chars.into_iter().collect(), ..new });
            }
            // The same brand and trade elsewhere.
            7..15 => {
                let city = rng.below(OWN);
                add(&mut made, &mut taken, Company { city, ..new });
            }
            _ => {}
        }
    }
    made
}

/// The ways to write a name, and how often each is met, in percent.
const WAYS: [(&str, usize); 13] = [
    ("exact", 22),
    ("width and blanks", 14),
    ("traditional", 8),
    ("city without 市", 12),
    ("province before", 6),
    ("region moved", 8),
    ("form changed", 9),
    ("region left out", 3),
    ("form left out", 4),
    ("slip", 5),
    ("homophone", 2),
    ("old number", 4),
    ("note behind", 3),
];

/// The record's name in one of the [`WAYS`], and perhaps an old number.
fn write(rng: &mut Rng, way: &str, firm: &Company, id: &str) -> (String, Option<String>) {
    let name = firm.name();
    let city = CITIES[firm.city].1;
    let short = city.trim_end_matches('市');
    let company = firm.form.ends_with("公司");
    let written = match way {
        "width and blanks" => match rng.below(4) {
            0 => name.replace('（', "(").replace('）', ")"),
            1 => format!(" {name}　"),
            2 => {
                let half = name.chars().count() / 2;
                name.chars().take(half).chain([' ']).chain(name.chars().skip(half)).collect()
            }
            _ => format!("{name}。"),
        },
        "traditional" => {
            name.chars().map(|c| TRADITIONAL.iter().find(|(s, _)| *s == c).map_or(c, |(_, t)| *t)).collect()
        }
        "city without 市" if firm.layout == 0 => name.replacen(city, short, 1),
        "province before" if firm.layout == 0 => format!("{}{name}", CITIES[firm.city].0),
        "region moved" if company && firm.branch.is_none() => match firm.layout {
            0 => Company { layout: 1, ..firm.clone() }.name(),
            1 => Company { layout: 0, ..firm.clone() }.name(),
            _ => name,
        },
        "form changed" if company => {
            let form = *rng.pick(&["有限公司", "有限责任公司", "股份有限公司", "（集团）有限公司"]);
            Company { form, ..firm.clone() }.name()
        }
        "region left out" => Company { layout: 2, ..firm.clone() }.name(),
        "form left out" if firm.branch.is_none() => Company { form: "", ..firm.clone() }.name(),
        "slip" => {
            let mut chars: Vec<char> = firm.core.chars().collect();
            let at = 2 + rng.below(chars.len() - 2);
            match rng.below(3) {
                0 => {
                    chars.remove(at);
                }
                1 => chars.insert(at, chars[at]),
                _ => chars.swap(at - 1, at),
            }
            Company { core: chars.into_iter().collect(), ..firm.clone() }.name()
        }
        "homophone" => {
            let core: String = firm
                .core
                .chars()
                .map(|c| HOMOPHONES.iter().find(|(a, _)| *a == c).map_or(c, |(_, b)| *b))
                .collect();
            Company { core, ..firm.clone() }.name()
        }
        "note behind" => format!("{name}（已注销）"),
        _ => name,
    };
    (written, (way == "old number").then(|| id[2..17].to_owned()))
}

/// A credit code whose check character nobody asks here.
fn credit_code(city: u32, n: usize) -> String {
    format!("91{city:06}MA{n:07}X")
}

pub(super) struct Economy {
    pub register: Register,
    pub records: Vec<Record>,
    pub truth: Truth,
    /// How each record is written.
    pub ways: HashMap<String, &'static str>,
}

/// A register of `firms` companies, and records that name them in all the ways people do.
pub(super) fn economy(seed: u64, firms: usize, records: usize) -> Economy {
    let rng = &mut Rng(seed);
    let mut gazetteer = Gazetteer::national().clone();
    gazetteer.learn_office("国家税务总局江苏省云州市税务局", 329_900);
    let parser = NameParser::new(gazetteer);
    let companies = companies(rng, firms);
    let mut register = Register::default();
    for (n, company) in companies.iter().enumerate() {
        let id = credit_code(CITIES[company.city].2, n);
        let name = company.name();
        register.entries.push(Entry {
            firm: n as u32,
            number: Some(normal_id(&id)),
            name: Some((name.clone(), parser.parse(&name))),
            former: false,
        });
        let division = Some(CITIES[company.city].2);
        register.firms.push(Firm { key: n as i64, id, name: Some(name), division });
    }
    let registered: HashSet<String> = companies.iter().map(Company::name).collect();
    let mut made: BTreeMap<RecordId, (Record, Option<String>, &'static str)> = BTreeMap::new();
    while made.len() < records {
        // One in seven is of a firm the register does not have: mostly from elsewhere, some from here.
        let foreign = rng.chance(15);
        let (written, number, real, way) = if foreign {
            let city = if rng.chance(70) { OWN + rng.below(CITIES.len() - OWN) } else { rng.below(OWN) };
            let other = company(rng, city);
            if registered.contains(&other.name()) {
                continue;
            }
            (other.name(), None, None, "foreign")
        } else {
            let n = rng.below(companies.len());
            let mut percent = rng.below(100);
            let way = WAYS.iter().find(|(_, share)| {
                let found = percent < *share;
                percent = percent.saturating_sub(*share);
                found
            });
            let way = way.unwrap().0;
            let id = &register.firms[n].id;
            let (written, number) = write(rng, way, &companies[n], id);
            (written, number, Some(id.clone()), way)
        };
        let value = number.clone().unwrap_or_else(|| written.clone());
        let kind = if number.is_some() { "old_id" } else { "name" };
        let id = RecordId { kind, space: "test".into(), value };
        let names = vec![(written.clone(), parser.parse(&written))];
        let record = Record { id: id.clone(), key: None, rows: 1, number, names };
        // Two firms whose records look the same: nobody could tell them apart, so the first keeps it.
        made.entry(id).or_insert((record, real, way));
    }
    let mut economy = Economy { register, records: Vec::new(), truth: Truth::new(), ways: HashMap::new() };
    for (id, (record, real, way)) in made {
        economy.truth.insert((id.value.clone(), real));
        economy.ways.insert(id.value, way);
        economy.records.push(record);
    }
    economy
}
