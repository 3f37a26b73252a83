//! Holds a stack to the program and the project that it belongs to.
//!
//! State is kept under the stack's name alone. Without this, another program with `--stack` of that name, or the same
//! path in another project, would look like one whose resources have all left the program, and delete them.

use super::failure::Failure;
use super::project::{PROJECT, Project, Run};
use super::session::Session;
use crate::render::sanitize;
use crate::state::{Binding, Difference, State};

impl Session {
    /// The recorded state, once it is clear that the stack belongs to this program and project.
    pub(super) async fn load(&self) -> Result<State, Failure> {
        let state = self.store()?.load().await?;
        self.check_binding(&state).await?;
        Ok(state)
    }

    /// Refuses a stack that belongs to something else. Gives what an `up` has to record of it, if anything.
    pub(super) async fn check_binding(&self, state: &State) -> Result<Option<Binding>, Failure> {
        let now = self.binding(state.binding.as_ref()).await?;
        let Some(recorded) = &state.binding else {
            return Ok(Some(now));
        };
        match recorded.differs(&now) {
            None => Ok(Some(recorded.with(&now)).filter(|known| known != recorded)),
            // Nobody has anything in it any more.
            Some(_) if is_vacant(state) => Ok(Some(now)),
            Some(difference) => Err(self.refuse(recorded, &now, difference)),
        }
    }

    /// Returns the binding that this run would give to a stack.
    pub(super) async fn binding(&self, recorded: Option<&Binding>) -> Result<Binding, Failure> {
        let project = self
            .project
            .get_or_try_init(|| async {
                let config = self.open_config()?;
                Ok::<_, Failure>(Project::of(&Run {
                    program: &self.program,
                    deploys: self.deploys.as_ref().map(|path| path(&config)),
                    workspace: &self.workspace,
                    state: self.state_folder(),
                    named: std::env::var(PROJECT)
                        .ok()
                        .filter(|name| !name.trim().is_empty())
                        .or_else(|| self.project_name.clone()),
                }))
            })
            .await?;
        Ok(project.binding(recorded).await)
    }

    /// Whether the program deploys files, and the configuration does not say which.
    pub(super) fn deploys_nothing(&self) -> Result<bool, Failure> {
        let config = self.open_config()?;
        Ok(self.deploys.as_ref().is_some_and(|path| path(&config).is_none()))
    }

    fn refuse(&self, recorded: &Binding, now: &Binding, difference: Difference) -> Failure {
        let (theirs, ours) = (recorded.to_string(), now.to_string());
        let message = format!(
            "stack {} belongs to {}, and this is {}: {}",
            self.stack,
            sanitize(&theirs),
            sanitize(&ours),
            difference.reason()
        );
        let failure = Failure::failed(message);
        let failure = match &recorded.origin {
            _ if difference != Difference::Program && self.deploys_nothing().unwrap_or_default() => {
                failure.hint("say what is deployed, as in --config path=…")
            }
            Some(origin) if now.origin.is_none() && matches!(difference, Difference::Folder | Difference::Unknown) => {
                failure.hint(format!(
                    "run it in a checkout of that project, or set {PROJECT}={} where there is none",
                    sanitize(origin)
                ))
            }
            _ => failure.hint("--stack NAME gives this one a stack of its own"),
        };
        failure.hint(format!(
            "`stack rebind --stack {}` hands the stack over to this one, with all that is recorded in it",
            self.stack
        ))
    }
}

/// True if nothing is recorded in it: then it is anybody's.
pub(super) fn is_vacant(state: &State) -> bool {
    state.records.is_empty() && state.pending.is_empty()
}

/// True if it is from before stacks belonged to anybody.
pub(super) fn is_unbound(state: &State) -> bool {
    state.binding.is_none() && !is_vacant(state)
}
