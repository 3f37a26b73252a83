//! The rules of webhooks and admission policies: which objects they match, as far as that can be told without a server.
//!
//! Selectors and conditions are left out: they only take something away, and an order that nobody needed harms nobody.

use std::collections::HashMap;

use iac_core::value::Value;

use super::Declared;

/// The rules of one object.
pub(super) struct Rules<'a> {
    rules: Vec<&'a Value>,
    plurals: &'a HashMap<String, String>,
}

impl<'a> Rules<'a> {
    /// The rules of an object that has some and decides by them.
    pub(super) fn of(
        first: &'a Declared<'a>,
        declared: &'a [Declared<'a>],
        plurals: &'a HashMap<String, String>,
    ) -> Option<Self> {
        let rules: Vec<&Value> = match first.id.kind.as_str() {
            _ if first.id.group != "admissionregistration.k8s.io" => return None,
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => {
                let rules = first
                    .lists("webhooks")
                    .filter_map(|webhook| webhook.get("rules")?.as_array());
                rules.flatten().collect()
            }
            // A policy does nothing before it is bound.
            "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding" => bound(first, declared)?,
            _ => return None,
        };
        Some(Self { rules, plurals })
    }

    pub(super) fn admit(&self, object: &Declared<'_>) -> bool {
        let own = || self.matches(&object.id.group, plural(&object.kind, &object.id.kind, self.plurals));
        (object.runs_pods() && self.matches("", "pods")) || own()
    }

    fn matches(&self, group: &str, plural: impl AsRef<str>) -> bool {
        self.rules.iter().any(|rule| matches(rule, group, plural.as_ref()))
    }
}

/// The rules of a binding: its own, or those of its policy where the stack declares it.
fn bound<'a>(binding: &'a Declared<'a>, declared: &'a [Declared<'a>]) -> Option<Vec<&'a Value>> {
    let own = binding.inputs.pointer("/spec/matchResources/resourceRules");
    let kind = binding.id.kind.strip_suffix("Binding")?;
    let name = binding.text("/spec/policyName")?;
    let policy = || {
        let is_it = |object: &&Declared<'_>| {
            object.id.group == binding.id.group && object.id.kind == kind && object.id.name == name
        };
        declared
            .iter()
            .find(is_it)?
            .inputs
            .pointer("/spec/matchConstraints/resourceRules")
    };
    let rules = own.and_then(Value::as_array).filter(|rules| !rules.is_empty());
    let rules = rules.or_else(|| policy().and_then(Value::as_array));
    Some(rules?.iter().collect())
}

fn matches(rule: &Value, group: &str, plural: &str) -> bool {
    let lists = |key: &str, wanted: &[&str]| {
        let list = rule.get(key).and_then(Value::as_array).unwrap_or_default();
        list.iter()
            .filter_map(Value::as_str)
            .any(|entry| wanted.contains(&entry))
    };
    let operations = ["*", "CREATE", "UPDATE"];
    lists("operations", &operations) && lists("apiGroups", &["*", group]) && lists("resources", &["*", "*/*", plural])
}

/// Returns the plurals of the kinds that the stack defines, by type.
pub(super) fn plurals(declared: &[Declared<'_>]) -> HashMap<String, String> {
    let definitions = declared
        .iter()
        .filter(|object| object.id.kind == "CustomResourceDefinition");
    let plural = |definition: &Declared<'_>| {
        let group = definition.text("/spec/group")?;
        let kind = definition.text("/spec/names/kind")?;
        let plural = definition.text("/spec/names/plural")?;
        Some((format!("{group}/{kind}"), plural.to_owned()))
    };
    definitions.filter_map(plural).collect()
}

/// The plural of a kind; for what the stack does not define as English makes it, which holds for Kubernetes' own kinds.
fn plural(type_name: &str, kind: &str, known: &HashMap<String, String>) -> String {
    if let Some(plural) = known.get(type_name) {
        return plural.clone();
    }
    let kind = kind.to_lowercase();
    match kind.as_str() {
        "endpoints" => kind,
        _ if kind.ends_with('s') || kind.ends_with('x') || kind.ends_with("ch") => format!("{kind}es"),
        _ => match kind.strip_suffix('y') {
            Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
            _ => format!("{kind}s"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_match_by_group_resource_and_operation() {
        let rule = |groups: &[&str], resources: &[&str], operations: &[&str]| -> Value {
            json!({"apiGroups": groups, "apiVersions": ["v1"], "resources": resources, "operations": operations}).into()
        };
        for (rule, group, plural, expected) in [
            (rule(&[""], &["pods"], &["CREATE"]), "", "pods", true),
            (rule(&["apps"], &["*"], &["*"]), "apps", "deployments", true),
            (
                rule(&["apps"], &["deployments/scale"], &["*"]),
                "apps",
                "deployments",
                false,
            ),
            (rule(&["*"], &["*/*"], &["UPDATE"]), "a.io", "things", true),
            (rule(&["*"], &["*"], &["DELETE"]), "a.io", "things", false),
            (rule(&["b.io"], &["things"], &["*"]), "a.io", "things", false),
        ] {
            assert_eq!(matches(&rule, group, plural), expected, "{rule:?}");
        }
    }

    #[test]
    fn plurals_are_english() {
        for (kind, expected) in [
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Gateway", "gateways"),
            ("Endpoints", "endpoints"),
            ("Pod", "pods"),
        ] {
            assert_eq!(plural("x/y", kind, &HashMap::new()), expected);
        }
        let known = HashMap::from([("a.io/Thing".to_owned(), "thingies".to_owned())]);
        assert_eq!(plural("a.io/Thing", "Thing", &known), "thingies");
    }
}
