//! The schemas of the definitions that a stack declares.

use std::collections::BTreeMap;
use std::sync::Arc;

use iac_core::declare::ResourceDecl;
use iac_core::provider::Problem;
use iac_core::value::{FieldPath, Value};

use super::value;
use crate::object::{ObjectId, type_name};

/// The schemas of the kinds that a stack defines, by type and version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schemas {
    versions: BTreeMap<(String, String), Arc<Value>>,
    /// The versions that each type is served in.
    served: BTreeMap<String, Vec<String>>,
    /// The names of the definitions, by type.
    names: BTreeMap<String, String>,
}

/// The verdict of the stack's own definition on an object.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The problems for which the server would refuse it.
    pub(crate) problems: Vec<Problem>,
    /// The rules that bear on the object and that only a server can check: how many there are of each sort.
    pub(crate) left: BTreeMap<&'static str, usize>,
}

impl Schemas {
    /// Takes in a declared definition.
    pub(crate) fn add(&mut self, definition: &ResourceDecl) {
        let inputs = &definition.inputs;
        let text = |pointer: &str| inputs.pointer(pointer).and_then(Value::as_str);
        let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) else {
            return;
        };
        let of_type = type_name(group, kind);
        if let Some(name) = text("/metadata/name") {
            self.names.insert(of_type.clone(), name.to_owned());
        }
        for version in inputs
            .pointer("/spec/versions")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            let Some(name) = version.get("name").and_then(Value::as_str) else {
                continue;
            };
            if version.get("served").and_then(Value::as_bool) != Some(true) {
                continue;
            }
            self.served.entry(of_type.clone()).or_default().push(name.to_owned());
            let schema = version.get("schema").and_then(|schema| schema.get("openAPIV3Schema"));
            if let Some(schema) = schema.filter(|schema| schema.is_known()) {
                self.versions
                    .insert((of_type.clone(), name.to_owned()), Arc::new(schema.clone()));
            }
        }
    }

    /// The name of the definition of a kind.
    pub(crate) fn name(&self, id: &ObjectId) -> Option<&str> {
        self.names.get(&id.type_name()).map(String::as_str)
    }

    /// The schema of an object's kind and version.
    pub(crate) fn of(&self, id: &ObjectId) -> Option<&Value> {
        self.versions
            .get(&(id.type_name(), id.version.clone()))
            .map(|schema| &**schema)
    }

    /// Returns the verdict of the stack's own definition on an object; `None` if the stack has none, or one without a
    /// schema.
    pub(crate) fn judge(&self, id: &ObjectId, inputs: &Value) -> Option<Verdict> {
        let of_type = id.type_name();
        let served = self.served.get(&of_type)?;
        if !served.contains(&id.version) {
            let problem = Problem {
                path: FieldPath::fields(["apiVersion"]),
                message: format!(
                    "the stack's definition of {} does not serve the version {:?}",
                    id.kind, id.version
                ),
                hint: Some(format!("use one of these: {}", served.join(", "))),
            };
            return Some(Verdict {
                problems: vec![problem],
                ..Verdict::default()
            });
        }
        let mut verdict = Verdict::default();
        value::object(self.of(id)?, inputs, &mut verdict);
        Some(verdict)
    }
}
