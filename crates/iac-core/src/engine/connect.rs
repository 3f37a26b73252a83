//! Connecting to what a run needs, and holding a stack to its target.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;

use super::{Engine, EngineError, Observe, PlanRequest, by_provider};
use crate::config::ConfigValue;
use crate::declare::Declaration;
use crate::plan::WorldEntry;
use crate::provider::{ConnectRequest, StackKey, Target};
use crate::state::{Pending, StackId};
use crate::urn::Key;

/// The longest time that a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The targets that the providers are connected to.
pub(super) struct Connections {
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) looked: bool,
    /// The errors of the providers that nothing answers, where looking was preferred and not required.
    pub(super) unreached: Vec<String>,
}

impl Engine {
    /// Connects every provider that is needed.
    pub(super) async fn connect(
        &self,
        request: &PlanRequest<'_>,
        declaration: &Declaration,
        recorded: &BTreeMap<Key, WorldEntry>,
        pending: &[Pending],
        (id, key): (&StackId, &StackKey),
    ) -> Result<Connections, EngineError> {
        let declared = declaration.resources.iter().map(|resource| &resource.key);
        let open = pending.iter().map(|operation| &operation.key);
        let needed = by_provider(declared.chain(recorded.keys()).chain(open));
        for (name, keys) in &needed {
            if let Some(example) = keys.first() {
                self.provider(name, example)?;
            }
        }
        let mut connections = Connections {
            targets: BTreeMap::new(),
            looked: request.options.observe != Observe::Never,
            unreached: Vec::new(),
        };
        if !connections.looked {
            return Ok(connections);
        }
        let connects = needed
            .keys()
            .filter_map(|name| Some((*name, self.providers.get(*name)?)));
        let connects = connects.map(|(name, provider)| async move {
            let connect = ConnectRequest {
                stack: request.declaration.stack.clone(),
                id: id.clone(),
                config: provider_config(request, name),
                timeout: CONNECT,
                key: key.clone(),
                own_files: request.declaration.own_files.clone(),
            };
            (name, provider.connect(&connect).await)
        });
        for (name, connected) in join_all(connects).await {
            match connected {
                Ok(target) => {
                    check_target(name, request, &target)?;
                    connections.targets.insert(name.to_owned(), target);
                }
                Err(error) => {
                    let error = EngineError::Provider {
                        provider: name.to_owned(),
                        error,
                    };
                    if request.options.observe == Observe::Required || !error.is_unreachable() {
                        return Err(error);
                    }
                    connections.looked = false;
                    connections.unreached.push(error.to_string());
                }
            }
        }
        Ok(connections)
    }
}

/// A provider's own part of the configuration: the keys below its name.
fn provider_config(request: &PlanRequest<'_>, provider: &str) -> BTreeMap<String, String> {
    let prefix = format!("{provider}.");
    let plain = |(key, entry): (&String, &crate::config::Entry)| match &entry.value {
        ConfigValue::Plain(text) => Some((key.strip_prefix(&prefix)?.to_owned(), text.clone())),
        ConfigValue::Secret(_) => None,
    };
    request.config.entries().iter().filter_map(plain).collect()
}

/// One stack, one target: another cluster under the same stack would be taken for one that lost everything.
fn check_target(provider: &str, request: &PlanRequest<'_>, target: &Target) -> Result<(), EngineError> {
    match request.state.targets.get(provider) {
        Some(recorded) if !target.is(recorded) && !request.state.records.is_empty() => Err(EngineError::OtherTarget {
            provider: provider.to_owned(),
            recorded: recorded.description.clone(),
            connected: target.description.clone(),
        }),
        _ => Ok(()),
    }
}
