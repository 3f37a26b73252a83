//! One call of a provider, with its intent and its outcome in the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::basis::{Basis, Claims};
use super::event::{Event, EventSink};
use super::limits::Timeouts;
use super::slots::Slot;
use super::tally::{Deed, Tally};
use crate::declare::Options;
use crate::plan::resolve::Outputs;
use crate::plan::{ObjectName, Step, WorldEntry};
use crate::provider::{
    Applied, ApplyRequest, Claim, Context, DataItem, DeleteData, DeleteRequest, ErrorKind, Intent, Provider,
    ProviderError, Recorded, WaitRequest,
};
use crate::secret_names::SecretNames;
use crate::state::{FormerObject, NewRecord, OpId, OpKind, Operation, Record, StateError, Writer};
use crate::urn::Key;
use crate::value::{Value, canonical};

/// The time beyond its own limit after which a provider's call counts as hanging.
const GRACE: Duration = Duration::from_secs(30);

/// The length to which the journal keeps a failure's message, in characters.
const NOTED: usize = 300;

/// Why a step ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The provider failed; the run goes on with what does not depend on it.
    Provider(ProviderError),
    /// The journal cannot be written; nothing more may be done.
    State(StateError),
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// A change of an object: the intent, the inputs to apply, and the record.
pub(super) struct Change {
    pub(super) intent: Intent,
    pub(super) inputs: Value,
    /// The record of the object, if there is one.
    pub(super) recorded: Option<Recorded>,
}

/// An object that has become ready: its record, and what readiness added to it.
pub(super) struct Ready {
    pub(super) entry: WorldEntry,
    pub(super) news: Option<Value>,
}

/// The parts that all operations of a run share.
pub(crate) struct Shared {
    pub(super) providers: BTreeMap<String, Arc<dyn Provider>>,
    pub(super) writer: Writer,
    pub(super) events: EventSink,
    pub(super) timeouts: Timeouts,
    pub(super) wanted: BTreeMap<Key, BTreeSet<String>>,
    pub(super) delete_data: DeleteData,
    pub(super) left: BTreeMap<ObjectName, Vec<DataItem>>,
    pub(super) claims: Claims,
    /// The actions that were carried out so far.
    pub(super) tally: Tally,
}

impl Shared {
    pub(crate) fn new(
        providers: BTreeMap<String, Arc<dyn Provider>>,
        writer: Writer,
        events: EventSink,
        timeouts: Timeouts,
        wanted: BTreeMap<Key, BTreeSet<String>>,
        delete_data: DeleteData,
        basis: &mut Basis,
    ) -> Self {
        Self {
            providers,
            writer,
            events,
            timeouts,
            wanted,
            delete_data,
            left: std::mem::take(&mut basis.left),
            claims: std::mem::take(&mut basis.claims),
            tally: Tally::default(),
        }
    }

    fn provider(&self, key: &Key) -> Result<&Arc<dyn Provider>, Failure> {
        self.providers.get(key.provider()).ok_or_else(|| {
            let message = format!("this program has no provider {:?}", key.provider());
            Failure::Provider(ProviderError::new(ErrorKind::Internal, message))
        })
    }

    /// Returns the context of a provider call; a call that only waits gives its slot back.
    fn context(&self, slot: Option<&Slot>) -> Context {
        let events = Arc::clone(&self.events);
        let context = Context::new(move |progress| {
            let (key, message) = (progress.key, progress.message);
            events(match progress.lasting {
                true => Event::Noted { key, message },
                false => Event::Progress { key, message },
            });
        });
        match slot.cloned() {
            Some(slot) => context.giving_way(move || slot.free()),
            None => context,
        }
    }

    /// The outputs to record: those that others use.
    fn project(&self, key: &Key, outputs: &Value) -> Value {
        let always = self
            .providers
            .get(key.provider())
            .map(|provider| provider.always_recorded())
            .unwrap_or_default();
        let pointers: BTreeSet<String> = self
            .wanted
            .get(key)
            .into_iter()
            .flatten()
            .cloned()
            .chain(always.iter().map(|&text| text.to_owned()))
            .collect();
        Outputs::Whole(outputs.clone()).project(&pointers)
    }

