//! The small parts of a service: dependencies, restart rules, logging, limits, files.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::lenient;
use crate::parse::dotenv::{self, DotenvError};

/// A dependency of a service on another one, to be met before the service starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependsOn {
    /// The state that the other one has to reach.
    #[serde(default)]
    pub condition: Condition,
    /// True if a missing other one is an error.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub required: bool,
    /// Whether it is restarted when the other one's containers are replaced.
    #[serde(
        default,
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "lenient::flag"
    )]
    pub restart: bool,
    /// With `restart`: the other one's container; filled in when the service is declared, so that another one is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

impl From<Condition> for DependsOn {
    fn from(condition: Condition) -> Self {
        Self {
            condition,
            required: true,
            restart: false,
            container: None,
        }
    }
}

/// The state that a service has to reach for those that depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Condition {
    /// Its containers are started.
    #[default]
    #[serde(rename = "service_started")]
    Started,
    /// They are healthy, or run where there is no health check.
    #[serde(rename = "service_healthy")]
    Healthy,
    /// They ended with exit status 0.
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "service_started",
            Self::Healthy => "service_healthy",
            Self::Completed => "service_completed_successfully",
        })
    }
}

/// Reads `depends_on`: a list of names, or a map from names to conditions.
pub(crate) fn depends_on<'de, D>(input: D) -> Result<BTreeMap<String, DependsOn>, D::Error>
where
    D: Deserializer<'de>,
{
    match Json::deserialize(input)? {
        Json::Null => Ok(BTreeMap::new()),
        Json::Array(items) => items
            .iter()
            .map(|item| {
                let name = lenient::text_of(item).ok_or_else(|| D::Error::custom("expected services' names"))?;
                Ok((name, Condition::Started.into()))
            })
            .collect(),
        json => serde_json::from_value(json).map_err(D::Error::custom),
    }
}

/// When the engine starts a container again that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// Always, also after the engine itself was restarted.
    Always,
    /// After an exit status other than 0, so many times at the most.
    OnFailure(Option<u32>),
    /// Always, unless somebody stopped it.
    UnlessStopped,
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::OnFailure(None) => f.write_str("on-failure"),
            Self::OnFailure(Some(times)) => write!(f, "on-failure:{times}"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
        }
    }
}

impl Serialize for Restart {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Restart {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = match Json::deserialize(input)? {
            // YAML 1.1 reads a bare `no` as a boolean.
            Json::Bool(false) => "no".to_owned(),
            json => lenient::text_of(&json).unwrap_or_default(),
        };
        match text.split_once(':') {
            Some(("on-failure", times)) if times.parse::<u32>().is_ok() => Ok(Self::OnFailure(times.parse().ok())),
            None if matches!(text.as_str(), "no" | "none" | "") => Ok(Self::No),
            None if matches!(text.as_str(), "always" | "any") => Ok(Self::Always),
            None if text == "on-failure" => Ok(Self::OnFailure(None)),
            None if text == "unless-stopped" => Ok(Self::UnlessStopped),
            _ => Err(D::Error::custom(format_args!(
                "{text:?} is not no, always, unless-stopped, on-failure or on-failure:TIMES"
            ))),
        }
    }
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// When the engine does not have it.
    #[default]
    Missing,
    /// Before every creation of a container.
    Always,
    /// Never: it has to be there.
    Never,
    /// It is built.
    Build,
}

impl<'de> Deserialize<'de> for PullPolicy {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match String::deserialize(input)?.as_str() {
            "missing" | "if_not_present" => Ok(Self::Missing),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            "build" => Ok(Self::Build),
            other => Err(D::Error::custom(format_args!(
                "{other:?} is not supported; it can be always, missing, never or build"
            ))),
        }
    }
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// The driver: `json-file`, `local`, `journald`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Its options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub options: BTreeMap<String, String>,
}

/// A limit of the kernel for each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Ulimit {
    /// The limit that a process starts with.
    pub soft: i64,
    /// The limit up to which a process can raise it.
    pub hard: i64,
}

