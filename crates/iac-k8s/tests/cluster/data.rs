//! Objects that go along with a namespace and with a definition: objects of others keep both, and a definition's change
//! tells its losses for live objects.

use iac_core::plan::Plan;
use iac_core::provider::RiskKind;
use iac_k8s::{Declared as _, Kubernetes};
use serde_json::{Value as Json, json};

use crate::rename::Runs;
use crate::world::{Declared, World};

/// Returns the data that is kept, each item with its amount.
fn kept(plan: &Plan) -> Vec<String> {
    let items = plan.kept.iter().flat_map(|kept| &kept.items);
    items
        .map(|item| format!("{} {}: {}", item.kind, item.name, item.amount))
        .collect()
}

fn settled(plan: &Plan) {
    let left: Vec<_> = plan.changes().collect();
    assert!(
        left.is_empty() && plan.problems.is_empty(),
        "{left:?}, {:?}",
        plan.problems
    );
}

#[tokio::test]
async fn a_namespace_stays_for_what_others_have_in_it() {
    let world = World::new().await;
    let name = format!("{}-shared", world.namespace);
    let program = |with_namespace: bool, with_object: bool| {
        world.declare_all(|stack| {
            let k = Kubernetes::new(stack);
            if with_namespace {
                k.add_json(&name, json!({"apiVersion": "v1", "kind": "Namespace"}));
            }
            if with_object {
                // An object that the stack retains is no longer its own once it has left the program.
                k.in_namespace(&name)
                    .add_json("retained", json!({"apiVersion": "v1", "kind": "ConfigMap"}))
                    .retain_on_delete();
                k.in_namespace(&name).add_json(
                    "app",
                    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}),
                );
            }
        })
    };
    let runs = Runs::new();
    runs.up(&program(true, true)).await;
    // Objects that the program still declares keep their namespace, though that is declared no more.
    let plan = runs.plan_deleting(&program(false, true), &[]).await.plan;
    let still = format!("2 objects that the program still declares: ConfigMap {name}/app, ConfigMap {name}/retained");
    assert_eq!(kept(&plan), [format!("Namespace {name}: {still}")]);

    let others = World {
        namespace: name.clone(),
        provider: iac_k8s::KubernetesProvider::new(),
        client: world.client.clone(),
    };
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}});
    others.make(&others.api("", "v1", "ConfigMap"), map).await;
    let mut workload = crate::world::workload("Deployment", 0, json!({}));
    workload["metadata"]["name"] = "theirs".into();
    others.make(&others.api("apps", "v1", "Deployment"), workload).await;
    let nothing = program(false, false);
    let plan = runs.up(&nothing).await;
    let theirs = ["ConfigMap retained", "ConfigMap theirs", "Deployment theirs"];
    let theirs = theirs.map(|object| object.replace(' ', &format!(" {name}/")));
    let theirs = format!("3 objects of others: {}", theirs.join(", "));
    assert_eq!(kept(&plan), [format!("Namespace {name}: {theirs}")]);
    let maps = others.api("", "v1", "ConfigMap");
    assert!(maps.get("theirs").await.is_ok());
    assert!(maps.get_opt("app").await.unwrap().is_none(), "ours is gone");
    settled(&runs.plan_deleting(&nothing, &[]).await.plan);
    let plan = runs.up_deleting(&nothing, &[&name]).await;
    let risk = &plan.changes().next().unwrap().risks[0];
    assert_eq!(risk.kind, RiskKind::DataLoss);
    assert!(risk.message.contains(&theirs), "{risk:?}");
    assert!(maps.get_opt("theirs").await.unwrap().is_none());
    settled(&runs.plan_deleting(&nothing, &[]).await.plan);
}

/// A definition of a kind of this group.
fn definition(world: &World, group: &str, scope: &str, versions: Json) -> Declared {
    let object = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {
            "group": group, "scope": scope, "versions": versions,
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
        },
    });
    world.declare_all(|stack| {
        Kubernetes::new(stack).add_json(&format!("things.{group}"), object);
    })
}

