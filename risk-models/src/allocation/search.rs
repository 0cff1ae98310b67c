//! A good choice for a problem too large to be solved at once.
//!
//! Limits that nest make greedy by value per unit of work the best choice if tasks could be done in part (they span a
//! polymatroid; Edmonds 1970). That gives an upper bound, and for each limit the value per unit at which it was full:
//! its price. What a task is worth beyond the price of its effort tells how certain its lot is. The search starts
//! with the better of the greedy choice and the ranking; then, limit by limit from below, the tasks whose lot is least
//! certain (the core; Balas and Zemel 1980) are chosen anew exactly, all others standing. Last, tasks whose lot cannot
//! change without falling below what was found (by their reduced costs) are set and the rest is solved, if it is small
//! enough: then the choice is the best.

use std::cmp::Ordering;

use super::exact;
use super::limits::{Item, Limits, Problem, split};

/// How much work may be spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Cells to solve problems as a whole.
    pub cells: u64,
    /// Cells to improve those that are too large.
    pub improve: u64,
    /// Cells of one improvement.
    pub step: u64,
    /// Tasks chosen anew at a time, at first.
    pub core: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { cells: 200_000_000, improve: 600_000_000, step: 4_000_000, core: 32 }
    }
}

impl Budget {
    /// Of each when several problems share it.
    pub fn shared_by(self, problems: usize) -> Self {
        let problems = (problems as u64).max(1);
        Self { cells: self.cells / problems, improve: self.improve / problems, ..self }
    }
}

/// What was found for a problem.
pub(super) struct Found {
    taken: Vec<bool>,
    /// No choice is worth more.
    pub bound: i128,
}

impl Found {
    /// Of ids that are known to be the best choice.
    pub fn exactly(problem: &Problem, mut ids: Vec<usize>) -> Self {
        ids.sort_unstable();
        let taken: Vec<bool> = problem.items.iter().map(|item| ids.binary_search(&item.id).is_ok()).collect();
        let bound = problem.items.iter().zip(&taken).filter(|(_, taken)| **taken);
        Self { bound: bound.map(|(item, _)| i128::from(item.value)).sum(), taken }
    }

    /// Ids of the items taken.
    pub fn ids(&self, problem: &Problem) -> Vec<usize> {
        problem.items.iter().zip(&self.taken).filter(|(_, taken)| **taken).map(|(item, _)| item.id).collect()
    }
}

/// Searches within a budget. `ranked` tells for each id whether the plain ranking takes it.
pub(super) fn search(problem: &Problem, ranked: &[bool], budget: Budget) -> Found {
    let mut order: Vec<usize> = (0..problem.items.len()).collect();
    order.sort_by(|a, b| denser(&problem.items[*a], &problem.items[*b]).then(a.cmp(b)));
    let relaxed = Relaxed::of(problem, &order);

    let mut choice = Choice::of(problem, |_| false);
    choice.fill(problem, &order);
    let mut other = Choice::of(problem, |index| ranked[problem.items[index].id]);
    other.fill(problem, &order);
    if other.value > choice.value {
        choice = other;
    }
    improve(problem, &relaxed, &mut choice, budget);
    let bound = if prove(problem, &relaxed, &mut choice, budget) { choice.value } else { relaxed.bound };
    Found { taken: choice.taken, bound }
}

/// More value per unit first.
fn denser(a: &Item, b: &Item) -> Ordering {
    let per = |value: i64, effort: u64| i128::from(value) * i128::from(effort);
    per(b.value, a.effort).cmp(&per(a.value, b.effort))
}

/// The best choice if tasks could be done in part.
struct Relaxed {
    /// Its value, rounded up.
    bound: i128,
    /// Items taken whole.
    whole: Vec<bool>,
    /// For each limit the value of an effort at which it or one above it was full first; (0, 1) where none was.
    price: Vec<(i64, u64)>,
}

