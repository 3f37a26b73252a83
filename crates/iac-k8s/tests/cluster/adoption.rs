//! Taking over what others made, and what people changed by hand.

use std::io::Write as _;
use std::process::{Command, Stdio};

use iac_core::provider::{
    ApplyRequest, Claim, Context, DeleteData, Intent, PredictRequest, Prediction, Provider as _, ProviderError,
    Recorded,
};
use iac_testbed::{Needs, TestBed};
use serde_json::{Value as Json, json};

use crate::world::{ID, PATIENCE, Resolved, World, paths};

/// Somebody writes objects with the real `kubectl`.
fn kubectl(world: &World, line: &str, object: Option<&Json>) {
    let needs = Needs {
        kubernetes: true,
        ..Needs::default()
    };
    let bed = TestBed::ensure(needs).unwrap();
    let mut child = Command::new(&bed.kubectl)
        .args(["-n", &world.namespace])
        .args(line.split(' '))
        .env("KUBECONFIG", &bed.kubeconfig)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let text = object.map(Json::to_string).unwrap_or_default();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "kubectl {line}");
}

async fn predict(
    world: &World,
    declared: &Resolved,
    intent: Intent,
    recorded: Option<&Recorded>,
    adopt: bool,
) -> Prediction {
    let request = PredictRequest {
        key: declared.key.clone(),
        intent,
        inputs: declared.inputs.clone(),
        recorded: recorded.cloned(),
        live: None,
        adopt,
    };
    world.provider.predict(&[request]).await.unwrap().remove(0)
}

async fn apply(
    world: &World,
    declared: &Resolved,
    intent: Intent,
    recorded: Option<&Recorded>,
) -> Result<Recorded, ProviderError> {
    let request = ApplyRequest {
        ignored: Vec::new(),
        key: declared.key.clone(),
        identity: declared.identity.clone(),
        intent,
        inputs: declared.inputs.clone(),
        recorded: recorded.cloned(),
        timeout: PATIENCE,
        adopt: true,
        claim: Claim::Named,
        uid: None,
        delete_data: DeleteData::None,
    };
    let applied = world.provider.apply(&request, &Context::silent()).await?;
    Ok(declared.record(applied))
}

fn managers(object: &Json) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap().iter();
    let own = entries.filter(|entry| entry.get("subresource").is_none());
    own.map(|entry| entry["manager"].as_str().unwrap()).collect()
}