fn version(name: &str, served: bool, fields: &[&str]) -> Json {
    let fields: serde_json::Map<String, Json> = fields
        .iter()
        .map(|field| ((*field).to_owned(), json!({"type": "string"})))
        .collect();
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}});
    json!({"name": name, "served": served, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}})
}

#[tokio::test]
async fn a_definition_stays_for_the_objects_of_others_and_says_what_its_change_takes_from_them() {
    let world = World::new().await;
    let group = format!("{}.data.example", world.namespace);
    let name = format!("things.{group}");
    let of = |scope: &str, versions: Json| definition(&world, &group, scope, versions);
    let full = || version("v1", true, &["size", "color"]);
    let first = of("Namespaced", json!([full(), version("v2", true, &["size", "color"])]));
    let runs = Runs::new();
    runs.up(&first).await;
    let things = world.api(&group, "v1", "Thing");
    for (name, spec) in [
        ("red", json!({"size": "1", "color": "red"})),
        ("plain", json!({"size": "1"})),
    ] {
        let thing =
            json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": name}, "spec": spec});
        world.make(&things, thing).await;
    }
    // Changes in place that take something, and one that takes nothing.
    let risks = async |declared: Declared| {
        let plan = runs.plan_deleting(&declared, &[]).await.plan;
        assert!(plan.problems.is_empty(), "{:?}", plan.problems);
        let risks: Vec<_> = plan.steps.into_iter().flat_map(|step| step.risks).collect();
        assert!(risks.iter().all(|risk| risk.kind == RiskKind::DataLoss));
        risks
            .into_iter()
            .map(|risk| risk.message)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let dropped = risks(of(
        "Namespaced",
        json!([version("v1", true, &["size"]), version("v2", true, &["size", "color"])]),
    ))
    .await;
    for text in [
        "v1 no longer has spec.color",
        "1 of 2 objects",
        &format!("{}/red", world.namespace),
    ] {
        assert!(dropped.contains(text), "{dropped}");
    }
    let unserved = risks(of(
        "Namespaced",
        json!([full(), version("v2", false, &["size", "color"])]),
    ))
    .await;
    assert!(
        unserved.contains("version v2 is no longer served, and there are 2 objects"),
        "{unserved}"
    );
    let removed = risks(of("Namespaced", json!([full()]))).await;
    assert!(
        removed.contains("version v2 is removed, and there are 2 objects"),
        "{removed}"
    );
    let more = risks(of(
        "Namespaced",
        json!([
            version("v1", true, &["size", "color", "more"]),
            version("v2", true, &["size", "color"])
        ]),
    ))
    .await;
    assert_eq!(more, "");
    // Another scope is only possible if all objects are deleted.
    let plan = runs.plan_deleting(&of("Cluster", json!([full()])), &[]).await.plan;
    let problem = &plan.problems[0];
    assert!(problem.message.contains("2 objects of others"), "{problem:?}");
    assert!(
        problem
            .hint
            .as_ref()
            .unwrap()
            .contains(&format!("--delete-data {name}")),
        "{problem:?}"
    );
    let plan = runs.plan_deleting(&of("Cluster", json!([full()])), &[&name]).await.plan;
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    // No longer declared, it stays until its name is given.
    let nothing = world.declare_all(|_| {});
    let plan = runs.up(&nothing).await;
    let theirs = format!("2 objects of others: Thing {0}/plain, Thing {0}/red", world.namespace);
    assert_eq!(kept(&plan), [format!("CustomResourceDefinition {name}: {theirs}")]);
    assert!(things.get("red").await.is_ok());
    settled(&runs.plan_deleting(&nothing, &[]).await.plan);
    runs.up_deleting(&nothing, &[&name]).await;
    assert!(things.get("red").await.is_err());
    settled(&runs.plan_deleting(&nothing, &[]).await.plan);
}

#[tokio::test]
async fn a_definition_that_serves_no_version_may_have_objects() {
    let world = World::new().await;
    let group = format!("{}.unserved.example", world.namespace);
    let name = format!("things.{group}");
    let of = |served: bool| definition(&world, &group, "Namespaced", json!([version("v1", served, &["size"])]));
    let runs = Runs::new();
    runs.up(&of(true)).await;
    let things = world.api(&group, "v1", "Thing");
    let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "a"}, "spec": {}});
    world.make(&things, thing).await;
    runs.up(&of(false)).await;
    let nothing = world.declare_all(|_| {});
    let plan = runs.up(&nothing).await;
    let unseen = "could not be listed: things (no version is served)";
    assert_eq!(kept(&plan), [format!("CustomResourceDefinition {name}: {unseen}")]);
    let plan = runs.up_deleting(&nothing, &[&name]).await;
    assert!(plan.changes().next().unwrap().risks[0].message.contains(unseen));
    settled(&runs.plan_deleting(&nothing, &[]).await.plan);
}

