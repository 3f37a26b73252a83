//! The health check with which the engine finds out whether a container does its work.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::lenient;

/// The health check with which the engine finds out whether a container does its work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", line]` or `["NONE"]`; empty for the image's own with other times.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "test")]
    pub test: Vec<String>,
    /// Time between two checks; the engine's default is 30 s.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub interval: Option<Duration>,
    /// The time that one check may take; the engine's default is 30 s.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub timeout: Option<Duration>,
    /// After how many failures in a row it is unhealthy; the engine's default is 3.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub retries: Option<u32>,
    /// The time after the start in which failures do not count.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub start_period: Option<Duration>,
    /// Time between two checks during the start period; needs engine API 1.44.
    #[serde(skip_serializing_if = "Option::is_none", with = "lenient::duration")]
    pub start_interval: Option<Duration>,
    /// Switches the image's own check off.
    #[serde(skip_serializing_if = "std::ops::Not::not", deserialize_with = "lenient::flag")]
    pub disable: bool,
}

impl Healthcheck {
    /// True if it checks anything: it may also switch the image's own check off.
    pub(crate) fn is_on(&self) -> bool {
        !self.disable && self.test.first().is_none_or(|word| word != "NONE")
    }

    /// A command line that the container's shell runs; exit status 0 means healthy.
    pub fn cmd_shell(line: impl Into<String>) -> Self {
        Self {
            test: vec!["CMD-SHELL".to_owned(), line.into()],
            ..Self::default()
        }
    }

    /// A program with its arguments; exit status 0 means healthy.
    pub fn cmd<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        let mut test = vec!["CMD".to_owned()];
        test.extend(words.into_iter().map(Into::into));
        Self {
            test,
            ..Self::default()
        }
    }

    /// Sets the time between two checks.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets how long one check may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets after how many failures in a row it is unhealthy.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets how long failures do not count after the start.
    #[must_use]
    pub fn start_period(mut self, start_period: Duration) -> Self {
        self.start_period = Some(start_period);
        self
    }
}

fn test<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let test = match Json::deserialize(input)? {
        Json::Null => Vec::new(),
        Json::String(line) => vec!["CMD-SHELL".to_owned(), line],
        Json::Array(items) => items.iter().filter_map(lenient::text_of).collect(),
        other => return Err(D::Error::custom(format_args!("expected a command, found {other}"))),
    };
    match test.first().map(String::as_str) {
        None | Some("CMD" | "CMD-SHELL" | "NONE") => Ok(test),
        Some(other) => Err(D::Error::custom(format_args!(
            "a list begins with CMD, CMD-SHELL or NONE, not with {other:?}"
        ))),
    }
}
