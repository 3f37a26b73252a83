//! Which files make up a project, with which variables, under which name, and with which profiles: what docker compose finds
//! out from a folder, `.env`, and variables that begin with `COMPOSE_`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path as FsPath, PathBuf};

use iac_core::files;

use super::problem::Findings;
use super::tree::{At, Data, Path};
use super::{environment, paths, withheld, yaml};
use crate::parse::interpolate;

/// The names of compose files that docker compose looks for in a folder, in its order.
const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// The names of the override file, of which docker compose takes the first that exists, whatever the name of the file
/// below.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Options for reading a compose file.
#[derive(Debug, Clone, Default)]
pub struct FileOptions {
    environment: Option<BTreeMap<String, String>>,
    profiles: Option<BTreeSet<String>>,
    /// What may be read besides the project's own files.
    pub(super) outside: Vec<PathBuf>,
}

impl FileOptions {
    /// Takes these variables for the environment, instead of that of the process.
    #[must_use]
    pub fn environment<K: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.environment = Some(variables.collect());
        self
    }

    /// Lets the file have these files and folders read, which lie outside of its repository or folder. Those that
    /// [`OUTSIDE`](iac_core::reach::OUTSIDE) of the stack's configuration names are read as well.
    #[must_use]
    pub fn outside(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.outside.extend(paths);
        self
    }

    /// Takes these profiles, instead of those that `COMPOSE_PROFILES` names.
    #[must_use]
    pub fn profiles<S: Into<String>>(mut self, profiles: impl IntoIterator<Item = S>) -> Self {
        self.profiles = Some(profiles.into_iter().map(Into::into).collect());
        self
    }
}

/// The settings that a project is read with.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The files, the lowest first.
    pub(super) files: Vec<String>,
    /// The folder that their paths are relative to, as seen from where the program runs.
    pub(super) folder: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) profiles: BTreeSet<String>,
}

impl Settings {
    /// Those of a file or a folder. What is wrong goes to `found`.
    pub(super) fn find(path: &FsPath, options: &FileOptions, found: &Findings) -> Option<Self> {
        let mut own = options.environment.clone().unwrap_or_else(process);
        withheld::withhold(&mut own);
        let shown = path.display().to_string();
        let (mut folder, alone) = place(path, &shown);
        let mut environment = own.clone();
        add_env_files(&mut environment, &own, &folder, found)?;
        let files = match alone {
            Some(file) => vec![file],
            None => {
                let given = path.is_file().then_some(shown.as_str());
                files_of(&folder, given, &environment, found)?
            }
        };
        if own.contains_key("COMPOSE_FILE") {
            files.iter().for_each(|file| found.reach_to(file));
        }
        let first = files.first().map(|file| paths::folder(file)).unwrap_or_default();
        if first != folder {
            folder = first;
            add_env_files(&mut environment, &own, &folder, found)?;
        }
        let profiles = options.profiles.clone().unwrap_or_else(|| {
            let named = environment
                .get("COMPOSE_PROFILES")
                .map(String::as_str)
                .unwrap_or_default();
            named.split(',').map(|name| name.trim().to_owned()).collect()
        });
        Some(Self {
            files,
            folder,
            environment,
            profiles,
        })
    }

    /// The project's name: that of `COMPOSE_PROJECT_NAME`, else of the last file that gives one, else of the folder.
    pub(super) fn name(&self, found: &Findings) -> Option<String> {
        let fail = |message: String| {
            found.problem(At::default(), &Path::of(&["name"]), message);
            None
        };
        if let Some(name) = self
            .environment
            .get("COMPOSE_PROJECT_NAME")
            .filter(|name| !name.is_empty())
        {
            return match normalized(name) == *name {
                true => Some(name.clone()),
                false => fail(format!(
                    "COMPOSE_PROJECT_NAME is {name:?}; a project's name has lower-case letters, digits, - and _ only, and begins with a letter or digit"
                )),
            };
        }
        let given = match self.given_name() {
            Ok(given) => given,
            Err(message) => return fail(message),
        };
        let name = given.or_else(|| self.folder_name());
        let name = normalized(&name.unwrap_or_default());
        if name.is_empty() {
            return fail("nothing is left of the project's name; a name has letters, digits, - and _, and begins with a letter or digit".to_owned());
        }
        Some(name)
    }

    /// The name that earlier versions of this tool gave the project: the file's where it has no variables, else the folder's.
    pub(super) fn former_name(&self) -> Option<String> {
        let plain = Self {
            files: self.files.first().cloned().into_iter().collect(),
            ..self.clone()
        };
        let given = plain.raw_name().filter(|name| !name.contains('$'));
        let name = normalized(&given.or_else(|| self.folder_name())?);
        (!name.is_empty()).then_some(name)
    }

    /// The name that the last of the files gives, with its variables replaced.
    fn given_name(&self) -> Result<Option<String>, String> {
        let Some(name) = self.raw_name() else { return Ok(None) };
        let lookup = |name: &str| self.environment.get(name).cloned();
        let replaced = interpolate::interpolate(&name, &lookup).map_err(|error| error.to_string())?;
        withheld::check(&replaced.text)?;
        Ok(Some(replaced.text))
    }

