//! The anonymous volumes of a service's containers (`volumes: [/data]`, or what its image asks for): they are carried from
//! each container to its successor, stay when the service goes, and are known by their names from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::RemoveVolumeOptions;
use iac_core::Key;
use iac_core::provider::{Claim, DataItem, ErrorKind, ProviderError, Recorded};
use iac_core::value::Value;
use serde_json::json;

use super::containers::{name_of, number_of};
use super::delete;
use crate::inputs::{Inputs, SERVICE, ServiceInputs, VOLUME};
use crate::labels;
use crate::model::MountKind;
use crate::provider::connect::Engine;
use crate::provider::errors::{failed, status};

/// The kind of an anonymous volume in lists of data.
pub(crate) const ANONYMOUS: &str = "anonymous volume";

/// The volumes that definitions of a service name: whatever they are called, none of them is anonymous. `docker volume create`
/// makes up names as well, and such a volume may be anybody's.
#[derive(Debug, Default)]
pub(crate) struct Named {
    names: BTreeSet<String>,
    /// True if there is no definition, but only a service's name.
    is_unknown: bool,
}

impl Named {
    /// Those of the definition that is recorded, and of the one that is applied.
    pub(crate) fn of(recorded: Option<&Value>, inputs: &ServiceInputs) -> Self {
        let before = recorded.and_then(|value| match Inputs::read(SERVICE, value) {
            Ok(Inputs::Service(before)) => Some(before),
            _ => None,
        });
        let specs = before.iter().map(|before| &before.spec).chain([&inputs.spec]);
        let mounts = specs.flat_map(|spec| &spec.volumes);
        let volumes = mounts.filter(|mount| mount.kind == MountKind::Volume && !mount.source.is_empty());
        Self {
            names: volumes.map(|mount| mount.source.clone()).collect(),
            is_unknown: before.is_none() && inputs.spec.image.is_empty(),
        }
    }

    fn has(&self, name: &str, container: &ContainerInspectResponse) -> bool {
        let mounts = || {
            container
                .host_config
                .iter()
                .flat_map(|host| host.mounts.iter().flatten())
        };
        let binds = || {
            container
                .host_config
                .iter()
                .flat_map(|host| host.binds.iter().flatten())
        };
        let is_bound = |bind: &String| bind.split(':').next() == Some(name);
        let in_container = || mounts().any(|mount| mount.source.as_deref() == Some(name)) || binds().any(is_bound);
        self.names.contains(name) || (self.is_unknown && in_container())
    }
}

/// True if a volume's name is one that the engine made up.
pub(crate) fn is_anonymous(volume: &str) -> bool {
    volume.len() == 64 && volume.chars().all(|c| c.is_ascii_hexdigit())
}

/// The anonymous volumes of some containers of a service.
pub(crate) fn of(containers: &[ContainerInspectResponse], named: &Named) -> impl Iterator<Item = DataItem> {
    containers.iter().flat_map(move |container| {
        let mounts = container.mounts.iter().flatten();
        mounts.filter_map(move |mount| {
            let name = mount
                .name
                .clone()
                .filter(|name| is_anonymous(name) && !named.has(name, container))?;
            let place = mount.destination.as_deref().unwrap_or_default();
            Some(DataItem {
                outlives: true,
                ..DataItem::new(ANONYMOUS, name).amount(format!(
                    "{place} of {}; nothing takes it over, and `docker volume prune` deletes it",
                    name_of(container)
                ))
            })
        })
    })
}

/// The anonymous volumes that nothing mounts any more once the service is as declared: something else is at their place, or
/// their container is one too many.
pub(crate) fn unused(containers: &[ContainerInspectResponse], inputs: &ServiceInputs, named: &Named) -> Vec<DataItem> {
    let is_taken = |target: &str| {
        let mounts = inputs.spec.volumes.iter();
        let named = mounts.filter(|mount| mount.kind != MountKind::Volume || !mount.source.is_empty());
        named.into_iter().any(|mount| mount.target == target)
    };
    let mut unused = Vec::new();
    for container in containers {
        let is_surplus = number_of(container) > inputs.spec.replicas();
        for item in of(std::slice::from_ref(container), named) {
            let target = item.amount.split(' ').next().unwrap_or_default();
            if is_surplus || is_taken(target) {
                unused.push(item);
            }
        }
    }
    unused
}

/// Returns the data that a change of a service would leave without a container; notes it as told.
pub(crate) fn left(
    engine: &Engine,
    members: &[ContainerInspectResponse],
    inputs: &ServiceInputs,
    named: &Named,
) -> Vec<DataItem> {
    let items = unused(members, inputs, named);
    let mut told = engine.told.lock().unwrap_or_else(PoisonError::into_inner);
    told.extend(items.iter().map(|item| item.name.clone()));
    items
}

/// The containers of projects, each asked for once for a question about several services.
#[derive(Default)]
pub(crate) struct Projects(BTreeMap<String, Vec<ContainerInspectResponse>>);

