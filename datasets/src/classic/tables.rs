//! The economy as Arrow tables in canonical form.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::{Datelike, NaiveDate};

use super::casting::{Label, Measure, Role};
use super::firms::{Firm, World};
use super::trade::{Draft, Party};
use crate::schema::{Table, catalog};

/// Builds a batch column by column, by canonical name; columns nobody gives a value are null.
struct Builder {
    schema: SchemaRef,
    columns: Vec<Option<ArrayRef>>,
    rows: usize,
}

impl Builder {
    fn canonical(table: &str, rows: usize) -> Result<Self, ArrowError> {
        let missing = || ArrowError::SchemaError(format!("no canonical table `{table}`"));
        let schema = catalog().table(table).map(Table::canonical_schema).ok_or_else(missing)?;
        Ok(Self { columns: vec![None; schema.fields().len()], schema, rows })
    }

    fn set(&mut self, name: &str, array: impl arrow::array::Array + 'static) -> Result<(), ArrowError> {
        let index = self.schema.index_of(name)?;
        self.columns[index] = Some(Arc::new(array));
        Ok(())
    }

    fn text<S: AsRef<str>>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = Option<S>>,
    ) -> Result<(), ArrowError> {
        self.set(name, values.collect::<StringArray>())
    }

    fn money(&mut self, name: &str, cents: impl Iterator<Item = Option<i64>>) -> Result<(), ArrowError> {
        self.set(name, money(cents)?)
    }

    fn date(&mut self, name: &str, days: impl Iterator<Item = Option<NaiveDate>>) -> Result<(), ArrowError> {
        self.set(name, days.map(|day| day.map(days_since_1970)).collect::<Date32Array>())
    }

    fn int(&mut self, name: &str, values: impl Iterator<Item = Option<i32>>) -> Result<(), ArrowError> {
        self.set(name, values.collect::<Int32Array>())
    }

    fn finish(self) -> Result<RecordBatch, ArrowError> {
        let fields = self.schema.fields().iter().zip(self.columns);
        let columns = fields
            .map(|(field, column)| {
                column.unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), self.rows))
            })
            .collect();
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

fn money(cents: impl Iterator<Item = Option<i64>>) -> Result<Decimal128Array, ArrowError> {
    cents.map(|cents| cents.map(i128::from)).collect::<Decimal128Array>().with_precision_and_scale(18, 2)
}

fn days_since_1970(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - 719_163
}

/// The table `office`.
pub(super) fn offices(world: &World) -> Result<RecordBatch, ArrowError> {
    let rows = &world.offices;
    let mut table = Builder::canonical("office", rows.len())?;
    table.text("office_code", rows.iter().map(|office| Some(&office.code)))?;
    table.text("name", rows.iter().map(|office| Some(&office.name)))?;
    table.int("level", rows.iter().map(|office| Some(office.level)))?;
    table.text("parent_code", rows.iter().map(|office| office.parent.as_ref()))?;
    table.text("region_code", rows.iter().map(|office| Some(office.region)))?;
    table.int("capacity", rows.iter().map(|office| Some(office.capacity)))?;
    table.finish()
}

