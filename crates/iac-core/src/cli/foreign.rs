//! Settings of a repository's file that decide where a program connects, what it does not mask, or what it reads outside of
//! the repository: refused until the user allows them.
//!
//! Whoever runs a program in a folder that came from elsewhere has not read what lies there. A kubeconfig may name a
//! program to run, and a host may be anybody's; so such a setting needs a decision that is kept outside of the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use crate::config::{FileValue, Layers, Trusted};
use crate::files;
use crate::provider::{Connecting, LeadsTo, Provider};
use crate::reach::OUTSIDE;
use crate::redact;
use crate::render::sanitize;
use crate::value::hex;

/// The way that each provider connects, by its name.
pub(super) type Connects = BTreeMap<String, Connecting>;

/// Collects the ways that these providers connect.
pub(super) fn connects(providers: &[Arc<dyn Provider>]) -> Connects {
    let one = |provider: &Arc<dyn Provider>| (provider.name().to_owned(), provider.connecting());
    let names = Connecting {
        free: &["names"],
        ..Connecting::default()
    };
    let names = (NAMES_OF_SECRETS.to_owned(), names);
    providers.iter().map(one).chain([names]).collect()
}

/// Settings of the names of secrets, among them the one that shows what is masked otherwise.
const NAMES_OF_SECRETS: &str = "secrets";

/// One setting of a file of the repository that bears on connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: String,
    value: String,
    /// File and line, for people.
    origin: String,
    file: PathBuf,
    leads_to: LeadsTo,
    /// Of the value, and of what lies in the repository and decides as well.
    digest: String,
    /// The user's own variable that says something else, with what it says.
    contradicts: Option<(&'static str, String)>,
}

/// The settings of the repository that bear on connecting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Foreign(Vec<Setting>);

impl Foreign {
    /// Finds them. What the user says elsewhere wins over the file, and then the file says nothing.
    pub(super) fn find(connects: &Connects, layers: &Layers) -> Self {
        let found = layers.entries().iter().filter_map(|(key, entry)| {
            let (provider, setting) = key.split_once('.')?;
            // One setting and not all that begin alike: a provider may be called so, and a program may have settings of that name.
            let reads = (key == OUTSIDE).then(Connecting::default);
            let connecting = reads.as_ref().or_else(|| connects.get(provider))?;
            let (Some(file), FileValue::Plain(value)) = (&entry.repository, &entry.value) else {
                return None;
            };
            if connecting.free.contains(&setting) {
                return None;
            }
            let mut own = connecting.variables.iter().filter(|(name, _)| *name == setting);
            let said = own.find_map(|(_, variable)| Some((*variable, set(variable)?)));
            let leads_to = (connecting.leads_to)(&BTreeMap::from([(setting.to_owned(), value.clone())]));
            Some(Setting {
                key: key.clone(),
                value: value.clone(),
                origin: entry.origin.clone(),
                file: file.clone(),
                digest: digest(key, value, file, &leads_to),
                leads_to,
                contradicts: said.filter(|(_, own)| own != value),
            })
        });
        Self(found.collect())
    }

    /// Those that nobody has allowed.
    pub(super) fn open(&self) -> impl Iterator<Item = &Setting> {
        let is_open = |setting: &&Setting| !Trusted::of(&setting.file).allows(&setting.key, &setting.digest);
        self.0.iter().filter(is_open)
    }

