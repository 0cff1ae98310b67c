//! Capacities as a forest of limits, and the parts of a problem that do not touch each other.

use std::iter::successors;

/// What is left under each limit. A limit comes after the one above it.
#[derive(Debug, Clone, Default)]
pub(super) struct Limits {
    pub up: Vec<Option<usize>>,
    pub room: Vec<u64>,
}

impl Limits {
    /// Adds a limit and returns its number.
    pub fn push(&mut self, up: Option<usize>, room: u64) -> usize {
        self.up.push(up);
        self.room.push(room);
        self.up.len() - 1
    }

    /// A limit and all above it.
    pub fn path(&self, node: Option<usize>) -> impl Iterator<Item = usize> {
        successors(node, |node| self.up[*node])
    }

    /// The first limit on the way up with less room than this.
    pub fn short(&self, node: Option<usize>, effort: u64) -> Option<usize> {
        self.path(node).find(|node| self.room[*node] < effort)
    }

    pub fn fits(&self, node: Option<usize>, effort: u64) -> bool {
        self.short(node, effort).is_none()
    }

    /// Uses room that is known to be there.
    pub fn take(&mut self, node: Option<usize>, effort: u64) {
        let mut at = node;
        while let Some(node) = at {
            self.room[node] -= effort;
            at = self.up[node];
        }
    }

    /// Gives room back.
    pub fn give(&mut self, node: Option<usize>, effort: u64) {
        let mut at = node;
        while let Some(node) = at {
            self.room[node] += effort;
            at = self.up[node];
        }
    }
}

/// A task worth something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// Whatever the maker of the problem knows it by; ascending numbers are ascending ranks.
    pub id: usize,
    /// The limit nearest to it.
    pub node: Option<usize>,
    pub effort: u64,
    pub value: i64,
}

/// Limits under one root (number 0) that every item counts against, and that all may bind.
#[derive(Debug, Clone, Default)]
pub(super) struct Problem {
    pub limits: Limits,
    pub items: Vec<Item>,
}

impl Problem {
    /// The greatest unit in which all efforts are whole.
    pub fn unit(&self) -> u64 {
        self.items.iter().map(|item| item.effort).fold(0, gcd).max(1)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Items under no limit that can bind, and independent problems of the others.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Their ids: all of them fit whatever else is chosen.
    pub free: Vec<usize>,
    pub problems: Vec<Problem>,
}

/// Leaves out items that fit nowhere, then limits that cannot bind even if everything below them is taken. What
/// remains falls apart at the topmost limits.
pub(super) fn split(limits: &Limits, items: Vec<Item>) -> Parts {
    let n = limits.up.len();
    let items: Vec<Item> = items.into_iter().filter(|item| limits.fits(item.node, item.effort)).collect();
    let mut demand = vec![0_u64; n];
    for item in &items {
        if let Some(node) = item.node {
            demand[node] += item.effort;
        }
    }
    for node in (0..n).rev() {
        if let Some(up) = limits.up[node] {
            demand[up] += demand[node].min(limits.room[node]);
        }
    }

    let mut parts = Parts::default();
    // For each limit the nearest that binds, as (problem, number in it).
    let mut nearest: Vec<Option<(usize, usize)>> = vec![None; n];
    for node in 0..n {
        let up = limits.up[node].and_then(|up| nearest[up]);
        nearest[node] = up;
        if demand[node] > limits.room[node] {
            let which = up.map_or(parts.problems.len(), |(which, _)| which);
            if up.is_none() {
                parts.problems.push(Problem::default());
            }
            let inner = &mut parts.problems[which].limits;
            let room = up.map_or(u64::MAX, |(_, at)| inner.room[at]).min(limits.room[node]);
            nearest[node] = Some((which, inner.push(up.map(|(_, at)| at), room)));
        }
    }
    for item in items {
        match item.node.and_then(|node| nearest[node]) {
            Some((which, node)) if item.effort > 0 => {
                parts.problems[which].items.push(Item { node: Some(node), ..item });
            }
            _ => parts.free.push(item.id),
        }
    }
    parts
}
