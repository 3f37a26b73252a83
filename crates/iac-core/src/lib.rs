//! Declaration, graph, plan, apply, state and CLI of the infrastructure engine; knows no Kubernetes and no Docker.
//!
//! Data flows one way, and the modules follow one another in that order:
//!
//! 1. [`declare`]: a program registers resources with a [`Stack`]; the result is plain data.
//! 2. [`graph`]: edges between the *exists* and *ready* phases of those resources.
//! 3. [`plan`]: a pure function from declared, recorded, observed and predicted to a [`plan::Plan`].
//! 4. [`apply`]: the scheduler that carries a plan out, journaling every side effect before it happens.
//! 5. [`state`]: journal, snapshot, lease, secrets and the storage behind them.
//!
//! [`config`] is what programs are told from outside, and [`settings`](mod@settings) what they read of it into a struct of their own.
//!
//! [`review`] is what people see of a plan, and [`saved`] what is kept of it; [`cli`] and [`render`] only read what those produce. [`provider`] is the seam to the outside world: the
//! Kubernetes and Docker providers implement it in crates of their own, and so can anyone else.

pub mod answers;
pub mod apply;
mod causes;
pub mod cli;
pub mod config;
pub mod declare;
mod drawing;
mod duration;
pub mod engine;
pub mod environment;
pub mod files;
pub mod glob;
pub mod graph;
pub mod plan;
pub mod provider;
pub mod reach;
pub mod redact;
pub mod render;
pub mod review;
pub mod saved;
pub mod secret_names;
pub mod settings;
pub mod state;
pub mod transport;
mod urn;
mod user_folder;
pub mod value;

pub use causes::with_causes;
pub use cli::Program;
pub use declare::{Declared, Output, Stack};
pub use urn::{Key, KeyError, Urn};
pub use value::{FieldPath, Secret, Value};

/// The result of a program's own function: any error is shown, with its causes.
pub type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
