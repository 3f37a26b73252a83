//! A real Docker Engine and a real Kubernetes on one bare machine, for tests and for trying things out.

pub mod addresses;
mod binaries;
pub mod browser;
pub mod certificates;
mod cleanup;
mod cluster;
pub mod docker;
mod dockerd;
pub mod environment;
pub mod error;
mod extra;
pub mod hostile;
pub mod images;
pub mod layout;
mod linters;
mod lookup;
mod packages;
mod process;
pub mod progress;
pub mod record;
mod storage;
pub mod testbed;

pub use docker::Engine;
pub use error::{Error, Result};
pub use extra::Extra;
pub use layout::Layout;
pub use linters::{actionlint, gitlab_checker};
pub use lookup::{Needs, TestBed};
pub use process::command_line;
pub use progress::Progress;
pub use storage::{S3, Servers};