#[tokio::test]
async fn claims_that_belong_to_an_object_keep_it() {
    let world = World::new().await;
    let group = format!("{}.owner.example", world.namespace);
    let kinds = definition(&world, &group, "Namespaced", json!([version("v1", true, &["size"])]));
    let definitions = Runs::new();
    definitions.up(&kinds).await;
    let api_version = format!("{group}/v1");
    for (object, api_version, kind, plural_group) in [
        (json!({"apiVersion": "v1", "kind": "ConfigMap"}), "v1", "ConfigMap", ""),
        (
            json!({"apiVersion": api_version, "kind": "Thing", "spec": {"size": "1"}}),
            api_version.as_str(),
            "Thing",
            group.as_str(),
        ),
    ] {
        let with = world.declare_all(|stack| {
            Kubernetes::new(stack)
                .in_namespace(&world.namespace)
                .add_json("db", object.clone());
        });
        let runs = Runs::new();
        runs.up(&with).await;
        let owner = |object: &Json, api_version: &str, kind: &str| {
            let (name, uid) = (&object["metadata"]["name"], &object["metadata"]["uid"]);
            json!([{"apiVersion": api_version, "kind": kind, "name": name, "uid": uid}])
        };
        let live = world.read(&world.api(plural_group, "v1", kind), "db").await;
        // One that it owns itself, and one that something else of it owns.
        let middle = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": "middle", "ownerReferences": owner(&live, api_version, kind),
        }});
        world.make(&world.api("", "v1", "Secret"), middle).await;
        let middle = world.read(&world.api("", "v1", "Secret"), "middle").await;
        let claims = world.api("", "v1", "PersistentVolumeClaim");
        let claim = |name: &str, owner: Json| {
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "ownerReferences": owner},
                   "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "8Mi"}}}})
        };
        world.make(&claims, claim("own", owner(&live, api_version, kind))).await;
        world
            .make(&claims, claim("through", owner(&middle, "v1", "Secret")))
            .await;
        world.make(&claims, claim("free", json!([]))).await;

        let nothing = world.declare_all(|_| {});
        let plan = runs.up(&nothing).await;
        let item = |name: &str| format!("PersistentVolumeClaim {}/{name}: 8Mi", world.namespace);
        assert_eq!(kept(&plan), [item("own"), item("through")], "{kind}");
        settled(&runs.plan_deleting(&nothing, &[]).await.plan);
        let names = ["own", "through"].map(|name| format!("{}/{name}", world.namespace));
        let plan = runs.up_deleting(&nothing, &[&names[0], &names[1]]).await;
        let risks: Vec<&str> = plan.steps[0].risks.iter().map(|risk| risk.message.as_str()).collect();
        let lost = |name: &str| format!("the data in PersistentVolumeClaim {name} (8Mi) is deleted");
        assert_eq!(risks, [lost(&names[0]), lost(&names[1])], "{kind}");
        while claims.get_opt("through").await.unwrap().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(claims.get_opt("free").await.unwrap().is_some());
        claims
            .delete("free", &kube::api::DeleteParams::default())
            .await
            .unwrap();
        settled(&runs.plan_deleting(&nothing, &[]).await.plan);
    }
    let nothing = world.declare_all(|_| {});
    definitions.up(&nothing).await;
}
