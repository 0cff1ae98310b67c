//! The tax administration of a province that does not exist (region codes from 99): one province, cities, counties
//! and grassroots offices, more of them for more taxpayers.

use super::model::Office;

const PROVINCE: &str = "临江省";
const CITIES: [&str; 14] = [
    "临江市",
    "云州市",
    "望海市",
    "青原市",
    "平川市",
    "松岭市",
    "锦河市",
    "白石市",
    "南浦市",
    "河阳市",
    "安陵市",
    "永宁市",
    "金沙市",
    "北屏市",
];
const DISTRICTS: [&str; 5] = ["东湖区", "城南区", "云城区", "新港区", "高新区"];
const COUNTIES: [&str; 6] = ["青河县", "茶岭县", "清溪县", "龙泉县", "石桥县", "大营县"];
const BRANCHES: [&str; 8] = [
    "第一税务所",
    "第二税务所",
    "开发区税务所",
    "城关税务分局",
    "港口税务所",
    "商贸城税务所",
    "科技园税务所",
    "滨江税务所",
];

/// All offices, a parent before its children.
pub(super) fn offices(taxpayers: usize) -> Vec<Office> {
    let cities = (2 + taxpayers / 30_000).min(CITIES.len());
    let counties = (3 + taxpayers / cities / 9_000).min(7);
    let branches = (2 + taxpayers / (cities * counties * 2_500)).min(BRANCHES.len());
    let mut offices = Vec::new();
    let province = Place { region: "990000".into(), city: PROVINCE.into(), county: String::new() };
    push(&mut offices, province, 0, 1, None, "", 0);
    for (index, city) in CITIES.iter().enumerate().take(cities) {
        let region = format!("99{:02}00", index + 1);
        let place = Place { region, city: (*city).into(), county: String::new() };
        push(&mut offices, place, 0, 2, Some(0), "", 40);
        let above = offices.len() - 1;
        for number in 0..counties {
            county(&mut offices, index, city, number, branches, above);
        }
    }
    offices
}

fn county(offices: &mut Vec<Office>, index: usize, city: &str, number: usize, branches: usize, above: usize) {
    // Two districts to a county.
    let (name, code) = match number % 3 {
        2 => (COUNTIES[(number / 3 + index) % COUNTIES.len()], 21 + number),
        rest => (DISTRICTS[(number / 3 * 2 + rest) % DISTRICTS.len()], 2 + number),
    };
    let region = format!("99{:02}{code:02}", index + 1);
    let place = Place { region, city: city.into(), county: name.into() };
    push(offices, place.clone(), 0, 3, Some(above), "", 60);
    let above = offices.len() - 1;
    for branch in 0..branches {
        let word = BRANCHES[(branch * 3 + number) % BRANCHES.len()];
        push(offices, place.clone(), branch + 1, 4, Some(above), word, 15);
    }
}

#[derive(Clone)]
struct Place {
    region: String,
    city: String,
    county: String,
}

fn push(
    offices: &mut Vec<Office>,
    place: Place,
    number: usize,
    level: i32,
    parent: Option<usize>,
    branch: &str,
    capacity: i32,
) {
    offices.push(Office {
        code: format!("1{}{:04}", place.region, number * 100),
        name: format!("国家税务总局{}{}税务局{branch}", place.city, place.county),
        level,
        parent: parent.map(|parent| parent as u16),
        region: place.region,
        city: place.city,
        county: place.county,
        capacity,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_office_but_the_province_has_one_above() {
        for taxpayers in [300, 50_000, 1_000_000] {
            let offices = offices(taxpayers);
            let codes: HashSet<&str> = offices.iter().map(|office| office.code.as_str()).collect();
            assert_eq!(codes.len(), offices.len());
            let names: HashSet<&str> = offices.iter().map(|office| office.name.as_str()).collect();
            assert_eq!(names.len(), offices.len(), "{taxpayers}");
            for office in &offices {
                let above = office.parent.map_or(0, |parent| offices[usize::from(parent)].level);
                assert_eq!(above, office.level - 1, "{}", office.name);
            }
        }
    }
}
