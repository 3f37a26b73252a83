//! The names of objects in the outside world: one spelling for each, whatever an earlier run recorded.

use std::collections::BTreeMap;

use super::{Engine, EngineError, by_provider};
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::WorldEntry;
use crate::state::Pending;
use crate::urn::Key;

impl Engine {
    /// Lets each provider find out what it needs to know for names.
    pub(super) async fn learn_names(
        &self,
        declaration: &Declaration,
        recorded: &BTreeMap<Key, WorldEntry>,
        pending: &[Pending],
    ) -> Result<(), EngineError> {
        let declared = declaration.resources.iter().map(|resource| &resource.key);
        let keys = declared
            .chain(recorded.keys())
            .chain(pending.iter().map(|operation| &operation.key));
        for name in by_provider(keys).into_keys() {
            let Some(provider) = self.providers.get(name) else {
                continue;
            };
            let declared: Vec<&ResourceDecl> = declaration
                .resources
                .iter()
                .filter(|resource| resource.key.provider() == name)
                .collect();
            let objects = recorded.values().flat_map(WorldEntry::objects);
            let objects = objects.map(|object| (&object.key, &object.identity));
            let open = pending.iter().map(|operation| (&operation.key, &operation.identity));
            let recorded: Vec<&str> = objects
                .chain(open)
                .filter(|(key, _)| key.provider() == name)
                .map(|(_, identity)| identity.as_str())
                .collect();
            let learned = provider.learn_names(&declared, &recorded).await;
            learned.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
        }
        Ok(())
    }

    /// Writes what is recorded as the providers write names today.
    pub(super) fn spell_names(&self, recorded: &mut BTreeMap<Key, WorldEntry>, pending: &mut [Pending]) {
        let spell = |key: &Key, identity: &mut String| {
            if let Some(provider) = self.providers.get(key.provider()) {
                *identity = provider.known_as(identity);
            }
        };
        for (key, entry) in recorded {
            spell(key, &mut entry.recorded.identity);
            for former in &mut entry.formers {
                spell(key, &mut former.recorded.identity);
            }
        }
        for operation in pending {
            spell(&operation.key, &mut operation.identity);
        }
    }
}
