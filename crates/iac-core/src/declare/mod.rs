//! The declaration of a program: resources, their dependencies, and exports.
//!
//! A program runs once and registers resources with a [`Stack`]; nothing is created meanwhile. What comes out is a
//! [`Declaration`]: plain data that can be planned, printed, drawn and tested.
//!
//! ```
//! use iac_core::declare::{NewResource, Stack};
//! use iac_core::config::Config;
//!
//! let stack = Stack::new("demo", Config::default());
//! let password = stack.random_password("db", 24);
//! let url = format!("postgres://app:{}@db/app", password.result().url_encode());
//! stack.declare::<()>(NewResource::new("example:core/Settings", "app", serde_json::json!({ "url": url })));
//! let declaration = stack.finish().expect("nothing wrong with it");
//! assert_eq!(declaration.resources.len(), 2);
//! ```

mod conceal;
mod data;
mod handle;
mod inputs;
mod lines;
mod options;
mod output;
mod random;
mod stack;
mod wait;

pub use data::{Declaration, DeclareError, Dependency, NewResource, Note, ResourceDecl, SourceLine};
pub use handle::Handle;
pub use inputs::Concealer;
pub use lines::FieldLines;
pub use options::{Declared, Options};
pub use output::Output;
pub use random::{PASSWORD_KIND, RandomPassword};
pub use stack::Stack;
pub use wait::Wait;
