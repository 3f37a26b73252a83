//! State as its users see it: what survives, what is refused, what it costs.
#![allow(clippy::unwrap_used, clippy::panic)]

mod backends;
mod broken;
#[path = "../support/canary.rs"]
mod canary;
mod check;
mod clock;
mod conformance;
mod cost;
mod crash;
mod damage;
#[cfg(target_os = "linux")]
mod deployed;
mod disk;
mod edit;
mod encrypted;
#[cfg(target_os = "linux")]
#[path = "../support/disk.rs"]
mod filesystem;
mod forged;
mod format;
mod formers;
mod key_race;
mod lease;
mod life;
mod rekey;
mod script;
mod secrets;
mod seen;
mod stack_id;
#[path = "../support/storage.rs"]
mod storage;
mod support;
mod times;
mod transfer;
