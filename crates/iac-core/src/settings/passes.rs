//! All errors out of a deserializer that stops at the first one.
//!
//! A pass reads the struct once. Within a pass a value that its field cannot use is noted, and the field gets another one.
//! Two errors stop a pass, and another pass follows:
//!
//! - A required field is not there. In the next pass it is, as [`Input::Absent`]: a struct reads that as an empty table,
//!   and anything else notes that it is missing, now that its type is known.
//! - A conversion of the program's own refuses a value. Nobody knows what it would take, so a few texts are tried. If none
//!   of them fits, its struct reads that field last from then on, and a list or map leaves it out: all values are checked
//!   all the same. Only what is missing beside it may come to light when it has been set right.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::describe::{Setting, describe};
use super::fault::{Fault, What};
use super::input::{Input, Scalar};
use super::kind::Kind;
use super::path::Path;
use super::reader::Reader;
use super::report::{Problem, SettingsError, Trouble};
use super::tree::Node;
use crate::config::{Config, similar};
use crate::value::Secret;

/// More than any program has; types that contain themselves without end are not followed further.
const MOST_PASSES: usize = 5_000;

/// Texts of which one may be what a program's own type takes.
const TRIED: [&str; 20] = [
    "1",
    "",
    "a",
    "0",
    "-1",
    "1024",
    "65535",
    "true",
    "1s",
    "1Gi",
    "127.0.0.1",
    "127.0.0.1/8",
    "127.0.0.1:80",
    "1.0.0",
    "a.example.com",
    "https://a.example.com/",
    "/a",
    "2000-01-01",
    "2000-01-01T00:00:00Z",
    "00000000-0000-0000-0000-000000000000",
];

/// The results of the passes so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Required fields that are not set.
    pub(super) demanded: BTreeSet<Path>,
    /// Places that nothing fits: those hit last come last.
    pub(super) dead: Vec<Path>,
    /// The problems, by place.
    pub(super) troubles: BTreeMap<Path, (Trouble, Option<String>, Source)>,
    /// The types of places.
    pub(super) kinds: BTreeMap<Path, Kind>,
    /// The number of texts that were tried at places whose value was refused.
    pub(super) tried: BTreeMap<Path, usize>,
    /// Fields that are other names of fields.
    pub(super) skipped: BTreeSet<Path>,
    /// The field that was read last.
    pub(super) last_field: Path,
    /// The secrets that were read, by key.
    pub(super) secrets: BTreeMap<String, Secret>,
}

/// The kind of place that a value comes from: it is set right there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    /// The stack's own file, or nowhere yet.
    #[default]
    Own,
    Shared,
    Variable,
    Argument,
}

impl Found {
    /// Notes what is wrong at a place, unless something is noted there already.
    pub(super) fn note(&mut self, at: &Path, trouble: Trouble, input: &Input<'_>) {
        let entry = input.entry();
        let source = entry.map_or(Source::Own, |entry| match entry {
            entry if entry.is_shared() => Source::Shared,
            entry if entry.is_variable() => Source::Variable,
            entry if entry.origin == "--config" => Source::Argument,
            _ => Source::Own,
        });
        let origin = entry.map(|entry| entry.origin.clone());
        self.troubles.entry(at.clone()).or_insert((trouble, origin, source));
    }

    /// The text that is tried at a place.
    pub(super) fn instead(&self, at: &Path) -> Option<&'static str> {
        TRIED.get(*self.tried.get(at)?).copied()
    }

    /// Goes on to the next text; false if there is none.
    fn try_next(&mut self, at: &Path) -> bool {
        let next = self.tried.get(at).map_or(0, |tried| tried + 1);
        self.tried.insert(at.clone(), next);
        next < TRIED.len()
    }

    /// Returns the rank of a place in the order of reading: 0, the earliest, unless something below it is dead.
    pub(super) fn rank(&self, at: &Path) -> usize {
        let last = self.dead.iter().rposition(|dead| dead.is_within(at));
        last.map_or(0, |position| position + 1)
    }
}

/// Reads a struct in as many passes as it takes. `Err` where something is wrong.
pub(super) fn passes<T: DeserializeOwned>(
    input: &Input<'_>,
    config: Option<&Config>,
    defaults: &Json,
) -> (Found, Option<T>) {
    let found = RefCell::new(Found::default());
    let mut idle = 0;
    for _ in 0..MOST_PASSES {
        found.borrow_mut().secrets.clear();
        let reader = Reader::new(input.clone(), Path::default(), &found, config).with_defaults(defaults.clone());
        let fault = match T::deserialize(reader) {
            Ok(value) => return (found.into_inner(), Some(value)),
            Err(fault) => fault,
        };
        let found = &mut *found.borrow_mut();
        let at = fault.at.clone().unwrap_or_default();
        let is_news = match &fault.what {
            What::Missing(field) => found.demanded.insert(at.field(field)),
            What::Twice if matches!(input, Input::Probe) => found.skipped.insert(found.last_field.clone()),
            What::Twice | What::Message(_) => false,
        };
        if is_news {
            continue;
        }
        if bury(found, at, &fault, input, config) {
            idle = 0;
        } else {
            idle += 1;
            if idle > found.dead.len() {
                break;
            }
        }
    }
    (found.into_inner(), None)
}

