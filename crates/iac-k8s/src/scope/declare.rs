//! Turns objects of any form into declarations: names them, puts them into their namespace, and marks what is secret.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::declare::{DeclareError, Dependency, NewResource, Options, SourceLine};
use iac_core::value::{Part, Source, Value, canonical, token};
use iac_core::{Key, KeyError, Stack, reach};
use kube::core::DynamicObject;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{Object, ObjectScope, annotations, conceal};
use crate::PROVIDER;
use crate::kinds::{self, Scope};
use crate::object::{split_api_version, type_name};
use crate::provider::chosen_namespace;
use crate::yaml::{self, Manifest, ManifestError, ManifestFiles};

/// Where objects are declared.
#[derive(Debug, Clone)]
pub(super) struct Place {
    stack: Stack,
    namespace: Option<String>,
    /// Where what names no namespace goes, outside of one.
    default_namespace: String,
    after: Option<Dependency>,
    /// True for what stands in a file, where several files may say the same.
    in_file: bool,
}

impl Place {
    pub(super) fn cluster(stack: &Stack) -> Self {
        Self {
            stack: stack.clone(),
            namespace: None,
            default_namespace: chosen_namespace(stack.config()),
            after: None,
            in_file: false,
        }
    }

    pub(super) fn within(&self, namespace: &str, after: Option<Dependency>) -> Self {
        Self {
            stack: self.stack.clone(),
            namespace: Some(namespace.to_owned()),
            default_namespace: self.default_namespace.clone(),
            after,
            in_file: false,
        }
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn stack(&self) -> &Stack {
        &self.stack
    }

    pub(super) fn in_stack(&self, stack: &Stack) -> Self {
        Self {
            stack: stack.clone(),
            ..self.clone()
        }
    }

    #[track_caller]
    pub(super) fn typed<K>(&self, name: &str, object: K) -> Object<K>
    where
        K: kube::Resource<DynamicType = (), Scope: ObjectScope> + Serialize,
    {
        let mut json = match serde_json::to_value(object) {
            Ok(json) => json,
            Err(error) => {
                self.report(name, error.to_string());
                Json::Object(Map::new())
            }
        };
        drop_nulls(&mut json);
        json["apiVersion"] = K::api_version(&()).into();
        json["kind"] = K::kind(&()).into();
        let scope = if <K::Scope as ObjectScope>::NAMESPACED {
            Scope::Namespaced
        } else {
            Scope::Cluster
        };
        self.declare(name, json, scope)
    }

    #[track_caller]
    pub(super) fn json(&self, name: &str, object: Json) -> Object<DynamicObject> {
        let scope = self.scope_of(&object);
        self.declare(name, object, scope)
    }

    #[track_caller]
    pub(super) fn yaml(&self, files: &ManifestFiles) -> Vec<Object<DynamicObject>> {
        let outside = match reach::outside(self.stack.config()) {
            Ok(outside) => outside,
            Err(error) => {
                self.report(reach::OUTSIDE, error.to_string());
                return Vec::new();
            }
        };
        let manifests = match yaml::read(files, &outside) {
            Ok(manifests) => manifests,
            Err(errors) => {
                self.report_files(errors);
                return Vec::new();
            }
        };
        let definitions = manifests.iter().filter(|manifest| manifest.object.mentions(DEFINITION));
        let defined: BTreeMap<String, Scope> = definitions
            .filter_map(|manifest| defined(&manifest.object.json().ok()?))
            .collect();
        let mut seen = BTreeSet::new();
        let mut objects = Vec::new();
        for manifest in manifests {
            let place = self.at_manifest(&manifest);
            let object = match manifest.object.json() {
                Ok(object) => object,
                Err(error) => {
                    place.report("", error.to_string());
                    continue;
                }
            };
            let known = defined.get(&type_of(&object)).copied();
            let scope = known.unwrap_or_else(|| self.scope_of(&object));
            let name = self.name_of(&object, scope);
            let object = place.declare(&name, object, scope);
            // One that stands twice counts once.
            if seen.insert(object.key().clone()) {
                objects.push(object);
            }
        }
        objects
    }

    /// Reports what is wrong with files where it stands.
    #[track_caller]
    fn report_files(&self, errors: Vec<ManifestError>) {
        let called = self.stack.source();
        let last = errors.len().saturating_sub(1);
        for (place, error) in errors.into_iter().enumerate() {
            let mut message = error.message;
            if place == last && error.line.is_some() {
                message.push_str("\n  files that are no manifests can be left out: --config exclude=PATTERN for the program \"manifests\", ManifestFiles::exclude in a program of your own");
            }
            let at = match error.line {
                Some(line) => source_line(&error.file, line),
                None => {
                    message = format!("{}: {message}", error.file.display());
                    called.clone()
                }
            };
            let name = String::new();
            self.stack.report(DeclareError::File { name, message, at });
        }
    }

    /// For an object that is declared in a file: where it stands there is what its author wants to be told.
    fn at_manifest(&self, manifest: &Manifest) -> Self {
        let source = source_line(&manifest.file.path, manifest.line);
        Self {
            stack: self.stack.at_lines(source, Arc::new(manifest.lines())),
            in_file: true,
            ..self.clone()
        }
    }

    /// The name in the stack of an object from a file.
    fn name_of(&self, object: &Json, scope: Scope) -> String {
        let name = object.pointer("/metadata/name").and_then(Json::as_str).unwrap_or("");
        let namespace = object.pointer("/metadata/namespace").and_then(Json::as_str);
        match namespace.or(self.namespace()) {
            Some(namespace) if scope == Scope::Namespaced => format!("{namespace}/{name}"),
            _ => name.to_owned(),
        }
    }

    /// The scope of an object of which only JSON is known: a custom resource without a namespace, declared where there
    /// is none, is taken for one of the cluster.
    fn scope_of(&self, object: &Json) -> Scope {
        let (group, _) = split_api_version(object["apiVersion"].as_str().unwrap_or(""));
        let names_one = object.pointer("/metadata/namespace").is_some_and(Json::is_string);
        let guess = match names_one || self.namespace.is_some() {
            true => Scope::Namespaced,
            false => Scope::Cluster,
        };
        kinds::scope(group, object["kind"].as_str().unwrap_or("")).unwrap_or(guess)
    }

    #[track_caller]
    fn declare<K>(&self, name: &str, mut json: Json, scope: Scope) -> Object<K> {
        if !json["metadata"].is_object() {
            json["metadata"] = Json::Object(Map::new());
        }
        let object_name = match json["metadata"]["name"].as_str() {
            Some(given) if !given.is_empty() => given.to_owned(),
            _ => name.to_owned(),
        };
        json["metadata"]["name"] = object_name.as_str().into();
        let namespace = match scope {
            Scope::Namespaced => Some(self.place(name, &mut json)),
            Scope::Cluster => None,
        };
        let of_type = type_of(&json);
        let content = self.in_file.then(|| canonical::digest(&json));
        self.refuse_tokens_in_bytes(name, &json);
        if of_type == "core/Secret" {
            self.mark_secrets(&mut json, namespace.as_deref().unwrap_or_default(), &object_name);
        }
        let full_name: Vec<&str> = namespace.iter().chain([&object_name]).map(String::as_str).collect();
        let full_name = full_name.join("/");
        conceal::conceal(&self.stack, &of_type, &full_name, &mut json);
        let options = annotations::options(&of_type, &json).unwrap_or_else(|why| {
            self.report(name, why);
            Options::default()
        });
        let mut new = NewResource::new(format!("{PROVIDER}:{of_type}"), name, json).options(options);
        if let (Scope::Namespaced, Some(after)) = (scope, &self.after) {
            new = new.after(after.clone());
        }
        if let Some(content) = content {
            new = new.counts_once(full_name, content);
        }
        Object::new(self.stack.declare(new), object_name, namespace)
    }

    /// Puts an object into its namespace, and returns that.
    #[track_caller]
    fn place(&self, name: &str, json: &mut Json) -> String {
        let given = json["metadata"]["namespace"].as_str().map(str::to_owned);
        let namespace = match (given, &self.namespace) {
            (Some(given), Some(scope)) if given != *scope && self.after.is_some() => {
                let message = format!("metadata.namespace is {given:?}, but it is declared within {scope:?}");
                self.report(name, message);
                given
            }
            (Some(given), _) => given,
            (None, scope) => scope.clone().unwrap_or_else(|| self.default_namespace.clone()),
        };
        json["metadata"]["namespace"] = namespace.as_str().into();
        namespace
    }

    /// An output inside bytes is encoded with them and would be sent as it is.
    #[track_caller]
    fn refuse_tokens_in_bytes(&self, name: &str, json: &Json) {
        let fields: &[&str] = match type_of(json).as_str() {
            "core/Secret" => &["data"],
            "core/ConfigMap" => &["binaryData"],
            _ => return,
        };
        for field in fields {
            for (key, value) in json[*field].as_object().into_iter().flatten() {
                let bytes = value
                    .as_str()
                    .and_then(|text| STANDARD.decode(text).ok())
                    .unwrap_or_default();
                if token::is_token(&String::from_utf8_lossy(&bytes)) {
                    let message = format!(
                        "{field}.{key}: an output of another resource cannot be used inside bytes; put it into stringData (a Secret) or data (a ConfigMap)"
                    );
                    self.report(name, message);
                }
            }
        }
    }

    /// Whatever a Secret holds is a secret, whether the program wrote it down or has it from an output.
    fn mark_secrets(&self, json: &mut Json, namespace: &str, name: &str) {
        for field in ["data", "stringData"] {
            for (key, value) in json[field].as_object_mut().into_iter().flatten() {
                if let Json::String(text) = value {
                    let label = format!("{namespace}/{name} {field}.{key}");
                    *text = self.secret(&label, text);
                }
            }
            // Reading a missing key of a map adds it.
            if json[field].is_null()
                && let Some(map) = json.as_object_mut()
            {
                map.remove(field);
            }
        }
    }

    fn secret(&self, label: &str, text: &str) -> String {
        if !token::is_token(text) {
            return self.stack.secret(label, text).into();
        }
        // A damaged token stays as it is: the declaration reports it with its path.
        let Ok(Value::Expr(mut expr)) = token::parse(text, &iac_core::FieldPath::root()) else {
            return text.to_owned();
        };
        // With an output of another resource in it, a text is secret as a whole. With secrets of the program alone it is not
        // unless its literals are secret as well.
        let own = expr.outputs().all(|output| matches!(output.source, Source::Local(_)));
        let parts = expr.parts.iter_mut().enumerate().map(|(index, part)| match part {
            Part::Literal(text) if !own => text.clone(),
            Part::Literal(text) => self
                .stack
                .secret(&format!("{label} part {}", index + 1), text.as_str())
                .into(),
            Part::Output(output) => {
                output.secret = true;
                token::encode(output)
            }
        });
        parts.collect()
    }

    #[track_caller]
    fn report(&self, name: &str, message: String) {
        self.stack.report(DeclareError::Inputs {
            name: name.to_owned(),
            message,
            at: self.stack.source(),
        });
    }
}

/// The name in the stack, or in the component that `stack` is, of an object of the type `K` that is declared there under
/// `name`; for what has to name an object before it is declared.
///
/// # Errors
/// When it cannot be a name.
pub fn key_of<K: kube::Resource<DynamicType = ()>>(stack: &Stack, name: &str) -> Result<Key, KeyError> {
    let of_type = type_name(&K::group(&()), &K::kind(&()));
    Key::new(stack.component_path(), &format!("{PROVIDER}:{of_type}"), name)
}

fn source_line(file: &Path, line: u64) -> SourceLine {
    SourceLine {
        file: file.display().to_string(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: 1,
    }
}

/// Takes out the nulls of a typed object: there, a null is how an `Option` without a value is written, and means nothing.
fn drop_nulls(json: &mut Json) {
    match json {
        Json::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn type_of(json: &Json) -> String {
    let (group, _) = split_api_version(json["apiVersion"].as_str().unwrap_or(""));
    type_name(group, json["kind"].as_str().unwrap_or(""))
}

/// The kind of what defines kinds.
const DEFINITION: &str = "CustomResourceDefinition";

/// The type that a definition defines, and its scope.
fn defined(json: &Json) -> Option<(String, Scope)> {
    if type_of(json) != format!("apiextensions.k8s.io/{DEFINITION}") {
        return None;
    }
    let text = |pointer: &str| json.pointer(pointer)?.as_str();
    let scope = match text("/spec/scope")? {
        "Cluster" => Scope::Cluster,
        _ => Scope::Namespaced,
    };
    Some((type_name(text("/spec/group")?, text("/spec/names/kind")?), scope))
}
