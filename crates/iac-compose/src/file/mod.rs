//! Plain compose files as part of a program, read as docker compose reads them: short and long forms, anchors and merge keys,
//! variables with `.env`, env files, `extends`, `include`, override files, `!reset` and `!override`, profiles.
//!
//! The way of a file: [`settings`] finds the files and the variables; [`load`] makes one tree of them; [`finish`] takes the
//! services that are wanted and fills in what follows; [`check`] looks for contradictions, [`outside`] for files that are out of reach; [`typed`] turns it into the model. A key that is not
//! supported is an error that names it ([`keys`]); nothing is ignored without a word.

mod canonical;
mod cast;
mod check;
mod circles;
mod environment;
mod extends;
mod finish;
mod include;
mod keys;
mod lines;
mod load;
mod marks;
mod merge;
mod outside;
mod paths;
mod problem;
mod scalar;
mod schema;
mod settings;
mod tree;
mod typed;
mod unique;
mod variables;
mod withheld;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use iac_core::declare::{DeclareError, Handle};
use iac_core::{Stack, reach};

use crate::model::{Condition, Network, Service, Volume};
use crate::scope::Compose;
use lines::{Contents, NodeLines};
use problem::Findings;
pub use settings::FileOptions;
use settings::Settings;
use tree::{At, Node};
use typed::{Project, Reader};
use variables::Variables;

/// The declarations of a compose file.
#[derive(Debug, Clone, Default)]
pub struct ComposeFile {
    /// Its services, by name; those of inactive profiles are left out.
    pub services: BTreeMap<String, Handle<Service>>,
    /// Its networks that services use, by key.
    pub networks: BTreeMap<String, Handle<Network>>,
    /// Its volumes, by key.
    pub volumes: BTreeMap<String, Handle<Volume>>,
}

impl Compose {
    /// The name that docker compose gives the project of a file or folder: that of `COMPOSE_PROJECT_NAME` in the environment
    /// or `.env`, else the file's `name`, else its folder's. None where there is no name that can be one.
    pub fn name_of(path: impl AsRef<Path>) -> Option<String> {
        Self::name_with(path, &FileOptions::default())
    }

    /// As [`name_of`](Self::name_of), with options.
    pub fn name_with(path: impl AsRef<Path>, options: &FileOptions) -> Option<String> {
        let found = Findings::about(path.as_ref(), &options.outside);
        Settings::find(path.as_ref(), options, &found)?.name(&found)
    }

    /// A project with all that a compose file declares, named as [`name_of`](Self::name_of) says.
    #[track_caller]
    pub fn load(stack: &Stack, path: impl AsRef<Path>) -> (Self, ComposeFile) {
        Self::load_with(stack, path, &FileOptions::default())
    }

    /// As [`load`](Self::load), with options.
    #[track_caller]
    pub fn load_with(stack: &Stack, path: impl AsRef<Path>, options: &FileOptions) -> (Self, ComposeFile) {
        let found = findings(stack, path.as_ref(), options);
        let settings = Settings::find(path.as_ref(), options, &found);
        let name = settings.as_ref().and_then(|settings| settings.name(&found));
        let (Some(settings), Some(name)) = (settings, name) else {
            let compose = Self::project(stack, "project");
            compose.tell(&found, path.as_ref());
            return (compose, ComposeFile::default());
        };
        if let Some(former) = settings.former_name().filter(|former| *former != name) {
            let note = format!(
                "the project is named {name}, as docker compose names it; what an earlier version of this tool deployed as {former} \
                 goes on with --stack {former} --config project={former}"
            );
            found.note(At::default(), note);
        }
        let compose = Self::project(stack, name);
        let file = compose.declare_files(&settings, path.as_ref(), &found);
        (compose, file)
    }

    /// Declares all that a compose file says, in this project. The path of a folder, or of the file that docker compose would
    /// find in it, stands for all that docker compose would read there, an override file among it; any other file is read
    /// alone. Profiles are those that `COMPOSE_PROFILES` names.
    ///
    /// The problems of the file are reported with the other problems of the declaration.
    #[track_caller]
    pub fn file(&self, path: impl AsRef<Path>) -> ComposeFile {
        self.file_with(path, &FileOptions::default())
    }

    /// As [`file`](Self::file), with options.
    #[track_caller]
    pub fn file_with(&self, path: impl AsRef<Path>, options: &FileOptions) -> ComposeFile {
        let found = findings(self.stack(), path.as_ref(), options);
        match Settings::find(path.as_ref(), options, &found) {
            Some(settings) => self.declare_files(&settings, path.as_ref(), &found),
            None => {
                self.tell(&found, path.as_ref());
                ComposeFile::default()
            }
        }
    }

    #[track_caller]
    fn declare_files(&self, settings: &Settings, path: &Path, found: &Findings) -> ComposeFile {
        let project = self.read(settings, found);
        self.tell(found, path);
        // A declaration from a faulty file would only be refused again, in words of the engine's.
        match project.filter(|_| found.is_fine()) {
            Some(project) => self.declare_file(project, found),
            None => ComposeFile::default(),
        }
    }

