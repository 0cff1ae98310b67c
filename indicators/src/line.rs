//! Where a line is drawn and whether a value crosses it. The scan judges columns with kernels and the test rows
//! one by one; both take the threshold, the order of lines and the deviation from here.

use crate::definition::{Line, LineKind, Op, PeerFigure, PeerFigures};

/// Scales the median absolute deviation to the standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;

/// The line in the unit of the value. `None` when peers are needed and are missing, too few, or all alike
/// (no spread for a robust z).
pub fn threshold(line: &Line, peers: Option<&PeerFigures>, default_min_peers: usize) -> Option<f64> {
    let enough = || peers.filter(|p| p.n >= line.min_peers.unwrap_or(default_min_peers));
    match line.kind {
        LineKind::Absolute(value) => Some(value),
        LineKind::Peer { figure, factor } => {
            let peers = enough()?;
            Some(
                factor
                    * match figure {
                        PeerFigure::P90 => peers.p90,
                        PeerFigure::P10 => peers.p10,
                        PeerFigure::Median => peers.median,
                    },
            )
        }
        LineKind::RobustZ(z) => {
            let peers = enough()?;
            (peers.mad > 0.0).then_some(peers.median + z * MAD_TO_SIGMA * peers.mad)
        }
    }
}

/// How far a value lies beyond a line, relative to the line; relative to 1 when the line is 0. Never negative.
pub fn deviation(op: Op, value: f64, line: f64) -> f64 {
    let beyond = if op.upward() { value - line } else { line - value };
    let scale = if line == 0.0 { 1.0 } else { line.abs() };
    (beyond / scale).max(0.0)
}

/// What comparing one value with all lines in force came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Crossing {
    /// The n-th line, drawn at this value, was crossed.
    Crossed(usize, f64),
    /// No line was crossed and all could be drawn.
    Clear,
    /// No line was crossed, and at least one could not be drawn.
    Undrawn,
}

/// The first line crossed, in the order given (most severe first).
pub fn first_crossed(
    lines: &[Line],
    value: f64,
    peers: Option<&PeerFigures>,
    default_min_peers: usize,
) -> Crossing {
    let mut undrawn = false;
    for (index, line) in lines.iter().enumerate() {
        match threshold(line, peers, default_min_peers) {
            Some(at) if line.op.crossed(value, at) => return Crossing::Crossed(index, at),
            Some(_) => {}
            None => undrawn = true,
        }
    }
    if undrawn { Crossing::Undrawn } else { Crossing::Clear }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::definition::Mark;

    fn line(op: Op, kind: LineKind) -> Line {
        Line {
            op,
            kind,
            source: Mark::Default,
            from: None,
            to: None,
            severity: None,
            min_peers: None,
            span: 0..0,
        }
    }

    const PEERS: PeerFigures = PeerFigures { median: 0.2, p10: 0.1, p90: 0.4, mad: 0.05, n: 30 };

    #[test]
    fn lines_are_drawn_from_peers() {
        let p90 = line(Op::Ge, LineKind::Peer { figure: PeerFigure::P90, factor: 1.5 });
        assert_eq!(threshold(&p90, Some(&PEERS), 30), Some(0.4 * 1.5));
        assert_eq!(threshold(&p90, Some(&PEERS), 31), None);
        assert_eq!(threshold(&p90, None, 1), None);
        let z = line(Op::Ge, LineKind::RobustZ(3.0));
        assert!((threshold(&z, Some(&PEERS), 5).unwrap() - (0.2 + 3.0 * 1.4826 * 0.05)).abs() < 1e-12);
        assert_eq!(threshold(&z, Some(&PeerFigures { mad: 0.0, ..PEERS }), 5), None);
    }

    #[test]
    fn the_first_line_in_order_wins_and_undrawn_lines_show() {
        let lines = [
            line(Op::Ge, LineKind::Absolute(0.5)),
            line(Op::Ge, LineKind::Absolute(0.1)),
            line(Op::Ge, LineKind::RobustZ(9.0)),
        ];
        assert_eq!(first_crossed(&lines, 0.6, None, 5), Crossing::Crossed(0, 0.5));
        assert_eq!(first_crossed(&lines, 0.1, None, 5), Crossing::Crossed(1, 0.1));
        assert_eq!(first_crossed(&lines, 0.05, None, 5), Crossing::Undrawn);
        assert_eq!(first_crossed(&lines, 0.05, Some(&PEERS), 5), Crossing::Clear);
    }

    #[test]
    fn deviation_is_relative_and_never_negative() {
        assert_eq!(deviation(Op::Ge, 0.15, 0.1), (0.15 - 0.1) / 0.1);
        assert_eq!(deviation(Op::Le, 1.0, 4.0), 0.75);
        assert_eq!(deviation(Op::Gt, 3.0, 0.0), 3.0);
        assert_eq!(deviation(Op::Ge, 0.05, 0.1), 0.0);
        assert_eq!(deviation(Op::Ge, -0.05, -0.1), 0.5);
    }
}
