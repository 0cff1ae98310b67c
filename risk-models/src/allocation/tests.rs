#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use microlp::{ComparisonOp, OptimizationDirection, Problem as Program};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;

/// What keeps an instance from being trivial: about half of the offices have less than half of what they would need.
fn instance(seed: u64, offices: usize, tasks: usize, most_effort: u32) -> (Vec<Office>, Vec<Candidate>) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut tree: Vec<Office> = (0..offices)
        .map(|at| Office { above: (at > 0).then(|| rng.random_range(0..at)), capacity: None })
        .collect();
    let candidates: Vec<Candidate> = (0..tasks)
        .map(|_| {
            let effort = rng.random_range(1..=most_effort);
            // Worth goes with effort loosely, as it does in life; that makes the choice harder than independence.
            let value =
                i64::from(effort) * rng.random_range(2..=12) + rng.random_range(0..=most_effort as i64);
            Candidate { office: rng.random_range(0..offices), effort, value }
        })
        .collect();
    let mut need = vec![0_u64; offices];
    for task in &candidates {
        let mut at = Some(task.office);
        while let Some(office) = at {
            need[office] += u64::from(task.effort);
            at = tree[office].above;
        }
    }
    for (office, need) in tree.iter_mut().zip(need) {
        if rng.random_bool(0.6) {
            office.capacity = Some((need as f64 * rng.random_range(0.3..0.8)) as u64);
        }
    }
    (tree, candidates)
}

/// The greatest value by branch and bound over linear programs: another method by another hand.
fn optimum(offices: &[Office], candidates: &[Candidate]) -> i128 {
    let mut program = Program::new(OptimizationDirection::Maximize);
    let free: Vec<_> =
        candidates.iter().map(|task| (task, program.add_binary_var(task.value as f64))).collect();
    for (at, office) in offices.iter().enumerate() {
        let Some(capacity) = office.capacity else { continue };
        let within = |mut from: usize| loop {
            if from == at {
                return true;
            }
            match offices[from].above {
                Some(above) => from = above,
                None => return false,
            }
        };
        let terms: Vec<_> = free
            .iter()
            .filter(|(task, _)| within(task.office))
            .map(|(task, var)| (*var, f64::from(task.effort)))
            .collect();
        program.add_constraint(&terms, ComparisonOp::Le, capacity as f64);
    }
    let solution = program.solve().unwrap().into_solution().unwrap();
    solution.objective().round() as i128
}

/// Nothing beyond a capacity, nothing left out that fits, figures that add up.
fn check(offices: &[Office], candidates: &[Candidate], allocation: &Allocation) {
    let mut used = vec![0_u64; offices.len()];
    let mut value = 0;
    for (task, _) in candidates.iter().zip(&allocation.taken).filter(|(_, taken)| **taken) {
        value += i128::from(task.value.max(0));
        let mut at = Some(task.office);
        while let Some(office) = at {
            used[office] += u64::from(task.effort);
            at = offices[office].above;
        }
    }
    assert_eq!((&used, value), (&allocation.used, allocation.value));
    assert!(allocation.value <= allocation.at_most);
    for (office, used) in offices.iter().zip(&used) {
        assert!(office.capacity.is_none_or(|capacity| *used <= capacity));
    }
    for (id, task) in candidates.iter().enumerate() {
        let mut short = None;
        let mut at = Some(task.office);
        while let (Some(office), None) = (at, short) {
            let left = offices[office].capacity.map(|capacity| capacity - used[office]);
            short = left.is_some_and(|left| left < u64::from(task.effort)).then_some(office);
            at = offices[office].above;
        }
        assert_eq!(allocation.bound_by[id], short.filter(|_| !allocation.taken[id]), "task {id}");
        assert!(allocation.taken[id] || short.is_some(), "task {id} fits and is left out");
    }
}

