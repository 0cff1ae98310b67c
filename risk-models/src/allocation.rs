//! Which tasks to do within what offices can do: the choice of most value that keeps to the capacity of every office
//! and of every office above it. Knows no taxpayers, no dates and no scores: what a task is worth and takes is given.
//!
//! Small problems are solved exactly by dynamic programming (`exact`), large ones by a greedy choice that is then
//! improved piece by piece (`search`). Everything runs on one thread in a fixed order, so the same input gives the
//! same choice everywhere.

mod exact;
mod limits;
mod search;
#[cfg(test)]
mod tests;

use self::exact::Cost;
use self::limits::{Item, Limits, Problem, split};
use self::search::Budget;

/// An office, named by its place in the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Office {
    /// The office above it; `None` at the top.
    pub above: Option<usize>,
    /// What it and all offices below it can do together, in whole units of work; `None` without a limit.
    pub capacity: Option<u64>,
}

/// A task that may be done. Its place in the slice is its rank: the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The office that would do it.
    pub office: usize,
    /// What it takes, in the units of [`Office::capacity`].
    pub effort: u32,
    /// What doing it is worth, fen; below 0 counts as 0.
    pub value: i64,
}

impl Candidate {
    fn worth(&self) -> i64 {
        self.value.max(0)
    }
}

/// Which tasks are done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// For each task whether it is done.
    pub taken: Vec<bool>,
    /// Value of the tasks done, fen.
    pub value: i128,
    /// No choice is worth more than this, fen. Equal to `value` where `exact`.
    pub at_most: i128,
    /// For each task left out the office whose capacity leaves it out: of its own and those above, the nearest with
    /// less left than the task takes. `None` for tasks done, and for those only: whatever still fits is done.
    pub bound_by: Vec<Option<usize>>,
    /// For each office the work of the tasks done by it and all offices below it.
    pub used: Vec<u64>,
    /// Whether the value is known to be the greatest possible.
    pub exact: bool,
}

/// Why tasks cannot be allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// An office stands above itself.
    #[error("the way up from office {office} never ends: an office stands above itself")]
    Cycle {
        /// An office on or below the cycle.
        office: usize,
    },
    /// The office above is not in the slice.
    #[error("office {office} is below office {above}, which is not there")]
    UnknownAbove {
        /// The office below.
        office: usize,
        /// What it names.
        above: usize,
    },
    /// The office of a task is not in the slice.
    #[error("task {candidate} belongs to office {office}, which is not there")]
    UnknownOffice {
        /// The task.
        candidate: usize,
        /// What it names.
        office: usize,
    },
}

/// The choice of most value; then, in their order, tasks of no value that still fit. Never worth less than [`by_rank`].
///
/// # Errors
/// An office that is not there, or that stands above itself.
pub fn allocate(offices: &[Office], candidates: &[Candidate]) -> Result<Allocation, AllocationError> {
    allocate_within(offices, candidates, Budget::default())
}

/// The choice of a plain ranking: in their order, each task that still fits.
///
/// # Errors
/// An office that is not there, or that stands above itself.
pub fn by_rank(offices: &[Office], candidates: &[Candidate]) -> Result<Allocation, AllocationError> {
    let mut plan = Plan::new(offices, candidates)?;
    let bound = plan.items().iter().map(|item| i128::from(item.value)).sum::<i128>();
    plan.fill(|_| true);
    Ok(plan.finish(offices, bound))
}

fn allocate_within(
    offices: &[Office],
    candidates: &[Candidate],
    budget: Budget,
) -> Result<Allocation, AllocationError> {
    let mut plan = Plan::new(offices, candidates)?;
    let mut ranked = plan.clone();
    ranked.fill(|_| true);

    let parts = split(&plan.limits, plan.items());
    let mut bound = 0;
    for id in parts.free {
        bound += i128::from(candidates[id].worth());
        plan.take(id);
    }
    for (problem, found) in solve_all(parts.problems, &ranked.taken, budget) {
        bound += found.bound;
        for id in found.ids(&problem) {
            plan.take(id);
        }
    }
    plan.fill(|task| task.worth() > 0);
    plan.fill(|_| true);
    Ok(plan.finish(offices, bound))
}

