//! (to be merged)
pub mod warehouse;