impl Relaxed {
    fn of(problem: &Problem, order: &[usize]) -> Self {
        let mut limits = problem.limits.clone();
        let mut price = vec![(0_i64, 1_u64); limits.up.len()];
        let mut whole = vec![false; problem.items.len()];
        let mut bound = 0_i128;
        for &index in order {
            let item = &problem.items[index];
            let room = limits.path(item.node).map(|node| limits.room[node]).min().unwrap_or(u64::MAX);
            let part = item.effort.min(room);
            if part == 0 {
                continue;
            }
            whole[index] = part == item.effort;
            let (part_, effort) = (i128::from(part), i128::from(item.effort));
            bound += (i128::from(item.value) * part_ + effort - 1) / effort;
            limits.take(item.node, part);
            for node in limits.path(item.node).filter(|node| limits.room[*node] == 0) {
                price[node] = (item.value, item.effort);
            }
        }
        // Limits that were full first are dearer than those above or below them that were full later.
        for node in 0..price.len() {
            if let Some(up) = limits.up[node] {
                let ((value, effort), (up_value, up_effort)) = (price[node], price[up]);
                if i128::from(up_value) * i128::from(effort) > i128::from(value) * i128::from(up_effort) {
                    price[node] = price[up];
                }
            }
        }
        Self { bound, whole, price }
    }

    /// What the bound falls by if the lot of an item changes, times the second number.
    fn regret(&self, item: &Item) -> (i128, i128) {
        let (value, effort) = item.node.map_or((0, 1), |node| self.price[node]);
        let effort = i128::from(effort);
        let beyond = i128::from(item.value) * effort - i128::from(value) * i128::from(item.effort);
        (beyond.abs(), effort)
    }
}

/// Items taken and what that leaves.
struct Choice {
    taken: Vec<bool>,
    left: Limits,
    value: i128,
}

impl Choice {
    fn of(problem: &Problem, takes: impl Fn(usize) -> bool) -> Self {
        let taken = vec![false; problem.items.len()];
        let mut choice = Self { taken, left: problem.limits.clone(), value: 0 };
        for index in (0..problem.items.len()).filter(|index| takes(*index)) {
            choice.set(problem, index, true);
        }
        choice
    }

    fn set(&mut self, problem: &Problem, index: usize, taken: bool) {
        let item = &problem.items[index];
        if taken && !self.taken[index] {
            self.left.take(item.node, item.effort);
            self.value += i128::from(item.value);
        } else if !taken && self.taken[index] {
            self.left.give(item.node, item.effort);
            self.value -= i128::from(item.value);
        }
        self.taken[index] = taken;
    }

    /// Takes what still fits, in this order.
    fn fill(&mut self, problem: &Problem, order: &[usize]) {
        for &index in order {
            let item = &problem.items[index];
            if !self.taken[index] && self.left.fits(item.node, item.effort) {
                self.set(problem, index, true);
            }
        }
    }

    /// Takes back the items of a core that are taken and returns them.
    fn clear(&mut self, problem: &Problem, core: &[usize]) -> Vec<usize> {
        let were: Vec<usize> = core.iter().copied().filter(|index| self.taken[*index]).collect();
        for &index in &were {
            self.set(problem, index, false);
        }
        were
    }

