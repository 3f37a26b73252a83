//! State on a real S3 server and a real PostgreSQL: the contract, lost connections, and what stands in the way.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test may stop at once")]

mod answers;
mod faults;
#[allow(dead_code, reason = "shared with the tests of whole programs")]
mod front;
mod limits;
mod place;
mod postgres;
mod proxy;
mod s3;
mod shared;
mod transport;
