//! Names of companies, people and streets, put together from word lists by number.

use std::fmt::Write;

use super::dice::{Dice, Purpose};

const BRAND: [&str; 54] = [
    "恒", "鑫", "瑞", "盛", "华", "泰", "嘉", "宏", "永", "润", "德", "正", "远", "汇", "博", "诚", "金",
    "凯", "明", "新", "天", "隆", "佳", "海", "东", "安", "锦", "卓", "达", "源", "通", "和", "丰", "兴",
    "阳", "业", "祥", "利", "信", "航", "茂", "腾", "邦", "辉", "伟", "顺", "昌", "泽", "合", "创", "力",
    "康", "宇", "基",
];
const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何",
    "高", "林", "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田",
    "董", "袁", "潘", "蔡", "蒋", "余",
];
const GIVEN: [&str; 44] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超", "霞",
    "平", "刚", "桂", "建", "国", "文", "志", "晓", "雪", "玉", "春", "海", "佳", "欣", "宇", "浩", "梅",
    "兰", "红", "波", "斌", "辉", "鹏", "丹", "萍", "亮", "龙",
];
const STREETS: [&str; 20] = [
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
    "胜利街",
    "朝阳路",
    "育才路",
    "振兴路",
    "光明街",
    "环城路",
];
const FOREIGN: [&str; 12] = [
    "HARBOUR",
    "NORTHSTAR",
    "LUMEN",
    "BRIDGEWAY",
    "OAKFIELD",
    "MERIDIAN",
    "SUNRIDGE",
    "ALTUS",
    "KINGSFORD",
    "VELA",
    "PACIFICA",
    "STERLING",
];

/// The brand with this number: two characters for the first 2,862, then three, then four; never the same twice.
pub(super) fn brand(number: u64, out: &mut String) {
    let base = BRAND.len() as u64;
    let (mut rest, length) = match number {
        n if n < base * (base - 1) => (n, 2),
        n if n < base * (base - 1) + base.pow(3) => (n - base * (base - 1), 3),
        n => (n - base * (base - 1) - base.pow(3), 4),
    };
    // Scattered, so that neighbours do not have neighbouring names.
    let space = if length == 2 { base * (base - 1) } else { base.pow(length) };
    rest = (rest % space * 1_000_003 + 7) % space;
    let first = rest % base;
    out.push_str(BRAND[first as usize]);
    rest /= base;
    if length == 2 {
        // No character twice in a two-character brand.
        out.push_str(BRAND[((first + 1 + rest) % base) as usize]);
        return;
    }
    for _ in 1..length {
        out.push_str(BRAND[(rest % base) as usize]);
        rest /= base;
    }
}

/// The name of the person with this number.
pub(super) fn person(seed: u64, number: u64, out: &mut String) {
    let mut dice = Dice::of(seed, Purpose::Words, number, 1);
    out.push_str(dice.pick(&SURNAMES));
    out.push_str(dice.pick(&GIVEN));
    if dice.chance(0.72) {
        out.push_str(dice.pick(&GIVEN));
    }
}

/// A street and number, with a room in an office building.
pub(super) fn street(seed: u64, number: u64, out: &mut String) {
    let mut dice = Dice::of(seed, Purpose::Words, number, 2);
    let street = dice.pick(&STREETS);
    // Writing into a String does not fail.
    let _ = write!(out, "{street}{}号{}室", dice.between(1, 880), dice.between(101, 2899));
}

/// A customer abroad.
pub(super) fn foreign(number: usize, out: &mut String) {
    let _ = write!(out, "{} TRADING LTD", FOREIGN[number % FOREIGN.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn brands_are_given_out_once() {
        let of = |number| {
            let mut text = String::new();
            brand(number, &mut text);
            text
        };
        let given: HashSet<String> = (0..160_000).map(of).collect();
        assert_eq!(given.len(), 160_000);
    }
}
