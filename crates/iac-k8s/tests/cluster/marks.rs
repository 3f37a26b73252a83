//! Whose an object is: a stack's name and its id, against other stacks of the name and objects without an id.

use iac_core::provider::{ConnectRequest, ErrorKind, Intent, Mark, Observed, Provider as _};
use iac_core::state::StackId;
use iac_k8s::KubernetesProvider;
use serde_json::{Value as Json, json};

use crate::world::{ID, Resolved, World, connect_request, kubeconfig, paths};

/// The annotation with a stack's id.
const ANNOTATION: &str = "/metadata/annotations/iac.dev~1stack-id";

/// Another stack of the same name, in the same namespace.
async fn namesake(world: &World) -> (World, StackId) {
    let provider = KubernetesProvider::new();
    let id = StackId::draw().unwrap();
    let request = ConnectRequest {
        id: id.clone(),
        ..connect_request(&[("kubeconfig", &kubeconfig())])
    };
    provider.connect(&request).await.unwrap();
    (World::elsewhere(provider, &world.namespace).await, id)
}

fn map(world: &World, name: &str, color: &str) -> Resolved {
    world.one(
        name,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"color": color}}),
    )
}

#[tokio::test]
async fn what_another_stack_of_the_name_made_is_not_ours() {
    let world = World::new().await;
    let (other, other_id) = namesake(&world).await;
    let api = world.api("", "v1", "ConfigMap");
    let (blue, second) = (map(&world, "app", "blue"), map(&world, "more", "blue"));
    let recorded = world.up(&blue).await;
    let more = world.up(&second).await;
    let made = world.read(&api, "app").await;
    assert_eq!(made.pointer(ANNOTATION).and_then(Json::as_str), Some(ID));
    // By itself, and from a list of metadata.
    assert_eq!(other.live(&blue, None).await.mark, Mark::Namesake);
    for (seen_by, mark) in [(&world, Mark::Ours), (&other, Mark::Namesake)] {
        let questions = [(&blue, &recorded), (&second, &more)].map(|(one, recorded)| one.question(Some(recorded)));
        for observed in seen_by.provider.observe(&questions).await.unwrap() {
            let Observed::Present(live) = observed else {
                panic!("{observed:?}");
            };
            assert_eq!((live.mark, live.drift), (mark.clone(), Vec::new()));
        }
    }
    // Neither made, nor changed, nor deleted, whatever is recorded.
    let red = map(&world, "app", "red");
    let taken = other.apply(&red, Intent::Create, None).await.unwrap_err();
    assert_eq!(taken.kind, ErrorKind::Conflict, "{taken}");
    assert!(
        taken.message.contains("the mark of another stack of this name"),
        "{taken}"
    );
    let changed = other.apply(&red, Intent::Update, Some(&recorded)).await.unwrap_err();
    assert_eq!(changed.kind, ErrorKind::Precondition, "{changed}");
    let hint = changed.hint.clone().unwrap_or_default();
    assert!(hint.contains("--adopt") && hint.contains("state import"), "{changed:?}");
    let deleted = other.delete(&recorded, true).await.unwrap_err();
    assert_eq!(deleted.kind, ErrorKind::Precondition, "{deleted}");
    assert_eq!(world.read(&api, "app").await, made);
    // A run of ours that was interrupted goes on.
    world.apply(&blue, Intent::Create, None).await.unwrap();

    // A person gives it to the other one.
    let adopted = other.apply(&red, Intent::Adopt, None).await.unwrap();
    let now = world.read(&api, "app").await;
    assert_eq!(now.pointer(ANNOTATION).and_then(Json::as_str), Some(other_id.as_str()));
    assert_eq!(now["data"]["color"], "red");
    assert_eq!(world.live(&blue, Some(&recorded)).await.mark, Mark::Namesake);
    assert_eq!(
        world.delete(&recorded, true).await.unwrap_err().kind,
        ErrorKind::Precondition
    );
    other.delete(&adopted, false).await.unwrap();
    assert!(api.get_opt("app").await.unwrap().is_none());
}

#[tokio::test]
async fn an_object_without_an_id_is_ours_and_the_id_is_neither_change_nor_drift() {
    let world = World::new().await;
    let api = world.api("", "v1", "ConfigMap");
    let declared = map(&world, "app", "blue");
    let mut recorded = world.up(&declared).await;
    let with = world.read(&api, "app").await;
    // Somebody drops it; so had it been made by a version that wrote none.
    world
        .meddle(
            &api,
            "app",
            json!({"metadata": {"annotations": {"iac.dev/stack-id": null}}}),
        )
        .await;
    for _ in 0..2 {
        let live = world.live(&declared, Some(&recorded)).await;
        assert_eq!((live.mark, live.drift), (Mark::Ours, Vec::new()));
        let prediction = world.predict(&declared, Intent::Update, Some(&recorded)).await;
        assert!(
            prediction.changes.is_empty() && prediction.notes.is_empty(),
            "{prediction:?}"
        );
        recorded = world.apply(&declared, Intent::Update, Some(&recorded)).await.unwrap();
        let now = world.read(&api, "app").await;
        assert_eq!(now.pointer(ANNOTATION), with.pointer(ANNOTATION));
    }
    // Beside annotations of a person, of which one is added by hand.
    let annotated = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {"a": "1"}}, "data": {"color": "blue"}}),
    );
    let recorded = world.apply(&annotated, Intent::Update, Some(&recorded)).await.unwrap();
    world
        .meddle(&api, "app", json!({"metadata": {"annotations": {"a": "2", "b": "1"}}}))
        .await;
    let live = world.live(&annotated, Some(&recorded)).await;
    assert_eq!(paths(&live.drift), ["metadata.annotations.a (meddler)"]);
    // Declared, as a manifest has it that was exported: not sent, and said.
    let exported = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": {"a": "2", "iac.dev/stack-id": "x"}},
            "data": {"color": "blue"}}),
    );
    world.apply(&exported, Intent::Update, Some(&recorded)).await.unwrap();
    assert_eq!(
        world.read(&api, "app").await.pointer(ANNOTATION),
        with.pointer(ANNOTATION)
    );
}
