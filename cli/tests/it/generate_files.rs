//! Files of a synthetic economy: clean ones load without a word, and of dirty ones a load says exactly what the
//! ledger of planted defects says. How the departments send them is another test's (`dirty_economy`).

use crate::ledger::Twins;

const ECONOMY: [&str; 6] = ["--taxpayers", "300", "--months", "8", "--seed", "5"];

#[test]
fn a_dirty_twin_in_csv_is_seen_through() {
    Twins::generate(&ECONOMY, &["--as", "csv", "--chinese", "--encoding", "gb18030"], "0.02").loads_agree();
}

#[test]
fn dirty_twins_in_other_formats_are_seen_through() {
    for format in ["json_lines", "hive", "dbf", "fixed"] {
        Twins::generate(&ECONOMY, &["--as", format, "--encoding", "gb18030"], "0.02").loads_agree();
    }
}
