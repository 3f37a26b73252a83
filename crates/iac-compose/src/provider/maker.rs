//! The maker of an object, from its labels: this stack, docker compose, or somebody else.
//!
//! Docker compose knows our objects by its own labels, and may recreate any of them. What it recreates bears its labels
//! and not ours. An object that the record names is still ours then, as long as something else in the project bears our
//! label: a record alone, which others may have written, makes nothing ours.

use std::collections::HashMap;
use std::sync::PoisonError;

use bollard::query_parameters::{ListNetworksOptions, ListVolumesOptions};
use iac_core::provider::{Mark, ProviderError, Recorded};
use iac_core::state::StackId;
use iac_core::value::diff::FieldChange;
use iac_core::value::{FieldPath, Value};

use super::connect::Engine;
use super::errors::failed;
use crate::labels;

/// The field under which a plan and `drift` tell that somebody else made an object.
pub(crate) const FIELD: &str = "made_by";

/// The labels of an object.
type Labels = HashMap<String, String>;

/// The stack that works here, as all that it makes bears it.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// Its name.
    pub(crate) stack: String,
    /// Its id.
    pub(crate) id: StackId,
}

impl Owner {
    /// The labels of what it makes.
    pub(crate) fn labels(&self) -> [(&'static str, &str); 2] {
        [(labels::STACK, &self.stack), (labels::STACK_ID, self.id.as_str())]
    }

    /// The mark that an object bears, by the labels of stacks alone.
    pub(crate) fn mark(&self, labels: Option<&Labels>) -> Mark {
        let label = |name: &str| labels.and_then(|labels| labels.get(name)).map(String::as_str);
        match label(labels::STACK) {
            Some(stack) if stack == self.stack => Mark::of_name(label(labels::STACK_ID), &self.id),
            Some(stack) => Mark::Theirs(format!("it bears that of the stack {stack}")),
            None => Mark::Missing(format!("it has no label {}", labels::STACK)),
        }
    }
}

/// The maker of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// This stack.
    Us,
    /// Docker compose, as a part of the project that it is declared in.
    Compose,
    /// Somebody else: another stack, another project, a person.
    Others,
}

impl Maker {
    /// Reads the maker of an object from its labels; `place` is its name for docker compose: the label of its type, with
    /// its key.
    pub(crate) fn of(labels: Option<&Labels>, owner: &Owner, project: &str, place: (&str, &str)) -> Self {
        let label = |name: &str| labels.and_then(|labels| labels.get(name)).map(String::as_str);
        match owner.mark(labels) {
            Mark::Ours => Self::Us,
            Mark::Missing(_) if label(labels::PROJECT) == Some(project) && label(place.0) == Some(place.1) => {
                Self::Compose
            }
            _ => Self::Others,
        }
    }

    /// The drift that an object of ours is that we did not make.
    pub(crate) fn drift(self, stack: &str) -> Option<FieldChange> {
        let found = match self {
            Self::Us => return None,
            Self::Compose => "recreated by docker compose",
            Self::Others => "somebody else",
        };
        Some(FieldChange {
            path: FieldPath::fields([FIELD]),
            before: Some(format!("the stack {stack}").into()),
            after: Some(Value::from(found)),
            origin: None,
        })
    }
}

impl Engine {
    /// Returns the mark on the object with these labels; `place` is its name for docker compose.
    pub(crate) async fn mark(
        &self,
        labels: Option<&Labels>,
        project: &str,
        place: (&str, &str),
        recorded: Option<&Recorded>,
    ) -> Result<Mark, ProviderError> {
        Ok(match Maker::of(labels, &self.owner, project, place) {
            Maker::Us => Mark::Ours,
            Maker::Compose if recorded.is_some() && self.is_ours(project).await? => Mark::Ours,
            Maker::Compose => Mark::Missing("made by docker compose".to_owned()),
            Maker::Others => self.owner.mark(labels),
        })
    }

    /// True if a project is one that we deployed: something of it bears our mark, or did when this run began.
    async fn is_ours(&self, project: &str) -> Result<bool, ProviderError> {
        let marked = || self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        if marked().contains(project) {
            return Ok(true);
        }
        let ours = self.has_mark_in(project).await?;
        if ours {
            marked().insert(project.to_owned());
        }
        Ok(ours)
    }

    async fn has_mark_in(&self, project: &str) -> Result<bool, ProviderError> {
        let ours = || {
            Some(labels::filter([
                (labels::PROJECT, project),
                (labels::STACK, &self.owner.stack),
            ]))
        };
        let is_ours = |labels: Option<&Labels>| self.owner.mark(labels).is_ours();
        let containers = self.list(ours().unwrap_or_default()).await?;
        if containers.iter().any(|container| is_ours(container.labels.as_ref())) {
            return Ok(true);
        }
        let networks = self.docker.list_networks(Some(ListNetworksOptions { filters: ours() }));
        let networks = networks.await.map_err(|error| failed("list the networks", &error))?;
        if networks.iter().any(|network| is_ours(network.labels.as_ref())) {
            return Ok(true);
        }
        let volumes = self.docker.list_volumes(Some(ListVolumesOptions { filters: ours() }));
        let volumes = volumes.await.map_err(|error| failed("list the volumes", &error))?;
        let mut volumes = volumes.volumes.iter().flatten();
        Ok(volumes.any(|volume| is_ours(Some(&volume.labels))))
    }
}

/// Returns the record of an object, if there is one. Objects that an interrupted run created have none: only our own mark
/// tells that they are ours.
pub(crate) fn known(recorded: &Recorded) -> Option<&Recorded> {
    Some(recorded).filter(|recorded| recorded.inputs != Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_tell_who_made_it() {
        let id = || StackId::draw().expect("random");
        let owner = Owner {
            stack: "s".to_owned(),
            id: id(),
        };
        let another = id();
        let [us, our_id] = owner.labels();
        let (other, other_id) = ((labels::STACK, "t"), (labels::STACK_ID, another.as_str()));
        let (project, service) = ((labels::PROJECT, "p"), (labels::SERVICE, "web"));
        let table: [(&[(&str, &str)], Maker); 10] = [
            (&[us, our_id, project, service], Maker::Us),
            // Made by a version that wrote no ids.
            (&[us, project, service], Maker::Us),
            (&[us, other_id, project, service], Maker::Others),
            (&[other, our_id, project, service], Maker::Others),
            (&[project, service], Maker::Compose),
            (&[other, project, service], Maker::Others),
            (&[(labels::PROJECT, "q"), service], Maker::Others),
            (&[project, (labels::SERVICE, "db")], Maker::Others),
            (&[project], Maker::Others),
            (&[], Maker::Others),
        ];
        for (labels, expected) in table {
            let all = labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            let found = Maker::of(Some(&all), &owner, "p", (labels::SERVICE, "web"));
            assert_eq!(found, expected, "{labels:?}");
        }
    }
}