/// Solves independent problems: those that take the least work exactly while the budget lasts, then the others.
fn solve_all(problems: Vec<Problem>, ranked: &[bool], budget: Budget) -> Vec<(Problem, search::Found)> {
    let mut costed: Vec<(Cost, Problem)> =
        problems.into_iter().map(|problem| (exact::cost(&problem, problem.unit()), problem)).collect();
    costed.sort_by_key(|(cost, _)| cost.cells);
    let mut solved = Vec::new();
    let mut hard = Vec::new();
    let mut spent = 0_u64;
    for (cost, problem) in costed {
        if cost.within(budget.cells.saturating_sub(spent)) {
            spent += cost.cells;
            let found = search::Found::exactly(&problem, exact::solve(&problem, problem.unit()));
            solved.push((problem, found));
        } else {
            hard.push(problem);
        }
    }
    let each = budget.shared_by(hard.len());
    solved.extend(hard.into_iter().map(|problem| {
        let found = search::search(&problem, ranked, each);
        (problem, found)
    }));
    solved
}

/// Tasks taken so far and what that leaves of every capacity.
#[derive(Clone)]
struct Plan<'a> {
    candidates: &'a [Candidate],
    taken: Vec<bool>,
    /// Offices, each after the one above it.
    order: Vec<usize>,
    /// For each office the limit nearest to it.
    nearest: Vec<Option<usize>>,
    /// One for each office with a capacity.
    limits: Limits,
    /// The office of each limit.
    office: Vec<usize>,
}

impl<'a> Plan<'a> {
    fn new(offices: &[Office], candidates: &'a [Candidate]) -> Result<Self, AllocationError> {
        let order = downwards(offices)?;
        let unknown = |(_, task): &(usize, &Candidate)| task.office >= offices.len();
        if let Some((candidate, task)) = candidates.iter().enumerate().find(unknown) {
            return Err(AllocationError::UnknownOffice { candidate, office: task.office });
        }
        let mut nearest = vec![None; offices.len()];
        let (mut limits, mut office) = (Limits::default(), Vec::new());
        for &at in &order {
            let up = offices[at].above.and_then(|above| nearest[above]);
            nearest[at] = match offices[at].capacity {
                Some(capacity) => {
                    office.push(at);
                    Some(limits.push(up, capacity))
                }
                None => up,
            };
        }
        Ok(Self { candidates, taken: vec![false; candidates.len()], order, nearest, limits, office })
    }

    fn take(&mut self, id: usize) {
        let task = &self.candidates[id];
        self.limits.take(self.nearest[task.office], task.effort.into());
        self.taken[id] = true;
    }

    /// Takes what still fits of some tasks, by rank.
    fn fill(&mut self, of: impl Fn(&Candidate) -> bool) {
        for (id, task) in self.candidates.iter().enumerate() {
            if !self.taken[id] && of(task) && self.limits.fits(self.nearest[task.office], task.effort.into())
            {
                self.take(id);
            }
        }
    }

    /// What is left to choose from: tasks that are worth something.
    fn items(&self) -> Vec<Item> {
        let open = |(id, task): &(usize, &Candidate)| !self.taken[*id] && task.worth() > 0;
        let item = |(id, task): (usize, &Candidate)| Item {
            id,
            node: self.nearest[task.office],
            effort: task.effort.into(),
            value: task.worth(),
        };
        self.candidates.iter().enumerate().filter(open).map(item).collect()
    }

    fn value(&self) -> i128 {
        let taken = self.candidates.iter().zip(&self.taken).filter(|(_, taken)| **taken);
        taken.map(|(task, _)| i128::from(task.worth())).sum()
    }

    fn finish(self, offices: &[Office], at_most: i128) -> Allocation {
        let mut used = vec![0; offices.len()];
        let mut bound_by = vec![None; self.taken.len()];
        for (id, task) in self.candidates.iter().enumerate() {
            if self.taken[id] {
                used[task.office] += u64::from(task.effort);
            } else {
                let short = self.limits.short(self.nearest[task.office], task.effort.into());
                bound_by[id] = short.map(|node| self.office[node]);
            }
        }
        for &at in self.order.iter().rev() {
            if let Some(above) = offices[at].above {
                used[above] += used[at];
            }
        }
        let value = self.value();
        Allocation { value, at_most, exact: value == at_most, taken: self.taken, bound_by, used }
    }
}

/// All offices, each after the one above it.
fn downwards(offices: &[Office]) -> Result<Vec<usize>, AllocationError> {
    let mut below = vec![Vec::new(); offices.len()];
    let mut order = Vec::with_capacity(offices.len());
    for (office, above) in offices.iter().map(|office| office.above).enumerate() {
        match above {
            None => order.push(office),
            Some(above) if above < offices.len() => below[above].push(office),
            Some(above) => return Err(AllocationError::UnknownAbove { office, above }),
        }
    }
    let mut next = 0;
    while let Some(&office) = order.get(next) {
        order.append(&mut below[office]);
        next += 1;
    }
    // What hangs on a cycle is below no top; `below` was emptied for all others.
    match below.iter().flatten().min() {
        Some(&office) => Err(AllocationError::Cycle { office }),
        None => Ok(order),
    }
}
