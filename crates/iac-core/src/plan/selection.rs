//! The part of a stack that a run is about: `--target` and `--exclude`.
//!
//! The rest is planned as unchanged, with the outputs that it has now, before anybody is asked. Steps are not taken
//! out of a finished plan: others would have been planned with outputs that never come.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::keep::GENERATED;
use super::names::{UnknownName, find_all, is_called};
use super::world::WorldEntry;
use super::{Mode, PlanProblem};
use crate::declare::Declaration;
use crate::graph::{EdgeKind, Graph};
use crate::state::Pending;
use crate::urn::Key;

/// The resources that a run is about, by their names. The default is the whole stack.
///
/// A name is a resource's key or URN, `Kind/name`, its name, or any of these with `*` for any text; it means every resource of
/// that name. `docs/cli.md` has the rules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Only these resources; all where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target: Vec<String>,
    /// Not these resources, whatever else says that they are meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Also what needs the targets.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub target_dependents: bool,
    /// Also what the targets need.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub target_dependencies: bool,
    /// Also not what needs the excluded resources.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exclude_dependents: bool,
    /// The resources that get a new object in place of the one that is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<String>,
}

/// Why a selection means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No resource has the name.
    #[error("{option} {name}: no resource of stack {stack} has that name")]
    Unknown {
        /// The option: `--target`.
        option: &'static str,
        /// The name.
        name: String,
        /// The stack.
        stack: String,
        /// The name that was probably meant.
        meant: Option<String>,
    },
    /// A resource is to be replaced, and the run is not about it.
    #[error("--replace {name}: this run leaves it out")]
    LeftOut {
        /// The resource.
        name: String,
    },
}

impl Selection {
    /// True if it is the whole stack.
    pub fn is_all(&self) -> bool {
        self.target.is_empty() && self.exclude.is_empty()
    }

    /// The options of the command line that say the same.
    pub fn arguments(&self) -> String {
        let named = |option: &str, names: &[String]| -> Vec<String> {
            names.iter().map(|name| format!("{option} {name}")).collect()
        };
        let flag = |set: bool, option: &str| set.then(|| option.to_owned());
        let mut all = named("--target", &self.target);
        all.extend(flag(self.target_dependents, "--target-dependents"));
        all.extend(flag(self.target_dependencies, "--target-dependencies"));
        all.extend(named("--exclude", &self.exclude));
        all.extend(flag(self.exclude_dependents, "--exclude-dependents"));
        all.join(" ")
    }

    /// Resolves the names.
    pub(crate) fn resolve(&self, whole: &Whole<'_>) -> Result<Selected, SelectionError> {
        let mut selected = self.resolve_part(whole)?;
        if self.replace.is_empty() {
            return Ok(selected);
        }
        let declared: BTreeSet<&Key> = whole.declaration.resources.iter().map(|one| &one.key).collect();
        selected.replaced = named("--replace", &self.replace, whole, &declared)?;
        match selected.replaced.iter().find(|key| !selected.has(key)) {
            Some(key) => Err(SelectionError::LeftOut { name: key.short() }),
            None => Ok(selected),
        }
    }

    fn resolve_part(&self, whole: &Whole<'_>) -> Result<Selected, SelectionError> {
        if self.is_all() {
            return Ok(Selected::default());
        }
        let keys = whole.keys();
        let named = |option, names: &[String]| named(option, names, whole, &keys);
        let needs = whole.needs();
        let users = turned_round(&needs);
        let mut targets = named("--target", &self.target)?;
        let mut excluded = named("--exclude", &self.exclude)?;
        let with_users = self.target_dependents.then(|| closure(&targets, &users));
        if self.target_dependencies {
            targets = closure(&targets, &needs);
        }
        targets.extend(with_users.into_iter().flatten());
        if self.exclude_dependents {
            excluded = closure(&excluded, &users);
        }
        let is_meant = |key: &&Key| (self.target.is_empty() || targets.contains(*key)) && !excluded.contains(*key);
        let left_out = keys.iter().copied().filter(|key| !is_meant(key)).cloned();
        let mut selected = Selected {
            left_out: left_out.map(|key| (key, None)).collect(),
            ..Selected::default()
        };
        selected.keep_what_stays_needs(self, whole);
        Ok(selected)
    }

