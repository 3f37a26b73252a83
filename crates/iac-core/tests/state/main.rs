//! State as its users see it: what survives, what is refused, what it costs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod backends;
mod broken;
mod check;
mod conformance;
mod cost;
mod crash;
mod damage;
mod edit;
mod encrypted;
mod format;
mod formers;
mod lease;
mod life;
mod rekey;
mod secrets;
#[path = "../support/storage.rs"]
mod storage;
mod support;
mod transfer;
