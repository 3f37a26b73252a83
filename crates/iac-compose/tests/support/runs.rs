//! Runs of the whole engine against a real Docker Engine, with the state in a folder of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use iac_compose::DockerProvider;
use iac_core::apply::{Cancel, Event, Report};
use iac_core::config::{Config, ConfigValue};
use iac_core::declare::Declaration;
use iac_core::engine::{Engine, ExecuteRequest, PlanOptions, PlanRequest, Planned};
use iac_core::plan::{DeleteData, Mode, Plan};
use iac_core::state::{KeySource, LocalBackend, RunInfo, State, Store, Vault};
use tokio::sync::watch;

/// A stack of its own, with its state in a folder.
pub struct Runs {
    engine: Engine,
    pub store: Store,
    config: Config,
    events: Arc<Mutex<Vec<Event>>>,
    folder: tempfile::TempDir,
}

impl Runs {
    /// With a state that bears the seal of a key.
    pub fn sealed() -> Self {
        let runs = Self::new();
        Self {
            store: runs.store.encrypt_new(true),
            ..runs
        }
    }

    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        let host = super::test_bed().docker_host;
        config.set("docker.host", ConfigValue::Plain(host), "the test");
        Self {
            engine: Engine::new(vec![Arc::new(DockerProvider::new())]),
            store: Store::new(
                Arc::new(LocalBackend::new(folder.path().join("state"))),
                "test",
                KeySource::key_file(folder.path().join("key")),
            ),
            config,
            events: Arc::default(),
            folder,
        }
    }

    /// The folder in which the state is, in `state`, and its key, in `key`.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    async fn plan(&self, declaration: &Declaration, mode: Mode, delete_data: DeleteData) -> Planned {
        let state = self.store.load().await.unwrap();
        let request = PlanRequest {
            declaration,
            state: &state,
            vault: self.vault(&state).await,
            config: &self.config,
            build: "test",
            options: PlanOptions::new(mode).delete_data(delete_data),
        };
        self.engine.plan(request).await.unwrap()
    }

    /// As the command line has it: a stack without secrets has no key, and none is made for it.
    async fn vault(&self, state: &State) -> Arc<Vault> {
        if state.has_secrets() {
            return self.store.vault().await.unwrap();
        }
        let kept = self.store.kept_vault().await.unwrap();
        kept.unwrap_or_else(|| Arc::new(Vault::ephemeral("test").unwrap()))
    }

    pub async fn preview(&self, declaration: &Declaration) -> Plan {
        self.plan(declaration, Mode::Up, DeleteData::None).await.plan
    }

    /// Returns the lines of `drift`: each field with its live value, as `web made_by=…`.
    pub async fn drift(&self) -> Vec<String> {
        let nothing = super::Bed::declare(|_| {});
        let plan = self.plan(&nothing, Mode::Refresh, DeleteData::None).await.plan;
        let of_step = |step: &iac_core::plan::Step| {
            let lines = step.changes.iter().map(|change| {
                let after = change
                    .after
                    .as_ref()
                    .map(|after| after.as_str().map_or_else(|| format!("{after:?}"), str::to_owned));
                format!("{} {}={}", step.key.name(), change.path, after.unwrap_or_default())
            });
            lines.collect::<Vec<_>>()
        };
        plan.steps.iter().flat_map(of_step).collect()
    }

    /// Carries out a plan, whatever comes of it.
    async fn run(&self, planned: Planned, declaration: &Declaration) -> Report {
        let run = RunInfo::current("up", "test");
        let writer = self.store.begin(run, Duration::ZERO).await.unwrap();
        let (_cancel, cancel) = watch::channel(Cancel::No);
        let events = Arc::clone(&self.events);
        let request = ExecuteRequest {
            planned,
            declaration,
            writer,
            parallel: 4,
            events: Arc::new(move |event| events.lock().unwrap().push(event)),
            cancel,
        };
        self.engine.execute(request).await.unwrap()
    }

    /// An `up` that may fail.
    pub async fn try_up(&self, declaration: &Declaration) -> Report {
        let planned = self.plan(declaration, Mode::Up, DeleteData::None).await;
        assert!(planned.plan.problems.is_empty(), "{:?}", planned.plan.problems);
        self.run(planned, declaration).await
    }

    pub async fn up(&self, declaration: &Declaration) -> Report {
        let report = self.try_up(declaration).await;
        assert!(report.is_ok(), "{:?}", report.outcomes);
        report
    }

    /// An `up` in which data of these names may go.
    pub async fn up_deleting(&self, declaration: &Declaration, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let planned = self.plan(declaration, Mode::Up, DeleteData::of(&names)).await;
        let report = self.run(planned, declaration).await;
        assert!(report.is_ok(), "{:?}", report.outcomes);
    }

    /// A `destroy --delete-data all`.
    pub async fn destroy(&self) {
        self.destroy_only(DeleteData::All).await;
    }

    /// Plans the destruction.
    pub async fn plan_destroy(&self) -> Plan {
        let nothing = super::Bed::declare(|_| {});
        self.plan(&nothing, Mode::Destroy, DeleteData::All).await.plan
    }

    /// A `destroy` that lets only this data go.
    pub async fn destroy_only(&self, delete_data: DeleteData) {
        let report = self.try_destroy(delete_data).await;
        assert!(report.is_ok(), "{:?}", report.outcomes);
    }

    /// The same, whatever comes of it.
    pub async fn try_destroy(&self, delete_data: DeleteData) -> Report {
        let nothing = super::Bed::declare(|_| {});
        let planned = self.plan(&nothing, Mode::Destroy, delete_data).await;
        self.run(planned, &nothing).await
    }

    /// The operations so far, in the order of their ends: `replace web`, `remove compose/Network x`.
    pub fn done(&self) -> Vec<String> {
        let events = std::mem::take(&mut *self.events.lock().unwrap());
        let done = events.into_iter().filter_map(|event| match event {
            Event::Applied { key, action, .. } => Some(format!("{action:?} {}", key.name()).to_lowercase()),
            Event::Removed { identity, .. } => Some(format!("remove {identity}")),
            Event::Recovered { message, .. } => Some(message),
            _ => None,
        });
        done.collect()
    }
}
