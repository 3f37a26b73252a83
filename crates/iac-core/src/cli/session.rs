//! The common parts of all verbs: the stack, its configuration, its state, and the engine.

use std::collections::BTreeMap;
use std::path::{Component, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::args::Cli;
use super::failure::Failure;
use super::foreign::{self, Connects, Foreign};
use super::project::{Project, Repository};
use super::signals::Interrupts;
use super::ui::Ui;
use super::{Declare, Deploys, Program, build, exit};
use crate::config::{Config, ConfigValue, Layers, OpenSecret};
use crate::declare::{Declaration, Stack};
use crate::engine::{Engine, PlanOptions, PlanRequest, Planned};
use crate::environment;
use crate::plan::{Commits, Mode};
use crate::reach::{self, Reach};
use crate::render::{Diagnostic, sanitize};
use crate::secret_names::SecretNames;
use crate::state::{
    Backend, Backends, DataKey, KeySource, LocalBackend, Recipients, State, StateError, Store, Vault, WrappedKey,
    local_folder,
};
use crate::value::{KnownSecrets, Secret};

/// The folder of configuration files, in the workspace.
const CONFIG_FOLDER: &str = "stacks";
/// The folder of the default backend, in the workspace.
const STATE_FOLDER: &str = "state";
/// The scope that the secrets of configuration files are bound to.
const CONFIG_SCOPE: &str = "config";

/// The variable that has new stacks encrypted as a whole.
const ENCRYPT_STATE: &str = "IAC_ENCRYPT_STATE";

/// The variable that says which key the stack has.
const STATE_KEY: &str = "IAC_STATE_KEY";

/// One run of a verb on a stack.
pub(super) struct Session {
    pub(super) ui: Ui,
    pub(super) interrupts: Interrupts,
    pub(super) stack: String,
    pub(super) layers: Layers,
    pub(super) lock_timeout: Duration,
    pub(super) engine: Engine,
    pub(super) keys: Keys,
    connects: Connects,
    pub(super) program: String,
    pub(super) deploys: Option<Deploys>,
    /// The project's name as the program gives it.
    pub(super) project_name: Option<String>,
    /// The project that the stack would be bound to; looked up once.
    pub(super) project: OnceCell<Project>,
    pub(super) workspace: PathBuf,
    backend: Option<String>,
    backends: Backends,
    encrypt_state: bool,
    /// The files that the command line names for what the run itself reads and writes.
    own_files: Vec<PathBuf>,
    /// The secrets that this run has met.
    known: KnownSecrets,
    secret_names: SecretNames,
    store: Mutex<Option<Arc<Store>>>,
    build: OnceLock<String>,
    commit: OnceLock<Option<String>>,
}

/// A request for a plan.
pub(super) struct Planning<'a> {
    pub(super) declaration: &'a Declaration,
    pub(super) config: &'a Config,
    pub(super) options: PlanOptions,
}

/// A plan, and the key that it was made with.
pub(super) struct Prepared {
    pub(super) planned: Planned,
    pub(super) vault: Arc<Vault>,
}

impl Session {
    pub(super) fn open(program: Program, cli: &Cli, ui: Ui, interrupts: Interrupts) -> Result<Self, Failure> {
        let global = &cli.global;
        let workspace = build::workspace();
        let workspace = workspace.map_err(|error| Failure::failed(format!("the current folder: {error}")))?;
        let keys = Keys {
            source: KeySource::from_env(),
            vaults: Mutex::default(),
        };
        let stack = match &global.stack {
            Some(name) => name.clone(),
            None => {
                let outer = layers(&workspace, None, &global.config)?.open(&keys)?;
                let outer = outer
                    .known_to(&program.known)
                    .with_secret_names(program.secret_names.clone());
                (program.stack_name)(&outer).unwrap_or_else(|| program.name.clone())
            }
        };
        // The name becomes part of a file's name before the state looks at it.
        if !is_name(&stack) {
            return Err(StateError::Name(stack).into());
        }
        let own = environment::secrets(global.backend.as_deref());
        own.iter().for_each(|secret| program.known.learn_secret(secret));
        let layers = layers(&workspace, Some(&config_name(&program.name, &stack)), &global.config)?;
        Ok(Self {
            ui,
            interrupts,
            stack,
            layers,
            lock_timeout: global.lock_timeout,
            connects: foreign::connects(&program.providers),
            engine: Engine::knowing(program.providers, program.known.clone()),
            known: program.known,
            secret_names: program.secret_names.knowing(own),
            keys,
            program: program.name,
            deploys: program.deploys,
            project_name: program.project,
            project: OnceCell::new(),
            workspace,
            backend: global.backend.clone(),
            backends: program.backends,
            own_files: cli.verb.files(),
            encrypt_state: program.encrypt_state || wants_encryption(),
            store: Mutex::default(),
            build: OnceLock::new(),
            commit: OnceLock::new(),
        })
    }

