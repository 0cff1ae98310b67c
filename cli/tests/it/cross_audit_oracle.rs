//! The cross-audit against a loop over rows: claims, documents and lists drawn at random, loaded in several steps, corrected
//! and withdrawn; after every step each claim must have the outcome the loop gives it, however little was compared again.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cross_audit::id;
use crate::support::Place;

const MONTHS: [&str; 3] = ["202501", "202502", "202503"];

/// A generator of its own, so that a failing seed can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

#[derive(Clone, PartialEq)]
struct Document {
    day: String,
    seller: u64,
    buyer: u64,
    amount: u64,
    status: &'static str,
}

#[derive(Clone)]
struct Claim {
    seller: u64,
    day: String,
    amount: Option<u64>,
    withdrawn: bool,
}

/// By buyer, document and month claimed.
type Claims = BTreeMap<(u64, String, usize), Claim>;

#[derive(Default)]
struct World {
    documents: BTreeMap<String, Document>,
    claims: Claims,
    /// Document and day of listing, taken off again or not.
    listed: BTreeMap<String, (String, bool)>,
}

fn month_of(day: &str) -> usize {
    MONTHS.iter().position(|m| m[4..] == day[5..7]).unwrap()
}

impl World {
    /// One claim's outcome and the month it holds from, as the rules have it.
    fn outcome(&self, key: &(u64, String, usize)) -> (String, usize) {
        let (buyer, no, month) = key;
        let claim = &self.claims[key];
        let plain = |outcome: &str| (outcome.to_owned(), *month);
        if claim.withdrawn {
            return ("withdrawn".to_owned(), 2);
        }
        let Some(document) = self.documents.get(no) else {
            let stated = month_of(&claim.day);
            if !self.documents.values().any(|d| month_of(&d.day) == stated) {
                return plain("cannot_tell");
            }
            let open = match month.checked_sub(stated) {
                Some(0) => 2,
                Some(1) => 1,
                _ => 0,
            };
            return ("missing".to_owned(), month + open + 1);
        };
        let (listing, end) = (self.listed.get(no), format!("2025-0{}-99", month + 1));
        let on_list = listing.is_some_and(|(day, off)| *day <= end && !off);
        if document.status == "void" {
            return plain("voided");
        }
        if on_list || (listing.is_none() && document.status == "abnormal") {
            return plain("lost_control");
        }
        let differs = document.day != claim.day
            || document.seller != claim.seller
            || document.buyer != *buyer
            || claim.amount.is_some_and(|amount| amount != document.amount);
        if differs {
            return plain("mismatch");
        }
        if claim.amount.is_none() {
            return plain("cannot_tell");
        }
        let others = self.claims.iter().filter(|(k, c)| k.1 == *no && *k != key && !c.withdrawn);
        match others.map(|(k, _)| k.2).min() {
            Some(other) => ("duplicate".to_owned(), other.max(*month)),
            None => plain("match"),
        }
    }

    /// Claims that do not match, as `claim_audit` has them.
    fn findings(&self) -> String {
        let period = |month: usize| 202_501 + month;
        let mut text = String::new();
        for key in self.claims.keys() {
            let (outcome, since) = self.outcome(key);
            if outcome != "match" {
                let (buyer, month) = (id(key.0 as usize), period(key.2));
                writeln!(text, "{buyer},{},{month},{outcome},{}", key.1, period(since)).unwrap();
            }
        }
        text
    }

    /// Claims and tax by outcome, as `claim_tally` has them.
    fn tallies(&self) -> String {
        let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (key, claim) in &self.claims {
            let tally = found.entry(self.outcome(key).0).or_default();
            tally.0 += 1;
            tally.1 += claim.amount.unwrap_or(0);
        }
        found.into_iter().map(|(outcome, (n, amount))| format!("{outcome},{n},{amount}.00\n")).collect()
    }

