//! Renames through the whole engine: the new object is there before the old one goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use iac_core::apply::{Cancel, Event};
use iac_core::config::{Config, ConfigValue};
use iac_core::engine::{Engine, ExecuteRequest, PlanOptions, PlanRequest, Planned};
use iac_core::plan::{Action, DeleteData, Mode, Order, Plan};
use iac_core::provider::Intent;
use iac_core::state::{KeySource, LocalBackend, RunInfo, Store};
use iac_k8s::KubernetesProvider;
use serde_json::json;
use tokio::sync::watch;

use crate::world::{Declared, STACK, World, kubeconfig};

pub(crate) struct Runs {
    engine: Engine,
    store: Store,
    config: Config,
    events: Arc<Mutex<Vec<Event>>>,
    _folder: tempfile::TempDir,
}

impl Runs {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.set("kubernetes.kubeconfig", ConfigValue::Plain(kubeconfig()), "the test");
        Self {
            engine: Engine::new(vec![Arc::new(KubernetesProvider::new())]),
            store: Store::new(
                Arc::new(LocalBackend::new(folder.path().join("state"))),
                STACK,
                KeySource::key_file(folder.path().join("key")),
            ),
            config,
            events: Arc::default(),
            _folder: folder,
        }
    }

    pub(crate) async fn plan(&self, declared: &Declared) -> Planned {
        self.plan_deleting(declared, &[]).await
    }

    /// The plan of an `up` in which data of these names may go.
    pub(crate) async fn plan_deleting(&self, declared: &Declared, names: &[&str]) -> Planned {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let state = self.store.load().await.unwrap();
        let request = PlanRequest {
            declaration: &declared.0,
            state: &state,
            vault: self.store.vault().await.unwrap(),
            config: &self.config,
            build: "test",
            options: PlanOptions::new(Mode::Up).delete_data(DeleteData::of(&names)),
        };
        self.engine.plan(request).await.unwrap()
    }

    pub(crate) async fn up(&self, declared: &Declared) -> Plan {
        self.up_deleting(declared, &[]).await
    }

    /// An `up` in which data of these names may go.
    pub(crate) async fn up_deleting(&self, declared: &Declared, names: &[&str]) -> Plan {
        let planned = self.plan_deleting(declared, names).await;
        let plan = planned.plan.clone();
        let run = RunInfo::current("up", "test");
        let writer = self.store.begin(run, Duration::ZERO).await.unwrap();
        let (_cancel, cancel) = watch::channel(Cancel::No);
        let events = Arc::clone(&self.events);
        let request = ExecuteRequest {
            planned,
            declaration: &declared.0,
            writer,
            parallel: 4,
            events: Arc::new(move |event| events.lock().unwrap().push(event)),
            cancel,
        };
        let report = self.engine.execute(request).await.unwrap();
        assert!(report.is_ok(), "{:?}", report.outcomes);
        plan
    }
}

#[tokio::test]
async fn a_renamed_config_map_is_there_before_the_old_one_goes() {
    let world = World::new().await;
    let program = |name: &str| {
        world.declare(|k| {
            k.add_json(
                "settings",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}),
            );
        })
    };
    let runs = Runs::new();
    runs.up(&program("one")).await;
    let plan = runs.up(&program("two")).await;
    let step = plan.changes().next().unwrap();
    assert_eq!((step.action, step.order), (Action::Replace, Some(Order::CreateFirst)));
    assert!(step.risks.is_empty(), "{:?}", step.risks);
    let order: Vec<&str> = runs
        .events
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::Applied {
                action: Action::Replace,
                ..
            } => Some("made"),
            Event::Removed { .. } => Some("removed"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["made", "removed"]);
    let api = world.api("", "v1", "ConfigMap");
    assert!(api.get_opt("one").await.unwrap().is_none());
    assert!(api.get_opt("two").await.unwrap().is_some());
    assert!(runs.plan(&program("two")).await.plan.is_empty());
    runs.up(&world.declare(|_| {})).await;
    assert!(api.get_opt("two").await.unwrap().is_none());
}

#[tokio::test]
async fn a_service_with_a_fixed_node_port_goes_before_the_new_one() {
    let world = World::new().await;
    let program = |name: &str, node_port: Option<i64>| {
        world.declare(|k| {
            let mut port = json!({"port": 80});
            if let Some(number) = node_port {
                port["nodePort"] = number.into();
            }
            k.add_json(
                "web",
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                    "spec": {"type": "NodePort", "ports": [port]}}),
            );
        })
    };
    let runs = Runs::new();
    runs.up(&program("one", None)).await;
    let plan = runs.up(&program("two", None)).await;
    assert_eq!(plan.changes().next().unwrap().order, Some(Order::CreateFirst));
    // The port that the server chose is free for us for as long as the object holds it.
    let api = world.api("", "v1", "Service");
    let live = world.read(&api, "two").await;
    let number = live["spec"]["ports"][0]["nodePort"].as_i64();
    runs.up(&program("two", number)).await;
    let plan = runs.up(&program("three", number)).await;
    assert_eq!(plan.changes().next().unwrap().order, Some(Order::DeleteFirst));
    assert!(api.get_opt("two").await.unwrap().is_none());
    assert_eq!(
        world.read(&api, "three").await["spec"]["ports"][0]["nodePort"].as_i64(),
        number
    );
    runs.up(&world.declare(|_| {})).await;
}

#[tokio::test]
async fn an_object_that_is_being_deleted_and_wanted_again_is_made_anew() {
    let world = World::new().await;
    let object = |data: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": data},
            "metadata": {"finalizers": ["example.com/keep"]}})
    };
    let recorded = world.up(&world.one("app", object("1"))).await;
    let api = world.api("", "v1", "ConfigMap");
    // As an interrupted run leaves it: the deletion is asked for, and goes on.
    api.delete("app", &kube::api::DeleteParams::default()).await.unwrap();
    let changed = world.one(
        "app",
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "2"}}),
    );
    let anew = world.apply(&changed, Intent::Update, Some(&recorded)).await.unwrap();
    assert_ne!(anew.uid, recorded.uid);
    let live = world.read(&api, "app").await;
    assert_eq!(live["data"]["a"], "2");
    assert!(live["metadata"].get("deletionTimestamp").is_none());
}
