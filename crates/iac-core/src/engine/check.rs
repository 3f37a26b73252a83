//! Checks of a declaration that are possible before anything is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Engine, EngineError};
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::PlanProblem;
use crate::provider::{Problem, Provider, Reference};
use crate::urn::Key;
use crate::value::FieldPath;

impl Engine {
    pub(super) fn provider(&self, name: &str, example: &Key) -> Result<&Arc<dyn Provider>, EngineError> {
        self.providers.get(name).ok_or_else(|| EngineError::NoProvider {
            provider: name.to_owned(),
            example: example.to_string(),
        })
    }

    /// Returns the references by name in the inputs, as each provider reads them.
    pub(super) fn references(&self, declaration: &Declaration) -> Result<Vec<Reference>, EngineError> {
        let mut by_provider: BTreeMap<&str, Vec<&ResourceDecl>> = BTreeMap::new();
        for resource in &declaration.resources {
            by_provider.entry(resource.key.provider()).or_default().push(resource);
        }
        let mut references = Vec::new();
        // A provider of which nothing is declared learns that as well.
        for (name, provider) in &self.providers {
            references.extend(provider.references(&by_provider.remove(name.as_str()).unwrap_or_default()));
        }
        if let Some((name, resources)) = by_provider.first_key_value() {
            self.provider(name, &resources[0].key)?;
        }
        Ok(references)
    }

    pub(super) fn validate(&self, declaration: &Declaration) -> Vec<PlanProblem> {
        let problems = |resource: &ResourceDecl| {
            let problems = self
                .providers
                .get(resource.key.provider())
                .map(|provider| provider.validate(resource));
            let problems = problems.unwrap_or_default();
            problems
                .into_iter()
                .map(|problem| of(resource, problem))
                .collect::<Vec<_>>()
        };
        declaration.resources.iter().flat_map(problems).collect()
    }

    /// Returns the name of each resource in the outside world; two resources of one name are a problem.
    pub(super) fn identities(
        &self,
        declaration: &Declaration,
        problems: &mut Vec<PlanProblem>,
    ) -> BTreeMap<Key, String> {
        let mut identities = BTreeMap::new();
        let mut taken: BTreeMap<String, &ResourceDecl> = BTreeMap::new();
        for resource in &declaration.resources {
            let Some(provider) = self.providers.get(resource.key.provider()) else {
                continue;
            };
            match provider.identity(resource) {
                Ok(identity) => {
                    let full = format!("{} {identity}", resource.key.provider());
                    if let Some(first) = taken.get(&full) {
                        let message = format!("{identity} is declared already at {} ({})", first.source, first.key);
                        problems.push(of(resource, Problem::new(FieldPath::root(), message)));
                    }
                    taken.insert(full, resource);
                    identities.insert(resource.key.clone(), identity);
                }
                Err(problem) => problems.push(of(resource, problem)),
            }
        }
        identities
    }
}

pub(super) fn of(resource: &ResourceDecl, problem: Problem) -> PlanProblem {
    PlanProblem {
        key: Some(resource.key.clone()),
        source: Some(resource.nearest_line(&problem.path)),
        path: problem.path,
        message: problem.message,
        hint: problem.hint,
    }
}
