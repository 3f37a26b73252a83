//! The applications of the guides on the test bed's engine, each with the PostgreSQL, Redis and whatever else it needs.
//!
//! They show what the stacks rely on: data that is written and read, health that follows the parts, metrics by the names that
//! dashboards use, and versions that are newer or broken.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` in a call reads better than a reference to it"
)]

mod codelab;
mod easyflow;
mod estimate;
mod lang_agent;
mod logs;
mod running;
