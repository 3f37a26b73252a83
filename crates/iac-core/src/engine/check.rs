//! What can be said of a declaration before anything is asked, and which of the names in it lead nowhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::look::check_count;
use super::{Engine, EngineError, by_provider};
use crate::declare::{Declaration, ResourceDecl};
use crate::plan::PlanProblem;
use crate::provider::{Existence, ExternalRef, Problem, Provider, Reference, Referent};
use crate::urn::Key;
use crate::value::FieldPath;

impl Engine {
    pub(super) fn provider(&self, name: &str, example: &Key) -> Result<&Arc<dyn Provider>, EngineError> {
        self.providers.get(name).ok_or_else(|| EngineError::NoProvider {
            provider: name.to_owned(),
            example: example.to_string(),
        })
    }

    /// What the inputs refer to by name, as each provider reads them.
    pub(super) fn references(&self, declaration: &Declaration) -> Result<Vec<Reference>, EngineError> {
        let mut by_provider: BTreeMap<&str, Vec<&ResourceDecl>> = BTreeMap::new();
        for resource in &declaration.resources {
            by_provider.entry(resource.key.provider()).or_default().push(resource);
        }
        let mut references = Vec::new();
        for (name, resources) in by_provider {
            references.extend(self.provider(name, &resources[0].key)?.references(&resources));
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

    /// What each resource is called; two of one name are a problem.
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

    /// Problems for names that lead to nothing, neither in the stack nor out there.
    pub(super) async fn missing(
        &self,
        declaration: &Declaration,
        references: &[Reference],
    ) -> Result<Vec<PlanProblem>, EngineError> {
        let mut problems = Vec::new();
        let external = |reference: &Reference| match &reference.to {
            Referent::External(name) if !name.optional => Some(name.clone()),
            _ => None,
        };
        for (name, keys) in by_provider(references.iter().map(|reference| &reference.from)) {
            let Some(provider) = self.providers.get(name) else {
                continue;
            };
            let ours: Vec<&Reference> = references
                .iter()
                .filter(|reference| keys.contains(&reference.from))
                .collect();
            let names: Vec<ExternalRef> = ours
                .iter()
                .filter_map(|reference| external(reference))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            if names.is_empty() {
                continue;
            }
            let answers = provider.exists(&names).await;
            let answers = answers.map_err(|error| EngineError::Provider {
                provider: name.to_owned(),
                error,
            })?;
            check_count(name, names.len(), answers.len())?;
            let missing: BTreeSet<&ExternalRef> = names
                .iter()
                .zip(&answers)
                .filter(|(_, answer)| **answer == Existence::No)
                .map(|(name, _)| name)
                .collect();
            let dangling = ours
                .iter()
                .filter(|reference| external(reference).is_some_and(|name| missing.contains(&name)));
            for reference in dangling {
                problems.extend(dangling_problem(declaration, reference));
            }
        }
        Ok(problems)
    }
}

fn of(resource: &ResourceDecl, problem: Problem) -> PlanProblem {
    PlanProblem {
        key: Some(resource.key.clone()),
        source: Some(resource.source.clone()),
        path: problem.path,
        message: problem.message,
        hint: problem.hint,
    }
}

fn dangling_problem(declaration: &Declaration, reference: &Reference) -> Option<PlanProblem> {
    let Referent::External(name) = &reference.to else {
        return None;
    };
    let resource = declaration.get(&reference.from)?;
    let message = format!(
        "it names {} {}, which neither this stack declares nor the target has",
        name.kind, name.name
    );
    let hint = "declare it, correct the name, or create it first".to_owned();
    Some(of(
        resource,
        Problem {
            path: reference.path.clone(),
            message,
            hint: Some(hint),
        },
    ))
}
