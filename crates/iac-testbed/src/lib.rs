//! A real Docker Engine and a real Kubernetes on one bare machine, for tests and for trying things out.

pub mod docker;
pub mod error;
pub mod progress;

pub use docker::Engine;
pub use error::{Error, Result};
pub use progress::Progress;
