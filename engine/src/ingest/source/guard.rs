//! Libraries that panic over a damaged file must not take the load down with them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::{EngineError, Result};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `read`; a panic inside becomes the error a damaged file gives.
pub(super) fn guarded(shown: &str, read: impl FnOnce() -> Result<()>) -> Result<()> {
    // What the library would print about itself tells a user nothing; panics elsewhere are printed as ever.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                usual(info);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    // What `read` leaves half done is dropped with the load, which fails.
    let outcome = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(outer);
    outcome.unwrap_or_else(|_| {
        Err(EngineError::input(format!("{shown} is damaged; ask for it again, or have it saved again")))
    })
}