    /// Makes, changes or takes over the object of a step, and records it with what it leaves.
    pub(super) async fn apply(
        &self,
        step: &Step,
        change: Change,
        formers: Vec<FormerObject>,
        slot: &Slot,
    ) -> Result<(NewRecord, Value), Failure> {
        let provider = self.provider(&step.key)?;
        let kind = match change.intent {
            Intent::Create | Intent::Replace => OpKind::Create,
            Intent::Update => OpKind::Update,
            Intent::Adopt => OpKind::Adopt,
        };
        let uid = change.recorded.as_ref().and_then(|recorded| recorded.uid.clone());
        let claim = match step.options.adopt {
            true => Claim::Named,
            false => self
                .claims
                .of(&ObjectName::new(&step.key, &step.identity), &change.inputs),
        };
        let stays = |item: &&DataItem| !self.delete_data.allows(item);
        self.record_left(step, step.leaves.iter().filter(stays).collect())
            .await?;
        let operation = self.operation(step, kind, uid, &change.inputs);
        let op = self.writer.begin_op(operation).await?;
        let timeout = step.options.timeout.unwrap_or(self.timeouts.operation);
        let request = ApplyRequest {
            key: step.key.clone(),
            identity: step.identity.clone(),
            intent: change.intent,
            inputs: change.inputs.clone(),
            recorded: change.recorded,
            adopt: step.options.adopt,
            ignored: step.options.ignore_changes.clone(),
            claim,
            uid: step.precondition.uid.clone(),
            delete_data: self.delete_data.clone(),
            timeout,
        };
        let answer = bounded(timeout, provider.apply(&request, &self.context(Some(slot)))).await;
        slot.free();
        match answer {
            Ok(applied) => {
                let outputs = applied.outputs.clone();
                let record = self.record(step, change.inputs, applied, formers);
                self.writer.applied(op, record.clone()).await?;
                self.tally.add(&step.key, Deed::Made);
                Ok((record, outputs))
            }
            Err(error) => {
                let partial = error.partial.clone();
                let partial = partial.map(|applied| self.record(step, change.inputs, *applied, formers));
                let was_made = partial.is_some();
                if was_made || !is_uncertain(error.kind) {
                    self.writer.failed(op, &noted(&error.message), partial).await?;
                }
                if was_made {
                    self.tally.add(&step.key, Deed::Made);
                }
                Err(Failure::Provider(error))
            }
        }
    }

    /// Makes what may be there of a new object before it may begin to work. Its intent stays open until the object is
    /// complete, or gone again: both have an intent of their own, so that a run that was overtaken stops there.
    pub(super) async fn prepare(&self, step: &Step, inputs: Value, slot: &Slot) -> Result<OpId, Failure> {
        let provider = self.provider(&step.key)?;
        let operation = self.operation(step, OpKind::Create, None, &inputs);
        let op = self.writer.begin_op(operation).await?;
        let timeout = step.options.timeout.unwrap_or(self.timeouts.operation);
        let request = ApplyRequest {
            key: step.key.clone(),
            identity: step.identity.clone(),
            intent: Intent::Create,
            inputs,
            recorded: None,
            adopt: false,
            ignored: Vec::new(),
            claim: Claim::MarkOnly,
            uid: None,
            delete_data: DeleteData::None,
            timeout,
        };
        // Whatever came of it: the application meets it, and tells.
        let _ = bounded(timeout, provider.prepare(&request, &self.context(Some(slot)))).await;
        slot.free();
        Ok(op)
    }

    /// Takes away what was made ahead and is not to be completed. Where that fails, the intents stay open, and the next run
    /// sees to it.
    pub(super) async fn abandon(&self, step: &Step, op: OpId) -> Result<(), StateError> {
        let made = Recorded {
            key: step.key.clone(),
            identity: step.identity.clone(),
            uid: None,
            // Only its mark tells that it is ours: nobody has recorded it.
            inputs: Value::Null,
            outputs: Value::Null,
            private: Default::default(),
            dependencies: Vec::new(),
            ready: false,
        };
        match self.delete(step, made, &DeleteData::None, None).await {
            Ok(()) => self.writer.resolve(op).await,
            Err(Failure::Provider(_)) => Ok(()),
            Err(Failure::State(error)) => Err(error),
        }
    }

    fn operation(&self, step: &Step, kind: OpKind, uid: Option<String>, inputs: &Value) -> Operation {
        // Secrets stay out of the digest: it only helps a person to tell two attempts apart.
        let public = inputs.to_json(&mut |_, _| serde_json::Value::Null);
        Operation {
            kind,
            key: step.key.clone(),
            identity: step.identity.clone(),
            uid,
            inputs_digest: canonical::digest(&public),
        }
    }

    fn record(&self, step: &Step, inputs: Value, applied: Applied, formers: Vec<FormerObject>) -> NewRecord {
        let outputs = self.project(&step.key, &applied.outputs);
        NewRecord {
            recorded: Recorded {
                key: step.key.clone(),
                identity: step.identity.clone(),
                uid: applied.uid,
                inputs,
                outputs,
                private: applied.private.into(),
                // Deletion reverses what the object's existence needs; what only its readiness waits for does not count.
                dependencies: step.after.clone(),
                ready: false,
            },
            options: step.options.to_record(),
            source: step.source.clone(),
            formers,
            gone: false,
        }
    }