    /// The best choice of a core of which nothing is taken, all else standing, and what finding it took; `None` if it
    /// would take too much. With `coarsely`, large units make it fit, and it need not be the best.
    fn best_of(
        &self,
        problem: &Problem,
        core: &[usize],
        most: u64,
        coarsely: bool,
    ) -> Option<(Vec<usize>, u64)> {
        let mut nodes: Vec<usize> =
            core.iter().flat_map(|index| self.left.path(problem.items[*index].node)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let number = |node: Option<usize>| node.and_then(|node| nodes.binary_search(&node).ok());
        let mut limits = Limits::default();
        for &node in &nodes {
            limits.push(number(self.left.up[node]), self.left.room[node]);
        }
        let item = |index: &usize| {
            let item = problem.items[*index];
            Item { id: *index, node: number(item.node), ..item }
        };
        let parts = split(&limits, core.iter().map(item).collect());
        let (mut best, mut spent) = (parts.free, nodes.len() as u64);
        for part in &parts.problems {
            let mut unit = part.unit();
            let mut cost = exact::cost(part, unit);
            while coarsely && !cost.within(most) && unit < u64::from(u32::MAX) {
                unit *= 2;
                cost = exact::cost(part, unit);
            }
            if !cost.within(most.saturating_sub(spent)) {
                return None;
            }
            spent += cost.cells;
            best.extend(exact::solve(part, unit));
        }
        Some((best, spent))
    }
}

/// Fewest items of a core that is worth solving exactly; smaller ones are solved in coarser units.
const LEAST_CORE: usize = 8;

/// Chooses the core of each limit anew, from below, with larger cores each time while the budget lasts.
fn improve(problem: &Problem, relaxed: &Relaxed, choice: &mut Choice, budget: Budget) {
    let certainty = |item: &Item| {
        let (regret, per) = relaxed.regret(item);
        regret as f64 / per as f64
    };
    let mut order: Vec<(f64, usize)> =
        problem.items.iter().map(certainty).enumerate().map(|(index, by)| (by, index)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));

    let (mut left, mut size) = (budget.improve, budget.core.max(1));
    loop {
        let mut cores: Vec<Vec<usize>> = vec![Vec::new(); problem.limits.up.len()];
        for &(_, index) in &order {
            for node in problem.limits.path(problem.items[index].node) {
                if cores[node].len() < size {
                    cores[node].push(index);
                }
            }
        }
        for core in cores.iter().rev() {
            let spent = improve_core(problem, choice, core, budget.step.min(left));
            left = left.saturating_sub(spent);
            if left == 0 {
                return;
            }
        }
        if size >= order.len() || cores.iter().all(|core| core.len() < size) {
            return;
        }
        size *= 2;
    }
}

/// Chooses a core anew if that is worth more, halving it while it takes too much; returns what it took.
fn improve_core(problem: &Problem, choice: &mut Choice, mut core: &[usize], most: u64) -> u64 {
    loop {
        let (before, were) = (choice.value, choice.clear(problem, core));
        let found = choice.best_of(problem, core, most, core.len() <= LEAST_CORE);
        if let Some((best, _)) = &found {
            best.iter().for_each(|index| choice.set(problem, *index, true));
        }
        if choice.value < before {
            choice.clear(problem, core);
            were.iter().for_each(|index| choice.set(problem, *index, true));
        }
        match found {
            Some((_, spent)) => return spent,
            None if core.len() <= LEAST_CORE => return 1,
            None => core = &core[..core.len() / 2],
        }
    }
}

/// Whether the choice is the best, after solving for all items whose lot is open, if there are few enough.
fn prove(problem: &Problem, relaxed: &Relaxed, choice: &mut Choice, budget: Budget) -> bool {
    let gap = relaxed.bound - choice.value;
    if gap <= 0 {
        return true;
    }
    let open = |index: &usize| {
        let (regret, per) = relaxed.regret(&problem.items[*index]);
        regret < gap.saturating_mul(per)
    };
    let core: Vec<usize> = (0..problem.items.len()).filter(open).collect();
    let mut set = Choice::of(problem, |index| relaxed.whole[index]);
    set.clear(problem, &core);
    let Some((best, _)) = set.best_of(problem, &core, budget.cells, false) else { return false };
    best.iter().for_each(|index| set.set(problem, *index, true));
    if set.value > choice.value {
        *choice = set;
    }
    true
}

#[cfg(test)]
impl Budget {
    /// Too little to solve anything as a whole or more than a few tasks at a time, so that the search has to.
    pub fn search_only(core: usize, step: u64) -> Self {
        Self { cells: 0, core, step, ..Self::default() }
    }
}
