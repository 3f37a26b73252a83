//! From a file's tree to the model's types.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use iac_core::Stack;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::keys::{self, Part};
use super::variables::Variables;
use super::{FileError, merge, yaml};
use crate::model::{Config, MountKind, Network, Service, Volume};

/// Names of an override file, by which a file's own name has it.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) services: BTreeMap<String, Service>,
    pub(super) networks: BTreeMap<String, Network>,
    pub(super) volumes: BTreeMap<String, Volume>,
    pub(super) configs: BTreeMap<String, Config>,
    pub(super) secrets: BTreeMap<String, Config>,
    /// What a reader of the plan should know.
    pub(super) notes: Vec<String>,
}

/// The name that a file gives its project: its `name`, else that of its folder, in letters that a name may have.
pub(super) fn project_name(path: &Path) -> Option<String> {
    let given = yaml::read(path)
        .ok()
        .and_then(|tree| tree.get("name")?.as_str().map(str::to_owned));
    let folder = || {
        let absolute = std::path::absolute(path).ok()?;
        absolute
            .parent()?
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    let name = given.filter(|name| !name.contains('$')).or_else(folder)?.to_lowercase();
    let kept: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    let kept = kept.trim_start_matches(['-', '_']).to_owned();
    (!kept.is_empty()).then_some(kept)
}

/// The folder of a file, as far as it is not the one that the program runs in.
fn folder_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Reads a file with its override file.
fn tree(path: &Path) -> Result<Json, FileError> {
    let base = yaml::read(path)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if stem != "compose" && stem != "docker-compose" {
        return Ok(base);
    }
    let beside = OVERRIDES.iter().filter(|name| name.starts_with(&format!("{stem}.")));
    match beside
        .map(|name| folder_of(path).join(name))
        .find(|path| path.is_file())
    {
        Some(over) => Ok(merge::over(base, yaml::read(&over)?, "")),
        None => Ok(base),
    }
}

/// Reads a file into a project.
pub(super) fn project(
    stack: &Stack,
    name: &str,
    path: &Path,
    profiles: &BTreeSet<String>,
) -> Result<Project, FileError> {
    let folder = folder_of(path);
    let variables = Variables::read(stack, name, &folder)?;
    let mut tree = tree(path)?;
    variables.replace(&mut tree, "")?;
    let Json::Object(mut top) = tree else {
        return Err(FileError::key(
            path.display().to_string(),
            "the file is no map with services",
        ));
    };
    keys::check(&mut top, Part::Top, "")?;
    let mut project = Project::default();
    if top.contains_key("version") {
        project.notes.push(format!(
            "{}: the key version has no meaning any more and is ignored",
            path.display()
        ));
    }
    let reader = Reader {
        folder: &folder,
        variables: &variables,
        services: section(&top, "services")?,
    };
    project.networks = typed_section(&top, "networks", Part::Network)?;
    project.volumes = typed_section(&top, "volumes", Part::Volume)?;
    project.configs = typed_section(&top, "configs", Part::Config)?;
    project.secrets = typed_section(&top, "secrets", Part::Config)?;
    for config in project.configs.values_mut().chain(project.secrets.values_mut()) {
        config.file = config.file.take().map(|file| reader.rebase(&file));
    }
    project.services = reader.all()?;
    reader.select(&mut project.services, profiles)?;
    for name in variables.unset() {
        project.notes.push(format!(
            "{}: the variable {name} is not set; it is taken as empty",
            path.display()
        ));
    }
    Ok(project)
}

/// A section of the file, empty where it is missing.
fn section(top: &Map<String, Json>, name: &str) -> Result<Map<String, Json>, FileError> {
    match top.get(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(map)) => Ok(map.clone()),
        Some(_) => Err(FileError::key(name, "expected a map")),
    }
}

fn typed_section<T: DeserializeOwned + Default>(
    top: &Map<String, Json>,
    name: &str,
    part: Part,
) -> Result<BTreeMap<String, T>, FileError> {
    let mut all = BTreeMap::new();
    for (key, value) in section(top, name)? {
        let path = format!("{name}.{key}");
        let value = match value {
            Json::Null => T::default(),
            Json::Object(mut map) => {
                keys::check(&mut map, part, &path)?;
                typed(Json::Object(map), &path)?
            }
            _ => return Err(FileError::key(path, "expected a map")),
        };
        all.insert(key, value);
    }
    Ok(all)
}

fn typed<T: DeserializeOwned>(json: Json, at: &str) -> Result<T, FileError> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." {
            at.to_owned()
        } else {
            format!("{at}.{path}")
        };
        FileError::key(path, error.into_inner().to_string())
    })
}

struct Reader<'a> {
    folder: &'a Path,
    variables: &'a Variables<'a>,
    services: Map<String, Json>,
}