    /// Deletes one object of a step's resource for good.
    pub(super) async fn delete_for_good(&self, step: &Step, recorded: Recorded, slot: &Slot) -> Result<(), Failure> {
        let items = self.left.get(&ObjectName::new(&step.key, &recorded.identity));
        self.record_left(step, items.into_iter().flatten().collect()).await?;
        self.delete(step, recorded, &self.delete_data, Some(slot)).await
    }

    /// Records the data that a step leaves without its owner, before it does, so that it stays known whatever becomes of the
    /// run.
    async fn record_left(&self, step: &Step, items: Vec<&DataItem>) -> Result<(), Failure> {
        for item in items {
            let Some(left) = self.provider(&step.key)?.left_behind(&step.key, item) else {
                continue;
            };
            let known = &self.writer.state().records;
            let is_it = |(key, record): (&Key, &Record)| {
                key.provider() == left.key.provider() && record.identity == left.identity
            };
            if !known.iter().any(is_it) {
                self.writer.put(NewRecord::new(left, Options::default(), None)).await?;
            }
        }
        Ok(())
    }

    /// Deletes one object of a step's resource.
    pub(super) async fn delete(
        &self,
        step: &Step,
        recorded: Recorded,
        delete_data: &DeleteData,
        slot: Option<&Slot>,
    ) -> Result<(), Failure> {
        let provider = self.provider(&step.key)?;
        let operation = Operation {
            kind: OpKind::Delete,
            key: step.key.clone(),
            identity: recorded.identity.clone(),
            uid: recorded.uid.clone(),
            inputs_digest: String::new(),
        };
        let op = self.writer.begin_op(operation).await?;
        let timeout = step.options.timeout.unwrap_or(self.timeouts.operation);
        let name = ObjectName::new(&step.key, &recorded.identity);
        let claim = self.claims.of(&name, &recorded.inputs);
        let request = DeleteRequest {
            recorded,
            delete_data: delete_data.clone(),
            claim,
            timeout,
        };
        match bounded(timeout, provider.delete(&request, &self.context(slot))).await {
            Ok(()) => Ok(self.writer.deleted(op).await?),
            Err(error) => {
                if !is_uncertain(error.kind) {
                    self.writer.failed(op, &noted(&error.message), None).await?;
                }
                Err(Failure::Provider(error))
            }
        }
    }

    /// Waits until the object is ready, and records that. Gives the record as it is then, and its outputs if there are
    /// new ones.
    pub(super) async fn reach_ready(&self, step: &Step, mut entry: WorldEntry, needed: bool) -> Result<Ready, Failure> {
        let provider = self.provider(&step.key)?;
        let timeout = step.options.timeout.unwrap_or(self.timeouts.ready);
        let key = step.key.clone();
        let request = WaitRequest {
            recorded: entry.recorded.clone(),
            timeout,
            needed,
        };
        let began = Instant::now();
        let applied = bounded(timeout, provider.wait_ready(&request, &self.context(None)))
            .await
            .map_err(Failure::Provider)?;
        let news = (applied.outputs != Value::Null).then(|| applied.outputs.clone());
        let outputs = news.as_ref().map(|outputs| self.project(&key, outputs));
        let private = Some(applied.private).filter(|private| !private.is_null());
        self.writer.ready(&key, outputs.clone(), private.clone()).await?;
        self.tally.add(&key, Deed::Ready);
        entry.recorded.ready = true;
        entry.recorded.outputs = outputs.unwrap_or(entry.recorded.outputs);
        entry.recorded.private = private.map_or(entry.recorded.private, Into::into);
        (self.events)(Event::Ready {
            key,
            elapsed: began.elapsed(),
        });
        Ok(Ready { entry, news })
    }
}

/// Returns the part of a failure that the journal keeps: enough to know it again. The output of a failed container may hold
/// anything, so it is only shown.
fn noted(message: &str) -> String {
    let line: String = message.lines().next().unwrap_or_default().chars().take(NOTED).collect();
    SecretNames::default().shown("", &line).unwrap_or(line)
}

/// True if a failed call may have had its effect all the same. Its intent stays open then, and the next run looks.
pub(super) fn is_uncertain(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Timeout | ErrorKind::Unreachable | ErrorKind::Internal)
}

/// A provider's call that ends in any case.
async fn bounded<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let limit = timeout + GRACE;
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
        let message = format!("no answer from the provider within {}s", limit.as_secs());
        Err(ProviderError::new(ErrorKind::Timeout, message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_keeps_a_line_of_a_failure_and_no_password_in_it() {
        assert_eq!(noted("it ended with 1\nlast output:\n  secret"), "it ended with 1");
        assert_eq!(
            noted("cannot reach pg://a:hunter2@db"),
            "cannot reach pg://a:(secret)@db"
        );
        assert_eq!(noted(&"é".repeat(1000)).chars().count(), NOTED);
    }
}
