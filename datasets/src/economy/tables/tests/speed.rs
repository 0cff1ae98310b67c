//! How long all derived tables take. Run it with `--ignored --nocapture`; it asserts nothing about time.

use std::time::Instant;

use super::parts;
use crate::economy::tables::SHAPES;
use crate::economy::{Economy, EconomySpec};

#[test]
#[ignore = "prints figures"]
fn rows_of_all_tables() {
    let taxpayers = std::env::var("TAXPAYERS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let spec = EconomySpec { taxpayers, ..EconomySpec::default() };
    let economy = Economy::build(&spec).unwrap();
    let started = Instant::now();
    let walked: usize = (0..economy.world().taxpayers()).map(|firm| economy.books(firm).len()).sum();
    let seconds = started.elapsed().as_secs_f64();
    println!("books: {walked} months in {seconds:.2} s, {:.2} µs each", seconds * 1e6 / walked as f64);
    let mut total = 0.0;
    for shape in SHAPES {
        let started = Instant::now();
        let (mut rows, mut bytes) = (0, 0);
        for part in parts(&economy, shape.table, 250_000) {
            for batch in economy.rows(&part).unwrap() {
                rows += batch.num_rows();
                bytes += batch.get_array_memory_size();
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        total += seconds;
        println!("{:<20} {rows:>10} rows {:>6} MB {seconds:>7.2} s", shape.table, bytes / 1_000_000);
    }
    println!("all in {total:.2} s on one thread; kept {} MB", economy.cache.bytes() / 1_000_000);
}
