//! One-to-one assignment with the greatest total (Kuhn and Munkres, by shortest augmenting paths).

/// For each row of `scores` the column it is given, or `None`. Rows may outnumber columns and the other way round;
/// a pair without a score above zero is not made.
pub fn assign(scores: &[Vec<f64>]) -> Vec<Option<usize>> {
    let (rows, width) = (scores.len(), scores.first().map_or(0, Vec::len));
    if rows == 0 || width == 0 {
        return vec![None; rows];
    }
    // As many columns again that stand for "none", so that every row can be given one.
    let columns = width + rows;
    let cost = |row: usize, column: usize| if column < width { -scores[row][column] } else { 0.0 };
    let (mut u, mut v) = (vec![0.0; rows + 1], vec![0.0; columns + 1]);
    // Row given to each column; 0 is nobody, rows and columns counting from 1.
    let mut given = vec![0_usize; columns + 1];
    let mut way = vec![0_usize; columns + 1];
    for row in 1..=rows {
        given[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut used = vec![false; columns + 1];
        while given[column] != 0 {
            used[column] = true;
            let (current, mut delta, mut next) = (given[column], f64::INFINITY, 0);
            for j in (1..=columns).filter(|j| !used[*j]) {
                let reduced = cost(current - 1, j - 1) - u[current] - v[j];
                if reduced < least[j] {
                    (least[j], way[j]) = (reduced, column);
                }
                if least[j] < delta {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..=columns {
                if used[j] {
                    u[given[j]] += delta;
                    v[j] -= delta;
                } else {
                    least[j] -= delta;
                }
            }
            column = next;
        }
        while column != 0 {
            given[column] = given[way[column]];
            column = way[column];
        }
    }
    let mut found = vec![None; rows];
    for (j, row) in given.iter().enumerate().skip(1) {
        if *row > 0 && j <= width && scores[row - 1][j - 1] > 0.0 {
            found[row - 1] = Some(j - 1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_counts_not_the_first_best() {
        let scores = [vec![0.9, 0.8, 0.0], vec![0.9, 0.1, 0.0], vec![0.0, 0.0, 0.0]];
        assert_eq!(assign(&scores), [Some(1), Some(0), None]);
        assert_eq!(assign(&[vec![0.2], vec![0.7], vec![0.3]]), [None, Some(0), None]);
        assert_eq!(assign(&[]), Vec::<Option<usize>>::new());
    }

    #[test]
    fn as_good_as_trying_all() {
        // Small squares, every permutation tried.
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64 / f64::from(1 << 24)
        };
        for _ in 0..200 {
            let scores: Vec<Vec<f64>> = (0..4).map(|_| (0..4).map(|_| next()).collect()).collect();
            let mut best = 0.0_f64;
            let mut order = [0, 1, 2, 3];
            permute(&mut order, 0, &mut |p| {
                best = best.max(p.iter().enumerate().map(|(r, c)| scores[r][*c]).sum());
            });
            let found: f64 =
                assign(&scores).iter().enumerate().filter_map(|(r, c)| c.map(|c| scores[r][c])).sum();
            assert!((found - best).abs() < 1e-9, "{found} {best}");
        }
    }

    fn permute(order: &mut [usize; 4], at: usize, visit: &mut impl FnMut(&[usize; 4])) {
        if at == 4 {
            return visit(order);
        }
        for i in at..4 {
            order.swap(at, i);
            permute(order, at + 1, visit);
            order.swap(at, i);
        }
    }
}
