//! Which project a program is run in: the evidence that a stack is bound to.
//!
//! A program that deploys files is bound to where those lie (a folder of manifests in its repository), any other one to
//! where it lies itself. See [`Binding`] for how two of them are compared.

mod address;
mod git;

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use tokio::sync::OnceCell;

use crate::state::{Binding, Folder, host};
use address::Address;
pub(super) use git::Repository;

/// Names the project where its folder does not tell.
pub(super) const PROJECT: &str = "IAC_PROJECT";

/// The facts about a run that are known before anybody looks at the disk.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// The program's name.
    pub(super) program: &'a str,
    /// The folder or file that it deploys, for a program that deploys files: none where the configuration does not say.
    pub(super) deploys: Option<Option<PathBuf>>,
    /// Its workspace, or the current folder.
    pub(super) workspace: &'a Path,
    /// The folder that state is kept in, if it is one.
    pub(super) state: Option<PathBuf>,
    /// The project's name as the user or the program gives it.
    pub(super) named: Option<String>,
}

/// The evidence, with the repository that can tell more.
#[derive(Debug)]
pub(super) struct Project {
    binding: Binding,
    repository: Option<Repository>,
    /// Where its history begins; asked once.
    roots: OnceCell<BTreeSet<String>>,
}

impl Project {
    /// Looks at the disk.
    pub(super) fn of(run: &Run<'_>) -> Self {
        let here = resolved(run.workspace);
        let subject = match &run.deploys {
            Some(path) => path.as_ref().map(|path| resolved(path)),
            None => package(&here),
        };
        let repository = Repository::of(subject.as_deref().unwrap_or(&here));
        let top = repository.as_ref().map_or(&here, |repository| &repository.top);
        let mut binding = Binding {
            program: run.program.to_owned(),
            place: subject.as_deref().and_then(|subject| inside(top, subject)),
            state: run.state.as_deref().and_then(|state| inside(top, &resolved(state))),
            ..Binding::default()
        };
        let mut clones = repository.iter().map(|repository| text(&repository.top)).collect();
        for (is_origin, address) in addresses(repository.as_ref()) {
            match address {
                Address::Network(address) if is_origin => binding.origin = Some(address),
                Address::Network(address) => drop(binding.remotes.insert(address)),
                Address::Folder(folder) => clones = std::iter::once(text(&folder)).chain(clones).collect(),
            }
        }
        binding.folder = subject.map(|subject| Folder {
            host: host(),
            path: text(&subject),
            repositories: clones,
        });
        match run.named.as_deref().and_then(address::named) {
            Some(name) => Self {
                binding: Binding {
                    origin: Some(name),
                    remotes: BTreeSet::new(),
                    ..binding
                },
                repository: None,
                roots: OnceCell::new(),
            },
            None => Self {
                binding,
                repository,
                roots: OnceCell::new(),
            },
        }
    }

    /// The evidence that is needed to compare it with what is recorded; for a stack that is bound to nothing, all of it.
    pub(super) async fn binding(&self, recorded: Option<&Binding>) -> Binding {
        let mut binding = self.binding.clone();
        let is_enough = recorded.is_some_and(|recorded| {
            recorded.origin.is_some() && recorded.origin == binding.origin && !recorded.roots.is_empty()
        });
        if let (false, Some(repository)) = (is_enough, &self.repository) {
            binding.roots = self.roots.get_or_init(|| repository.roots()).await.clone();
        }
        binding
    }
}

/// The addresses of a repository's remotes, and which of them is its own: that of `origin`, else of the first.
fn addresses(repository: Option<&Repository>) -> Vec<(bool, Address)> {
    let Some(repository) = repository else {
        return Vec::new();
    };
    let remotes = repository.remotes();
    let parsed = remotes
        .iter()
        .filter_map(|(name, url)| Some((name, address::parse(url, &repository.top)?)));
    let parsed: Vec<(&String, Address)> = parsed.collect();
    let network = |(_, address): &&(&String, Address)| matches!(address, Address::Network(_));
    let named = parsed.iter().find(|remote| remote.0 == "origin" && network(remote));
    let own = named
        .or_else(|| parsed.iter().find(network))
        .map(|(name, _)| (*name).clone());
    let is_own = |name: &String| own.as_ref() == Some(name);
    parsed
        .into_iter()
        .map(|(name, address)| (is_own(name), address))
        .collect()
}

/// The folder of the nearest `Cargo.toml` upwards, which for a member of a workspace is the workspace.
fn package(here: &Path) -> Option<PathBuf> {
    let mut folders = here.ancestors();
    folders
        .find(|folder| folder.join("Cargo.toml").is_file())
        .map(Path::to_owned)
}

/// An absolute path with all links resolved, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest = Vec::new();
    let mut there = path.as_path();
    loop {
        if let Ok(found) = there.canonicalize() {
            return rest.into_iter().rev().fold(found, |path, name| path.join(name));
        }
        match (there.file_name(), there.parent()) {
            (Some(name), Some(parent)) => {
                rest.push(name.to_owned());
                there = parent;
            }
            _ => return path,
        }
    }
}

/// Where a path lies in a folder, with the same separator on every system; `.` for the folder itself.
fn inside(folder: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(folder).ok()?;
    let parts: Vec<String> = relative
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    Some(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
