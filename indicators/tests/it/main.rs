//! Tests of the crate as its users see it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod catalogue;
mod collected;
mod compiling;
mod policies;
mod policy_oracle;
mod problems;
mod shipped;
mod support;
