//! What every generated economy must satisfy, in groups: its rows, its schemes, its shape, its books.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod books;
mod documents;
mod reliefs;
mod rows;
mod schemes;
mod shape;
mod speed;
pub(super) mod support;
