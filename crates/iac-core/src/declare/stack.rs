//! The stack: where a program registers its resources.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::data::{Declaration, DeclareError, NewResource, Note, ObjectContent, ResourceDecl, SourceLine};
use super::{FieldLines, Handle, Output};
use crate::config::Config;
use crate::provider::Phase;
use crate::settings::{self, SettingsError};
use crate::urn::Key;
use crate::value::{FieldPath, Secret, Source, Value, token};

/// The stack that a program declares its resources in, or a component of it.
///
/// Cloning gives another handle to the same stack. Methods that declare take `&self` and never fail: what is wrong is
/// collected, each with its source line, and reported all at once.
#[derive(Clone)]
pub struct Stack {
    shared: Rc<Shared>,
    component: Option<Rc<Component>>,
    pub(super) at: Option<SourceLine>,
    pub(super) lines: Option<Arc<dyn FieldLines>>,
}

struct Component {
    path: String,
    source: SourceLine,
}

struct Shared {
    name: String,
    config: Config,
    state_folder: Option<PathBuf>,
    own_files: Vec<PathBuf>,
    state: RefCell<Collected>,
    later: RefCell<Vec<Later>>,
}

#[derive(Default)]
struct Collected {
    resources: Vec<ResourceDecl>,
    index: HashMap<Key, usize>,
    /// The resources that count once, by kind and by their objects' names: their places, and the digests of their content.
    objects: HashMap<(String, String), (usize, String)>,
    exports: BTreeMap<String, Value>,
    secrets: BTreeMap<Source, Secret>,
    errors: Vec<DeclareError>,
    notes: Vec<Note>,
}

/// Declares what has to wait for the rest of the program.
type Later = Box<dyn FnOnce()>;

impl Stack {
    /// An empty stack.
    pub fn new(name: impl Into<String>, config: Config) -> Self {
        let shared = Shared {
            name: name.into(),
            config,
            state_folder: None,
            own_files: Vec::new(),
            state: RefCell::default(),
            later: RefCell::default(),
        };
        Self {
            shared: Rc::new(shared),
            component: None,
            at: None,
            lines: None,
        }
    }