    /// Refuses what is not allowed, and what says something else than the user's environment.
    pub(super) fn check(&self, stack: &str) -> Result<(), Failure> {
        let open: Vec<&Setting> = self.open().collect();
        if let Some(first) = open.first() {
            let message = format!(
                "{} decides {}, and you have not allowed that",
                sanitize(&shown(&first.file)),
                first.decides()
            );
            let mut failure = Failure::failed(message);
            for diagnostic in &mut failure.diagnostics {
                diagnostic
                    .details
                    .extend(open.iter().flat_map(|setting| setting.told()));
            }
            let program = std::env::args().next().unwrap_or_else(|| "PROGRAM".to_owned());
            return Err(failure
                .hint(format!(
                    "to allow exactly this: {} config trust --stack {stack}",
                    sanitize(&program)
                ))
                .hint(format!(
                    "to have it otherwise, say it yourself: --config {}=…",
                    first.key
                )));
        }
        let mut contradictions = self
            .0
            .iter()
            .filter_map(|setting| Some((setting, setting.contradicts.as_ref()?)));
        contradictions.next().map_or(Ok(()), |(setting, (variable, other))| {
            let message = format!(
                "{} says {} = {:?}, and {variable} is {:?}",
                sanitize(&setting.origin),
                setting.key,
                redact::url(&setting.value),
                redact::url(other)
            );
            let hint = format!("unset {variable}, or say which one with --config {}=…", setting.key);
            Err(Failure::failed(message).hint(hint))
        })
    }
}

impl Setting {
    /// For people: what it is about.
    fn decides(&self) -> &'static str {
        match self.key.split_once('.') {
            Some((NAMES_OF_SECRETS, _)) => "what this program shows in clear",
            _ if self.key == OUTSIDE => "which files outside of its folder this program reads",
            _ => "where this program connects",
        }
    }

    /// For people: what it says and what that leads to.
    pub(super) fn told(&self) -> Vec<String> {
        let value = redact::url(&self.value);
        let mut lines = vec![format!("{} = {value:?} ({})", self.key, sanitize(&self.origin))];
        let runs = self.leads_to.runs.iter();
        lines.extend(runs.map(|program| format!("it runs {}", sanitize(program))));
        let covered = covered(&self.file, &self.leads_to);
        if !covered.is_empty() {
            let names: Vec<String> = covered.iter().map(|path| sanitize(&shown(path)).into_owned()).collect();
            lines.push(format!(
                "the decision holds until one of these changes: {}",
                names.join(", ")
            ));
        }
        if !self.leads_to.runs.is_empty() {
            lines.push("what these programs read or run besides is not looked at".to_owned());
        }
        lines
    }

    /// Remembers that the user allows it.
    pub(super) fn allow(&self) -> Result<(), Failure> {
        let mut trusted = Trusted::of(&self.file);
        let allowed = trusted.allow([(self.key.clone(), self.digest.clone())]);
        allowed.map_err(|why| Failure::failed(format!("the decision cannot be kept: {why}")))
    }
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

/// Returns the value of a variable of the user, unless it is not set or empty.
fn set(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Returns the hash of what a decision is about: the setting, and the contents of the files in the same repository that it
/// leads to. Files elsewhere are the user's own, and may change.
fn digest(key: &str, value: &str, file: &Path, leads_to: &LeadsTo) -> String {
    let mut hash = Sha256::new();
    let part = |hash: &mut Sha256, bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    part(&mut hash, key.as_bytes());
    part(&mut hash, value.as_bytes());
    for path in &leads_to.files {
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        part(&mut hash, path.as_os_str().as_encoded_bytes());
    }
    for path in covered(file, leads_to) {
        // A file that cannot be read cannot be run either.
        let _ = files::open(&path).and_then(|mut file| {
            hash.update(file.metadata()?.len().to_le_bytes());
            files::each_part(&mut file, |bytes| hash.update(bytes))
        });
    }
    hex(&hash.finalize())
}

/// Which of the files that a setting leads to lie in the repository, all links resolved.
fn covered(file: &Path, leads_to: &LeadsTo) -> Vec<PathBuf> {
    let Some(top) = top(file) else { return Vec::new() };
    let real = leads_to.files.iter().filter_map(|path| path.canonicalize().ok());
    real.filter(|path| path.starts_with(&top) && path.is_file()).collect()
}

/// The folder that a configuration file came in: its repository, else the one above `stacks/`.
fn top(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    let repository = file.ancestors().find(|folder| folder.join(".git").exists());
    let workspace = file.parent().and_then(Path::parent);
    repository.or(workspace).map(Path::to_owned)
}