impl<'de> Deserialize<'de> for Ulimit {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Both {
            #[serde(deserialize_with = "lenient::number")]
            soft: Option<i64>,
            #[serde(deserialize_with = "lenient::number")]
            hard: Option<i64>,
        }
        match Json::deserialize(input)? {
            json @ Json::Object(_) => {
                let Both { soft, hard } = serde_json::from_value(json).map_err(D::Error::custom)?;
                match (soft, hard) {
                    (Some(soft), Some(hard)) => Ok(Self { soft, hard }),
                    _ => Err(D::Error::custom("expected both soft and hard")),
                }
            }
            json => {
                let both: Option<i64> = lenient::text_of(&json).and_then(|text| text.parse().ok());
                let both = both.ok_or_else(|| D::Error::custom("expected a number, or soft and hard"))?;
                Ok(Self { soft: both, hard: both })
            }
        }
    }
}

/// A file with variables, read when the program declares the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path.
    pub path: String,
    /// True if it has to be there.
    pub required: bool,
    /// The format in which it is read.
    pub format: EnvFormat,
}

/// The format of a file with variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnvFormat {
    /// With quotes, comments and variables.
    #[default]
    DotEnv,
    /// As `docker run --env-file` does: a value is the rest of its line, whatever it holds.
    Raw,
}

impl<'de> Deserialize<'de> for EnvFormat {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match String::deserialize(input)?.as_str() {
            "" | ".env" => Ok(Self::DotEnv),
            "raw" => Ok(Self::Raw),
            other => Err(D::Error::custom(format_args!(
                "the format {other:?} is unknown; it can be raw"
            ))),
        }
    }
}

impl From<&str> for EnvFile {
    fn from(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            required: true,
            format: EnvFormat::DotEnv,
        }
    }
}

impl EnvFile {
    /// Adds the variables of the file's text to those of the files before it. `lookup` is what its own variables mean.
    pub(crate) fn read(
        &self,
        text: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
        all: &mut Vec<(String, String)>,
    ) -> Result<(), DotenvError> {
        match self.format {
            EnvFormat::DotEnv => dotenv::parse_into(text, lookup, all),
            EnvFormat::Raw => dotenv::parse_raw(text, lookup).map(|variables| all.extend(variables)),
        }
    }
}

/// A file that is put into each container of a service before it starts, from a [`Config`] or a secret.
///
/// The content travels through the engine's API, so it works with a remote engine as well, and it is part of the
/// service's inputs: another content makes new containers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileMount {
    /// The name of the config or secret.
    pub source: String,
    /// The path in the container; `/SOURCE` for a config and `/run/secrets/SOURCE` for a secret when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The owner's number; 0 when none is given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::option_text")]
    pub uid: Option<String>,
    /// The group's number; 0 when none is given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::option_text")]
    pub gid: Option<String>,
    /// The file's mode; 0444 when none is given.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "mode")]
    pub mode: Option<u32>,
    /// The content of the file; filled in from the source when the service is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl FileMount {
    /// Its path in the container; one that is not absolute is in `folder`.
    pub(crate) fn target_in(&self, folder: &str) -> String {
        match &self.target {
            Some(target) if target.starts_with('/') => target.clone(),
            Some(target) => format!("{folder}{target}"),
            None => format!("{folder}{}", self.source),
        }
    }
}

pub(crate) fn mode<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(None),
        Json::String(text) => {
            let digits = text.trim_start_matches("0o");
            let parsed = u32::from_str_radix(digits, 8).map_err(|_| D::Error::custom("expected octal digits"))?;
            Ok(Some(parsed))
        }
        json => serde_json::from_value(json).map(Some).map_err(D::Error::custom),
    }
}

/// The content of a file for containers: of a config, or of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The content itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// A file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A variable of the environment that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

impl Config {
    /// The content itself; it may hold outputs of other resources.
    pub fn content(content: impl Into<String>) -> Self {
        Self {
            content: Some(content.into()),
            ..Self::default()
        }
    }

    /// A file, read when the program declares it.
    pub fn file(path: impl Into<String>) -> Self {
        Self {
            file: Some(path.into()),
            ..Self::default()
        }
    }

    /// A variable of the program's environment.
    pub fn environment(name: impl Into<String>) -> Self {
        Self {
            environment: Some(name.into()),
            ..Self::default()
        }
    }
}
