//! What changed in a firm's registration within the months of the economy: a function of the firm. What stands in
//! [`Firm`](super::model::Firm) is the latest state; a change says what stood there before.

use super::dice::{Dice, Purpose};
use super::model::{Fate, World};
use super::schemes::SchemeKind;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// Legal representative; the person before.
    Representative(u32),
    /// Head of finance; the person before.
    Finance(u32),
    /// Tax agent; the person before.
    Agent(u32),
    /// Owner of the larger part; the person before.
    Shareholder(u32),
    /// The telephone before.
    Phone(u32),
    /// The address before.
    Address(u32),
    /// The capital before, cents.
    Capital(i64),
    /// End of business: the code of the new status.
    Status(&'static str),
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// Days since 1970.
    pub day: i32,
    pub item: Item,
}

/// All changes of a firm in the order of time.
pub(super) fn changes(world: &World, firm: u32) -> Vec<Change> {
    let dice = &mut Dice::of(world.spec.seed, Purpose::Register, u64::from(firm), 0);
    let mut found = Vec::new();
    let own = world.firm(firm);
    let plan = world.scheme(firm);
    // A change is to something else: what the firm has now was not there before.
    let current = |drawn: u32| own.people.contains(&drawn) || [own.phone, own.address].contains(&drawn);
    let stranger = |dice: &mut Dice| {
        let drawn = dice.below(world.firms.len() * 2) as u32;
        (drawn..).find(|number| !current(*number)).unwrap_or(drawn)
    };
    if let Some(plan) = plan.filter(|plan| plan.kind == SchemeKind::TakeoverSurge) {
        // Everything changes hands a month before.
        let day =
            world.first_day(usize::from(*plan.months.start()).saturating_sub(1)) + dice.below(20) as i32;
        let (rep, finance) = (stranger(dice), stranger(dice));
        let items = [
            Item::Representative(rep),
            Item::Finance(finance),
            Item::Shareholder(rep),
            Item::Phone(stranger(dice)),
            Item::Address(stranger(dice)),
        ];
        found.extend(items.map(|item| Change { day, item }));
    } else {
        let years = world.months() as f64 / 12.0;
        let day = |dice: &mut Dice| world.first_day(0) + dice.below(world.months() * 28) as i32;
        let mut now_and_then = |rate: f64, item: &dyn Fn(&mut Dice) -> Item| {
            if dice.chance(rate * years) {
                found.push(Change { day: day(dice), item: item(dice) });
            }
        };
        now_and_then(0.02, &|dice| Item::Representative(stranger(dice)));
        now_and_then(0.04, &|dice| Item::Finance(stranger(dice)));
        now_and_then(0.05, &|dice| Item::Agent(stranger(dice)));
        now_and_then(0.03, &|dice| Item::Phone(stranger(dice)));
        now_and_then(0.03, &|dice| Item::Address(stranger(dice)));
        // Half of today's, in full millions where there are any.
        let millions = own.capital / 200_000_000 * 100_000_000;
        now_and_then(0.01, &|_| Item::Capital(if millions > 0 { millions } else { own.capital / 2 }));
        // Nothing changes before a firm exists or after its last day.
        let last = world.first_day(usize::from(own.closes));
        found.retain(|change| change.day > own.registered_on + 30 && change.day < last);
    }
    if usize::from(own.closes) < world.months() {
        let status = match own.fate {
            Fate::Lives => None,
            Fate::Deregistered => Some("deregistered"),
            Fate::Abnormal => Some("abnormal"),
            Fate::Suspended => Some("suspended"),
        };
        let day = world.first_day(usize::from(own.closes)) + dice.below(12) as i32;
        found.extend(status.map(|status| Change { day, item: Item::Status(status) }));
    }
    found.sort_by_key(|change| change.day);
    found
}
