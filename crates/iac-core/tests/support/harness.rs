//! Runs of the engine against the world in memory, with state on disk.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use iac_core::apply::{Cancel, Event, Report};
use iac_core::config::Config;
use iac_core::declare::{Declaration, Handle, NewResource, Stack};
use iac_core::engine::{Engine, EngineError, ExecuteRequest, PlanOptions, PlanRequest, Planned};
use iac_core::plan::{Action, DeleteData, Mode, Plan};
use iac_core::provider::Provider;
use iac_core::review::{COMMENT, TextOptions, View};
use iac_core::saved::{SavedPlan, plan_json};
use iac_core::state::{Backend, KeySource, LocalBackend, RunInfo, State, StateError, Store, Vault, Writer};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::sync::watch;

use super::memory::{KIND, Memory, World};

/// A stack's state on some storage, a world, and an engine for both.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) events: Arc<Mutex<Vec<Event>>>,
    engine: Engine,
    store: Store,
    folder: Arc<TempDir>,
    patience: Duration,
    parallel: usize,
}

/// Declares a thing.
#[track_caller]
pub(crate) fn thing(stack: &Stack, name: &str, inputs: Json) -> Handle<()> {
    stack.declare(NewResource::new(KIND, name, inputs))
}

/// Returns the declaration of a program.
pub(crate) fn declare(program: impl FnOnce(&Stack)) -> Declaration {
    let stack = Stack::new("test", Config::default());
    program(&stack);
    stack.finish().unwrap()
}