/// The table `taxpayer`.
pub(super) fn taxpayers(world: &World) -> Result<RecordBatch, ArrowError> {
    let mut table = Builder::canonical("taxpayer", world.firms.len())?;
    let rows = || world.firms.iter();
    table.text("taxpayer_id", rows().map(|firm| Some(&firm.id)))?;
    table.text("name", rows().map(|firm| Some(&firm.name)))?;
    table.text(
        "kind",
        rows().map(|firm| Some(either(firm.individual, "individual_business", "enterprise"))),
    )?;
    table.text("vat_status", rows().map(|firm| Some(either(firm.small, "small_scale", "general"))))?;
    table.text("industry_code", rows().map(|firm| Some(firm.industry.code)))?;
    table.text("ownership_code", rows().map(|firm| Some(either(firm.individual, "410", "173"))))?;
    table.text("region_code", rows().map(|firm| Some(firm.office.region)))?;
    table.text("office_code", rows().map(|firm| Some(&firm.office.code)))?;
    table.date("registered_on", rows().map(|firm| Some(firm.registered)))?;
    table.money("registered_capital", rows().map(|firm| Some(firm.capital.0)))?;
    table.money("paid_in_capital", rows().map(|firm| Some(firm.capital.1)))?;
    table.text("status", rows().map(|firm| Some(firm.status.0)))?;
    table.date("status_since", rows().map(|firm| Some(firm.status.1)))?;
    people(&mut table, &world.firms)?;
    table.text("credit_rating", rows().map(|firm| Some(firm.rating)))?;
    table.int("employees", rows().map(|firm| Some(firm.employees)))?;
    table.date("valid_from", rows().map(|firm| Some(firm.registered)))?;
    table.finish()
}

fn people(table: &mut Builder, firms: &[Firm]) -> Result<(), ArrowError> {
    table.text("legal_rep_name", firms.iter().map(|firm| Some(&firm.rep.name)))?;
    table.text("legal_rep_id", firms.iter().map(|firm| Some(&firm.rep.id)))?;
    table.text("finance_name", firms.iter().map(|firm| Some(&firm.finance.name)))?;
    table.text("finance_id", firms.iter().map(|firm| Some(&firm.finance.id)))?;
    table.text("agent_name", firms.iter().map(|firm| Some(&firm.agent.name)))?;
    table.text("agent_id", firms.iter().map(|firm| Some(&firm.agent.id)))?;
    table.text("phone", firms.iter().map(|firm| Some(&firm.phone)))?;
    table.text("address", firms.iter().map(|firm| Some(&firm.address)))?;
    table.text("mac_address", firms.iter().map(|firm| Some(&firm.mac)))
}

fn either(condition: bool, yes: &'static str, no: &'static str) -> &'static str {
    if condition { yes } else { no }
}

/// The table `invoice`, in the order of time. Invoices are numbered in that order.
pub(super) fn invoices(world: &World, drafts: &[Draft]) -> Result<RecordBatch, ArrowError> {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|position| (drafts[*position].at, *position));
    let mut ids = vec![String::new(); drafts.len()];
    for (number, position) in order.iter().enumerate() {
        ids[*position] = invoice_id(&drafts[*position], number);
    }
    let rows = || order.iter().map(|position| &drafts[*position]);
    let mut table = Builder::canonical("invoice", drafts.len())?;
    table.text("invoice_id", order.iter().map(|position| Some(&ids[*position])))?;
    table.text("kind", rows().map(|draft| Some(draft.kind)))?;
    let instants = rows().map(|draft| Some(draft.at.and_utc().timestamp_millis()));
    table.set("issued_at", instants.collect::<TimestampMillisecondArray>())?;
    table.int("period", rows().map(|draft| Some(world.months[draft.month].period())))?;
    table.text("seller_id", rows().map(|draft| party(world, draft.seller).0))?;
    table.text("seller_name", rows().map(|draft| Some(party(world, draft.seller).1)))?;
    table.text("buyer_id", rows().map(|draft| party(world, draft.buyer).0))?;
    table.text("buyer_name", rows().map(|draft| Some(party(world, draft.buyer).1)))?;
    table.money("amount", rows().map(|draft| Some(draft.amount)))?;
    table.money("tax", rows().map(|draft| Some(draft.tax)))?;
    table.money("total", rows().map(|draft| Some(draft.amount + draft.tax)))?;
    table.text("status", rows().map(|draft| Some(draft.status)))?;
    table.text("original_invoice_id", rows().map(|draft| draft.original.map(|position| &ids[position])))?;
    table.text("issuer", rows().map(|draft| issuer(world, draft).map(|firm| &firm.finance.name)))?;
    table.text("issuer_ip", rows().map(|draft| issuer(world, draft).map(|firm| &firm.ip)))?;
    table.text("issuer_mac", rows().map(|draft| issuer(world, draft).map(|firm| &firm.mac)))?;
    let deducted = |draft: &Draft| deductible(world, draft).then(|| world.months[draft.month].period());
    table.int("deducted_period", rows().map(deducted))?;
    table.text("deduction_use", rows().map(|draft| deductible(world, draft).then_some("deduct")))?;
    table.finish()
}

