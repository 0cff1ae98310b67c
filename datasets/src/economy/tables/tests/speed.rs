//! How long all derived tables take. Run it with `--ignored --nocapture`; it asserts nothing about time.

use super::parts;
use crate::economy::tables::SHAPES;
use crate::economy::{Economy, EconomySpec};

/// Seconds this thread has had a processor, on Linux; other work on the machine does not count.
fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

#[test]
#[ignore = "prints figures"]
fn rows_of_all_tables() {
    let taxpayers = std::env::var("TAXPAYERS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let spec = EconomySpec { taxpayers, ..EconomySpec::default() };
    let economy = Economy::build(&spec).unwrap();
    let started = seconds();
    let walked: usize = (0..economy.world().taxpayers()).map(|firm| economy.books(firm).len()).sum();
    let taken = seconds() - started;
    println!("books: {walked} months in {taken:.2} s, {:.2} µs each", taken * 1e6 / walked as f64);
    // Sums are made by a pool; here by this thread alone, so that its time counts.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().unwrap();
    let mut total = 0.0;
    for shape in SHAPES {
        let started = seconds();
        let (mut rows, mut bytes) = (0, 0);
        for part in parts(&economy, shape.table, 250_000) {
            for batch in pool.install(|| economy.rows(&part)).unwrap() {
                rows += batch.num_rows();
                bytes += batch.get_array_memory_size();
            }
        }
        let taken = seconds() - started;
        total += taken;
        println!("{:<20} {rows:>10} rows {:>6} MB {taken:>7.2} s", shape.table, bytes / 1_000_000);
    }
    println!("all in {total:.2} s of one core; packed bytes of a firm and month:");
    for (section, bytes) in economy.cache.bytes() {
        println!("{section:?} {:.1}", bytes as f64 / walked as f64);
    }
}
