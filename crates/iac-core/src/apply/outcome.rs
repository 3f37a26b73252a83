//! The handling of an operation's end: records, events, and the steps that are off.

use std::time::Duration;

use tokio::task::{Id, JoinError};

use super::basis::{Recovery, Settled};
use super::event::{Event, Outcome};
use super::operation::{Failure, is_uncertain};
use super::run::{Ended, Reached, Run, is_passive};
use super::schedule::{Blocked, Node};
use crate::plan::resolve::Outputs;
use crate::plan::{Action, Stage, WorldEntry};
use crate::provider::{ErrorKind, ProviderError};
use crate::state::StateError;
use crate::urn::Key;

impl Run<'_> {
    pub(super) async fn take_in(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let ended = match ended {
            Ok((id, ended)) => {
                self.nodes.remove(&id);
                ended
            }
            // A task of ours ends early only by a panic, which is a bug; its intent stays open for the next run.
            Err(error) => {
                let Some(node) = self.nodes.remove(&error.id()) else {
                    return;
                };
                // Not the panic's own message: it may hold anything, a secret too.
                let message = "the operation panicked; that is a bug, and the next run looks what became of it";
                let error = ProviderError::new(ErrorKind::Internal, message);
                Ended {
                    node,
                    result: Err(Failure::Provider(error)),
                    elapsed: Duration::ZERO,
                }
            }
        };
        let (key, stage) = &ended.node;
        if *stage != Stage::Ready {
            self.operations -= 1;
        }
        self.clock.adds(key, *stage, ended.elapsed);
        let ended = match ended.result {
            Ok(Reached::Prepared(op)) => {
                let key = ended.node.0;
                self.ahead.insert(key.clone(), op);
                self.schedule.prepared(&key);
                return;
            }
            result => Ended { result, ..ended },
        };
        if let Err(error) = self.close_ahead(&ended).await {
            self.fatal = Some(error);
            return;
        }
        match ended.result {
            Ok(reached) => self.reached(ended.node, reached, ended.elapsed).await,
            Err(Failure::Provider(error)) => self.fail(&ended.node, error),
            Err(Failure::State(error)) => self.fatal = Some(error),
        }
    }

    /// Closes the intent of what was made ahead, now that its completion is recorded; after a failure whose outcome nobody
    /// knows both stay open.
    async fn close_ahead(&mut self, ended: &Ended) -> Result<(), StateError> {
        if ended.node.1 != Stage::Exists {
            return Ok(());
        }
        let Some(op) = self.completing.remove(&ended.node.0) else {
            return Ok(());
        };
        match &ended.result {
            Ok(_) => self.shared.writer.resolve(op).await,
            Err(Failure::Provider(error)) if error.partial.is_some() || !is_uncertain(error.kind) => {
                self.shared.writer.resolve(op).await
            }
            Err(_) => Ok(()),
        }
    }

    async fn reached(&mut self, node: Node, reached: Reached, elapsed: Duration) {
        let key = node.0.clone();
        let action = self.action(&key);
        match reached {
            Reached::Prepared(_) => return,
            Reached::Exists(made) => {
                self.remember(&key, made.entry);
                if let Some(outputs) = made.outputs {
                    self.basis.outputs.insert(key.clone(), Outputs::Whole(outputs));
                }
                if !is_passive(action) {
                    (self.shared.events)(Event::Applied { key, action, elapsed });
                }
            }
            Reached::Ready(ready) => {
                self.report.outcomes.entry(key.clone()).or_insert(Outcome::Done(action));
                if let Some(outputs) = ready.news {
                    self.basis.outputs.insert(key.clone(), Outputs::Whole(outputs));
                }
                self.remember(&key, Some(ready.entry));
            }
            Reached::Gone(entry) => self.remember(&key, Some(entry)),
        }
        if let Err(error) = self.recover_with(&node).await {
            self.fatal = Some(error);
        }
        self.schedule.done(&node);
    }

    fn action(&self, key: &Key) -> Action {
        self.steps.get(key).map_or(Action::Same, |step| step.action)
    }

    fn remember(&mut self, key: &Key, entry: Option<WorldEntry>) {
        match entry {
            Some(entry) => self.records.insert(key.clone(), entry),
            None => self.records.remove(key),
        };
    }

    pub(super) fn fail(&mut self, node: &Node, error: ProviderError) {
        let key = &node.0;
        let source = self.steps.get(key).and_then(|step| step.source.clone());
        (self.shared.events)(Event::Failed {
            key: key.clone(),
            source,
            error: error.clone(),
        });
        let outcome = if node.1 == Stage::Ready {
            Outcome::NotReady(error)
        } else {
            Outcome::Failed(error)
        };
        self.report.outcomes.insert(key.clone(), outcome);
        self.stop_if_asked();
        for blocked in self.schedule.failed(node) {
            self.block(blocked);
        }
    }

    fn block(&mut self, blocked: Blocked) {
        let Blocked { key, stage, because } = blocked;
        if stage == Stage::Exists {
            (self.shared.events)(Event::Skipped {
                key: key.clone(),
                because: because.clone(),
            });
            self.report.outcomes.insert(key, Outcome::Skipped(because));
            return;
        }
        // Whatever else is known of it says more.
        let known = self.report.outcomes.get(&key);
        if known.is_none_or(|outcome| matches!(outcome, Outcome::Done(_))) {
            (self.shared.events)(Event::NotWaited {
                key: key.clone(),
                because: because.clone(),
            });
            self.report.outcomes.insert(key, Outcome::NotWaited(because));
        }
    }

    /// Reports the rest of the plan when nothing more is started, and the actions that were carried out of all of it.
    pub(super) fn conclude(&mut self) {
        for (key, stage) in self.schedule.left() {
            let begun = stage != Stage::Exists || self.nodes.values().any(|node| *node == (key.clone(), stage));
            let outcome = if begun {
                Outcome::Interrupted
            } else {
                Outcome::Cancelled
            };
            self.report.outcomes.insert(key, outcome);
        }
        for (key, outcome) in &self.report.outcomes {
            let done = match outcome {
                Outcome::Done(action) => Some(*action),
                _ => self.shared.tally.of(key, self.action(key)),
            };
            self.report.done.extend(done.map(|done| (key.clone(), done)));
        }
    }

    /// Closes the open intents of earlier runs that turned out to need nothing.
    pub(super) async fn recover_settled(&mut self) -> Result<(), StateError> {
        let (settled, open) = std::mem::take(&mut self.basis.recoveries)
            .into_iter()
            .partition(|recovery| matches!(recovery.settled, Settled::Already(_)));
        self.basis.recoveries = open;
        for recovery in settled {
            if let Settled::Already(done) = recovery.settled {
                self.settle(recovery, done).await?;
            }
        }
        Ok(())
    }

    /// Closes the open intents of earlier runs that a stage has settled.
    async fn recover_with(&mut self, node: &Node) -> Result<(), StateError> {
        let (settled, open) = std::mem::take(&mut self.basis.recoveries)
            .into_iter()
            .partition(|recovery| recovery.settled == Settled::With(node.0.clone(), node.1));
        self.basis.recoveries = open;
        let done = match (node.1, self.action(&node.0)) {
            (Stage::Gone, _) | (_, Action::Delete) => "deleted",
            (_, Action::Create | Action::Replace) => "made anew",
            (_, Action::Update) => "made as declared",
            (_, Action::Adopt) => "taken over and made as declared",
            (_, Action::Forget) => "dropped from the record",
            _ => "recorded",
        };
        for recovery in settled {
            self.settle(recovery, done).await?;
        }
        Ok(())
    }

    async fn settle(&self, recovery: Recovery, done: &str) -> Result<(), StateError> {
        let Recovery { key, text, .. } = recovery;
        let message = if recovery.may_come && self.shared.writer.overtakes() {
            format!("{text}: {done}; the run that began it may still be at it, so the next run looks again")
        } else {
            self.shared.writer.resolve(recovery.op).await?;
            format!("{text}: {done}")
        };
        (self.shared.events)(Event::Recovered { key, message });
        Ok(())
    }
}
