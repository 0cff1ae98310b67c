//! Certificates and recognitions a firm holds, and until when: a function of the firm. The register prints them, the books claim by them.

use super::calendar::Month;
use super::dice::{Dice, Purpose};
use super::model::World;

/// Days a high-tech certificate is valid: three years.
const THREE_YEARS: i32 = 1_095;
/// A firm is certified as high-tech a year after it was founded at the earliest.
const FIRST_YEAR: i32 = 370;

/// One certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Certificate {
    /// As in `qualification.kind`.
    pub kind: &'static str,
    /// Digits of its number.
    pub number: u32,
    /// First and last day, since 1970; without a last day it holds on.
    pub from: i32,
    pub to: Option<i32>,
}

impl Certificate {
    fn holds_between(&self, first: i32, last: i32) -> bool {
        self.from <= last && self.to.is_none_or(|to| to >= first)
    }
}

/// All certificates of a firm, by kind and day. High-tech ones end after three years and are renewed before, but by who lets it lapse.
pub(super) fn certificates(world: &World, firm: u32) -> Vec<Certificate> {
    let (own, start) = (world.firm(firm), world.first_day(0));
    let traits = own.traits;
    let kinds = [
        (traits.high_tech, "high_tech"),
        (traits.software, "software"),
        (traits.exporter, "export"),
        (traits.welfare, "welfare"),
        (traits.grower, "agriculture"),
        (traits.encouraged, "west_encouraged"),
        (traits.listed, listed_as(&world.industry(firm).code)),
    ];
    let mut found = Vec::new();
    for (_, kind) in kinds.into_iter().filter(|(has, _)| *has) {
        let dice = &mut Dice::of(world.spec.seed, Purpose::Register, u64::from(firm), kind.len() as u64);
        // Those of an old firm began in the three years before the economy, those of a new one with it.
        let since = (start - 900).min(start - 1) - dice.below(120) as i32;
        let number = dice.below(100_000_000) as u32;
        let certificate = Certificate { kind, number, from: since.max(own.registered_on), to: None };
        if kind != "high_tech" {
            found.push(certificate);
        } else if traits.lapsed {
            let to = start - 1 - dice.below(300) as i32;
            found.push(Certificate { from: to - THREE_YEARS + 1, to: Some(to), ..certificate });
        } else {
            renewed(certificate, since.max(own.registered_on + FIRST_YEAR), world, &mut found);
        }
    }
    found
}

/// The list an industry may stand on.
pub(super) fn listed_as(industry: &str) -> &'static str {
    if industry == "C3983" { "integrated_circuit" } else { "machine_tool" }
}

/// A high-tech certificate from this day on, and those that follow it.
fn renewed(first: Certificate, from: i32, world: &World, found: &mut Vec<Certificate>) {
    let (mut from, mut number, end) = (from, first.number, world.first_day(world.months()));
    while from < end {
        found.push(Certificate { from, number, to: Some(from + THREE_YEARS - 1), ..first });
        from += THREE_YEARS;
        number = (number + 31_415_927) % 100_000_000;
    }
}

/// Whether one of this kind is in force on the last day of the month, by index.
pub(super) fn held(certificates: &[Certificate], kind: &str, world: &World, month: usize) -> bool {
    let last = world.first_day(month + 1) - 1;
    certificates.iter().any(|one| one.kind == kind && one.holds_between(last, last))
}

/// Whether a high-tech certificate lets a return of this month be filed at the reduced rate: in the year in which it ends, prepayments still
/// go by it, but the last quarter and the settlement do not (国家税务总局公告2017年第24号 article 1).
pub(super) fn high_tech(certificates: &[Certificate], world: &World, month: usize) -> bool {
    let period = world.period(month);
    let new_year = Month::new(period / 100 * 100 + 1).map_or(0, Month::first_day);
    let last = world.first_day(month + 1) - 1;
    let this_year = |one: &Certificate| one.kind == "high_tech" && one.holds_between(new_year, last);
    held(certificates, "high_tech", world, month) || (period % 100 < 12 && certificates.iter().any(this_year))
}