/// The changes of a plan as `action name`.
pub(crate) fn actions(plan: &Plan) -> Vec<String> {
    plan.changes()
        .map(|step| format!("{:?} {}", step.action, step.key.name()).to_lowercase())
        .collect()
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let backend = Arc::new(LocalBackend::new(folder.path().join("state")));
        Self::with(World::default(), backend, Arc::new(folder), Duration::from_secs(1))
    }

    /// One with its state in memory, and an empty world.
    pub(crate) fn in_memory() -> Self {
        Self::new().elsewhere(World::default(), super::storage::Memory::new())
    }

    /// One that knows the same keys, with another world and other storage; it waits for a lease until that runs out.
    pub(crate) fn elsewhere(&self, world: World, backend: Arc<dyn Backend>) -> Self {
        Self::with(world, backend, Arc::clone(&self.folder), Duration::from_secs(60))
    }

    fn with(world: World, backend: Arc<dyn Backend>, folder: Arc<TempDir>, patience: Duration) -> Self {
        let keys = KeySource::key_file(folder.path().join("key"));
        Self {
            engine: Engine::new(vec![Arc::new(Memory::of(&world))]),
            world,
            events: Arc::default(),
            store: Store::new(backend, "test", keys),
            folder,
            patience,
            parallel: 4,
        }
    }

    /// Sets how many operations run at the same time.
    pub(crate) fn parallel(self, parallel: usize) -> Self {
        Self { parallel, ..self }
    }

    /// Lets runs end after the first failure.
    pub(crate) fn fail_fast(mut self) -> Self {
        self.engine = self.engine.with_fail_fast(true);
        self
    }

    /// The same with another provider, which is one for this world.
    pub(crate) fn with_provider(mut self, world: World, provider: Arc<dyn Provider>) -> Self {
        self.engine = Engine::new(vec![provider]);
        self.world = world;
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> Store {
        self.store.clone()
    }

    pub(crate) async fn plan_for(&self, mode: Mode, declaration: &Declaration) -> Result<Planned, EngineError> {
        self.plan_with(mode, declaration, DeleteData::None).await
    }

    pub(crate) async fn plan_with(
        &self,
        mode: Mode,
        declaration: &Declaration,
        delete_data: DeleteData,
    ) -> Result<Planned, EngineError> {
        let state = self.store().load().await?;
        self.plan_from(&state, mode, declaration, delete_data).await
    }

    async fn plan_from(
        &self,
        state: &State,
        mode: Mode,
        declaration: &Declaration,
        delete_data: DeleteData,
    ) -> Result<Planned, EngineError> {
        let options = PlanOptions::new(mode).delete_data(delete_data);
        self.plan_as(state, declaration, options).await
    }

    async fn plan_as(
        &self,
        state: &State,
        declaration: &Declaration,
        options: PlanOptions,
    ) -> Result<Planned, EngineError> {
        let request = PlanRequest {
            declaration,
            state,
            vault: self.vault(state).await?,
            config: &Config::default(),
            build: "test",
            options,
        };
        let planned = self.engine.plan(request).await?;
        is_shown_from_its_file(&planned.plan);
        Ok(planned)
    }

    /// Returns the plan with these options.
    pub(crate) async fn plan_options(
        &self,
        declaration: &Declaration,
        options: PlanOptions,
    ) -> Result<Planned, EngineError> {
        let state = self.store().load().await?;
        self.plan_as(&state, declaration, options).await
    }

    /// As the command line has it: a stack without secrets has no key, and none is made for it.
    async fn vault(&self, state: &State) -> Result<Arc<Vault>, StateError> {
        if state.has_secrets() {
            return self.store().vault().await;
        }
        let kept = self.store().kept_vault().await?;
        Ok(kept.unwrap_or_else(|| Arc::new(Vault::ephemeral("test").unwrap())))
    }

    pub(crate) async fn preview(&self, declaration: &Declaration) -> Plan {
        self.plan_for(Mode::Up, declaration).await.unwrap().plan
    }

    /// Returns the plan of `up` if data of these names may go; `all` for any.
    pub(crate) async fn preview_deleting(&self, declaration: &Declaration, names: &[&str]) -> Plan {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let planned = self.plan_with(Mode::Up, declaration, DeleteData::of(&names)).await;
        planned.unwrap().plan
    }

    /// `up`, in which data of these names may go.
    pub(crate) async fn up_deleting(&self, declaration: &Declaration, names: &[&str]) -> Report {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let planned = self.plan_with(Mode::Up, declaration, DeleteData::of(&names)).await;
        self.execute(planned.unwrap(), declaration).await.unwrap()
    }

    pub(crate) async fn execute(&self, planned: Planned, declaration: &Declaration) -> Result<Report, EngineError> {
        let writer = self.begin().await?;
        self.execute_with(writer, planned, declaration, &watch::Sender::new(Cancel::No))
            .await
    }

    async fn begin(&self) -> Result<Writer, StateError> {
        let run = RunInfo::current("up", "test");
        self.store().begin(run, self.patience).await
    }

    async fn execute_with(
        &self,
        writer: Writer,
        planned: Planned,
        declaration: &Declaration,
        cancel: &watch::Sender<Cancel>,
    ) -> Result<Report, EngineError> {
        let events = Arc::clone(&self.events);
        let request = ExecuteRequest {
            planned,
            declaration,
            writer,
            parallel: self.parallel,
            events: Arc::new(move |event| events.lock().unwrap().push(event)),
            cancel: cancel.subscribe(),
        };
        self.engine.execute(request).await
    }

    pub(crate) async fn up(&self, declaration: &Declaration) -> Report {
        let planned = self.plan_for(Mode::Up, declaration).await.unwrap();
        self.execute(planned, declaration).await.unwrap()
    }

    /// Plans under the lease, so that a dead holder's last words count, and carries it out, whatever data goes with it.
    pub(crate) async fn run(&self, mode: Mode, declaration: &Declaration) -> Result<Report, EngineError> {
        self.run_with(mode, declaration, DeleteData::All).await
    }

    /// The same, where only this data may go.
    pub(crate) async fn run_with(
        &self,
        mode: Mode,
        declaration: &Declaration,
        delete_data: DeleteData,
    ) -> Result<Report, EngineError> {
        let cancel = watch::Sender::new(Cancel::No);
        self.run_through(mode, declaration, delete_data, &cancel).await
    }

    /// The same, until it is told to stop, or loses its lease.
    pub(crate) async fn run_until(
        &self,
        mode: Mode,
        declaration: &Declaration,
        delete_data: DeleteData,
        cancel: &watch::Sender<Cancel>,
    ) -> Result<Report, EngineError> {
        self.run_through(mode, declaration, delete_data, cancel).await
    }

    async fn run_through(
        &self,
        mode: Mode,
        declaration: &Declaration,
        delete_data: DeleteData,
        cancel: &watch::Sender<Cancel>,
    ) -> Result<Report, EngineError> {
        let writer = self.begin().await?;
        let planned = self.plan_from(writer.state(), mode, declaration, delete_data).await?;
        let lease = writer.clone();
        let run = self.execute_with(writer, planned, declaration, cancel);
        tokio::pin!(run);
        tokio::select! {
            result = &mut run => return result,
            () = lease.lost() => {}
        }
        cancel.send_replace(Cancel::AtOnce);
        run.await
    }

    /// Returns the events so far, and forgets them.
    pub(crate) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    /// Returns the operations that the last runs recovered, and forgets all events.
    pub(crate) fn take_recovered(&self) -> Vec<String> {
        let recovered = self.take_events().into_iter().filter_map(|event| match event {
            Event::Recovered { key, message } => Some(format!("{}: {message}", key.name())),
            _ => None,
        });
        recovered.collect()
    }

    pub(crate) async fn destroy(&self, delete_data: DeleteData) -> Report {
        let declaration = declare(|_| {});
        let planned = self.plan_with(Mode::Destroy, &declaration, delete_data).await.unwrap();
        self.execute(planned, &declaration).await.unwrap()
    }

    /// Runs `up` until it hangs at a boundary, and stops it there as a kill would. Returns whether it hung.
    pub(crate) async fn up_killed_at(&self, boundary: usize, declaration: &Declaration) -> bool {
        self.up_deleting_killed_at(boundary, declaration, &[]).await
    }

    /// The same, where data of these names may go.
    pub(crate) async fn up_deleting_killed_at(
        &self,
        boundary: usize,
        declaration: &Declaration,
        names: &[&str],
    ) -> bool {
        self.killed_at(boundary, async { drop(self.up_deleting(declaration, names).await) })
            .await
    }

    /// Lets a run go on until it hangs at a boundary, and stops it there as a kill would. Returns whether it hung.
    pub(crate) async fn killed_at(&self, boundary: usize, run: impl Future<Output = ()>) -> bool {
        self.world.hang_at(Some(boundary));
        let hung = tokio::select! {
            () = run => false,
            () = self.world.hung() => true,
        };
        self.world.hang_at(None);
        // The records that the run gave to the journal are still written, and then its lease is given back; a killed process
        // leaves its lease to be taken over, which the tests of the state look at.
        while self.store().holder().await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        hung
    }

    /// Everything in the state's folder, as one text.
    pub(crate) fn files(&self) -> String {
        let mut text = String::new();
        let mut folders = vec![self.folder.path().join("state")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
                }
            }
        }
        text
    }
}

/// `{"value": text}`.
pub(crate) fn value(text: &str) -> Json {
    json!({ "value": text })
}

/// The action that a plan has for a name.
pub(crate) fn action_of(plan: &Plan, name: &str) -> Option<Action> {
    plan.steps
        .iter()
        .find(|step| step.key.name() == name)
        .map(|step| step.action)
}

/// Any plan that is saved is shown from its file alone as it was shown when it was made, byte for byte.
fn is_shown_from_its_file(plan: &Plan) {
    let file = plan_json(plan, &|secret| format!("hash of {}", secret.len())).to_string();
    let saved = SavedPlan::parse(&file).unwrap();
    for unchanged in [false, true] {
        let (made, read) = (View::of(plan, unchanged), saved.view(unchanged).unwrap());
        assert!(read == made);
        for verbose in [false, true] {
            let options = TextOptions {
                verbose,
                ..TextOptions::default()
            };
            assert_eq!(read.to_text(&options), made.to_text(&options));
        }
        assert_eq!(read.to_markdown(COMMENT), made.to_markdown(COMMENT));
    }
}
