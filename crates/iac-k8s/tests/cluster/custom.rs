//! Custom resources, typed and from YAML.

use iac_core::provider::{Checked, Intent, Prediction};
use iac_k8s::Kubernetes;
use kube::{CustomResource, CustomResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::world::World;

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "tests.iac.example", version = "v1", kind = "Gadget", namespaced)]
struct GadgetSpec {
    size: i32,
}

#[tokio::test]
async fn a_kind_and_its_first_object_come_in_one_run() {
    let world = World::new().await;
    let declared = world.declare_all(|stack| {
        let cluster = Kubernetes::new(stack);
        cluster.add("gadgets", Gadget::crd());
        cluster
            .in_namespace(&world.namespace)
            .add("one", Gadget::new("one", GadgetSpec { size: 3 }));
    });
    let definition = declared.of("CustomResourceDefinition");
    let gadget = declared.of("Gadget");
    let prediction = world.predict(&gadget, Intent::Create, None).await;
    assert!(
        matches!(&prediction.checked, Checked::Locally(why) if why.contains("same run")),
        "{prediction:?}"
    );
    let definition = world.up(&definition).await;
    let recorded = world.up(&gadget).await;
    assert!(recorded.uid.is_some());
    world.delete(&recorded, false).await.unwrap();
    world.delete(&definition, false).await.unwrap();
    // Without its definition an object is simply gone.
    world.delete(&recorded, false).await.unwrap();
}

#[tokio::test]
async fn a_folder_of_manifests_is_declared_and_applied() {
    let world = World::new().await;
    let folder = std::env::temp_dir().join(format!("iac-k8s-manifests-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("inner")).unwrap();
    std::fs::write(folder.join("b.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n").unwrap();
    std::fs::write(folder.join("inner/a.yml"), "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 1}]}}\n").unwrap();
    std::fs::write(folder.join("notes.txt"), "no manifest").unwrap();
    let declared = world.declare(|k| {
        k.yaml(&folder);
    });
    std::fs::remove_dir_all(&folder).unwrap();
    let resources = declared.all();
    let names: Vec<_> = resources.iter().map(|resource| resource.key.short()).collect();
    let expected = ["ConfigMap", "Secret", "Service"].iter().zip(["b", "s", "x"]);
    let expected: Vec<_> = expected
        .map(|(kind, name)| format!("{kind}/{}/{name}", world.namespace))
        .collect();
    assert_eq!(names, expected);
    for resource in &resources {
        world.up(resource).await;
    }
}

/// A definition of a kind of the test's own, whose specification has a size between 1 and `most`.
fn definition(group: &str, most: i64) -> serde_json::Value {
    let spec = json!({"type": "object", "required": ["size"], "properties": {"size": {"type": "integer", "minimum": 1, "maximum": most}}});
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("things.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things", "singular": "thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
    })
}

#[tokio::test]
async fn an_object_is_judged_by_the_definition_of_its_own_stack() {
    let world = World::new().await;
    let group = format!("{}.example", world.namespace);
    let declare = |most: i64, spec: serde_json::Value| {
        world.declare_all(|stack| {
            let cluster = Kubernetes::new(stack);
            cluster.add_json("things", definition(&group, most));
            let thing =
                json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}, "spec": spec});
            cluster.in_namespace(&world.namespace).add_json("t", thing);
        })
    };
    let paths = |prediction: &Prediction| -> Vec<String> {
        prediction
            .problems
            .iter()
            .map(|problem| problem.path.to_string())
            .collect()
    };
    for (spec, expected) in [
        (json!({"size": 3}), vec![]),
        (json!({"size": "3"}), vec!["spec.size"]),
        (json!({}), vec!["spec.size"]),
        (json!({"size": 3, "colour": "red"}), vec!["spec.colour"]),
    ] {
        let new = world
            .predict(&declare(5, spec.clone()).of("Thing"), Intent::Create, None)
            .await;
        assert_eq!(paths(&new), expected, "{spec}: {new:?}");
    }
    // The server has the older one, which a newer one in the stack replaces.
    let old = world
        .up(&declare(5, json!({"size": 3})).of("CustomResourceDefinition"))
        .await;
    let refused = world
        .predict(&declare(5, json!({"size": 7})).of("Thing"), Intent::Create, None)
        .await;
    assert_eq!(paths(&refused), ["spec.size"], "{refused:?}");
    assert!(!format!("{:?}", refused.problems).contains("<nil>"), "{refused:?}");
    let allowed = world
        .predict(&declare(9, json!({"size": 7})).of("Thing"), Intent::Create, None)
        .await;
    assert!(allowed.problems.is_empty(), "{allowed:?}");
    assert!(
        matches!(&allowed.checked, Checked::Locally(why) if why.contains("older definition")),
        "{allowed:?}"
    );
    let no_more = world
        .predict(&declare(2, json!({"size": 3})).of("Thing"), Intent::Create, None)
        .await;
    assert_eq!(paths(&no_more), ["spec.size"], "{no_more:?}");
    world.delete(&old, true).await.unwrap();
}

