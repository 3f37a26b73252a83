//! A resource's inputs as the scope writes and the provider reads them: the model's types plus where they belong.

use iac_core::provider::Problem;
use iac_core::value::{FieldPath, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::model::{Build, Network, Service, Volume};

/// The types of resources.
pub(crate) const SERVICE: &str = "docker:compose/Service";
pub(crate) const NETWORK: &str = "docker:compose/Network";
pub(crate) const VOLUME: &str = "docker:compose/Volume";
pub(crate) const IMAGE: &str = "docker:compose/Image";

/// A service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceInputs {
    /// The project.
    pub(crate) project: String,
    /// Its name in the project.
    pub(crate) service: String,
    /// True if it does its work by ending with status 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) completes: bool,
    /// The ID of its image where that is built by a resource: another build makes new containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image_id: Option<String>,
    /// The definition, with the networks' and volumes' names in the engine.
    #[serde(flatten)]
    pub(crate) spec: Service,
}

/// A network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NetworkInputs {
    /// The project.
    pub(crate) project: String,
    /// Its key in the project.
    pub(crate) key: String,
    /// The definition; its name is filled in.
    #[serde(flatten)]
    pub(crate) spec: Network,
}

/// A volume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VolumeInputs {
    /// The project.
    pub(crate) project: String,
    /// Its key in the project.
    pub(crate) key: String,
    /// The definition; its name is filled in.
    #[serde(flatten)]
    pub(crate) spec: Volume,
}

/// An image that is built.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ImageInputs {
    /// The project.
    pub(crate) project: String,
    /// The service it is for.
    pub(crate) service: String,
    /// Its name with its tag.
    pub(crate) tag: String,
    /// `OS[/ARCHITECTURE]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    /// The definition of its build.
    pub(crate) build: Build,
    /// The folder in the context that the stack's state is in, which is no part of it: a run writes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state_folder: Option<String>,
    /// The hash of the files in the context, without those that `.dockerignore` leaves out.
    pub(crate) context_hash: String,
}

impl NetworkInputs {
    /// Its name in the engine.
    pub(crate) fn name(&self) -> String {
        self.spec
            .name
            .clone()
            .unwrap_or_else(|| format!("{}_{}", self.project, self.key))
    }
}

impl VolumeInputs {
    /// Its name in the engine.
    pub(crate) fn name(&self) -> String {
        self.spec
            .name
            .clone()
            .unwrap_or_else(|| format!("{}_{}", self.project, self.key))
    }
}

/// Any of them.
#[derive(Debug, Clone)]
pub(crate) enum Inputs {
    Service(Box<ServiceInputs>),
    Network(NetworkInputs),
    Volume(VolumeInputs),
    Image(Box<ImageInputs>),
}

/// The text in place of a value that is not known yet; never sent to an engine.
pub(crate) const UNKNOWN: &str = "(known after apply)";

impl Inputs {
    /// Reads inputs whose secrets are open; a leaf that is not resolved becomes [`UNKNOWN`].
    pub(crate) fn read(kind: &str, value: &Value) -> Result<Self, Problem> {
        let json = value.to_json(&mut |_, leaf| match leaf {
            Value::Secret(secret) => Json::from(secret.expose().as_str()),
            _ => Json::from(UNKNOWN),
        });
        match kind {
            SERVICE => typed(json).map(|inputs| Self::Service(Box::new(inputs))),
            NETWORK => typed(json).map(Self::Network),
            VOLUME => typed(json).map(Self::Volume),
            IMAGE => typed(json).map(|inputs| Self::Image(Box::new(inputs))),
            other => Err(Problem::new(
                FieldPath::root(),
                format!("{other} is no type of this provider"),
            )),
        }
    }

    /// Inputs as recorded. Of what an interrupted run made there are none; its name on the engine is all that is known, and
    /// enough to find and delete it.
    /// So it is with a record whose inputs are about another object than the one that it names.
    pub(crate) fn of_object(kind: &str, value: &Value, identity: &str) -> Result<Self, Problem> {
        if *value != Value::Null {
            let inputs = Self::read(kind, value)?;
            if inputs.identity() == identity {
                return Ok(inputs);
            }
        }
        let unknown = || Problem::new(FieldPath::root(), format!("{identity:?} is no name of a {kind}"));
        let (_, name) = identity.split_once(' ').ok_or_else(unknown)?;
        let json = match kind {
            SERVICE => {
                let (project, service) = name.split_once('/').ok_or_else(unknown)?;
                json!({ "project": project, "service": service })
            }
            NETWORK | VOLUME => json!({ "project": "", "key": name, "name": name }),
            IMAGE => json!({ "project": "", "service": "", "tag": name, "build": {}, "context_hash": "" }),
            _ => return Err(unknown()),
        };
        Self::read(kind, &json.into())
    }

    /// Returns the name of the object on the engine, with its type.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Service(inputs) => format!("compose/Service {}/{}", inputs.project, inputs.service),
            Self::Network(inputs) => format!("compose/Network {}", inputs.name()),
            Self::Volume(inputs) => format!("compose/Volume {}", inputs.name()),
            Self::Image(inputs) => format!("compose/Image {}", inputs.tag),
        }
    }
}

fn typed<T: DeserializeOwned>(json: Json) -> Result<T, Problem> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string().parse().unwrap_or_default();
        Problem::new(path, error.into_inner().to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_finds_an_object() {
        for (kind, identity) in [
            (SERVICE, "compose/Service shop/web"),
            (NETWORK, "compose/Network shop_back"),
            (VOLUME, "compose/Volume shop_data"),
            (IMAGE, "compose/Image shop-web:1"),
        ] {
            let inputs = Inputs::of_object(kind, &Value::Null, identity).expect(identity);
            assert_eq!(inputs.identity(), identity);
        }
        assert!(Inputs::of_object(SERVICE, &Value::Null, "web").is_err());
    }
}
