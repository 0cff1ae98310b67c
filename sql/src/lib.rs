//! The DataFusion session Assay runs its SQL in: settings, the domain's functions and aggregates, and the
//! writing of results.
//!
//! It knows nothing of warehouses or indicators; those register tables in a session made here.

pub mod codes;
mod error;
mod few_rows_first;
pub mod functions;
pub mod output;
pub mod session;

pub use error::{Error, Result};
pub use functions::register_all;
pub use functions::resident_id::{resident_id_is_plausible, resident_id_is_valid};
pub use functions::uscc::uscc_is_valid;
pub use output::{Format, OutputOptions, write_stream};
pub use session::{SessionOptions, new_session, simplified};
