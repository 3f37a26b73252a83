//! Generated passwords.

use serde_json::json;

use super::{Handle, NewResource, Output, Stack};
use crate::provider::Phase;

/// The type of a generated password.
pub const PASSWORD_KIND: &str = "random:core/Password";

/// A password that is drawn once, kept encrypted in the state, and never shown.
#[derive(Debug)]
pub struct RandomPassword;

impl Stack {
    /// Declares a password of `length` letters and digits, which need no quoting in URLs, shells and configuration
    /// files. It is drawn when it is first applied and stays until it leaves the program.
    #[track_caller]
    pub fn random_password(&self, name: &str, length: usize) -> Handle<RandomPassword> {
        self.declare(NewResource::new(PASSWORD_KIND, name, json!({ "length": length })))
    }
}

impl Handle<RandomPassword> {
    /// The password.
    pub fn result(&self) -> Output {
        Output::of_resource(self.key(), "/result", Phase::Exists, true)
    }
}