#[test]
fn the_choice_is_the_optimum_of_an_integer_program() {
    let (mut worst, mut better, mut binding, mut all, mut unproved) = (1.0_f64, 0, 0, 0, 0);
    for seed in 0..50 {
        let (offices, candidates) = instance(seed, 8, 30, 12);
        let best = optimum(&offices, &candidates);
        let ranking = by_rank(&offices, &candidates).unwrap();

        let exact = allocate(&offices, &candidates).unwrap();
        check(&offices, &candidates, &exact);
        assert!(exact.exact && exact.value == best, "seed {seed}: {} of {best}", exact.value);
        better += usize::from(exact.value > ranking.value);
        all += offices.len();
        binding += offices.iter().filter(|office| office.capacity.is_some()).count();

        let found = allocate_within(&offices, &candidates, Budget::search_only(6, 2_000)).unwrap();
        check(&offices, &candidates, &found);
        assert!(found.value >= ranking.value && found.value <= best && best <= found.at_most, "seed {seed}");
        assert!(!found.exact || found.value == best, "seed {seed}");
        unproved += usize::from(!found.exact);
        worst = worst.min(found.value as f64 / best as f64);
    }
    println!(
        "search: at worst {worst:.4} of the optimum, {unproved} of 50 not proved; {better} beat the ranking"
    );
    assert!(unproved >= 40, "the search was to be tested, not the solution of the whole");
    assert!(worst >= 0.98, "{worst}");
    assert!(better >= 45 && binding * 5 >= all * 2, "{better} better, {binding} of {all} offices bound");
}

#[test]
fn the_search_comes_close_where_it_sees_a_small_part_at_a_time() {
    let mut worst = 1.0_f64;
    for seed in 200..210 {
        let (offices, candidates) = instance(seed, 12, 400, 40);
        let best = allocate(&offices, &candidates).unwrap();
        assert!(best.exact);
        let found = allocate_within(&offices, &candidates, Budget::search_only(32, 50_000)).unwrap();
        check(&offices, &candidates, &found);
        worst = worst.min(found.value as f64 / best.value as f64);
    }
    println!("search among 400 tasks: at worst {worst:.5} of the optimum");
    assert!(worst >= 0.995, "{worst}");
}

#[test]
fn what_is_proved_by_reduced_costs_is_the_optimum() {
    let mut proved = 0;
    for seed in 100..130 {
        let (offices, candidates) = instance(seed, 3, 60, 40);
        let whole = allocate(&offices, &candidates).unwrap();
        // Enough for what is open after fixing, not for the whole.
        let budget = Budget { cells: 20_000, core: 4, ..Budget::default() };
        let found = allocate_within(&offices, &candidates, budget).unwrap();
        assert!(whole.exact);
        proved += usize::from(found.exact);
        assert!(!found.exact || found.value == whole.value, "seed {seed}");
    }
    assert!(proved >= 10, "{proved}");
}

#[test]
fn efforts_too_fine_for_a_table_are_chosen_in_coarser_units() {
    let (offices, mut candidates) = instance(7, 6, 200, 50);
    for (at, task) in candidates.iter_mut().enumerate() {
        task.effort = task.effort * 10_000_000 + at as u32;
    }
    let offices: Vec<Office> = offices
        .iter()
        .map(|office| Office { capacity: office.capacity.map(|c| c * 10_000_000), ..*office })
        .collect();
    let found = allocate(&offices, &candidates).unwrap();
    check(&offices, &candidates, &found);
    let share = found.value as f64 / found.at_most as f64;
    assert!(share > 0.99, "{share}");
}

fn task(office: usize, effort: u32, value: i64) -> Candidate {
    Candidate { office, effort, value }
}

#[test]
fn the_worthless_go_last() {
    let offices = [
        Office { above: None, capacity: Some(10) },
        Office { above: Some(0), capacity: Some(6) },
        Office { above: None, capacity: None },
    ];
    let candidates = [
        task(1, 3, 0),
        task(1, 5, 100),
        task(1, 3, 60),
        task(0, 4, 10),
        task(2, 1000, 0),
        task(1, 0, 5),
        task(0, 1, -7),
    ];
    let plain = by_rank(&offices, &candidates).unwrap();
    assert_eq!(plain.taken, [true, false, true, true, true, true, false]);
    let best = allocate(&offices, &candidates).unwrap();
    assert_eq!(best.taken, [false, true, false, true, true, true, true]);
    assert_eq!(best.bound_by, [Some(1), None, Some(1), None, None, None, None]);
    assert_eq!((best.value, best.exact), (115, true));
    assert_eq!(best.used, [10, 5, 1000]);
}

