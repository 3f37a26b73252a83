//! The binding of a stack: the program that declares it, and the project that the program was run in.
//!
//! Nothing that is known of a project is always there: a clone in CI is shallow, another one has its own folder, a folder
//! outside of git has no address. So several pieces of evidence are recorded, and [`Binding::differs`] goes by those that
//! both sides know. Where a piece says that two projects are not the same, or none says that they are, they are not.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The program and the project that a stack belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Binding {
    /// The program's name.
    pub program: String,
    /// Where in the project that lies which the program deploys, or the program itself; `.` for the project's own folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The address of the repository, without scheme and credentials: `github.com/acme/shop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The addresses of the repository's other remotes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remotes: BTreeSet<String>,
    /// The commits that the repository's history begins with.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub roots: BTreeSet<String>,
    /// Where it lies on one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<Folder>,
    /// Where in the project's folder the state is kept, if it is kept there: then the two come and go together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A place on one machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Folder {
    /// The machine's name.
    pub host: String,
    /// The path of the files that the program deploys, or of the folder of the program itself; links resolved.
    pub path: String,
    /// The folder of the repository, and those on the same machine that it was cloned from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub repositories: BTreeSet<String>,
}

/// Why a stack is not one of this program and project.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// Another program declares it.
    Program,
    /// It is another project.
    Project,
    /// The repository has the same history, and another address.
    Address,
    /// It is the same project, and another part of it.
    Place,
    /// It is another folder of the same machine.
    Folder,
    /// Nothing tells whether it is the same project.
    Unknown,
}

impl Difference {
    /// The reason in words, as what follows the two names.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Program => "another program",
            Self::Project => "another project",
            Self::Address => "the same history at another address: a fork, or the repository has moved",
            Self::Place => "another part of the project",
            Self::Folder => "another folder",
            Self::Unknown => "nothing here tells whether it is the same project",
        }
    }
}

impl Binding {
    /// Why what is recorded here does not belong to `now`; none where it does.
    pub fn differs(&self, now: &Self) -> Option<Difference> {
        if self.program != now.program {
            return Some(Difference::Program);
        }
        if let Some(other) = self.project_differs(now) {
            return Some(other);
        }
        let is_spot = self.is_spot(now);
        let places = self.place.as_ref().zip(now.place.as_ref());
        match places {
            Some((recorded, here)) if recorded != here && !is_spot => Some(Difference::Place),
            _ => None,
        }
    }

    fn project_differs(&self, now: &Self) -> Option<Difference> {
        let is_spot = self.is_spot(now);
        let history = (!self.roots.is_empty() && !now.roots.is_empty()).then(|| !self.roots.is_disjoint(&now.roots));
        match (self.is_address(now), history) {
            (Some(true), _) => None,
            // The same host under another name, a mirror; or the very checkout, whose remote was changed.
            (Some(false), Some(true)) if is_spot || self.is_mirror(now) => None,
            (Some(false), Some(true)) => Some(Difference::Address),
            (Some(false), _) => Some(Difference::Project),
            (None, _) if is_spot => None,
            (None, Some(true)) => None,
            (None, Some(false)) => Some(Difference::Project),
            (None, None) => self.folder_differs(now),
        }
    }

    /// Where neither addresses nor histories can be compared.
    fn folder_differs(&self, now: &Self) -> Option<Difference> {
        if self.state.is_some() && self.state == now.state && self.place.is_some() && self.place == now.place {
            return None;
        }
        match (&self.folder, &now.folder) {
            (Some(recorded), Some(here)) if recorded.host == here.host => {
                let is_clone = !recorded.repositories.is_disjoint(&here.repositories);
                (!is_clone).then_some(Difference::Folder)
            }
            // A program that is run outside of any project: its name is all there is to know of it.
            (None, None) if self.knows_nothing() && now.knows_nothing() => None,
            _ => Some(Difference::Unknown),
        }
    }

    fn knows_nothing(&self) -> bool {
        self.origin.is_none() && self.roots.is_empty() && self.folder.is_none()
    }

    /// True if it is the same place on the same machine.
    fn is_spot(&self, now: &Self) -> bool {
        match (&self.folder, &now.folder) {
            (Some(recorded), Some(here)) => recorded.host == here.host && recorded.path == here.path,
            _ => false,
        }
    }

    /// Whether the repository has the same address, if both sides know one. A further remote counts if it is the other
    /// side's own address, as in a clone of a fork; one that both merely share (a template) does not.
    fn is_address(&self, now: &Self) -> Option<bool> {
        let (recorded, here) = (self.origin.as_ref()?, now.origin.as_ref()?);
        Some(recorded == here || self.remotes.contains(here) || now.remotes.contains(recorded))
    }

    /// True if two addresses differ in nothing but the host.
    fn is_mirror(&self, now: &Self) -> bool {
        let path = |binding: &Self| {
            let origin = binding.origin.as_deref()?;
            origin.split_once('/').map(|(_, path)| path.to_owned())
        };
        path(self).is_some_and(|recorded| Some(recorded) == path(now))
    }

    /// Returns all that is known once `now` has been found to be the same: pieces that were not known before are added.
    #[must_use]
    pub fn with(&self, now: &Self) -> Self {
        let mut known = self.clone();
        match (&known.origin, &now.origin) {
            (None, Some(_)) => {
                known.origin.clone_from(&now.origin);
                known.remotes.clone_from(&now.remotes);
            }
            (Some(_), Some(here)) if self.is_address(now) == Some(false) => {
                known.remotes.insert(here.clone());
            }
            _ => {}
        }
        if known.roots.is_empty() {
            known.roots.clone_from(&now.roots);
        }
        known.place = known.place.or_else(|| now.place.clone());
        known.folder = known.folder.or_else(|| now.folder.clone());
        known.state = known.state.or_else(|| now.state.clone());
        known
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        let place = self.place.as_deref().filter(|place| *place != ".");
        match (&self.origin, &self.folder) {
            (Some(origin), _) => {
                let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
                write!(f, " of {origin}{place}")
            }
            (None, Some(folder)) => write!(f, " of {} on {}", folder.path, folder.host),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "binding_tests.rs"]
mod tests;