    /// The name of the folder.
    fn folder_name(&self) -> Option<String> {
        let folder = std::path::absolute(if self.folder.is_empty() { "." } else { &self.folder }).ok()?;
        let folder = std::path::PathBuf::from(crate::parse::mount::clean(&folder.display().to_string()));
        folder.file_name().map(|name| name.to_string_lossy().into_owned())
    }

    /// The name that the last of the files gives, as it stands there.
    fn raw_name(&self) -> Option<String> {
        let mut name = None;
        for file in &self.files {
            let Ok(text) = files::read_text(FsPath::new(file), files::SETTINGS) else {
                continue;
            };
            // Problems of the file are reported where it is read for all that it holds.
            let documents = yaml::parse(&text, 0, &Findings::default()).unwrap_or_default();
            for document in documents {
                if let Some(Data::Text(given)) = document.get("name").map(|node| &node.data)
                    && !given.is_empty()
                {
                    name = Some(given.clone());
                }
            }
        }
        name
    }
}

/// The variables of the process.
fn process() -> BTreeMap<String, String> {
    let texts = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(texts).collect()
}

/// The folder of a path, and the file where it stands alone. A file that docker compose would find in its folder by itself
/// stands for the folder.
fn place(path: &FsPath, shown: &str) -> (String, Option<String>) {
    if path.is_dir() {
        let folder = match shown {
            "." | "./" => "",
            "/" => "/",
            shown => shown.trim_end_matches('/'),
        };
        return (folder.to_owned(), None);
    }
    let folder = paths::folder(shown);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_first = NAMES.iter().find(|known| FsPath::new(&folder).join(known).is_file()) == Some(&&*name);
    (folder, (!is_first).then(|| shown.to_owned()))
}

/// A file of a folder.
fn inside(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The files of a folder: those that `COMPOSE_FILE` names, else the first of the usual names with its override.
fn files_of(
    folder: &str,
    given: Option<&str>,
    environment: &BTreeMap<String, String>,
    found: &Findings,
) -> Option<Vec<String>> {
    let nowhere = At::default();
    if let Some(list) = environment.get("COMPOSE_FILE").filter(|list| !list.is_empty()) {
        let separator = environment
            .get("COMPOSE_PATH_SEPARATOR")
            .filter(|text| !text.is_empty());
        let separator = separator.map_or(":", String::as_str);
        let named: Vec<String> = list.split(separator).map(|file| paths::join(folder, file)).collect();
        if given.is_none_or(|given| named.contains(&paths::join("", given))) {
            return Some(named);
        }
        found.note(
            nowhere,
            format!("COMPOSE_FILE names {list}, which is not read, since another file was asked for"),
        );
    }
    let there: Vec<&&str> = NAMES
        .iter()
        .filter(|name| FsPath::new(folder).join(name).is_file())
        .collect();
    let Some(first) = there.first() else {
        let message = format!(
            "there is no compose file in this folder; it is called {}",
            NAMES.join(", ")
        );
        let file = found.sources.add(if folder.is_empty() { "." } else { folder });
        found.problem(At { file, ..nowhere }, &Path::root(), message);
        return None;
    };
    if let Some(other) = there.get(1) {
        found.note(nowhere, format!("{first} is read, and {other} beside it is not"));
    }
    let over: Vec<&&str> = OVERRIDES
        .iter()
        .filter(|name| FsPath::new(folder).join(name).is_file())
        .collect();
    if let [over, other, ..] = over[..] {
        found.note(
            nowhere,
            format!("{over} is laid over {first}, and {other} beside it is not read"),
        );
    }
    Some(
        [first]
            .into_iter()
            .chain(over.first())
            .map(|name| inside(folder, name))
            .collect(),
    )
}

/// Adds what the env files of a folder say: those that `COMPOSE_ENV_FILES` names, else `.env`.
fn add_env_files(
    environment: &mut BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
    folder: &str,
    found: &Findings,
) -> Option<()> {
    let listed = own.get("COMPOSE_ENV_FILES").filter(|list| !list.is_empty());
    let usual = inside(folder, ".env");
    let files: Vec<String> = match listed {
        Some(list) => list
            .split(',')
            .filter(|file| !file.is_empty())
            .map(|file| paths::join(folder, file))
            .collect(),
        // A `.env` that is no file is reported where it is read.
        None if FsPath::new(&usual).exists() && !FsPath::new(&usual).is_dir() => vec![usual],
        None => return Some(()),
    };
    if listed.is_some() {
        files.iter().for_each(|file| found.reach_to(file));
    }
    let values = match environment::read(&files, environment, found) {
        Ok(values) => values,
        Err(error) => {
            found.problem(At::default(), &Path::root(), error.to_string());
            return None;
        }
    };
    let disabled = own
        .get("COMPOSE_DISABLE_ENV_FILE")
        .or_else(|| values.get("COMPOSE_DISABLE_ENV_FILE"));
    let disabled =
        listed.is_none() && disabled.is_some_and(|text| matches!(text.to_lowercase().as_str(), "1" | "t" | "true"));
    for (name, value) in values {
        // Even then, what is meant for docker compose itself is taken from it.
        if !disabled || name.starts_with("COMPOSE_") {
            environment.entry(name).or_insert(value);
        }
    }
    Some(())
}

/// Returns the part of a text that can be a project's name.
fn normalized(name: &str) -> String {
    let fits = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let kept: String = name.to_lowercase().chars().filter(fits).collect();
    kept.trim_start_matches(['-', '_']).to_owned()
}