#[test]
fn offices_that_are_not_there_and_cycles_are_errors() {
    let free = |above| Office { above, capacity: None };
    let cycle = [free(None), free(Some(2)), free(Some(1)), free(Some(2))];
    assert_eq!(allocate(&cycle, &[]).unwrap_err(), AllocationError::Cycle { office: 1 });
    assert_eq!(by_rank(&[free(Some(0))], &[]).unwrap_err(), AllocationError::Cycle { office: 0 });
    let unknown = [free(None), free(Some(9))];
    assert_eq!(allocate(&unknown, &[]).unwrap_err(), AllocationError::UnknownAbove { office: 1, above: 9 });
    let error = allocate(&[free(None)], &[task(0, 1, 1), task(1, 1, 1)]).unwrap_err();
    assert_eq!(error, AllocationError::UnknownOffice { candidate: 1, office: 1 });
    assert_eq!(allocate(&[], &[]).unwrap().value, 0);
}

proptest! {
    #[test]
    fn capacities_hold_and_no_ranking_is_better(
        tree in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(0_u64..60)), 1..12),
        tasks in prop::collection::vec((0_usize..12, 0_u32..20, -2_i64..40), 0..60),
        cells in prop::sample::select(vec![0_u64, 500, 200_000_000]),
    ) {
        let offices: Vec<Office> = tree
            .iter()
            .enumerate()
            .map(|(at, (above, capacity))| Office {
                above: (at > 0).then(|| above.index(at)),
                capacity: *capacity,
            })
            .collect();
        let candidates: Vec<Candidate> = tasks
            .iter()
            .map(|&(office, effort, value)| Candidate { office: office % offices.len(), effort, value })
            .collect();
        let budget = Budget { cells, core: 4, ..Budget::default() };
        let best = allocate_within(&offices, &candidates, budget).unwrap();
        let ranking = by_rank(&offices, &candidates).unwrap();
        check(&offices, &candidates, &best);
        check(&offices, &candidates, &ranking);
        prop_assert!(best.value >= ranking.value);
        prop_assert!(best.exact || cells < 200_000_000);
        prop_assert_eq!(&best, &allocate_within(&offices, &candidates, budget).unwrap());
    }
}

/// `cargo test --release -p assay-risk-models -- --ignored --nocapture large`
#[test]
#[ignore = "measures time; for release builds"]
fn large() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    // One top, 100 offices below it, 1,899 below those.
    let above = |at: usize| match at {
        0 => None,
        1..=100 => Some(0),
        _ => Some(1 + at % 100),
    };
    let mut offices: Vec<Office> = (0..2_000).map(|at| Office { above: above(at), capacity: None }).collect();
    let candidates: Vec<Candidate> = (0..100_000)
        .map(|_| Candidate {
            office: rng.random_range(0..2_000),
            effort: rng.random_range(4..=160),
            // Skewed over four orders of magnitude.
            value: (10_f64.powf(rng.random_range(4.0..8.0))) as i64,
        })
        .collect();
    for (at, office) in offices.iter_mut().enumerate() {
        office.capacity = Some(match at {
            0 => 3_000_000,
            1..=100 => rng.random_range(20_000..60_000),
            _ => rng.random_range(500..5_000),
        });
    }
    let start = std::time::Instant::now();
    let best = allocate(&offices, &candidates).unwrap();
    let took = start.elapsed();
    let ranking = by_rank(&offices, &candidates).unwrap();
    check(&offices, &candidates, &best);
    let share = best.value as f64 / best.at_most as f64;
    let more = best.value as f64 / ranking.value as f64;
    println!("{took:?}: {share:.6} of the bound, {more:.3} times the ranking, exact: {}", best.exact);
    assert!(best.value >= ranking.value && share > 0.99 && took.as_secs() < 10);
}

#[test]
#[ignore = "measures time; for release builds"]
fn large_in_one_office() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let candidates: Vec<Candidate> = (0..100_000)
        .map(|_| task(0, rng.random_range(4..=160), 10_f64.powf(rng.random_range(4.0..8.0)) as i64))
        .collect();
    let start = std::time::Instant::now();
    let best = allocate(&[Office { above: None, capacity: Some(3_000_000) }], &candidates).unwrap();
    println!("{:?}: {} of {}, exact: {}", start.elapsed(), best.value, best.at_most, best.exact);
    assert!(best.exact && start.elapsed().as_secs() < 10);
}
