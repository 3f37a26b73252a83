//! Whatever somebody does to our objects, we say that there is a difference where `kubectl diff --server-side` does.
//!
//! `IAC_DRIFT_EDITS` says how many edits, `IAC_SEED` which random numbers; both are printed.

use std::collections::{BTreeMap, BTreeSet};

use iac_core::provider::{Intent, Observed, Provider as _, Recorded};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value as Json;

use super::edits::{Random, appliable, mutate};
use super::objects;
use super::oracle::{Kubectl, name_of};
use crate::world::{Resolved, STACK, World};

/// One object under test.
struct Subject {
    declared: Json,
    resource: Resolved,
    recorded: Recorded,
    api: Api<DynamicObject>,
    /// True if somebody deleted it and made it again: for us that is another object, for kubectl it may be the same.
    remade: bool,
    /// The edits since it was last as declared.
    story: Vec<String>,
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "shown when it fails, and by soak")]
async fn random_edits_are_seen_as_kubectl_sees_them() {
    let number = |name: &str, default: u64| {
        let value = std::env::var(name).ok();
        value.map_or(default, |value| value.parse().unwrap())
    };
    let (edits, seed) = (number("IAC_DRIFT_EDITS", 300), number("IAC_SEED", 20_261_130));
    println!("IAC_DRIFT_EDITS={edits} IAC_SEED={seed}");
    let world = World::new().await;
    let kubectl = Kubectl::new();
    let definition = definition(&world).await;
    let mut subjects = subjects(&world).await;
    agree(&world, &kubectl, &subjects).await;
    let mut random = Random(seed);
    let mut made = 0;
    let mut seen = 0;
    while made < edits {
        for subject in &mut subjects {
            made += u64::from(edit(&mut random, subject).await);
        }
        seen += agree(&world, &kubectl, &subjects).await;
        for subject in &mut subjects {
            if random.chance(60) {
                heal(&world, subject).await;
            }
        }
        if random.chance(30) {
            agree(&world, &kubectl, &subjects).await;
        }
    }
    println!("{made} edits, {seen} differences");
    assert!(seen > edits / 5, "the edits hardly ever made a difference: {seen}");
    for subject in subjects {
        let name = subject
            .resource
            .inputs
            .pointer("/metadata/name")
            .unwrap()
            .as_str()
            .unwrap();
        let _ = subject.api.delete(name, &DeleteParams::default()).await;
    }
    world.delete(&definition, false).await.unwrap();
}

pub(super) async fn definition(world: &World) -> Recorded {
    let declared = world.declare_all(|stack| {
        iac_k8s::Kubernetes::new(stack).add_json("gizmos", objects::definition(&world.namespace));
    });
    world.up(&declared.of("CustomResourceDefinition")).await
}

async fn subjects(world: &World) -> Vec<Subject> {
    let mut declared = objects::own(&world.namespace);
    declared.extend(["one", "two", "three"].map(|name| objects::gizmo(&world.namespace, name)));
    let resources = world
        .declare_all(|stack| {
            for object in &declared {
                iac_k8s::Kubernetes::new(stack).add_json(&name_of(object), object.clone());
            }
        })
        .all();
    let by_name: BTreeMap<String, Resolved> = resources
        .into_iter()
        .map(|resource| (resource.key.name().to_owned(), resource))
        .collect();
    let mut subjects = Vec::new();
    for object in declared {
        let resource = by_name[&name_of(&object)].clone();
        let recorded = world.apply(&resource, Intent::Create, None).await.unwrap();
        subjects.push(Subject {
            api: api(world, &object),
            declared: object,
            resource,
            recorded: Recorded {
                ready: true,
                ..recorded
            },
            remade: false,
            story: Vec::new(),
        });
    }
    subjects
}

pub(super) fn api(world: &World, object: &Json) -> Api<DynamicObject> {
    let (group, version) = object["apiVersion"]
        .as_str()
        .map(|text| text.rsplit_once('/').unwrap_or(("", text)))
        .unwrap();
    let kind = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
    let resource = ApiResource::from_gvk(&kind);
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(world.client.clone(), namespace, &resource),
        None => Api::all_with(world.client.clone(), &resource),
    }
}