/// A definition with rules that only a server can check, and an object of it with this specification.
fn with_rules(world: &World, group: &str, spec: &serde_json::Value) -> crate::world::Declared {
    let mut definition = definition(group, 9);
    let rules = json!({
        "type": "object", "required": ["size"],
        "x-kubernetes-validations": [
            {"rule": "self.size <= self.most", "message": "size must not be more than most"},
            {"rule": "!has(self.url) || isURL(self.url)"},
        ],
        "oneOf": [{"required": ["one"]}, {"required": ["other"]}],
        "properties": {
            "size": {"type": "integer", "format": "int32"}, "most": {"type": "integer", "default": 5},
            "one": {"type": "string"}, "other": {"type": "string"}, "url": {"type": "string"},
            "since": {"type": "string", "format": "date-time"},
        },
    });
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = rules;
    world.declare_all(|stack| {
        let cluster = Kubernetes::new(stack);
        cluster.add_json("things", definition);
        let thing =
            json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}, "spec": spec});
        cluster.in_namespace(&world.namespace).add_json("t", thing);
    })
}

#[tokio::test]
async fn rules_of_a_definition_that_is_to_come_are_checked_by_the_server() {
    let world = World::new().await;
    let group = format!("rules-{}.example", world.namespace);
    let table = [
        (
            json!({"size": 3, "one": "x", "since": "2026-01-02T03:04:05Z", "url": "https://h"}),
            None,
        ),
        (
            json!({"size": 6, "one": "x"}),
            Some(("spec", "size must not be more than most")),
        ),
        (json!({"size": 6, "most": 7, "one": "x"}), None),
        (
            json!({"size": 3, "one": "x", "other": "y"}),
            Some(("spec", "must validate one and only one schema")),
        ),
        (
            json!({"size": 3, "one": "x", "since": "yesterday"}),
            Some(("spec.since", "date-time")),
        ),
        (
            json!({"size": 3, "one": "x", "url": "no such"}),
            Some(("spec", "isURL")),
        ),
    ];
    for (spec, expected) in &table {
        let predicted = world
            .predict(&with_rules(&world, &group, spec).of("Thing"), Intent::Create, None)
            .await;
        let found: Vec<_> = predicted
            .problems
            .iter()
            .map(|problem| (problem.path.to_string(), &problem.message))
            .collect();
        match expected {
            None => assert!(found.is_empty() && predicted.notes.is_empty(), "{spec}: {predicted:?}"),
            Some((path, words)) => {
                assert!(
                    found.iter().any(|(at, message)| at == path && message.contains(words)),
                    "{spec}: {found:?}"
                );
            }
        }
    }
    // And the server says the same of each once it has the definition.
    let definition = world
        .up(&with_rules(&world, &group, &table[0].0).of("CustomResourceDefinition"))
        .await;
    for (spec, expected) in &table {
        let predicted = world
            .predict(&with_rules(&world, &group, spec).of("Thing"), Intent::Create, None)
            .await;
        assert_eq!(
            predicted.problems.is_empty(),
            expected.is_none(),
            "{spec}: {predicted:?}"
        );
    }
    world.delete(&definition, true).await.unwrap();
}

#[tokio::test]
async fn a_custom_resource_goes_before_what_it_owns() {
    let world = World::new().await;
    let group = format!("owner-{}.example", world.namespace);
    let declared = world.declare_all(|stack| {
        let cluster = Kubernetes::new(stack);
        cluster.add_json("things", definition(&group, 9));
        let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": 1}});
        cluster.in_namespace(&world.namespace).add_json("t", thing);
    });
    let definition = world.up(&declared.of("CustomResourceDefinition")).await;
    let thing = world.up(&declared.of("Thing")).await;
    // What it owns cannot go, and would hold an owner that is deleted in the foreground.
    let owner = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Thing", "name": "t", "uid": thing.uid, "blockOwnerDeletion": true,
    });
    let metadata = json!({"name": "owned", "finalizers": ["example.com/hold"], "ownerReferences": [owner]});
    let maps = world.api("", "v1", "ConfigMap");
    world
        .make(
            &maps,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}),
        )
        .await;
    world.delete(&thing, false).await.unwrap();
    let things = world.api(&group, "v1", "Thing");
    assert!(things.get_opt("t").await.unwrap().is_none());
    assert!(maps.get_opt("owned").await.unwrap().is_some());
    world
        .meddle(&maps, "owned", json!({"metadata": {"finalizers": null}}))
        .await;
    world.delete(&definition, true).await.unwrap();
}
