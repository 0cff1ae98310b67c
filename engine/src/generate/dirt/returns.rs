//! Defects that only several months of a taxpayer's VAT returns show: a month that is missing, a credit that does
//! not carry over, sales that do not fit the invoices. At most one a taxpayer, so that each can be told apart.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Decimal128Type;

use super::{DirtOptions, Kind, draws, kinds, parts_of, within};
use crate::generate::files::{Rows, text_column};
use crate::{EngineError, Result};

/// Taxpayers concerned, as a multiple of the share of rows.
const TAXPAYERS_A_RATE: f64 = 4.0;
/// Sales below this (cents) cannot be told from noise.
const SALES_MIN: i128 = 1_000_000;

/// What is to happen to which return.
#[derive(Debug, Default)]
pub(super) struct ReturnPlan {
    by_return: HashMap<(String, i32, String), &'static Kind>,
}

/// A month's return of a taxpayer who was drawn.
struct Filed {
    period: i32,
    form: String,
    special_sales: i128,
}

impl ReturnPlan {
    /// Reads all returns once and draws.
    pub fn draw(options: &DirtOptions, source: &dyn Rows) -> Result<Self> {
        let share = (options.rate * TAXPAYERS_A_RATE).min(1.0);
        let mut drawn: BTreeMap<String, Vec<Filed>> = BTreeMap::new();
        for part in parts_of(source, "vat_return") {
            for batch in source.rows(&part)? {
                let (ids, forms) = (text_column(&batch, "taxpayer_id")?, text_column(&batch, "form")?);
                let periods = super::integers(&batch, "period")?;
                let sales = batch
                    .column_by_name("invoiced_special_sales")
                    .and_then(|column| column.as_primitive_opt::<Decimal128Type>().cloned())
                    .ok_or_else(|| EngineError::internal("vat_return has no invoiced_special_sales"))?;
                for row in 0..batch.num_rows() {
                    let id = ids.value(row);
                    if within(draws(options.seed, "vat_return/taxpayer", id.as_bytes())[0], share) {
                        drawn.entry(id.to_owned()).or_default().push(Filed {
                            period: periods.value(row),
                            form: forms.value(row).to_owned(),
                            special_sales: if sales.is_valid(row) { sales.value(row) } else { 0 },
                        });
                    }
                }
            }
        }
        let mut plan = Self::default();
        for (id, mut filed) in drawn {
            filed.sort_by_key(|one| one.period);
            if let Some((at, kind)) = choose(options.seed, &id, &filed) {
                let one = &filed[at];
                plan.by_return.insert((id, one.period, one.form.clone()), kind);
            }
        }
        Ok(plan)
    }

    /// What happens to this return.
    pub fn of(&self, taxpayer: &str, period: i32, form: &str) -> Option<&'static Kind> {
        if self.by_return.is_empty() {
            return None;
        }
        self.by_return.get(&(taxpayer.to_owned(), period, form.to_owned())).copied()
    }
}

/// A return amid others of its form without a gap, and what happens to it.
fn choose(seed: u64, id: &str, filed: &[Filed]) -> Option<(usize, &'static Kind)> {
    let [_, which, place, _] = draws(seed, "vat_return/kind", id.as_bytes());
    let amid: Vec<usize> = (1..filed.len().saturating_sub(1))
        .filter(|at| {
            let (before, one, after) = (&filed[at - 1], &filed[*at], &filed[at + 1]);
            before.form == one.form
                && after.form == one.form
                && one.form == "general"
                && follows(before.period, one.period)
                && follows(one.period, after.period)
        })
        .collect();
    let at = *amid.get((place % amid.len().max(1) as u64) as usize)?;
    let kind = match which % 3 {
        0 => kinds::MONTH_GAP,
        1 => kinds::OPENING_CREDIT,
        _ if filed[at].special_sales >= SALES_MIN => kinds::INVOICES_DIFFER,
        _ => kinds::OPENING_CREDIT,
    };
    Some((at, kind))
}

fn follows(one: i32, next: i32) -> bool {
    if one % 100 == 12 { next == one + 89 } else { next == one + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_months_amid_others_are_drawn() {
        let filed = |periods: &[i32]| -> Vec<Filed> {
            periods
                .iter()
                .map(|period| Filed { period: *period, form: "general".into(), special_sales: SALES_MIN })
                .collect()
        };
        for number in 0..50 {
            let id = format!("T{number}");
            let months = filed(&[202_511, 202_512, 202_601]);
            assert_eq!(choose(1, &id, &months).map(|(at, _)| at), Some(1));
            assert!(choose(1, &id, &filed(&[202_511, 202_601, 202_602])).is_none());
            assert!(choose(1, &id, &filed(&[202_511, 202_512])).is_none());
        }
    }
}
