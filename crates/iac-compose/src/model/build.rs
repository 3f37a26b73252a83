//! An image that is built.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Bytes, lenient};

/// An image that is built from a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, from = "Forms")]
pub struct Build {
    /// The folder, relative to the compose file, or for a typed program to where it runs.
    pub context: String,
    /// The Dockerfile within the context; `Dockerfile` when none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The Dockerfile's text, instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// The stage to stop at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Labels of the image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Images whose layers may be reused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_from: Vec<String>,
    /// The network of `RUN` steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Additional names in `RUN` steps: `host:address`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<String>,
    /// More names of the image, with their tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The size of `/dev/shm` in `RUN` steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<Bytes>,
    /// True if no layer is reused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_cache: bool,
    /// True if base images are always looked up in their registry.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pull: bool,
}

impl Build {
    /// The image that a folder's `Dockerfile` describes.
    pub fn context(folder: impl Into<String>) -> Self {
        Self {
            context: folder.into(),
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Forms {
    Short(String),
    Long(Box<LongForm>),
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LongForm {
    context: String,
    dockerfile: Option<String>,
    dockerfile_inline: Option<String>,
    #[serde(deserialize_with = "lenient::pairs")]
    args: BTreeMap<String, String>,
    target: Option<String>,
    #[serde(deserialize_with = "lenient::pairs")]
    labels: BTreeMap<String, String>,
    cache_from: Vec<String>,
    network: Option<String>,
    #[serde(deserialize_with = "lenient::hosts")]
    extra_hosts: Vec<String>,
    tags: Vec<String>,
    shm_size: Option<Bytes>,
    #[serde(deserialize_with = "lenient::flag")]
    no_cache: bool,
    #[serde(deserialize_with = "lenient::flag")]
    pull: bool,
}

impl From<Forms> for Build {
    fn from(forms: Forms) -> Self {
        let long = match forms {
            Forms::Short(context) => return Self::context(context),
            Forms::Long(long) => *long,
        };
        Self {
            context: long.context,
            dockerfile: long.dockerfile,
            dockerfile_inline: long.dockerfile_inline,
            args: long.args,
            target: long.target,
            labels: long.labels,
            cache_from: long.cache_from,
            network: long.network,
            extra_hosts: long.extra_hosts,
            tags: long.tags,
            shm_size: long.shm_size,
            no_cache: long.no_cache,
            pull: long.pull,
        }
    }
}

/// Reads a build, and says of an unknown key which one it is (an untagged enum would only say that nothing matches).
pub(crate) fn read<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Build>, D::Error> {
    use serde::de::Error as _;
    match serde_json::Value::deserialize(input)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(context) => Ok(Some(Build::context(context))),
        json => serde_json::from_value(json)
            .map(|long| Some(Forms::Long(Box::new(long)).into()))
            .map_err(D::Error::custom),
    }
}