impl Reader<'_> {
    /// A path of the file, relative to where the program runs.
    fn rebase(&self, path: &str) -> String {
        if path.starts_with(['/', '~']) || self.folder.as_os_str().is_empty() {
            return path.to_owned();
        }
        let relative: PathBuf = Path::new(path)
            .components()
            .filter(|part| part.as_os_str() != ".")
            .collect();
        self.folder.join(relative).display().to_string()
    }

    fn all(&self) -> Result<BTreeMap<String, Service>, FileError> {
        let mut services = BTreeMap::new();
        for (name, json) in &self.services {
            let mut trail = vec![name.clone()];
            let extended = self.extend(json.clone(), &self.services, &mut trail)?;
            services.insert(name.clone(), self.service(name, extended)?);
        }
        Ok(services)
    }

    /// Lays a service over the one that it extends.
    fn extend(&self, json: Json, siblings: &Map<String, Json>, trail: &mut Vec<String>) -> Result<Json, FileError> {
        let path = format!("services.{}", trail.last().map_or("", String::as_str));
        let Json::Object(mut map) = json else {
            return Err(FileError::key(path, "expected a map"));
        };
        let (file, service) = match map.remove("extends") {
            None => return Ok(Json::Object(map)),
            Some(Json::String(service)) => (None, service),
            Some(Json::Object(extends)) => {
                let text = |key: &str| extends.get(key).and_then(Json::as_str).map(str::to_owned);
                let service =
                    text("service").ok_or_else(|| FileError::key(format!("{path}.extends"), "service is missing"))?;
                (text("file"), service)
            }
            Some(_) => return Err(FileError::key(format!("{path}.extends"), "expected a service's name")),
        };
        let other = match &file {
            None => siblings.clone(),
            Some(file) => self.other_file(file, &path)?,
        };
        let step = file.map_or_else(|| service.clone(), |file| format!("{file}:{service}"));
        if trail.contains(&step) {
            return Err(FileError::key(
                format!("{path}.extends"),
                format!("it extends itself: {} -> {step}", trail.join(" -> ")),
            ));
        }
        let missing = || FileError::key(format!("{path}.extends"), format!("there is no service {service:?}"));
        let base = other.get(&service).cloned().ok_or_else(missing)?;
        trail.push(step);
        let mut base = self.extend(base, &other, trail)?;
        if let Json::Object(base) = &mut base {
            // What a service depends on is not inherited: the other file's services need not be here.
            base.remove("depends_on");
        }
        Ok(merge::over(base, Json::Object(map), ""))
    }

    fn other_file(&self, file: &str, path: &str) -> Result<Map<String, Json>, FileError> {
        if file.contains('/') {
            let message = "only a file of the same folder can be extended, since paths in it are relative to its own";
            return Err(FileError::key(format!("{path}.extends.file"), message));
        }
        let mut tree = yaml::read(&self.folder.join(file))?;
        self.variables.replace(&mut tree, "")?;
        match tree {
            Json::Object(top) => section(&top, "services"),
            _ => Ok(Map::new()),
        }
    }

    fn service(&self, name: &str, json: Json) -> Result<Service, FileError> {
        let path = format!("services.{name}");
        let Json::Object(mut map) = json else {
            return Err(FileError::key(path, "expected a map"));
        };
        keys::check(&mut map, Part::Service, &path)?;
        if let Some(environment) = map.get_mut("environment") {
            *environment = self.environment(environment.take());
        }
        let mut service: Service = typed(Json::Object(map), &path)?;
        self.rebase_all(&mut service);
        crate::scope::load_environment(&mut service)
            .map_err(|error| FileError::key(format!("{path}.env_file"), error.to_string()))?;
        Ok(service)
    }

    /// Gives variables without a value the one that they have here, and leaves out those that have none.
    fn environment(&self, json: Json) -> Json {
        let here = |key: &str| self.variables.get(key).map(|value| (key.to_owned(), Json::from(value)));
        match json {
            Json::Object(map) => map
                .into_iter()
                .filter_map(|(key, value)| {
                    if value.is_null() {
                        here(&key)
                    } else {
                        Some((key, value))
                    }
                })
                .collect::<Map<_, _>>()
                .into(),
            Json::Array(items) => items
                .into_iter()
                .filter_map(|item| match item.as_str() {
                    Some(text) => match text.split_once('=') {
                        Some((key, value)) => Some((key.to_owned(), Json::from(value))),
                        None => here(text),
                    },
                    None => Some((item.to_string(), Json::from(""))),
                })
                .collect::<Map<_, _>>()
                .into(),
            other => other,
        }
    }

    fn rebase_all(&self, service: &mut Service) {
        for file in &mut service.env_file {
            file.path = self.rebase(&file.path);
        }
        for mount in service.volumes.iter_mut().filter(|mount| mount.kind == MountKind::Bind) {
            mount.source = self.rebase(&mount.source);
        }
        if let Some(build) = &mut service.build {
            let context = if build.context.is_empty() { "." } else { &build.context };
            build.context = self.rebase(context);
            if build.context.is_empty() {
                ".".clone_into(&mut build.context);
            }
        }
    }

    /// Leaves out the services of inactive profiles.
    fn select(&self, services: &mut BTreeMap<String, Service>, profiles: &BTreeSet<String>) -> Result<(), FileError> {
        let is_active = |service: &Service| {
            let named = service
                .profiles
                .iter()
                .any(|profile| profiles.contains(profile) || profiles.contains("*"));
            service.profiles.is_empty() || named
        };
        services.retain(|_, service| is_active(service));
        let active: BTreeSet<String> = services.keys().cloned().collect();
        for (name, service) in services {
            for other in service.depends_on.keys().filter(|other| !active.contains(*other)) {
                if service.depends_on[other].required {
                    let message = match self.services.contains_key(other) {
                        true => format!("{other:?} is in a profile that is not active; name it in COMPOSE_PROFILES"),
                        false => format!("there is no service {other:?}"),
                    };
                    return Err(FileError::key(format!("services.{name}.depends_on.{other}"), message));
                }
            }
            service.depends_on.retain(|other, _| active.contains(other));
        }
        Ok(())
    }
}