    /// The same stack, before anything is declared in it, with the folder in which its state is kept, where there is one.
    #[must_use]
    pub fn keeps_state_in(mut self, folder: Option<PathBuf>) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.state_folder = folder;
        }
        self
    }

    /// The folder in which the stack's state is kept, where it is kept in files. A run writes there, so what packs a folder
    /// leaves it out.
    pub fn state_folder(&self) -> Option<&Path> {
        self.shared.state_folder.as_deref()
    }

    /// The same stack, before anything is declared in it, with the files that the run itself reads and writes.
    #[must_use]
    pub fn keeps_apart(mut self, files: Vec<PathBuf>) -> Self {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            shared.own_files = files;
        }
        self
    }

    /// The files that the command line names for what the run itself reads and writes: a saved plan, events, a report. What
    /// packs a folder leaves them out.
    pub fn own_files(&self) -> &[PathBuf] {
        &self.shared.own_files
    }

    /// The stack's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The stack's configuration.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// A component: a group of resources under one name. Within it, errors and plans name the line that called this
    /// method, since that is the user's own, and the component's code often is not.
    #[must_use]
    #[track_caller]
    pub fn component(&self, name: &str) -> Self {
        let (path, source) = match &self.component {
            Some(outer) => (format!("{}/{name}", outer.path), outer.source.clone()),
            None => (name.to_owned(), SourceLine::caller()),
        };
        Self {
            shared: Rc::clone(&self.shared),
            component: Some(Rc::new(Component { path, source })),
            at: self.at.clone(),
            lines: self.lines.clone(),
        }
    }

    /// The path of the component this is, empty for the stack itself.
    pub fn component_path(&self) -> &str {
        self.component.as_ref().map_or("", |component| &component.path)
    }

    /// The line to show for what is declared here and now.
    #[track_caller]
    pub fn source(&self) -> SourceLine {
        let caller = SourceLine::caller();
        let component = self.component.as_ref().map(|component| &component.source);
        self.at.as_ref().or(component).cloned().unwrap_or(caller)
    }

    /// Declares a resource; the low-level way, for providers' scopes.
    #[track_caller]
    pub fn declare<R>(&self, new: NewResource) -> Handle<R> {
        let source = self.source();
        if let Some(first) = self.counted(&new, &source) {
            return Handle::new(self.clone(), first);
        }
        let key = match Key::new(self.component_path(), &new.kind, &new.name) {
            Ok(key) => key,
            Err(error) => {
                self.report(DeclareError::Name { error, at: source });
                // A key that no resource has: edits through the handle do nothing, and the error is reported.
                return Handle::new(self.clone(), Key::invalid());
            }
        };
        let inputs = match token::parse_tree(new.inputs) {
            Ok(inputs) => inputs,
            Err(error) => {
                self.report(DeclareError::Token {
                    key: key.clone(),
                    error,
                    at: source.clone(),
                });
                Value::Null
            }
        };
        let resource = ResourceDecl {
            key: key.clone(),
            inputs,
            options: new.options,
            after: new.after,
            source,
            lines: self.lines.clone(),
        };
        self.insert(resource, new.object.map(|object| (new.kind, object)));
        Handle::new(self.clone(), key)
    }

    /// The resource that was declared before for the same object, where that counts once. Another content is an error.
    fn counted(&self, new: &NewResource, source: &SourceLine) -> Option<Key> {
        let object = new.object.as_ref()?;
        let mut guard = self.shared.state.borrow_mut();
        let state = &mut *guard;
        let (position, digest) = state.objects.get(&(new.kind.clone(), object.name.clone()))?;
        let first = &mut state.resources[*position];
        if *digest == object.digest {
            for dependency in &new.after {
                if !first.after.contains(dependency) {
                    first.after.push(dependency.clone());
                }
            }
            let (name, place) = (first.key.short(), &first.source);
            state.notes.push(Note {
                message: format!("{name} stands at {place} as well, with the same content; it counts once"),
                at: source.clone(),
            });
        } else {
            state.errors.push(DeclareError::Contradiction {
                key: first.key.clone(),
                first: first.source.clone(),
                second: source.clone(),
            });
        }
        Some(first.key.clone())
    }

    fn insert(&self, resource: ResourceDecl, object: Option<(String, ObjectContent)>) {
        let mut state = self.shared.state.borrow_mut();
        if let Some(&first) = state.index.get(&resource.key) {
            let first = state.resources[first].source.clone();
            state.errors.push(DeclareError::Duplicate {
                key: resource.key,
                first,
                second: resource.source,
            });
            return;
        }
        let position = state.resources.len();
        state.index.insert(resource.key.clone(), position);
        state.resources.push(resource);
        if let Some((kind, object)) = object {
            state.objects.insert((kind, object.name), (position, object.digest));
        }
    }

    /// Reports something wrong; for providers' scopes. No secret and no output's token stays in what is said.
    pub fn report(&self, mut error: DeclareError) {
        if let Some(message) = error.message_mut() {
            *message = token::describe(message).into_owned();
            self.shared.config.known().hide(message);
        }
        self.shared.state.borrow_mut().errors.push(error);
    }

    /// Says something that a reader of the plan should know; for scopes that load what others wrote.
    #[track_caller]
    pub fn note(&self, message: impl Into<String>) {
        let note = Note {
            message: message.into(),
            at: self.source(),
        };
        self.shared.state.borrow_mut().notes.push(note);
    }

    pub(super) fn edit(&self, key: &Key, change: impl FnOnce(&mut ResourceDecl)) {
        let mut state = self.shared.state.borrow_mut();
        if let Some(&position) = state.index.get(key) {
            change(&mut state.resources[position]);
        }
    }

    /// A secret that the program has from somewhere; `label` names it in plans, so it has to be stable and unique.
    pub fn secret(&self, label: &str, value: impl Into<Secret>) -> Output {
        let source = Source::Local(label.to_owned());
        let value = value.into();
        self.shared.config.known().learn_secret(&value);
        self.shared.state.borrow_mut().secrets.insert(source.clone(), value);
        Output::new(source, "", Phase::Exists, true)
    }

    pub(super) fn known_secret(&self, source: &Source) -> Option<Secret> {
        self.shared.state.borrow().secrets.get(source).cloned()
    }

    /// A required secret of the configuration; where it is missing, the whole run fails and says how to set it.
    #[track_caller]
    pub fn config_secret(&self, key: &str) -> Output {
        let source = Source::Config(key.to_owned());
        match self.shared.config.secret(key) {
            Ok(value) => {
                self.shared.state.borrow_mut().secrets.insert(source.clone(), value);
            }
            Err(error) => self.report(DeclareError::Config {
                message: error.to_string(),
                at: self.source(),
            }),
        }
        Output::new(source, "", Phase::Exists, true)
    }

    /// The stack's configuration as a struct of the program's own; what is missing or wrong is reported all at once. See
    /// [`settings`](mod@crate::settings) for what such a struct can hold.
    ///
    /// ```
    /// use iac_core::{Output, Result, Stack};
    /// use serde::Deserialize;
    ///
    /// /// The keys are `host`, `api.image`, `api.replicas` and `openai_api_key`.
    /// #[derive(Deserialize)]
    /// struct Settings {
    ///     host: String, // required
    ///     api: Api,
    ///     openai_api_key: Option<Output>, // a secret, which can be put into any string and never prints
    /// }
    ///
    /// #[derive(Deserialize)]
    /// #[serde(default)]
    /// struct Api {
    ///     image: String,
    ///     replicas: u16,
    /// }
    ///
    /// impl Default for Api {
    ///     fn default() -> Self {
    ///         Self { image: "shop:1".into(), replicas: 3 }
    ///     }
    /// }
    ///
    /// fn shop(stack: &Stack) -> Result<()> {
    ///     let s: Settings = stack.settings()?;
    ///     stack.export("url", format!("https://{}", s.host));
    ///     Ok(())
    /// }
    /// # let stack = Stack::new("prod", iac_core::config::Config::default());
    /// # assert!(shop(&stack).unwrap_err().to_string().contains("host is required"));
    /// ```
    ///
    /// # Errors
    /// All that is missing or wrong, each with its key, its place and how to set it right.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        self.read_settings(&Json::Null)
    }

    /// As [`settings`](Self::settings), with a value for what is not set: also a table of which only one key is set has
    /// the others from here. `config list` shows the defaults.
    ///
    /// A value that `defaults` leaves out is required: a field with `#[serde(skip_serializing)]`, or `None`.
    ///
    /// ```
    /// use iac_core::{Result, Stack};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Settings {
    ///     #[serde(skip_serializing)]
    ///     host: String, // required
    ///     api: Sizes,
    ///     worker: Sizes,
    /// }
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Sizes {
    ///     cpu: String,
    ///     memory: String,
    /// }
    ///
    /// impl Default for Settings {
    ///     fn default() -> Self {
    ///         let sizes = |cpu: &str, memory: &str| Sizes { cpu: cpu.into(), memory: memory.into() };
    ///         Self { host: String::new(), api: sizes("500m", "512Mi"), worker: sizes("1", "2Gi") }
    ///     }
    /// }
    ///
    /// fn shop(stack: &Stack) -> Result<()> {
    ///     let s: Settings = stack.settings_with_defaults(Settings::default())?;
    ///     stack.export("url", format!("https://{}", s.host));
    ///     Ok(())
    /// }
    /// # let stack = Stack::new("prod", iac_core::config::Config::default());
    /// # assert!(shop(&stack).unwrap_err().to_string().contains("host is required"));
    /// ```
    ///
    /// # Errors
    /// As [`settings`](Self::settings), and when the defaults cannot be written as JSON.
    pub fn settings_with_defaults<T: DeserializeOwned>(&self, defaults: impl Serialize) -> Result<T, SettingsError> {
        let defaults = serde_json::to_value(defaults).map_err(SettingsError::of_defaults)?;
        self.read_settings(&defaults)
    }

    fn read_settings<T: DeserializeOwned>(&self, defaults: &Json) -> Result<T, SettingsError> {
        let (settings, secrets) = settings::read(&self.shared.config, defaults)?;
        let mut state = self.shared.state.borrow_mut();
        for (key, secret) in secrets {
            self.shared.config.known().learn_secret(&secret);
            state.secrets.insert(Source::Config(key), secret);
        }
        Ok(settings)
    }

    /// Exports a value under a name; `stack output` shows it.
    #[track_caller]
    pub fn export(&self, name: &str, value: impl Into<String>) {
        match token::parse(&value.into(), &FieldPath::root()) {
            Ok(value) => {
                self.shared.state.borrow_mut().exports.insert(name.to_owned(), value);
            }
            Err(error) => self.report(DeclareError::Export {
                name: name.to_owned(),
                message: error.to_string(),
                at: self.source(),
            }),
        }
    }

    /// Runs a function when the program has declared everything, before the declaration is taken. For scopes whose objects
    /// depend on what the program still says of them. What such a function asks for in turn runs as well.
    pub fn finally(&self, declare: impl FnOnce() + 'static) {
        self.shared.later.borrow_mut().push(Box::new(declare));
    }

    /// Returns all that was declared.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn finish(&self) -> Result<Declaration, Vec<DeclareError>> {
        loop {
            let later = std::mem::take(&mut *self.shared.later.borrow_mut());
            if later.is_empty() {
                break;
            }
            later.into_iter().for_each(|declare| declare());
        }
        let mut state = self.shared.state.borrow_mut();
        let collected = std::mem::take(&mut *state);
        if !collected.errors.is_empty() {
            return Err(collected.errors);
        }
        Ok(Declaration {
            stack: self.shared.name.clone(),
            resources: collected.resources,
            notes: collected.notes,
            exports: collected.exports,
            secrets: collected.secrets,
            own_files: self.shared.own_files.clone(),
        })
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("name", &self.shared.name)
            .field("component", &self.component_path())
            .finish()
    }
}
