//! Which names in a service's definition mean other resources.

use std::collections::BTreeMap;

use iac_core::Key;
use iac_core::declare::ResourceDecl;
use iac_core::provider::{ExternalRef, Need, Phase, Reference, Referent};
use iac_core::value::FieldPath;

use crate::inputs::{Inputs, ServiceInputs};
use crate::model::{Condition, MountKind};

/// The objects that the stack declares, by type and name.
#[derive(Default)]
struct Declared {
    by_identity: BTreeMap<String, Key>,
}

impl Declared {
    fn referent(&self, kind: &str, name: &str, phase: Phase, need: Need) -> Referent {
        match self.by_identity.get(&format!("{kind} {name}")) {
            Some(key) => Referent::Declared(key.clone(), phase),
            None => Referent::External(ExternalRef {
                kind: kind.to_owned(),
                name: name.to_owned(),
                need,
            }),
        }
    }
}

/// The references of these resources.
pub(crate) fn of(resources: &[&ResourceDecl]) -> Vec<Reference> {
    let mut declared = Declared::default();
    let mut services = Vec::new();
    for resource in resources {
        let Ok(inputs) = Inputs::read(resource.key.kind(), &resource.inputs) else {
            continue;
        };
        declared.by_identity.insert(inputs.identity(), resource.key.clone());
        if let Inputs::Service(inputs) = inputs {
            services.push((&resource.key, inputs));
        }
    }
    let mut references = Vec::new();
    for (key, inputs) in services {
        of_service(key, &inputs, &declared, &mut references);
    }
    references
}

fn of_service(key: &Key, inputs: &ServiceInputs, declared: &Declared, references: &mut Vec<Reference>) {
    let mut add = |path: FieldPath, to: Referent| {
        references.push(Reference {
            from: key.clone(),
            phase: Phase::Exists,
            path,
            to,
        });
    };
    for (network, attachment) in &inputs.spec.networks {
        let path = FieldPath::fields(["networks", network]);
        add(
            path,
            declared.referent("compose/Network", &attachment.network, Phase::Exists, Need::AtOnce),
        );
    }
    for (index, mount) in inputs.spec.volumes.iter().enumerate() {
        if mount.kind == MountKind::Volume && !mount.source.is_empty() {
            let path = FieldPath::fields(["volumes"]).index(index).field("source");
            add(
                path,
                declared.referent("compose/Volume", &mount.source, Phase::Exists, Need::AtOnce),
            );
        }
    }
    for (other, dependency) in &inputs.spec.depends_on {
        let path = FieldPath::fields(["depends_on", other]);
        let phase = match dependency.condition {
            Condition::Started => Phase::Exists,
            Condition::Healthy | Condition::Completed => Phase::Ready,
        };
        let name = format!("{}/{other}", inputs.project);
        let need = if dependency.required {
            Need::AtOnce
        } else {
            Need::Optional
        };
        let to = match declared.referent("compose/Service", &name, phase, need) {
            // The user asks for this order, and not only for the other service.
            Referent::Declared(key, phase) => Referent::Ordered(key, phase),
            elsewhere => elsewhere,
        };
        add(path, to);
    }
    if let Some(key) = declared
        .by_identity
        .get(&format!("compose/Image {}", inputs.spec.image))
    {
        let to = Referent::Declared(key.clone(), Phase::Exists);
        add(FieldPath::fields(["image"]), to);
    }
}