    /// Reads the files of a project.
    fn read(&self, settings: &Settings, found: &Findings) -> Option<Project> {
        let mut values = settings.environment.clone();
        values.insert("COMPOSE_PROJECT_NAME".to_owned(), self.name().to_owned());
        let variables = Variables::new(self.stack(), self.name(), values);
        let loader = load::Loader {
            found,
            variables: variables.clone(),
            folder: settings.folder.clone(),
            trail: Vec::new(),
        };
        let files: Vec<(String, At)> = settings
            .files
            .iter()
            .map(|file| (file.clone(), At::default()))
            .collect();
        let base = if settings.folder.is_empty() {
            "."
        } else {
            &settings.folder
        };
        let mut tree = loader.files(&files, base)?;
        let inactive = finish::select(&mut tree, &settings.profiles);
        schema::prune(&mut tree);
        finish::normalize(&mut tree, &variables, found);
        withheld::check_all(&tree, found);
        check::check(&tree, &inactive, found);
        outside::check(&tree, found);
        let reader = Reader {
            variables: &variables,
            found,
        };
        Some(reader.project(&tree))
    }

    /// Hands on what was found: notes, and what is wrong, each with its place.
    #[track_caller]
    fn tell(&self, found: &Findings, path: &Path) {
        for (at, note) in found.notes() {
            let place = if at == At::default() {
                self.stack().source()
            } else {
                found.sources.line(at)
            };
            self.stack().at(place).note(note);
        }
        for problem in found.problems() {
            let has_place = problem.at != At::default();
            let at = if has_place {
                found.sources.line(problem.at)
            } else {
                self.stack().source()
            };
            let name = match (problem.key.is_empty(), has_place) {
                (false, _) => problem.key,
                (true, true) => String::new(),
                (true, false) => path.display().to_string(),
            };
            self.stack().report(DeclareError::File {
                name,
                message: problem.message,
                at,
            });
        }
    }

    #[track_caller]
    fn declare_file(&self, project: Project, found: &Findings) -> ComposeFile {
        let mut declared = ComposeFile::default();
        let files = found.sources.names();
        let mut contents = Contents::default();
        for (key, all) in [("configs", &project.configs), ("secrets", &project.secrets)] {
            let nodes = all.iter().map(|(name, (_, node))| (name, node));
            contents.add(key, nodes, |at| found.sources.line(at));
        }
        let contents = Arc::new(contents);
        let place = |node: Node| {
            let source = found.sources.line(node.at);
            let lines = NodeLines {
                node,
                files: Arc::clone(&files),
                contents: Arc::clone(&contents),
            };
            self.at_lines(source, Arc::new(lines))
        };
        for (key, (network, node)) in project.networks {
            if network.external {
                let _ = self.external_network(&key, network.name.unwrap_or_else(|| key.clone()));
            } else {
                let handle = place(node).network(&key, network);
                declared.networks.insert(key, handle);
            }
        }
        for (key, (volume, node)) in project.volumes {
            if volume.external {
                let _ = self.external_volume(&key, volume.name.unwrap_or_else(|| key.clone()));
            } else {
                let handle = place(node).volume(&key, volume);
                declared.volumes.insert(key, handle);
            }
        }
        for (name, (config, node)) in project.configs {
            let _ = place(node).config(&name, config);
        }
        for (name, (secret, node)) in project.secrets {
            let _ = place(node).secret(&name, secret);
        }
        let services = || project.services.values().map(|(service, _)| service);
        let jobs: BTreeSet<String> = services()
            .flat_map(|service| service.depends_on.clone())
            .filter(|(_, dependency)| dependency.condition == Condition::Completed)
            .map(|(name, _)| name)
            .collect();
        for (name, (service, node)) in in_order(project.services) {
            let handle = place(node).add(&name, service, jobs.contains(&name));
            declared.services.insert(name, handle);
        }
        declared
    }
}

/// Nothing yet about a file or folder of a stack.
#[track_caller]
fn findings(stack: &Stack, path: &Path, options: &FileOptions) -> Findings {
    let mut outside = options.outside.clone();
    match reach::outside(stack.config()) {
        Ok(paths) => outside.extend(paths),
        Err(error) => stack.report(DeclareError::File {
            name: reach::OUTSIDE.to_owned(),
            message: error.to_string(),
            at: stack.source(),
        }),
    }
    Findings::about(path, &outside)
}

/// Services in an order in which each comes after those that it shares something with.
fn in_order<T>(mut services: BTreeMap<String, (Service, T)>) -> Vec<(String, (Service, T))> {
    let mut ordered = Vec::new();
    while !services.is_empty() {
        let is_free = |service: &Service| service.shares_with().iter().all(|other| !services.contains_key(*other));
        let free = services
            .iter()
            .find(|(_, (service, _))| is_free(service))
            .map(|(name, _)| name.clone());
        // A circle is reported with the dependencies that follow from it.
        let next = free.or_else(|| services.keys().next().cloned());
        let Some(entry) = next.and_then(|name| services.remove_entry(&name)) else {
            break;
        };
        ordered.push(entry);
    }
    ordered
}