    /// The file that `config set` changes, from the workspace.
    pub(super) fn config_name(&self) -> String {
        config_name(&self.program, &self.stack)
    }

    /// The file that `config set` changes.
    pub(super) fn config_path(&self) -> PathBuf {
        self.workspace.join(self.config_name())
    }

    pub(super) fn backend(&self) -> Result<Arc<dyn Backend>, Failure> {
        match &self.backend {
            Some(url) => self.open_backend(url),
            None => Ok(Arc::new(LocalBackend::kept_from_git(self.workspace.join(STATE_FOLDER)))),
        }
    }

    /// The folder that the state is in, where it is in one.
    pub(super) fn state_folder(&self) -> Option<PathBuf> {
        match self.backend.as_deref() {
            None => Some(self.workspace.join(STATE_FOLDER)),
            Some(url) => local_folder(url).map(PathBuf::from),
        }
    }

    /// The storage of a URL.
    pub(super) fn open_backend(&self, url: &str) -> Result<Arc<dyn Backend>, Failure> {
        Ok(self.backends.open(url)?)
    }

    pub(super) fn store(&self) -> Result<Arc<Store>, Failure> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*store {
            return Ok(Arc::clone(store));
        }
        let opened = Arc::new(self.store_of(self.backend()?, &self.stack));
        *store = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// The stack's state for verbs that only show it.
    pub(super) fn store_to_show(&self) -> Result<Store, Failure> {
        Ok((*self.store()?).clone().showing())
    }

    /// The state of any stack on a backend.
    pub(super) fn store_of(&self, backend: Arc<dyn Backend>, stack: &str) -> Store {
        let store = Store::new(backend, stack, self.keys.source.clone()).encrypt_new(self.encrypt_state);
        let store = store.expect_key(pinned_key());
        match memory_folder() {
            Some(folder) => store.remember_in(folder),
            None => store,
        }
    }

