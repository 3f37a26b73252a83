//! What the codelab programs share: their configuration, with the guides' values as defaults.
//!
//! The programs are `stacks/prod.rs` (Kubernetes), `stacks/codelab_dev.rs` and `stacks/codelab_full.rs` (Docker). Where
//! they differ from the guides, and why, is in `docs/systems.md`.

pub mod docker;
pub mod kubernetes;
pub mod settings;

/// The program in README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
