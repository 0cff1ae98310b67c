//! Tests of the whole room: from tables to tasks, and from tasks to files read back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod files;
mod merging;