    /// Returns the notices for the user about the state and its keys.
    pub(super) fn notices(&self) -> Vec<String> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        // A store's notices include those of its keys.
        store
            .as_ref()
            .map_or_else(|| self.keys.source.notices(), |store| store.notices())
    }

    /// Which build of the program this is; looked up once, since that asks git or reads the executable.
    pub(super) fn build(&self) -> &str {
        self.build.get_or_init(|| build::id(|| self.commit()))
    }

    /// The commit of the workspace; looked up once.
    pub(super) fn commit(&self) -> Option<String> {
        self.commit.get_or_init(|| build::commit(&self.workspace)).clone()
    }

    /// The commits since the last successful `up`, where the state and the workspace tell.
    async fn commits_since(&self, state: &State) -> Option<Commits> {
        let (from, now) = (state.commit.as_ref()?, self.commit()?);
        let repository = Repository::of(&self.workspace.canonicalize().ok()?)?;
        repository.commits_since(from, &now).await
    }

    /// The settings of the workspace's file that need a decision of the user.
    pub(super) fn foreign(&self) -> Foreign {
        Foreign::find(&self.connects, &self.layers)
    }

    /// Allows a setting that the user has just made in the workspace's file.
    pub(super) fn allow_own(&self, key: &str) -> Result<(), Failure> {
        let mut layers = Layers::default();
        layers.file(&self.config_path(), &self.config_name())?;
        let foreign = Foreign::find(&self.connects, &layers);
        let own = foreign.open().filter(|setting| setting.key == key);
        own.into_iter().try_for_each(foreign::Setting::allow)
    }

    /// The configuration, if nothing in it needs a decision of the user first.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        self.foreign().check(&self.stack)?;
        self.config_unchecked()
    }

    /// The configuration, to be shown.
    pub(super) fn config_unchecked(&self) -> Result<Config, Failure> {
        let config = self.layers.open(&self.keys)?.known_to(&self.known);
        Ok(config.with_secret_names(self.secret_names.clone()))
    }

    /// The configuration without its secrets, which providers are not given: for verbs that do not run the program.
    pub(super) fn open_config(&self) -> Result<Config, Failure> {
        self.foreign().check(&self.stack)?;
        self.open_config_unchecked()
    }

    /// As [`open_config`](Self::open_config), to be shown.
    pub(super) fn open_config_unchecked(&self) -> Result<Config, Failure> {
        Ok(self.layers.open(&Blank)?.with_secret_names(self.secret_names.clone()))
    }

    /// Runs the program's function.
    pub(super) fn declare(&self, declare: Declare<'_>, config: &Config) -> Result<Declaration, Failure> {
        self.check_deployed(config)?;
        let stack = Stack::new(&self.stack, config.clone())
            .keeps_state_in(self.state_folder())
            .keeps_apart(self.own_files.clone());
        let returned = declare(&stack);
        let declared = stack.finish();
        match (returned, declared) {
            (Ok(()), Ok(declaration)) => Ok(declaration),
            (Ok(()), Err(errors)) => Err(Failure::declaration(&errors)),
            (Err(error), declared) => {
                let mut failure = Failure::declaration(&declared.err().unwrap_or_default());
                failure.diagnostics.push(Diagnostic::from_error(&*error));
                failure.code = exit::FAILED;
                Err(failure)
            }
        }
    }

    /// Refuses to deploy files that lie outside of the workspace and its repository, unless the user says so: a file of the
    /// repository may name any, and a link may lead anywhere.
    fn check_deployed(&self, config: &Config) -> Result<(), Failure> {
        let Some(path) = self.deploys.as_ref().and_then(|path| path(config)) else {
            return Ok(());
        };
        let outside = reach::outside(config).map_err(|error| Failure::failed(error.to_string()))?;
        let mut reach = Reach::of(&self.workspace);
        reach.allow(&outside);
        let Err(error) = reach.admit(&path) else { return Ok(()) };
        let own = self.layers.own().open(&Blank)?;
        let is_own = self.deploys.as_ref().and_then(|own_path| own_path(&own)).as_ref() == Some(&path);
        let leaves = path.is_absolute() || path.components().any(|part| part == Component::ParentDir);
        if is_own && leaves {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "{}: {error}",
            sanitize(&path.display().to_string())
        )))
    }

    /// A declaration of nothing, for verbs that only look at what is recorded.
    pub(super) fn nothing(&self) -> Declaration {
        Declaration {
            stack: self.stack.clone(),
            ..Declaration::default()
        }
    }

    /// Returns the vault that opens the state's secrets. A stack that never held one has no key, and none is created for it here.
    pub(super) async fn vault(&self, store: &Store, state: &State) -> Result<Arc<Vault>, Failure> {
        if state.has_secrets() {
            return Ok(store.vault().await?);
        }
        match store.kept_vault().await? {
            Some(vault) => Ok(vault),
            None => Ok(Arc::new(Vault::ephemeral(&self.stack)?)),
        }
    }

    /// Makes a plan: the one way to it for every verb.
    pub(super) async fn prepare(
        &self,
        store: &Store,
        state: &State,
        planning: &Planning<'_>,
    ) -> Result<Prepared, Failure> {
        let vault = self.vault(store, state).await?;
        let request = PlanRequest {
            declaration: planning.declaration,
            state,
            vault: Arc::clone(&vault),
            config: planning.config,
            build: self.build(),
            options: planning.options.clone(),
        };
        let planned = self.engine.plan(request).await;
        let mut planned = planned.map_err(|error| Failure::engine(&error, &self.stack))?;
        if planning.options.mode == Mode::Up {
            planned.plan.commits = self.commits_since(state).await;
        }
        Ok(Prepared { planned, vault })
    }

    /// Warns of configuration that nobody asked for; where the program says what it takes, such a key in the stack's own
    /// file is an error.
    pub(super) fn check_unused(&self, config: &Config) -> Result<(), Failure> {
        let unused = config.unused().into_iter();
        // Values below a provider's name are for it, and it asks only when it is used.
        let for_provider = |key: &str| {
            key.split_once('.')
                .is_some_and(|(name, _)| self.connects.contains_key(name))
        };
        let mut refused = Vec::new();
        for unused in unused.filter(|unused| !for_provider(&unused.key)) {
            if unused.refused {
                let message = format!(
                    "{:?} (from {}) is no setting of this program",
                    unused.key, unused.origin
                );
                let hint = match unused.meant {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => "take it out; `config list` shows what the program takes".to_owned(),
                };
                refused.push(Diagnostic::error(message).hint(hint));
                continue;
            }
            let message = format!(
                "configuration {:?} (from {}) is not used by this program",
                unused.key, unused.origin
            );
            let mut warning = Diagnostic::warning(message);
            warning
                .hints
                .extend(unused.meant.map(|meant| format!("did you mean {meant:?}?")));
            self.ui.diagnostic(&warning);
        }
        if refused.is_empty() {
            return Ok(());
        }
        Err(Failure {
            diagnostics: refused,
            ..Failure::quiet(exit::FAILED)
        })
    }
}