impl Projects {
    /// The data that a service leaves.
    pub(crate) async fn data(
        &mut self,
        engine: &Engine,
        recorded: &Recorded,
        inputs: &ServiceInputs,
    ) -> Result<Vec<DataItem>, ProviderError> {
        if !self.0.contains_key(&inputs.project) {
            let filter = labels::filter([(labels::PROJECT, &inputs.project)]);
            let found = engine.inspect_all(engine.list(filter).await?).await?;
            self.0.insert(inputs.project.clone(), found);
        }
        let all = self.0.get(&inputs.project).map_or(&[][..], Vec::as_slice);
        let is_member = |container: &&ContainerInspectResponse| {
            let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
            labels.and_then(|labels| labels.get(labels::SERVICE)) == Some(&inputs.service)
        };
        let members = all.iter().filter(is_member).cloned().collect();
        let (going, _) = delete::ours(members, engine, (recorded, Claim::Sealed), inputs).await?;
        let items: Vec<DataItem> = of(&going, &Named::of(None, inputs)).collect();
        let mut told = engine.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(items.iter().map(|item| item.name.clone()));
        Ok(items)
    }
}

/// Refuses to take away containers of this service whose volumes came since that was planned: the plan did not name
/// them, and nobody has recorded them.
pub(crate) fn refuse_what_came(engine: &Engine, service: &str, going: &[DataItem]) -> Result<(), ProviderError> {
    let told = engine.told.lock().unwrap_or_else(PoisonError::into_inner);
    let came = going.iter().filter(|item| !told.contains(&item.name));
    let came: Vec<String> = came
        .map(|item| format!("{} {} ({})", item.kind, item.name, item.amount))
        .collect();
    if came.is_empty() {
        return Ok(());
    }
    let message = format!(
        "containers of the service {service} stay: since the plan was made data came that would go with them: {}",
        came.join(", ")
    );
    Err(ProviderError::new(ErrorKind::Precondition, message)
        .with_hint("look what it is, and run again: the plan then names it"))
}

/// Returns the record of an anonymous volume by itself once its container is gone.
pub(crate) fn record(service: &Key, item: &DataItem) -> Option<Recorded> {
    let inputs = json!({ "project": "", "key": item.amount, "name": item.name });
    Some(Recorded {
        key: Key::new(service.component(), VOLUME, &item.name).ok()?,
        identity: format!("compose/Volume {}", item.name),
        uid: None,
        inputs: inputs.into(),
        outputs: Value::Null,
        private: json!({}).into(),
        dependencies: Vec::new(),
        ready: true,
    })
}

/// Removes an anonymous volume. One that is gone is no error, nor is one that another container has taken over.
pub(crate) async fn remove(engine: &Engine, volume: &str) -> Result<(), ProviderError> {
    match engine.docker.remove_volume(volume, None::<RemoveVolumeOptions>).await {
        Ok(()) => Ok(()),
        Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
        Err(error) => Err(failed(&format!("remove the volume {volume}"), &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_definition_names_is_not_anonymous() {
        let (made_up, other) = ("0123456789abcdef".repeat(4), "f".repeat(64));
        let container = |named: bool| -> ContainerInspectResponse {
            let mounts = if named {
                json!([{"Type": "volume", "Source": other, "Target": "/b"}])
            } else {
                json!([])
            };
            serde_json::from_value(json!({
                "Name": "/shop-db-1",
                "HostConfig": {"Mounts": mounts},
                "Mounts": [
                    {"Type": "volume", "Name": made_up, "Destination": "/a"},
                    {"Type": "volume", "Name": other, "Destination": "/b"},
                    {"Type": "volume", "Name": "shop_data", "Destination": "/c"},
                ],
            }))
            .expect("a container")
        };
        let service = |image: &str, source: Option<&str>| -> ServiceInputs {
            let volumes = source.map(|source| json!([{"type": "volume", "source": source, "target": "/b"}]));
            let json =
                json!({"project": "shop", "service": "db", "image": image, "volumes": volumes.unwrap_or(json!([]))});
            serde_json::from_value(json).expect("a service")
        };
        let recorded = || -> Value {
            serde_json::to_value(service("db:1", Some(&other)))
                .expect("json")
                .into()
        };
        for (before, inputs, is_named_there, expected) in [
            (None, service("db:1", None), false, vec![&made_up, &other]),
            (None, service("db:1", Some(&other)), false, vec![&made_up]),
            (Some(recorded()), service("db:2", None), false, vec![&made_up]),
            (None, service("", None), true, vec![&made_up]),
            (None, service("", None), false, vec![&made_up, &other]),
        ] {
            let named = Named::of(before.as_ref(), &inputs);
            let containers = [container(is_named_there)];
            let found: Vec<String> = of(&containers, &named).map(|item| item.name).collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{inputs:?}");
        }
    }
}