    /// True if an option names this resource and nothing else.
    fn names_exactly(&self, key: &Key, stack: &str) -> bool {
        let exact = self.target.iter().filter(|name| !name.contains('*'));
        exact.into_iter().any(|name| is_called(key, name, stack))
    }
}

/// The resources of an option's names.
fn named(
    option: &'static str,
    names: &[String],
    whole: &Whole<'_>,
    keys: &BTreeSet<&Key>,
) -> Result<BTreeSet<Key>, SelectionError> {
    let stack = &whole.declaration.stack;
    find_all(names, stack, keys).map_err(|UnknownName { name, meant }| SelectionError::Unknown {
        option,
        name,
        stack: stack.clone(),
        meant,
    })
}

/// All that a selection is made from.
pub(crate) struct Whole<'a> {
    pub(crate) mode: Mode,
    pub(crate) declaration: &'a Declaration,
    pub(crate) graph: &'a Graph,
    pub(crate) recorded: &'a BTreeMap<Key, WorldEntry>,
    /// The operations that an earlier run left open: an object may be there that no record knows.
    pub(crate) pending: &'a [Pending],
}

impl<'a> Whole<'a> {
    /// All resources: declared, recorded, or left open.
    fn keys(&self) -> BTreeSet<&'a Key> {
        let declared = self.declaration.resources.iter().map(|resource| &resource.key);
        let open = self.pending.iter().map(|operation| &operation.key);
        declared.chain(self.recorded.keys()).chain(open).collect()
    }

    /// The resources that are to be deleted.
    fn going(&self) -> BTreeSet<&'a Key> {
        if self.mode == Mode::Refresh {
            return BTreeSet::new();
        }
        let mut going: BTreeSet<&Key> = self.recorded.keys().collect();
        for resource in &self.declaration.resources {
            going.remove(&resource.key);
        }
        going
    }

    /// The needs of each resource, as declared and as recorded.
    fn needs(&self) -> BTreeMap<&'a Key, BTreeSet<&'a Key>> {
        let mut needs: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
        for edge in self.graph.edges.iter().filter(|edge| edge.kind != EdgeKind::Order) {
            if edge.from.0 != edge.to.0 {
                needs.entry(&edge.from.0).or_default().insert(&edge.to.0);
            }
        }
        for (key, entry) in self.recorded {
            needs.entry(key).or_default().extend(recorded_needs(entry));
        }
        needs
    }
}

fn recorded_needs(entry: &WorldEntry) -> impl Iterator<Item = &Key> {
    let objects = entry.objects().flat_map(|object| &object.dependencies);
    objects.map(|(key, _)| key)
}

fn turned_round<'a>(needs: &BTreeMap<&'a Key, BTreeSet<&'a Key>>) -> BTreeMap<&'a Key, BTreeSet<&'a Key>> {
    let mut users: BTreeMap<&Key, BTreeSet<&Key>> = BTreeMap::new();
    for (key, needed) in needs {
        for needed in needed {
            users.entry(needed).or_default().insert(key);
        }
    }
    users
}

/// These resources, and all that can be reached from them.
fn closure(from: &BTreeSet<Key>, next: &BTreeMap<&Key, BTreeSet<&Key>>) -> BTreeSet<Key> {
    let mut all = from.clone();
    let mut open: Vec<Key> = from.iter().cloned().collect();
    while let Some(key) = open.pop() {
        for other in next.get(&key).into_iter().flatten() {
            if all.insert((*other).clone()) {
                open.push((*other).clone());
            }
        }
    }
    all
}

