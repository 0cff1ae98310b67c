//! Lines drawn from peers: the groups of all taxpayers, and what the values of an indicator come to in each.

use arrow::array::{Array, AsArray, Decimal128Array, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::Decimal128Type;
use assay_indicators::{Layout, Line, PeerFigures, SIZE_COLUMN, threshold};
use assay_risk_models::peers::{GroupFigures, PeerGroups, Traits};
use assay_risk_models::scorecard::Scorecard;
use rayon::prelude::*;

use super::judge::{Columns, column};
use super::profile::Profile;
use crate::error::{EngineError, Result};

/// The peers of every taxpayer, and of each indicator with a peer line (by place) what its values come to among them.
pub(super) struct AllPeers {
    groups: PeerGroups,
    figures: Vec<Option<GroupFigures>>,
    min_peers: usize,
}

impl AllPeers {
    /// Those of a profile; none where no line is drawn from peers.
    pub(super) fn of<P: Profile>(layout: &Layout, profile: &P, card: &Scorecard) -> Result<Option<Self>> {
        if !layout.needs_peers {
            return Ok(None);
        }
        let compares = |n: usize| layout.indicators[n].lines.iter().any(|line| line.kind.needs_peers());
        let comparing: Vec<usize> = (0..layout.indicators.len()).filter(|n| compares(*n)).collect();
        let parts = profile.parts(&compares, |part| {
            let values = comparing.iter().map(|n| {
                let columns = Columns::of(part.batch, &layout.indicators[*n])?;
                Ok((0..part.batch.num_rows()).map(|row| columns.told(row)).collect::<Float64Array>())
            });
            Ok((traits(part.batch)?, values.collect::<Result<Vec<_>>>()?))
        })?;
        let groups = PeerGroups::new(parts.iter().flat_map(|(traits, _)| traits.rows()), &card.peers);
        let mut figures: Vec<Option<GroupFigures>> = Vec::new();
        figures.resize_with(layout.indicators.len(), || None);
        let found: Vec<GroupFigures> = (0..comparing.len())
            .into_par_iter()
            .map(|n| {
                let values: Vec<Option<f64>> =
                    parts.iter().flat_map(|(_, values)| values[n].iter()).collect();
                groups.figures(&values)
            })
            .collect();
        for (n, found) in comparing.into_iter().zip(found) {
            figures[n] = Some(found);
        }
        Ok(Some(Self { groups, figures, min_peers: card.peers.min_peers }))
    }

    /// Those of an indicator with a peer line.
    pub(super) fn indicator(&self, n: usize) -> Option<Peers<'_>> {
        let Self { groups, figures, min_peers } = self;
        Some(Peers { groups, figures: figures[n].as_ref()?, default_min: *min_peers })
    }
}

/// What peers are chosen by, of the taxpayers of a part.
struct PartTraits {
    industry: StringArray,
    region: StringArray,
    sales: Decimal128Array,
}

fn traits(batch: &RecordBatch) -> Result<PartTraits> {
    let wrong = |name: &str| EngineError::internal(format!("profile column {name} has another type"));
    let text = |name: &'static str| {
        column(batch, name).and_then(|c| c.as_string_opt::<i32>().cloned().ok_or_else(|| wrong(name)))
    };
    let sales = column(batch, SIZE_COLUMN)?.as_primitive_opt::<Decimal128Type>();
    let sales = sales.cloned().ok_or_else(|| wrong(SIZE_COLUMN))?;
    Ok(PartTraits { industry: text("industry_code")?, region: text("region_code")?, sales })
}

impl PartTraits {
    fn rows(&self) -> impl Iterator<Item = Traits<'_>> {
        let Self { industry, region, sales } = self;
        (0..sales.len()).map(|row| Traits {
            industry: industry.is_valid(row).then(|| industry.value(row)),
            region: region.is_valid(row).then(|| region.value(row)),
            sales: sales.is_valid(row).then(|| sales.value(row) as f64 / 100.0),
        })
    }
}

/// The peers' figures for one indicator.
pub(super) struct Peers<'a> {
    groups: &'a PeerGroups,
    figures: &'a GroupFigures,
    default_min: usize,
}

impl Peers<'_> {
    /// The group and figures a line is drawn from for a row.
    fn of(&self, row: usize, line: &Line) -> Option<(&str, PeerFigures)> {
        let min_peers = line.min_peers.unwrap_or(self.default_min);
        let (group, f) = self.groups.peers_of(self.figures, row, min_peers)?;
        Some((group, PeerFigures { median: f.median, p10: f.p10, p90: f.p90, mad: f.mad, n: f.n }))
    }
}

/// The line of a row and the group and size of the peers it is drawn from.
pub(super) fn peer_line<'p>(
    line: &Line,
    peers: Option<&'p Peers<'_>>,
    row: usize,
) -> Option<(f64, (&'p str, usize))> {
    let (group, figures) = peers?.of(row, line)?;
    // The number of peers was checked when the group was chosen.
    Some((threshold(line, Some(&figures), 1)?, (group, figures.n)))
}
