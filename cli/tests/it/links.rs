//! `assay links`: dirty names, old numbers and codes linked to a made-up register, decided by people, measured.

use crate::support::{Place, skipped};

const A: &str = "91310115MA1K39423D";
const B: &str = "91530000291993988P";

pub fn placeholder(place: &Place) {
    let _ = (A, B, place);
    skipped("");
}
