//! Custom resources, typed and from YAML.

use iac_core::provider::{Checked, Intent};
use iac_k8s::Kubernetes;
use kube::{CustomResource, CustomResourceExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