/// The keyed hash that stands for a secret in a plan; none where the stack has no key that would still be the same in
/// the next run.
pub(super) fn hash_with(vault: &Vault) -> impl Fn(&str) -> String + use<'_> {
    |text| match vault.is_kept() {
        true => vault.keyed_hash(text),
        false => String::new(),
    }
}

/// The fingerprint that the environment wants the stack's key to have.
fn pinned_key() -> Option<String> {
    let pin = std::env::var(STATE_KEY).ok()?;
    Some(pin.trim().to_owned()).filter(|pin| !pin.is_empty())
}

/// Where this machine keeps what it remembers of stacks.
fn memory_folder() -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(base.join("iac/stacks"))
}

/// True if the environment wants new stacks to be encrypted as a whole.
fn wants_encryption() -> bool {
    std::env::var_os(ENCRYPT_STATE).is_some_and(|value| value == "1" || value == "true")
}

/// True if a stack may be called so; the rule is the state's.
fn is_name(stack: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    stack.starts_with(|c: char| c.is_ascii_alphanumeric()) && stack.chars().all(plain)
}

fn config_name(program: &str, stack: &str) -> String {
    format!("{CONFIG_FOLDER}/{program}.{stack}.toml")
}

fn layers(workspace: &std::path::Path, stack_file: Option<&str>, arguments: &[String]) -> Result<Layers, Failure> {
    let mut layers = Layers::default();
    if let Some(name) = stack_file {
        layers.file(&workspace.join(name), name)?;
    }
    let here = std::env::current_dir().unwrap_or_default();
    // A variable whose value is no text cannot be configuration.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    layers.environment(variables, &here)?;
    layers.arguments(arguments)?;
    Ok(layers)
}

/// The keys of configuration files, each unwrapped once.
pub(super) struct Keys {
    pub(super) source: KeySource,
    vaults: Mutex<BTreeMap<String, Arc<Vault>>>,
}

impl Keys {
    /// The vault of a configuration file's wrapped key.
    pub(super) fn vault(&self, wrapped: &str) -> Result<Arc<Vault>, Failure> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = vaults.get(wrapped) {
            return Ok(Arc::clone(vault));
        }
        let key = self.source.unwrap(&WrappedKey::from(wrapped.to_owned()))?;
        let vault = Arc::new(Vault::new(&key, CONFIG_SCOPE));
        vaults.insert(wrapped.to_owned(), Arc::clone(&vault));
        Ok(vault)
    }

    /// A new key for a configuration file: its wrapped form, and its vault.
    pub(super) fn create(&self) -> Result<(String, Arc<Vault>), Failure> {
        self.create_for(None)
    }

    /// As [`create`](Self::create), wrapped for others.
    pub(super) fn create_for(&self, recipients: Option<&Recipients>) -> Result<(String, Arc<Vault>), Failure> {
        let (key, wrapped) = match recipients {
            None => self.source.create()?,
            Some(recipients) => {
                let key = DataKey::generate()?;
                let wrapped = WrappedKey::wrap(&key, recipients)?;
                (key, wrapped)
            }
        };
        Ok((wrapped.as_str().to_owned(), Arc::new(Vault::new(&key, CONFIG_SCOPE))))
    }
}

impl OpenSecret for Keys {
    fn open(&self, wrapped_key: &str, key: &str, sealed: &str) -> Result<Secret, String> {
        let vault = self.vault(wrapped_key).map_err(|failure| {
            let messages = failure.diagnostics.into_iter().map(|diagnostic| diagnostic.message);
            messages.collect::<Vec<_>>().join("; ")
        })?;
        vault.open_text(key, sealed).map_err(|error| error.to_string())
    }
}

/// Stands for every sealed secret with an empty one: for reading configuration without its keys.
struct Blank;

impl OpenSecret for Blank {
    fn open(&self, _: &str, _: &str, _: &str) -> Result<Secret, String> {
        Ok(Secret::from(""))
    }
}

/// The text of a configuration value; a secret is opened.
pub(super) fn exposed(value: &ConfigValue) -> &str {
    match value {
        ConfigValue::Plain(text) => text,
        ConfigValue::Secret(secret) => secret.expose(),
    }
}
