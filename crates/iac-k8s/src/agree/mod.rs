//! Whether the objects of a stack fit one another inside: keys of ConfigMaps and Secrets, names of ports, labels that
//! selectors ask for.
//!
//! The server does not look at these. Where a pod can certainly not start or become ready, it is a problem; anything else
//! is a note, since others may make what is missing. Only objects that a run changes are looked at.

mod backends;
mod keys;
mod ports;
mod selectors;

use std::collections::BTreeMap;

use iac_core::declare::ResourceDecl;
use iac_core::value::{FieldPath, Value};

use self::keys::{Content, KeyName};
use self::ports::Template;
use crate::kinds;
use crate::object::ObjectId;
use crate::reference::pod_spec;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// The field.
    pub(crate) path: FieldPath,
    /// The message for people.
    pub(crate) message: String,
    /// The advice for people.
    pub(crate) hint: &'static str,
    /// The certainty that it breaks something.
    pub(crate) certainty: Certainty,
}

/// The certainty that a [`Misfit`] breaks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It does.
    Certain,
    /// It does, unless the live object of this identity has this key.
    UnlessLive(String, String),
    /// Others may help.
    Perhaps,
}

/// The inner parts of the stack's objects that other objects name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Insides {
    /// The keys of ConfigMaps and Secrets, by identity.
    contents: BTreeMap<String, Content>,
    /// The keys that pods name, by the identity of what should have them.
    named: BTreeMap<String, Vec<KeyName>>,
    templates: Vec<Template>,
    /// The ports of Services, by identity.
    services: BTreeMap<String, Vec<backends::Port>>,
}

impl Insides {
    /// Reads them off all the stack's resources.
    pub(crate) fn of(resources: &[&ResourceDecl]) -> Self {
        let mut insides = Self::default();
        for resource in resources {
            let Ok(id) = ObjectId::of(&resource.inputs) else {
                continue;
            };
            let type_name = id.type_name();
            if let Some(content) = Content::of(&type_name, resource) {
                insides.contents.insert(id.to_string(), content);
            }
            if let Some(ports) = backends::ports(&type_name, &resource.inputs) {
                insides.services.insert(id.to_string(), ports);
            }
            let Some(pointer) = kinds::pod_template(&type_name) else {
                continue;
            };
            insides.templates.extend(Template::of(&id, pointer, resource));
            for (target, mut named) in keys::named(&id, &resource.inputs) {
                named.by = resource.key.short();
                insides.named.entry(target).or_default().push(named);
            }
        }
        insides
    }

    /// Returns the misfits of an object that is to be `inputs` and was `before`.
    pub(crate) fn misfits(&self, id: &ObjectId, inputs: &Value, before: &Value) -> Vec<Misfit> {
        let type_name = id.type_name();
        let mut found = keys::lost(self, id, inputs, before);
        found.extend(keys::missing(self, id, inputs));
        found.extend(selectors::misfits(self, id, &type_name, inputs));
        if let Some((spec, path)) = kinds::pod_template(&type_name).and_then(|pointer| pod_spec(pointer, inputs)) {
            found.extend(ports::probes(spec, &path));
        }
        found
    }
}

/// The volumes that containers mount and nobody declares; the server says so too, where it can be asked.
pub(crate) fn unmounted(id: &ObjectId, inputs: &Value) -> Vec<Misfit> {
    let template = kinds::pod_template(&id.type_name()).and_then(|pointer| pod_spec(pointer, inputs));
    template
        .map(|(spec, path)| ports::mounts(spec, &path, inputs))
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests;