    /// One night's news: documents, claims, corrections of both, listings. Gives the rows of the three files.
    fn night(&mut self, dice: &mut Dice, night: u64) -> [String; 3] {
        let mut files = [
            String::new(),
            String::new(),
            String::from("list,subject_id,listed_on,delisted_on,subject_kind\n"),
        ];
        files[0].push_str("invoice_id,kind,issued_at,seller_id,buyer_id,amount,tax,status\n");
        files[1].push_str("buyer_id,invoice_id,claimed_period,seller_id,issued_on,amount,tax,withdrawn_on\n");
        for n in 0..25 {
            let no = if night > 0 && dice.one_in(4) {
                format!("D{:03}", dice.roll(night * 25))
            } else {
                format!("D{:03}", night * 25 + n)
            };
            let day = format!("2025-0{}-{:02}", dice.roll(3) + 1, dice.roll(28) + 1);
            let status = ["valid", "valid", "valid", "void", "abnormal"][dice.roll(5) as usize];
            let (seller, buyer) = (dice.roll(4) + 1, dice.roll(4) + 11);
            let document = Document { day, seller, buyer, amount: (dice.roll(50) + 1) * 100, status };
            // Some are issued and told later, or never.
            if !dice.one_in(6) {
                let (d, amount) = (&document, document.amount);
                let (seller, buyer) = (id(d.seller as usize), id(d.buyer as usize));
                writeln!(files[0], "{no},e_special,{},{seller},{buyer},{amount},0,{status}", d.day).unwrap();
                self.documents.insert(no.clone(), document.clone());
            }
            for _ in 0..1 + dice.roll(2) * dice.roll(2) {
                self.claim(dice, &no, &document, &mut files[1]);
            }
            if dice.one_in(12) && !self.listed.contains_key(&no) {
                let (day, off) = (format!("2025-0{}-15", dice.roll(3) + 1), dice.one_in(4));
                let until = if off { day.as_str() } else { "" };
                writeln!(files[2], "异常凭证,{no},{day},{until},invoice").unwrap();
                self.listed.insert(no, (day, off));
            }
        }
        files
    }

    fn claim(&mut self, dice: &mut Dice, no: &str, document: &Document, file: &mut String) {
        let mut claim = Claim {
            seller: document.seller,
            day: document.day.clone(),
            amount: Some(document.amount),
            withdrawn: dice.one_in(10),
        };
        let mut buyer = document.buyer;
        match dice.roll(16) {
            0 => claim.seller = dice.roll(4) + 1,
            1 => buyer = dice.roll(4) + 11,
            2 => claim.amount = Some(document.amount + 1),
            3 => claim.amount = None,
            4 => claim.day = format!("2025-0{}-07", dice.roll(3) + 1),
            _ => {}
        }
        let month = dice.roll(3) as usize;
        let (amount, withdrawn) = (
            claim.amount.map(|a| a.to_string()).unwrap_or_default(),
            if claim.withdrawn { "2025-03-31" } else { "" },
        );
        let (buyer_id, seller_id) = (id(buyer as usize), id(claim.seller as usize));
        writeln!(file, "{buyer_id},{no},{},{seller_id},{},{amount},0,{withdrawn}", MONTHS[month], claim.day)
            .unwrap();
        self.claims.insert((buyer, no.to_owned(), month), claim);
    }
}

#[test]
fn every_claim_has_the_outcome_a_loop_gives_it() {
    let mut kinds = BTreeMap::new();
    for seed in 1..=4 {
        let (place, mut world, mut dice) = (Place::new(), World::default(), Dice(seed));
        for night in 0..4 {
            let files = world.night(&mut dice, night);
            for (table, text) in ["invoice", "deduction_claim", "risk_list"].into_iter().zip(files) {
                if text.lines().count() > 1 {
                    let name = format!("{table}-{night}.csv");
                    place.file(&name, text);
                    place.run(&["ingest", table, &name]).ok();
                }
            }
            place.run(&["cross-audit", "run", "--as-of", "202503"]).ok();
            let findings = "select buyer_id, invoice_id, claimed_period, outcome, since from claim_audit order by 1, 2, 3";
            assert_eq!(place.sql(findings), world.findings(), "seed {seed}, night {night}");
            let tallies = "select outcome, sum(n), sum(amount) from \
                           (select outcome, n, coalesce(amount, 0) as amount from claim_tally) group by 1 order by 1";
            assert_eq!(place.sql(tallies), world.tallies(), "seed {seed}, night {night}");
        }
        for key in world.claims.keys() {
            *kinds.entry(world.outcome(key).0).or_insert(0) += 1;
        }
    }
    assert_eq!(kinds.len(), 8, "every outcome was drawn: {kinds:?}");
}