/// Which resources a run is about.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// The resources that the run leaves as they are. Some only stay since another one needs them.
    left_out: BTreeMap<Key, Option<String>>,
    /// For each resource that the record of a left-out one needs: one that needs it.
    users: BTreeMap<Key, Key>,
    /// Targets that would be deleted, and which left-out resource needs each.
    blocked: BTreeMap<Key, Key>,
    /// The resources that get a new object.
    replaced: BTreeSet<Key>,
}

impl Selected {
    /// True if nothing is left out.
    pub fn is_all(&self) -> bool {
        self.left_out.is_empty()
    }

    /// True if the run is about this resource.
    pub fn has(&self, key: &Key) -> bool {
        self.left_out.is_empty() || !self.left_out.contains_key(key)
    }

    /// True if a problem is one of this run: of one of its resources, or of the plan as a whole.
    pub(crate) fn concerns(&self, problem: &PlanProblem) -> bool {
        problem.key.as_ref().is_none_or(|key| self.has(key))
    }

    /// The left-out resources, with the reason where no option says so.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (&Key, Option<&str>)> {
        self.left_out.iter().map(|(key, because)| (key, because.as_deref()))
    }

    /// True if the resource gets a new object, whatever it is like.
    pub(crate) fn replaces(&self, key: &Key) -> bool {
        self.replaced.contains(key)
    }

    /// A left-out resource whose record needs this one.
    pub(crate) fn user(&self, key: &Key) -> Option<&Key> {
        self.users.get(key)
    }

    /// The targets that cannot be deleted, each with the left-out resource that needs it.
    pub(crate) fn blocked(&self) -> &BTreeMap<Key, Key> {
        &self.blocked
    }

    /// Gives left-out resources the name that is recorded. One that is not recorded has none: no object may be taken for it.
    pub(crate) fn hold(&self, identities: &mut BTreeMap<Key, String>, recorded: &BTreeMap<Key, WorldEntry>) {
        for key in self.left_out.keys() {
            match recorded.get(key).filter(|entry| !entry.gone) {
                Some(entry) if identities.contains_key(key) => {
                    identities.insert(key.clone(), entry.recorded.identity.clone());
                }
                _ => {
                    identities.remove(key);
                }
            }
        }
    }

    /// Leaves out what would be deleted and is needed by what is left out. A target that the user names stays a target, and is
    /// a problem of the plan.
    fn keep_what_stays_needs(&mut self, selection: &Selection, whole: &Whole<'_>) {
        let stack = &whole.declaration.stack;
        let all_going = whole.going();
        let stays = |key: &&Key| whole.recorded.contains_key(*key);
        let mut open: Vec<Key> = self.left_out.keys().filter(stays).cloned().collect();
        if !open.is_empty() {
            // The data that a generated password opens may stay.
            let generated = all_going.iter().filter(|key| key.provider() == GENERATED);
            let going = generated.filter(|key| self.has(key) && !selection.names_exactly(key, stack));
            let going: Vec<Key> = going.map(|key| (*key).clone()).collect();
            let because = "what stays may need the generated value".to_owned();
            self.left_out
                .extend(going.into_iter().map(|key| (key, Some(because.clone()))));
        }
        while let Some(user) = open.pop() {
            let Some(entry) = whole.recorded.get(&user) else {
                continue;
            };
            for needed in recorded_needs(entry).filter(|needed| **needed != user) {
                self.users.entry(needed.clone()).or_insert_with(|| user.clone());
                if !self.has(needed) || !all_going.contains(needed) {
                    continue;
                }
                if selection.names_exactly(needed, stack) {
                    self.blocked.entry(needed.clone()).or_insert_with(|| user.clone());
                } else {
                    self.left_out
                        .insert(needed.clone(), Some(format!("{} needs it", user.short())));
                    open.push(needed.clone());
                }
            }
        }
    }
}