/// Twenty digits as on fully digital invoices: year, region, channel, number.
fn invoice_id(draft: &Draft, number: usize) -> String {
    let region = if matches!(draft.seller, Party::Outsider(_)) { 98 } else { 99 };
    format!("{:02}{region}1{:015}", draft.at.year() % 100, number + 1)
}

fn party(world: &World, party: Party) -> (Option<&str>, &str) {
    match party {
        Party::Firm(index) => (Some(&world.firms[index].id), &world.firms[index].name),
        Party::Outsider(index) => (Some(&world.outsiders[index].id), &world.outsiders[index].name),
        Party::Consumer => (None, "个人"),
    }
}

/// The issuing firm; devices and issuers outside the province are not known.
fn issuer<'a>(world: &'a World, draft: &Draft) -> Option<&'a Firm> {
    match draft.seller {
        Party::Firm(index) => Some(&world.firms[index]),
        _ => None,
    }
}

/// A firm of the province deducts what it can in the month it gets it.
fn deductible(world: &World, draft: &Draft) -> bool {
    let general = matches!(draft.buyer, Party::Firm(index) if !world.firms[index].small);
    general
        && matches!(draft.kind, "special" | "e_special")
        && matches!(draft.status, "valid" | "part_reversed")
}

/// The truth: who did what, when, and how much it comes to.
pub(super) fn truth(world: &World, labels: &[Label], drafts: &[Draft]) -> Result<RecordBatch, ArrowError> {
    let fields = [
        ("taxpayer_id", DataType::Utf8, false),
        ("scheme", DataType::Utf8, false),
        ("role", DataType::Utf8, false),
        ("from_period", DataType::Int32, false),
        ("to_period", DataType::Int32, false),
        ("amount", DataType::Decimal128(18, 2), true),
    ];
    let schema = Schema::new(fields.map(|(name, ty, nullable)| Field::new(name, ty, nullable)).to_vec());
    let period = |month: usize| Some(world.months[month].period());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(labels.iter().map(|label| Some(&world.firms[label.firm].id)).collect::<StringArray>()),
        Arc::new(labels.iter().map(|label| Some(label.scheme)).collect::<StringArray>()),
        Arc::new(labels.iter().map(|label| Some(role(label.role))).collect::<StringArray>()),
        Arc::new(labels.iter().map(|label| period(label.months.0)).collect::<Int32Array>()),
        Arc::new(labels.iter().map(|label| period(label.months.1)).collect::<Int32Array>()),
        Arc::new(money(labels.iter().map(|label| measured(label, drafts)))?),
    ];
    RecordBatch::try_new(Arc::new(schema), columns)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Organiser => "organiser",
        Role::User => "user",
        Role::Innocent => "innocent",
    }
}

/// Cents without tax; `None` where nothing is wrong.
fn measured(label: &Label, drafts: &[Draft]) -> Option<i64> {
    let (firm, (from, to)) = (Party::Firm(label.firm), label.months);
    let counts = |draft: &&Draft| match label.measure {
        Measure::Nothing => false,
        Measure::Sold => draft.seller == firm && draft.in_force(),
        Measure::PlantedSold => draft.seller == firm && draft.planted,
        Measure::PlantedBought => draft.buyer == firm && draft.planted && draft.in_force(),
    };
    let within = drafts.iter().filter(|draft| (from..=to).contains(&draft.month));
    (label.measure != Measure::Nothing).then(|| within.filter(counts).map(|draft| draft.amount).sum())
}
