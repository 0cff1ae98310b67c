//! The one clock of what is stored. `SOURCE_DATE_EPOCH` (seconds since 1970) fixes it, so that two runs over
//! the same input write the same bytes.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};

const SHANGHAI_SECONDS: i32 = 8 * 3600;

/// Now, in the time of Asia/Shanghai.
pub fn moment() -> DateTime<FixedOffset> {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|s| s.parse::<i64>().ok());
    let utc = fixed.and_then(|s| DateTime::<Utc>::from_timestamp(s, 0)).unwrap_or_else(Utc::now);
    match FixedOffset::east_opt(SHANGHAI_SECONDS) {
        Some(offset) => utc.with_timezone(&offset),
        None => utc.fixed_offset(),
    }
}

/// Now, in Asia/Shanghai local time, as stored in `_ingested_at`.
pub fn now() -> NaiveDateTime {
    moment().naive_local()
}

/// [`now`] in milliseconds, as Arrow's `Timestamp(Millisecond)` holds it.
pub fn now_ms() -> i64 {
    now().and_utc().timestamp_millis()
}
