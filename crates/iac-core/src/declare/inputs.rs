//! Secrets in inputs as programs and files write them: variables, labels, command lines.

use serde_json::Value as Json;

use super::Stack;
use crate::secret_names::{SecretNames, can_be_secret};
use crate::value::token;

/// Conceals the secrets in inputs of one resource.
#[derive(Debug)]
pub struct Concealer<'a> {
    stack: &'a Stack,
    names: SecretNames,
    label: String,
}

impl<'a> Concealer<'a> {
    /// For the inputs of what `label` names, which has to be unique within the stack: `service shop/web`.
    pub fn new(stack: &'a Stack, label: impl Into<String>) -> Self {
        Self {
            stack,
            names: stack.secret_names(),
            label: label.into(),
        }
    }

    fn label(&self, path: &str) -> String {
        format!("{} {path}", self.label)
    }

    /// A text that has a name of its own: secret by that, or in parts.
    pub fn named(&self, path: &str, name: &str, text: &mut Json) {
        if let Json::String(text) = text {
            *text = self.stack.conceal(&self.names, &self.label(path), name, text);
        }
    }

    /// A text that may hold secrets, whatever it is called.
    pub fn text(&self, path: &str, text: &mut Json) {
        let may = |text: &str| token::is_token(text) || !self.names.inside(text).is_empty();
        if text.as_str().is_some_and(may) {
            self.named(path, "", text);
        }
    }

    /// A text in a field of which nobody knows what it means: a password by its name, or one that holds secrets.
    pub fn field(&self, path: &str, name: &str, text: &mut Json) {
        match self.names.is_password(name) {
            true => self.named(path, name, text),
            false => self.text(path, text),
        }
    }

    /// The texts of a map, by their keys.
    pub fn map(&self, path: &str, map: &mut Json) {
        for (key, text) in map.as_object_mut().into_iter().flatten() {
            self.named(&format!("{path}.{key}"), key, text);
        }
    }

    /// The words of a command line. A word behind an option that is called like a secret is one.
    pub fn words(&self, path: &str, words: &mut Json) {
        let mut behind = false;
        for (index, word) in words.as_array_mut().into_iter().flatten().enumerate() {
            let Json::String(text) = word else { continue };
            let option = text
                .strip_prefix('-')
                .map(|name| name.trim_start_matches('-').to_owned());
            let label = self.label(&format!("{path}[{index}]"));
            let is_value = behind && option.is_none() && !token::is_token(text) && can_be_secret(text);
            behind = option.is_some_and(|name| self.names.is_secret(&name));
            *text = match is_value && !text.starts_with("$(") {
                true => self.stack.secret(&label, text.as_str()).to_string(),
                false => self.stack.conceal(&self.names, &label, "", text),
            };
        }
    }
}
