//! Names of companies and people, put together from word lists. A company name is given out once.

use std::collections::HashSet;

use super::rng::Rng;

const BRAND_FIRST: [&str; 28] = [
    "恒", "鑫", "瑞", "盛", "华", "泰", "嘉", "宏", "永", "润", "德", "正", "远", "汇", "博", "诚", "金",
    "凯", "明", "新", "天", "隆", "佳", "海", "东", "安", "锦", "卓",
];
const BRAND_SECOND: [&str; 26] = [
    "达", "源", "通", "和", "丰", "兴", "阳", "业", "祥", "利", "信", "航", "茂", "腾", "邦", "辉", "伟",
    "顺", "昌", "泽", "合", "创", "力", "康", "宇", "基",
];
const SURNAMES: [&str; 30] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何",
    "高", "林", "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹",
];
const GIVEN: [&str; 34] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超", "霞",
    "平", "刚", "桂", "建", "国", "文", "志", "晓", "雪", "玉", "春", "海", "志", "佳", "欣", "宇", "浩",
];
const STREETS: [&str; 14] = [
    "人民路",
    "建设路",
    "解放路",
    "中山路",
    "工业大道",
    "滨江路",
    "文化路",
    "新华街",
    "创业路",
    "科技园路",
    "和平街",
    "长江路",
    "港口路",
    "迎宾大道",
];

/// Gives out company names.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// A company: place, brand, trade, form, e.g. 临江市恒达钢材有限公司.
    pub(super) fn company(&mut self, rng: &mut Rng, place: &str, trades: &[&str]) -> String {
        let trade = rng.pick(trades).to_string();
        self.unique(rng, |brand| format!("{place}{brand}{trade}有限公司"))
    }

    /// An individual business, e.g. 东湖区瑞源五金经营部.
    pub(super) fn shop(&mut self, rng: &mut Rng, place: &str, trades: &[&str]) -> String {
        let trade = rng.pick(trades).to_string();
        let form = *rng.pick(&["经营部", "商行", "店", "服务部"]);
        self.unique(rng, |brand| format!("{place}{brand}{trade}{form}"))
    }

    fn unique(&mut self, rng: &mut Rng, full: impl Fn(&str) -> String) -> String {
        let mut brand = format!("{}{}", rng.pick(&BRAND_FIRST), rng.pick(&BRAND_SECOND));
        loop {
            let name = full(&brand);
            if self.taken.insert(name.clone()) {
                return name;
            }
            // A taken name grows by a syllable until it is free, as at the company register.
            brand.push_str(rng.pick::<&str>(&BRAND_SECOND));
        }
    }
}

/// A person's name.
pub(super) fn person(rng: &mut Rng) -> String {
    let second = if rng.chance(0.7) { *rng.pick(&GIVEN) } else { "" };
    format!("{}{}{second}", rng.pick(&SURNAMES), rng.pick(&GIVEN))
}

/// A street and number, with a room in an office building.
pub(super) fn street(rng: &mut Rng) -> String {
    format!("{}{}号{}室", rng.pick(&STREETS), rng.between(1, 380), rng.between(101, 1899))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn company_names_are_given_out_once() {
        let (mut rng, mut names) = (Rng::stream(1, 1), Names::default());
        let given: HashSet<String> =
            (0..3_000).map(|_| names.company(&mut rng, "临江市", &["钢材"])).collect();
        assert_eq!(given.len(), 3_000);
    }
}
