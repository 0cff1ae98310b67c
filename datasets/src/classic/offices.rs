//! The tax administration of a province that does not exist (region code 99): one province, cities, counties and
//! grassroots offices.

/// One tax office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Office {
    /// Eleven digits: 1, the region code, a number within the region.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// 1 province, 2 city, 3 county, 4 grassroots.
    pub level: i32,
    /// Code of the office above.
    pub parent: Option<String>,
    /// Six digits.
    pub region: &'static str,
    /// City and county in words, the place in names and addresses.
    pub place: (&'static str, &'static str),
    /// Tasks it can take in one cycle.
    pub capacity: i32,
}

const PROVINCE: &str = "临江省";

/// City code, city, county code, county, grassroots offices.
type County = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);
const COUNTIES: [County; 5] = [
    ("990100", "临江市", "990102", "东湖区", &["第一税务所", "滨江税务所", "科技园税务所"]),
    ("990100", "临江市", "990103", "城南区", &["第一税务所", "港口税务所", "商贸城税务所"]),
    ("990100", "临江市", "990121", "青河县", &["城关税务分局", "青河税务分局"]),
    ("990200", "云州市", "990202", "云城区", &["第一税务所", "开发区税务所"]),
    ("990200", "云州市", "990221", "茶岭县", &["城关税务分局", "茶岭税务分局"]),
];

/// All offices, from the province down.
pub(super) fn offices() -> Vec<Office> {
    let mut offices =
        vec![office("990000", 0, None, 1, format!("国家税务总局{PROVINCE}税务局"), (PROVINCE, ""), 0)];
    let province = offices[0].code.clone();
    for (city_code, city, county_code, county, grassroots) in COUNTIES {
        if !offices.iter().any(|known| known.region == city_code) {
            let name = format!("国家税务总局{city}税务局");
            offices.push(office(city_code, 0, Some(province.clone()), 2, name, (city, ""), 20));
        }
        let city_office = format!("1{city_code}0000");
        let name = format!("国家税务总局{city}{county}税务局");
        offices.push(office(county_code, 0, Some(city_office), 3, name.clone(), (city, county), 30));
        let county_office = format!("1{county_code}0000");
        for (index, branch) in grassroots.iter().enumerate() {
            let (parent, number) = (Some(county_office.clone()), index + 1);
            offices.push(office(
                county_code,
                number,
                parent,
                4,
                format!("{name}{branch}"),
                (city, county),
                15,
            ));
        }
    }
    offices
}

fn office(
    region: &'static str,
    number: usize,
    parent: Option<String>,
    level: i32,
    name: String,
    place: (&'static str, &'static str),
    capacity: i32,
) -> Office {
    Office { code: format!("1{region}{:04}", number * 100), name, level, parent, region, place, capacity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_office_but_the_province_has_one_above() {
        let offices = offices();
        let count = |level| offices.iter().filter(|office| office.level == level).count();
        assert_eq!((count(1), count(2), count(3), count(4)), (1, 2, 5, 12));
        for office in offices.iter().filter(|office| office.level > 1) {
            let above = offices.iter().find(|other| Some(&other.code) == office.parent.as_ref());
            assert_eq!(above.map(|above| above.level), Some(office.level - 1), "{}", office.name);
        }
    }
}