/// Compares what we say with what kubectl says, and returns how many objects differ.
async fn agree(world: &World, kubectl: &Kubectl, subjects: &[Subject]) -> u64 {
    let questions: Vec<_> = subjects
        .iter()
        .map(|subject| subject.resource.question(Some(&subject.recorded)))
        .collect();
    let answers = world.provider.observe(&questions).await.unwrap();
    let declared: Vec<Json> = subjects.iter().map(|subject| subject.declared.clone()).collect();
    let expected = kubectl.differing(&declared);
    let mut ours = BTreeSet::new();
    for (subject, answer) in subjects.iter().zip(&answers) {
        let differs = match answer {
            Observed::Present(live) => {
                let another = live.uid != subject.recorded.uid;
                assert_eq!(another, subject.remade, "{}", name_of(&subject.declared));
                !live.drift.is_empty() || another
            }
            Observed::Absent => true,
            other => panic!("{}: {other:?}", name_of(&subject.declared)),
        };
        if differs {
            ours.insert(name_of(&subject.declared));
        }
    }
    for (subject, answer) in subjects.iter().zip(&answers) {
        let name = name_of(&subject.declared);
        let expected = expected.contains(&name) || subject.remade;
        let found = ours.contains(&name);
        assert_eq!(found, expected, "{name} after {:#?}: {answer:#?}", subject.story);
    }
    ours.len() as u64
}

/// Somebody does something to an object. Not everything can be done: then another thing is tried.
async fn edit(random: &mut Random, subject: &mut Subject) -> bool {
    let name = subject.declared["metadata"]["name"].as_str().unwrap().to_owned();
    for _ in 0..10 {
        let live = subject.api.get_opt(&name).await.unwrap();
        let Some(live) = live.map(|live| serde_json::to_value(live).unwrap()) else {
            return false;
        };
        if let Some(what) = attempt(random, subject, &name, live).await {
            subject.story.push(what);
            return true;
        }
    }
    false
}

async fn attempt(random: &mut Random, subject: &mut Subject, name: &str, mut live: Json) -> Option<String> {
    let put = PostParams {
        field_manager: Some("meddler".to_owned()),
        ..PostParams::default()
    };
    let apply = |manager: &str| PatchParams::apply(manager).force();
    match random.below(100) {
        0..50 => {
            let what = mutate(random, &mut live);
            let object = serde_json::from_value(live).unwrap();
            subject.api.replace(name, &put, &object).await.ok()?;
            Some(format!("update: {what}"))
        }
        50..75 => {
            let mut body = appliable(&live);
            let what = mutate(random, &mut body);
            subject
                .api
                .patch(name, &apply("applier"), &Patch::Apply(body))
                .await
                .ok()?;
            Some(format!("apply: {what}"))
        }
        // Another run of ours, that this one knows nothing of.
        75..88 => {
            let mut body = subject.declared.clone();
            let what = mutate(random, &mut body);
            let manager = format!("iac-{STACK}");
            subject
                .api
                .patch(name, &apply(&manager), &Patch::Apply(body))
                .await
                .ok()?;
            Some(format!("our own apply: {what}"))
        }
        88..92 => {
            subject.api.delete(name, &DeleteParams::default()).await.ok()?;
            Some("deleted".to_owned())
        }
        _ => {
            let mut body = subject.declared.clone();
            let what = match random.chance(50) {
                true => mutate(random, &mut body),
                false => "the same".to_owned(),
            };
            let object = serde_json::from_value(body).ok()?;
            let dry = PostParams {
                dry_run: true,
                ..put.clone()
            };
            subject.api.delete(name, &DeleteParams::default()).await.ok()?;
            subject.remade = true;
            if subject.api.create(&dry, &object).await.is_err() {
                let same = serde_json::from_value(subject.declared.clone()).unwrap();
                subject.api.create(&put, &same).await.unwrap();
                return Some("made again".to_owned());
            }
            subject.api.create(&put, &object).await.unwrap();
            Some(format!("made again: {what}"))
        }
    }
}

/// Makes an object as declared again, as `up` does.
async fn heal(world: &World, subject: &mut Subject) {
    let live = world.observe(&subject.resource, Some(&subject.recorded)).await;
    let (intent, recorded) = match &live {
        Observed::Present(live) if live.uid == subject.recorded.uid => (Intent::Update, Some(&subject.recorded)),
        Observed::Present(_) => (Intent::Adopt, None),
        _ => (Intent::Create, None),
    };
    let healed = match world.apply(&subject.resource, intent, recorded).await {
        Ok(healed) => healed,
        // Two of the same name, of which one is not ours: the server takes no apply before it is gone.
        Err(error) => {
            assert_eq!(error.kind, iac_core::provider::ErrorKind::Invalid, "{error}");
            let name = subject.declared["metadata"]["name"].as_str().unwrap();
            subject.api.delete(name, &DeleteParams::default()).await.unwrap();
            world.apply(&subject.resource, Intent::Create, None).await.unwrap()
        }
    };
    subject.recorded = Recorded { ready: true, ..healed };
    subject.remade = false;
    subject.story.clear();
}
