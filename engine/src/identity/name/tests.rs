#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Name {
    NameParser::shared().parse(text)
}

/// Core, regions, class of the legal form, branch.
fn parts(text: &str) -> (String, String, &'static str, Option<String>) {
    let name = parse(text);
    (name.core.clone(), name.region(), name.suffix.map_or("", Suffix::class), name.branch)
}

fn is(text: &str, core: &str, region: &str, suffix: &str, branch: &str) {
    let branch = (!branch.is_empty()).then(|| branch.to_owned());
    assert_eq!(parts(text), (core.to_owned(), region.to_owned(), suffix_class(suffix), branch), "{text}");
}

fn suffix_class(class: &str) -> &'static str {
    ["", "joint_stock", "group", "limited", "company", "partnership", "cooperative", "factory", "individual"]
        .into_iter()
        .find(|c| *c == class)
        .unwrap()
}

#[test]
fn the_word_lists_read() {
    words::Words::parse(include_str!("../data/names.toml")).unwrap();
    assert_eq!(Gazetteer::national().whole("上海").unwrap().codes, [310_000]);
}

#[test]
fn forms_and_widths_of_one_name() {
    for text in [
        "南京恒达钢材贸易有限公司",
        "南京市恒达钢材贸易有限公司",
        "江苏省南京市恒达钢材贸易有限责任公司",
        "南京恒达钢材贸易股份有限公司",
        "恒达钢材贸易（南京）有限公司",
        "恒达钢材贸易(南京市)有限公司",
        "南京恒達鋼材貿易有限公司",
        " 南京恒达钢材贸易 有限公司　",
        "南京恒达钢材贸易有限公司（已注销）",
        "【南京】恒达钢材贸易有限公司",
        "南京恒达钢材贸易（集团）有限公司",
        "南京恒达·钢材贸易有限公司.",
    ] {
        let name = parse(text);
        assert_eq!(name.core, "恒达钢材贸易", "{text}");
        assert!(name.region().ends_with("南京") || text.starts_with('【'), "{text}: {}", name.region());
    }
}

#[test]
fn legal_forms() {
    is("临江市恒达五金经营部", "恒达五金", "临江", "individual", "");
    is("东湖区瑞源五金店", "瑞源五金", "东湖", "individual", "");
    is("临江市恒达大酒店", "恒达大酒店", "临江", "", "");
    is("安吉县绿源茶叶专业合作社", "绿源茶叶", "安吉", "cooperative", "");
    is("无锡恒达机械厂", "恒达机械", "无锡", "factory", "");
    is("上海盛达投资中心（有限合伙）", "盛达投资中心", "上海", "partnership", "");
    is("HENGDA TRADING CO., LTD.", "HENGDATRADING", "", "limited", "");
    is("广西壮族自治区恒达钢材有限公司", "恒达钢材", "广西", "limited", "");
    is("恩施土家族苗族自治州恒达茶业有限公司", "恒达茶业", "恩施", "limited", "");
}

#[test]
fn branches_are_told_from_their_head_office() {
    is("北京恒达科技有限公司上海分公司", "恒达科技", "北京", "limited", "上海");
    is("北京恒达科技有限公司上海市分公司", "恒达科技", "北京", "limited", "上海");
    is("北京恒达科技有限公司第二分公司", "恒达科技", "北京", "limited", "第二");
    is("北京恒达科技有限公司分公司", "恒达科技", "北京", "limited", "分");
    is("北京恒达科技集团有限公司上海分公司", "恒达科技", "北京", "group", "上海");
    is("恒达科技上海分公司", "恒达科技", "", "", "上海");
    is("恒达餐饮有限公司人民路分店", "恒达餐饮", "", "limited", "人民路");
    is("恒达餐饮有限公司人民路经营部", "恒达餐饮", "", "limited", "人民路");
}

#[test]
fn what_is_no_region_stays() {
    is("恒达市政工程有限公司", "恒达市政工程", "", "limited", "");
    is("大都市超市有限公司", "大都市超市", "", "limited", "");
    is("大同科技有限公司", "大同科技", "", "limited", "");
    is("长安汽车有限公司", "长安汽车", "", "limited", "");
    is("北京有限公司", "北京", "", "limited", "");
    is("恒达钢材（江苏省南京市）有限公司", "恒达钢材", "江苏南京", "limited", "");
    is("恒达钢材（云州市云城区）有限公司", "恒达钢材", "云州云城", "limited", "");
    is("恒达（钢材）有限公司", "恒达钢材", "", "limited", "");
    // Regions nobody lists are known by their form.
    is("云州市云城区恒泰建材有限公司", "恒泰建材", "云州云城", "limited", "");
    is("城南区恒泰建材经营部", "恒泰建材", "城南", "individual", "");
    is("义乌市佛堂镇恒达饰品厂", "恒达饰品", "义乌佛堂", "factory", "");
}

