//! The best choice of a problem by dynamic programming over the tree of limits.
//!
//! Every limit gets a curve: the most value within 0, 1, 2, … units of work. Its own items enter it one by one as in
//! the 0/1 knapsack (Bellman 1957), the curves of the limits below by max-plus convolution, each cut at the room of
//! the limit. What each step chose is kept, so that the choice can be read back from the root down.

use super::limits::Problem;

/// Most bytes a solution may hold at a time.
const MOST_BYTES: u64 = 256 << 20;

/// What solving takes, at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Cells computed.
    pub cells: u64,
    /// Bytes held.
    pub bytes: u64,
}

impl Cost {
    pub fn within(&self, cells: u64) -> bool {
        self.cells <= cells && self.bytes <= MOST_BYTES
    }

    fn add(&mut self, cells: u64, bytes: u64) {
        self.cells = self.cells.saturating_add(cells);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Items by limit, and limits by the limit above.
fn layout(problem: &Problem) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let n = problem.limits.up.len();
    let (mut items, mut below) = (vec![Vec::new(); n], vec![Vec::new(); n]);
    for (index, item) in problem.items.iter().enumerate() {
        if let Some(node) = item.node {
            items[node].push(index);
        }
    }
    for (node, up) in problem.limits.up.iter().enumerate() {
        if let Some(up) = up {
            below[*up].push(node);
        }
    }
    (items, below)
}

/// What [`solve`] takes with this unit.
pub(super) fn cost(problem: &Problem, unit: u64) -> Cost {
    let (items, below) = layout(problem);
    let mut cost = Cost::default();
    if problem.items.iter().try_fold(0_i64, |sum, item| sum.checked_add(item.value)).is_none() {
        // Curves are in `i64`.
        cost.add(u64::MAX, u64::MAX);
        return cost;
    }
    // Last units of the curves: 0 for a curve of one point.
    let mut last = vec![0_u64; items.len()];
    for node in (0..items.len()).rev() {
        let room = problem.limits.room[node] / unit;
        let mut end = 0_u64;
        for &index in &items[node] {
            end = end.saturating_add(problem.items[index].effort.div_ceil(unit)).min(room);
            cost.add(end.saturating_add(1), end / 8 + 64);
        }
        for &child in &below[node] {
            let cells = end.saturating_add(1).saturating_mul(last[child].saturating_add(1));
            end = end.saturating_add(last[child]).min(room);
            cost.add(cells, end.saturating_mul(4).saturating_add(64));
        }
        last[node] = end;
        cost.add(0, end.saturating_mul(16).saturating_add(64));
    }
    cost
}

/// How a curve came from the one before it, whose last unit was `before`.
struct Step {
    before: usize,
    kind: Kind,
}

enum Kind {
    /// An item entered; a bit for each unit tells where it is taken.
    Item { index: usize, effort: usize, taken: Vec<u64> },
    /// The curve of a limit below entered; for each unit what it is given.
    Below { node: usize, given: Vec<u32> },
}

/// The ids of the best choice. Efforts are rounded up to multiples of `unit` and rooms down: the choice always fits,
/// and is the best where all efforts are multiples. To be called only after [`cost`].
pub(super) fn solve(problem: &Problem, unit: u64) -> Vec<usize> {
    let (items, below) = layout(problem);
    let mut curves: Vec<Vec<i64>> = vec![Vec::new(); items.len()];
    let mut steps: Vec<Vec<Step>> = Vec::new();
    for node in (0..items.len()).rev() {
        // A room beyond the address space never comes here: `cost` is beyond every budget then.
        let room = usize::try_from(problem.limits.room[node] / unit).unwrap_or(usize::MAX);
        let (mut curve, mut made) = (vec![0_i64], Vec::new());
        for &index in &items[node] {
            let item = &problem.items[index];
            let effort = usize::try_from(item.effort.div_ceil(unit)).unwrap_or(usize::MAX);
            if effort <= room {
                let before = curve.len() - 1;
                let taken = enter_item(&mut curve, effort, item.value, room);
                made.push(Step { before, kind: Kind::Item { index, effort, taken } });
            }
        }
        for &child in &below[node] {
            let before = curve.len() - 1;
            let (joined, given) = join(&curve, &std::mem::take(&mut curves[child]), room);
            curve = joined;
            made.push(Step { before, kind: Kind::Below { node: child, given } });
        }
        curves[node] = curve;
        steps.push(made);
    }
    steps.reverse();
    read_back(problem, &steps, curves.first().map_or(0, |curve| curve.len() - 1))
}

fn read_back(problem: &Problem, steps: &[Vec<Step>], root: usize) -> Vec<usize> {
    let mut given_to = vec![root; steps.len()];
    let mut chosen = Vec::new();
    for (node, made) in steps.iter().enumerate() {
        let mut left = given_to[node];
        for step in made.iter().rev() {
            match &step.kind {
                Kind::Item { index, effort, taken } => {
                    if taken[left / 64] >> (left % 64) & 1 == 1 {
                        chosen.push(problem.items[*index].id);
                        left -= effort;
                    }
                }
                Kind::Below { node, given } => {
                    let part = given[left] as usize;
                    given_to[*node] = part;
                    left -= part;
                }
            }
            left = left.min(step.before);
        }
    }
    chosen
}

/// Lets an item into a curve and tells at which units it is taken.
fn enter_item(curve: &mut Vec<i64>, effort: usize, value: i64, room: usize) -> Vec<u64> {
    let last = curve[curve.len() - 1];
    let len = (curve.len() - 1 + effort).min(room) + 1;
    curve.resize(len, last);
    let mut taken = vec![0_u64; len.div_ceil(64)];
    for at in (effort..len).rev() {
        let with = curve[at - effort] + value;
        taken[at / 64] |= u64::from(with > curve[at]) << (at % 64);
        curve[at] = curve[at].max(with);
    }
    taken
}

/// The max-plus convolution of two curves up to a room, and for each unit the part that goes to the second.
fn join(first: &[i64], second: &[i64], room: usize) -> (Vec<i64>, Vec<u32>) {
    let len = (first.len() - 1 + second.len() - 1).min(room) + 1;
    let (mut joined, mut given) = (vec![-1_i64; len], vec![0_u32; len]);
    for (part, &value) in (0_u32..).zip(second) {
        let from = part as usize;
        // A unit that adds nothing to the second curve need not be tried: curves are stairs of few steps.
        if from >= len || (from > 0 && second[from - 1] == value) {
            continue;
        }
        for ((best, given), &other) in joined[from..].iter_mut().zip(&mut given[from..]).zip(first) {
            let sum = other + value;
            *given = if sum > *best { part } else { *given };
            *best = sum.max(*best);
        }
    }
    for at in 1..len {
        if joined[at] < joined[at - 1] {
            joined[at] = joined[at - 1];
            given[at] = given[at - 1];
        }
    }
    (joined, given)
}
