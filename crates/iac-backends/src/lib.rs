//! State on S3-compatible object storage and in PostgreSQL, for programs that more than one person runs.
//!
//! A program that knows both:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use iac_backends::{PostgresState, S3State};
//! use iac_core::Program;
//!
//! // `cargo run -- up --backend s3://state/shop`
//! fn main() -> ExitCode {
//!     Program::new("shop")
//!         .backend(S3State::SCHEME)
//!         .backend(PostgresState::SCHEME)
//!         .run(|stack| Ok(()))
//! }
//! ```

/// The most that a value may have, and so the most that is read of one answer.
const LARGEST: u64 = iac_core::files::STATE;

mod cause;
mod insist;
mod place;
mod postgres;
mod s3;
mod write;

pub use postgres::PostgresState;
pub use s3::S3State;