/// Notes a place that nothing fits; false if it was known.
fn bury(found: &mut Found, at: Path, fault: &Fault, input: &Input<'_>, config: Option<&Config>) -> bool {
    let known = found.dead.iter().position(|dead| *dead == at);
    if let Some(position) = known {
        // The others come before it in the next pass.
        found.dead.remove(position);
        found.dead.push(at);
        return false;
    }
    let explained = found.troubles.keys().any(|noted| noted.is_within(&at));
    if !explained {
        let input = input.at(&at);
        let mut why = fault.to_string();
        if let (Some(config), Scalar::Text(text)) = (config, input.scalar()) {
            why = config.without_value(&at.key(), &text, why);
        }
        found.note(&at, Trouble::Refused { why }, &input);
    }
    if !found.try_next(&at) {
        found.dead.push(at);
    }
    true
}

/// Reads a program's settings over its defaults, with the secrets in them by key.
///
/// # Errors
/// All that is missing or wrong.
pub(crate) fn read<T: DeserializeOwned>(
    config: &Config,
    defaults: &Json,
) -> Result<(T, BTreeMap<String, Secret>), SettingsError> {
    let takes = describe::<T>(defaults);
    config.declare_settings(&takes);
    let tree = Node::of(config);
    let (found, value) = passes::<T>(&Input::Node(&tree), Some(config), defaults);
    match value {
        Some(value) if found.troubles.is_empty() => Ok((value, found.secrets)),
        _ => Err(report(found, &takes, config)),
    }
}

fn report(found: Found, takes: &[Setting], config: &Config) -> SettingsError {
    let mut problems: Vec<Problem> = Vec::new();
    for (path, (mut trouble, origin, source)) in found.troubles {
        let key = path.key();
        let within = path.within_list();
        // A problem may say no more than "a list"; the description of the setting says of what.
        if let (Trouble::Missing { takes: known } | Trouble::Wrong { takes: known, .. }, true) =
            (&mut trouble, within.is_empty())
            && let Some(setting) = takes.iter().find(|setting| setting.key == key)
        {
            known.clone_from(&setting.takes);
        }
        let remedy = remedy(
            &key,
            !within.is_empty(),
            (&trouble, source, origin.as_deref()),
            takes,
            config,
        );
        problems.push(Problem {
            key,
            within,
            trouble,
            origin,
            remedy,
        });
    }
    if problems.is_empty() {
        problems.push(Problem {
            key: String::new(),
            within: String::new(),
            trouble: Trouble::Refused {
                why: "the type of the settings contains itself without end".to_owned(),
            },
            origin: None,
            remedy: "give it an end in the program, such as an `Option` or a `Vec`".to_owned(),
        });
    }
    SettingsError { problems }
}

/// Returns the remedy for a problem, at the place where the value stands.
fn remedy(
    key: &str,
    in_list: bool,
    (trouble, source, origin): (&Trouble, Source, Option<&str>),
    takes: &[Setting],
    config: &Config,
) -> String {
    let setting = takes.iter().find(|setting| setting.key == key);
    let set = match (source, origin) {
        (Source::Variable, Some(variable)) => format!("set it with {variable}=VALUE"),
        (Source::Argument, _) => format!("set it with --config {key}=VALUE"),
        (Source::Shared, Some(place)) => format!("change it in {place}"),
        (Source::Own, Some(place)) if in_list => format!("change it in {place}"),
        _ if setting.is_some_and(|setting| setting.secret) => format!("set it with `config set {key} --secret`"),
        _ => format!("set it with `config set {key} VALUE`"),
    };
    match trouble {
        Trouble::Unknown { meant: Some(meant), .. } => format!("did you mean {meant:?}?"),
        Trouble::Unknown { takes, .. } if takes.is_empty() => "take it out".to_owned(),
        Trouble::Unknown { takes, .. } => format!("take it out, or call it one of these: {takes}"),
        Trouble::Secret => {
            "set it without --secret, or let the program take it as a secret: a field of the type `iac_core::Output`"
                .to_owned()
        }
        Trouble::Missing { .. } => {
            let unused = config.unused();
            match similar(key, unused.iter().map(|unused| unused.key.as_str())) {
                Some(meant) => {
                    let origin = unused.iter().find(|unused| unused.key == meant);
                    let origin = origin.map(|unused| unused.origin.as_str()).unwrap_or_default();
                    format!("{set}; or did you mean it by {meant:?} (from {origin})?")
                }
                None => set,
            }
        }
        Trouble::Refused { .. } if key.is_empty() => "`config list` shows what the program takes".to_owned(),
        Trouble::Wrong { .. } | Trouble::Refused { .. } => set,
    }
}
