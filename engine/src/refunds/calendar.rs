//! The calendar of a warehouse: the one that comes with Assay, the years of its own `definitions/calendar.toml`, and single days of the
//! table `workday`, each over the one before.

use assay_datasets::calendar::{CALENDAR, WorkCalendar};
use datafusion::prelude::SessionContext;

use super::facts::read;
use crate::warehouse::Warehouse;
use crate::{EngineError, Result};

/// Days the table states.
const STATED: &str = "SELECT day, is_workday FROM workday WHERE day IS NOT NULL AND is_workday IS NOT NULL";

pub(super) async fn load(warehouse: &Warehouse, context: &SessionContext) -> Result<WorkCalendar> {
    let wrong =
        |error: assay_datasets::calendar::CalendarError| EngineError::Definitions(vec![error.to_string()]);
    let mut calendar = WorkCalendar::built_in().map_err(wrong)?.clone();
    if let Some(path) = warehouse.definition_file(CALENDAR) {
        let text = std::fs::read_to_string(&path).map_err(EngineError::file(path.clone()))?;
        calendar.replace_years(WorkCalendar::parse(&path.display().to_string(), &text).map_err(wrong)?);
    }
    for row in read(context, STATED).await? {
        if let (Some(day), Some(worked)) = (row.day("day")?, row.flag("is_workday")?) {
            calendar.state(day, worked);
        }
    }
    Ok(calendar)
}
