//! How fast: not asserted, printed. Run by name:
//! `cargo test --release -p assay-datasets speed -- --ignored --nocapture`.

use std::time::Instant;

use crate::economy::{Economy, EconomySpec};

#[test]
#[ignore = "a measurement, not a test"]
fn speed() {
    let taxpayers =
        std::env::var("ECONOMY_TAXPAYERS").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000);
    let started = Instant::now();
    let economy = Economy::build(&EconomySpec { taxpayers, ..EconomySpec::default() }).unwrap();
    println!(
        "build {:.2} s for {taxpayers} taxpayers on {} threads",
        started.elapsed().as_secs_f64(),
        rayon::current_num_threads()
    );
    let parts = economy.parts();
    println!(
        "{} parts, {} flows, {} plans",
        parts.len(),
        economy.world().flows.all().len(),
        economy.world().plans().len()
    );
    let mut tables: Vec<&str> = parts.iter().map(|part| part.table).collect();
    tables.dedup();
    for table in tables {
        let started = Instant::now();
        let mut rows = 0;
        let mut most = 0;
        for part in parts.iter().filter(|part| part.table == table) {
            let found: usize = economy.rows(part).unwrap().iter().map(|batch| batch.num_rows()).sum();
            rows += found;
            most = most.max(found);
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{table}: {rows} rows in {seconds:.2} s, {:.0} a second; largest part {most}",
            rows as f64 / seconds
        );
    }
    let started = Instant::now();
    println!(
        "truth: {} rows in {:.2} s",
        economy.truth().unwrap().num_rows(),
        started.elapsed().as_secs_f64()
    );
}