fn config_map(name: &str, data: Json) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[tokio::test]
async fn what_others_made_is_taken_over_whole() {
    let world = World::new().await;
    let api = world.api("", "v1", "ConfigMap");
    for (number, (line, former)) in [
        ("apply -f -", "kubectl-client-side-apply"),
        ("apply --server-side -f -", "kubectl"),
        ("create -f -", "kubectl-create"),
        ("apply --server-side --field-manager=helm -f -", "helm"),
        ("apply --server-side --field-manager=iac-other -f -", "iac-other"),
        ("apply --server-side --field-manager=kluctl -f -", "kluctl"),
        ("create --field-manager=OpenAPI-Generator -f -", "OpenAPI-Generator"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("app-{number}");
        kubectl(
            &world,
            line,
            Some(&config_map(&name, json!({"a": "1", "b": "2", "c": "3"}))),
        );
        let with = |data: Json| world.one(&name, config_map(&name, data));
        let declared = with(json!({"a": "ours", "b": "2"}));
        let prediction = predict(&world, &declared, Intent::Adopt, None, true).await;
        let changed = paths(&prediction.changes)
            .into_iter()
            .filter(|path| path.starts_with("data"));
        assert_eq!(changed.collect::<Vec<_>>(), ["data.a", "data.c"], "{line}");
        let notes = prediction.notes.concat();
        assert!(notes.contains(&format!("takes over all fields of {former}")), "{notes}");
        let recorded = apply(&world, &declared, Intent::Adopt, None).await.unwrap();
        let live = world.read(&api, &name).await;
        assert_eq!(live["data"], json!({"a": "ours", "b": "2"}), "{line}");
        assert_eq!(managers(&live), ["iac-tests"], "{line}");
        let annotations = &live["metadata"]["annotations"];
        assert_eq!(*annotations, json!({"iac.dev/stack-id": ID}), "{line}");
        // A field that the program drops later goes.
        world
            .apply(&with(json!({"a": "ours"})), Intent::Update, Some(&recorded))
            .await
            .unwrap();
        assert_eq!(world.read(&api, &name).await["data"], json!({"a": "ours"}), "{line}");
    }
}

#[tokio::test]
async fn defaults_are_no_changes_of_what_is_taken_over() {
    let world = World::new().await;
    let mut theirs = crate::world::workload("Deployment", 0, json!({"args": ["x"]}));
    theirs["metadata"] = json!({"name": "web", "labels": {"theirs": "1"}});
    theirs["spec"]["minReadySeconds"] = 3.into();
    kubectl(&world, "apply -f -", Some(&theirs));
    let declared = world.one("web", crate::world::workload("Deployment", 0, json!({})));
    let prediction = predict(&world, &declared, Intent::Adopt, None, true).await;
    let mut changed = paths(&prediction.changes);
    changed.retain(|path| !path.starts_with("metadata.annotations"));
    assert_eq!(
        changed,
        [
            "metadata.labels",
            "spec.minReadySeconds",
            "spec.template.spec.containers[name=main].args",
        ]
    );
    apply(&world, &declared, Intent::Adopt, None).await.unwrap();
    let live = world.read(&world.api("apps", "v1", "Deployment"), "web").await;
    assert!(live["metadata"].get("labels").is_none(), "{live:#}");
    assert_eq!(live["spec"]["progressDeadlineSeconds"], 600);
}

#[tokio::test]
async fn what_people_changed_by_hand_is_taken_over_when_asked() {
    let world = World::new().await;
    let with = |data: Json| world.one("app", config_map("app", data));
    let recorded = world.up(&with(json!({"a": "1"}))).await;
    kubectl(
        &world,
        r#"patch configmap app --field-manager=kubectl-edit -p {"data":{"b":"theirs","c":"beside"}}"#,
        None,
    );
    let declared = with(json!({"a": "1", "b": "ours"}));
    let refused = predict(&world, &declared, Intent::Update, Some(&recorded), false).await;
    let hint = refused.problems[0].hint.as_deref().unwrap();
    assert!(hint.contains("--adopt ConfigMap/"), "{hint}");
    let asked = predict(&world, &declared, Intent::Update, Some(&recorded), true).await;
    assert_eq!(asked.problems, []);
    assert_eq!(asked.notes, ["takes over data.b from kubectl-edit"]);
    apply(&world, &declared, Intent::Update, Some(&recorded)).await.unwrap();
    let live = world.read(&world.api("", "v1", "ConfigMap"), "app").await;
    assert_eq!(live["data"], json!({"a": "1", "b": "ours", "c": "beside"}));
}

#[tokio::test]
async fn what_an_earlier_takeover_left_to_others_goes_when_asked() {
    let world = World::new().await;
    let api = world.api("", "v1", "ConfigMap");
    let with = |data: Json| world.one("app", config_map("app", data));
    kubectl(
        &world,
        "apply -f -",
        Some(&config_map("app", json!({"a": "1", "b": "2", "c": "3"}))),
    );
    // Taken by force, which leaves the other manager what it had.
    let whole = with(json!({"a": "ours", "b": "2"}));
    let recorded = world.apply(&whole, Intent::Adopt, None).await.unwrap();
    let both = ["iac-tests", "kubectl-client-side-apply"];
    assert_eq!(managers(&world.read(&api, "app").await), both);
    assert_eq!(world.live(&whole, Some(&recorded)).await.co_owners, both[1..]);
    let less = with(json!({"a": "ours"}));
    let told = predict(&world, &less, Intent::Update, Some(&recorded), false).await;
    assert_eq!(told.changes, []);
    let note = &told.notes[0];
    assert!(
        note.contains("data.b stays, since kubectl-client-side-apply holds it as well")
            && note.contains("--adopt ConfigMap/app"),
        "{note}"
    );
    let asked = predict(&world, &less, Intent::Update, Some(&recorded), true).await;
    let changed = paths(&asked.changes)
        .into_iter()
        .filter(|path| path.starts_with("data"));
    assert_eq!(changed.collect::<Vec<_>>(), ["data.b", "data.c"]);
    let notes = asked.notes.concat();
    assert!(
        notes.contains("takes over all fields of kubectl-client-side-apply"),
        "{notes}"
    );
    let recorded = apply(&world, &less, Intent::Update, Some(&recorded)).await.unwrap();
    let live = world.read(&api, "app").await;
    assert_eq!(
        (&live["data"], managers(&live)),
        (&json!({"a": "ours"}), vec!["iac-tests"])
    );
    assert!(world.live(&less, Some(&recorded)).await.co_owners.is_empty());
}

/// As helm makes an object: its manager, what marks it, and the record of the release.
#[tokio::test]
async fn what_a_helm_release_made_is_taken_over_and_helm_can_forget_it() {
    let world = World::new().await;
    let (api, secrets) = (world.api("", "v1", "ConfigMap"), world.api("", "v1", "Secret"));
    let mut theirs = config_map("app", json!({"a": "1", "b": "2"}));
    theirs["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm", "app": "shop"});
    theirs["metadata"]["annotations"] =
        json!({"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": world.namespace});
    kubectl(&world, "create --field-manager=helm -f -", Some(&theirs));
    for revision in 1..3 {
        let labels = json!({"owner": "helm", "name": "shop", "version": revision.to_string()});
        let release = json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"name": format!("sh.helm.release.v1.shop.v{revision}"), "labels": labels}});
        world.make(&secrets, release).await;
    }
    let mut ours = config_map("app", json!({"a": "1"}));
    ours["metadata"]["labels"] = json!({"app": "shop"});
    let declared = world.one("app", ours);
    let prediction = predict(&world, &declared, Intent::Adopt, None, true).await;
    let changed = paths(&prediction.changes);
    assert_eq!(
        changed,
        [
            "data.b",
            "metadata.annotations",
            "metadata.labels[\"app.kubernetes.io/managed-by\"]"
        ]
    );
    let note = prediction
        .notes
        .iter()
        .find(|note| note.contains("Helm release shop"))
        .unwrap();
    let recorded = apply(&world, &declared, Intent::Adopt, None).await.unwrap();
    let live = world.read(&api, "app").await;
    assert_eq!(
        (&live["data"], managers(&live)),
        (&json!({"a": "1"}), vec!["iac-tests"])
    );
    assert_eq!(live["metadata"]["labels"], json!({"app": "shop"}));
    // The command in the note makes helm forget the release, and leaves the objects that are taken over.
    let line = note.split('`').find_map(|text| text.strip_prefix("kubectl ")).unwrap();
    kubectl(&world, line, None);
    for revision in 1..3 {
        let name = format!("sh.helm.release.v1.shop.v{revision}");
        assert!(secrets.get_opt(&name).await.unwrap().is_none());
    }
    assert_eq!(world.live(&declared, Some(&recorded)).await.drift, []);
}
