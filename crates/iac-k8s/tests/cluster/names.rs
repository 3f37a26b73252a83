//! One object, one name: whether a custom resource lives in a namespace is asked, not guessed.

use iac_core::declare::ResourceDecl;
use iac_core::provider::Provider as _;
use iac_k8s::{Kubernetes, KubernetesProvider};
use serde_json::{Value as Json, json};

use crate::world::{World, connect_request, kubeconfig};

fn definition(group: &str, kind: &str, scope: &str) -> Json {
    let plural = format!("{}s", kind.to_lowercase());
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": scope, "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    })
}

fn resource(group: &str, kind: &str, namespace: Option<&str>) -> Json {
    let mut metadata = json!({"name": "one"});
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata})
}

/// Returns the provider's names of these objects, and its spelling of their records.
async fn names(
    provider: &KubernetesProvider,
    world: &World,
    objects: &[Json],
    recorded: &[&str],
) -> (Vec<String>, Vec<String>) {
    let declared = world.declare_all(|stack| {
        for (number, object) in objects.iter().enumerate() {
            Kubernetes::new(stack).add_json(&number.to_string(), object.clone());
        }
    });
    let resources: Vec<&ResourceDecl> = declared.0.resources.iter().collect();
    provider.references(&resources);
    provider.learn_names(&resources, recorded).await.unwrap();
    (
        resources
            .iter()
            .map(|resource| provider.identity(resource).unwrap())
            .collect(),
        recorded.iter().map(|identity| provider.known_as(identity)).collect(),
    )
}

#[tokio::test]
async fn an_object_is_called_the_same_however_its_namespace_is_written() {
    let world = World::new().await;
    let provider = KubernetesProvider::new();
    let path = kubeconfig();
    provider
        .connect(&connect_request(&[("kubeconfig", &path)]))
        .await
        .unwrap();
    let group = format!("{}.iac.example", world.namespace);
    let objects = [
        resource(&group, "Inner", None),
        resource(&group, "Inner", Some("default")),
        resource(&group, "Inner", Some("other")),
        resource(&group, "Outer", None),
        resource(&group, "Outer", Some("default")),
    ];
    let definitions = [
        definition(&group, "Inner", "Namespaced"),
        definition(&group, "Outer", "Cluster"),
    ];
    let recorded = [
        format!("{group}/Inner one"),
        format!("{group}/Inner default/one"),
        format!("{group}/Outer default/one"),
    ];
    let recorded: Vec<&str> = recorded.iter().map(String::as_str).collect();
    let expected = [
        format!("{group}/Inner default/one"),
        format!("{group}/Inner default/one"),
        format!("{group}/Inner other/one"),
        format!("{group}/Outer one"),
        format!("{group}/Outer one"),
    ];
    let spelled = [&expected[0], &expected[1], &expected[3]];
    // The server does not have the kinds yet: the definitions in the stack tell.
    let with_definitions = [&objects[..], &definitions].concat();
    let (called, known) = names(&provider, &world, &with_definitions, &recorded).await;
    assert_eq!(called[..5], expected);
    assert_eq!(known.iter().collect::<Vec<_>>(), spelled);
    // The server has them: it tells.
    let mut applied = Vec::new();
    for definition in definitions {
        let name = definition["metadata"]["name"].as_str().unwrap().to_owned();
        let declared = world.declare_all(|stack| {
            Kubernetes::new(stack).add_json(&name, definition);
        });
        applied.push(world.up(&declared.all()[0]).await);
    }
    for _ in 0..50 {
        let (called, known) = names(&provider, &world, &objects, &recorded).await;
        if called == expected && known.iter().collect::<Vec<_>>() == spelled {
            for definition in applied {
                world.delete(&definition, false).await.unwrap();
            }
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("the server's word is not heard");
}