#[test]
fn names_that_are_none() {
    for text in
        ["", "有限公司", "公司", "厂", "市", "（）", "北京", "，。", "A", "\u{1}\u{2}", "（（（", "）恒达"]
    {
        let name = parse(text);
        assert_eq!(name.core.is_empty(), name.clean.is_empty(), "{text:?}: {name:?}");
    }
}

#[test]
fn regions_agree_or_not() {
    let place = |text: &str| Gazetteer::national().whole(text).unwrap();
    assert_eq!(place("江苏").agrees(&place("南京")), Agreement::Agree);
    assert_eq!(place("南京").agrees(&place("苏州")), Agreement::Conflict);
    assert_eq!(place("南京").agrees_with_code(320_102), Agreement::Agree);
    assert_eq!(place("南京").agrees_with_code(320_000), Agreement::Agree);
    assert_eq!(place("南京").agrees_with_code(310_000), Agreement::Conflict);
    // 朝阳 is a city of Liaoning and a district of Beijing.
    assert_eq!(place("朝阳").agrees(&place("北京")), Agreement::Agree);
    assert_eq!(place("朝阳").agrees(&place("辽宁")), Agreement::Agree);
    let unlisted = Place { short: "云州".into(), codes: Vec::new() };
    assert_eq!(unlisted.agrees(&place("北京")), Agreement::Unknown);
}

#[test]
fn offices_teach_their_places() {
    let mut gazetteer = Gazetteer::national().clone();
    gazetteer.learn_office("国家税务总局云州市云城区税务局第一税务所", 990_202);
    let parser = NameParser::new(gazetteer);
    let short = parser.parse("云州恒泰建材有限公司");
    assert_eq!(short.core, "恒泰建材");
    assert!(short.places[0].codes.contains(&990_200), "{:?}", short.places);
    let long = parser.parse("云州市云城区恒泰建材有限公司");
    // Another 云城区 is in Guangdong.
    assert!(long.places.last().unwrap().codes.contains(&990_202), "{:?}", long.places);
    assert_eq!(long.places.last().unwrap().agrees(&short.places[0]), Agreement::Agree);
}

#[test]
fn characters_easily_confused() {
    assert!(confusable('鑫', '新') && confusable('达', '大') && !confusable('恒', '瑞'));
}

/// Pieces names are made of, so that generated texts meet every rule.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "江苏省",
        "南京市",
        "南京",
        "云州市",
        "东湖区",
        "恒达",
        "鑫源",
        "钢材",
        "贸易",
        "（集团）",
        "(上海)",
        "有限责任公司",
        "有限公司",
        "公司",
        "厂",
        "店",
        "经营部",
        "分公司",
        "上海",
        "第二",
        "市政",
        "合作社",
        "貿易",
        "Ａ",
        "ß",
        "乾",
        "（",
        "）",
        " ",
        "-",
        "12",
        "公",
        "市",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..9).prop_map(|w| w.concat())
}

/// Signs of other scripts that a bracket kept apart change places, or become one letter, when it goes.
#[test]
fn what_brackets_kept_apart_stays_as_it_came_together() {
    for text in ["\u{eb8}︵\u{c55}", "\u{1100}(\u{1161})\u{11a8}", "甲(e)\u{301}"] {
        let name = parse(text);
        assert_eq!(parse(&name.core).core, name.core, "{text}");
        assert_eq!(clean(&clean(text)), clean(text), "{text}");
    }
}

proptest! {
    #[test]
    fn normal_names_stay_as_they_are(text in pieces()) {
        let core = parse(&text).core;
        prop_assert_eq!(&parse(&core).core, &core, "{}", text);
        prop_assert_eq!(clean(&clean(&text)), clean(&text));
    }

    #[test]
    fn any_text_is_taken(text in "\\PC{0,24}") {
        let name = parse(&text);
        prop_assert_eq!(&parse(&name.core).core, &name.core);
        prop_assert_eq!(name.core.is_empty(), name.clean.is_empty());
    }

    #[test]
    fn width_and_blanks_do_not_matter(text in pieces(), at in 0_usize..20) {
        let mut blank: Vec<char> = text.chars().collect();
        blank.insert(at.min(blank.len()), '　');
        let blank: String = blank.into_iter().collect();
        prop_assert_eq!(parse(&text), parse(&blank));
    }
}
