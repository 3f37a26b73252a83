//! The decision about one declared resource, from the record and the object that is there.

use super::objects::{is_uid, is_vouched};
use super::reasons::for_drift;
use super::world::{Interrupted, WorldEntry};
use super::{PlanProblem, Reason};
use crate::declare::{ResourceDecl, Wait};
use crate::provider::{Intent, Live, Observed, Readiness};
use crate::value::FieldPath;
use crate::value::diff::FieldChange;

/// All that is known of one declared resource.
pub(super) struct Situation<'a> {
    pub(super) resource: &'a ResourceDecl,
    pub(super) identity: &'a str,
    pub(super) entry: Option<&'a WorldEntry>,
    pub(super) observed: &'a Observed,
    /// True if the object of its name is recorded as another resource's.
    pub(super) held: bool,
    /// True if the records bear the seal of the stack's key.
    pub(super) sealed: bool,
    pub(super) interrupted: Option<&'a Interrupted>,
    /// Between the recorded inputs and the new ones.
    pub(super) changes: &'a [FieldChange],
    /// Why they differ.
    pub(super) input_reasons: Vec<Reason>,
}

/// The decision: the next thing to do with the resource.
pub(super) enum Decision {
    /// Nothing.
    Same,
    /// Nothing but wait for it.
    Wait(Vec<Reason>),
    /// Put a new object in its place.
    Recreate(Vec<Reason>),
    /// This, once the provider has said what it would do.
    Act(Intent, Vec<Reason>),
    /// It cannot be done.
    Blocked(PlanProblem),
}

impl Decision {
    /// The decision where the user wants a new object. What is made, taken over or refused anyway stays so.
    pub(super) fn replaced_because(self, asked: Reason) -> Self {
        let mut reasons = match self {
            Self::Same => Vec::new(),
            Self::Wait(reasons) | Self::Act(Intent::Update, reasons) | Self::Recreate(reasons) => reasons,
            other => return other,
        };
        reasons.insert(0, asked);
        Self::Recreate(reasons)
    }
}

pub(super) fn decide(situation: Situation<'_>) -> Decision {
    match (situation.entry, situation.observed) {
        (None, Observed::Absent | Observed::Finished | Observed::Unknown(_)) => {
            Decision::Act(Intent::Create, vec![interruption(&situation).unwrap_or(Reason::New)])
        }
        (_, Observed::Present(Live { leaving: Some(why), .. })) => leaving(situation, why.clone()),
        (None, Observed::Present(live)) => take_over(&situation, live),
        (Some(_), Observed::Absent) => {
            Decision::Act(Intent::Create, vec![interruption(&situation).unwrap_or(Reason::Gone)])
        }
        (Some(_), Observed::Finished | Observed::Unknown(_)) if situation.changes.is_empty() => Decision::Same,
        (Some(_), Observed::Finished) => Decision::Act(Intent::Create, situation.input_reasons),
        (Some(_), Observed::Unknown(_)) => Decision::Act(Intent::Update, situation.input_reasons),
        (Some(entry), Observed::Present(live)) => {
            if is_uid(&entry.recorded, live) {
                let ours = is_vouched(live, &entry.recorded, situation.sealed);
                let adopt = situation.resource.options.adopt;
                match keep_up(situation, live, entry) {
                    Decision::Act(Intent::Update, mut reasons) if !ours && adopt => {
                        reasons.push(Reason::Exists { ours });
                        Decision::Act(Intent::Adopt, reasons)
                    }
                    decision => decision,
                }
            } else {
                take_over(&situation, live)
            }
        }
    }
}

/// An object of the name is being deleted: once it is gone, the declared one is made.
fn leaving(situation: Situation<'_>, why: String) -> Decision {
    let mut reasons = vec![Reason::Leaving(why)];
    if situation.entry.is_some() {
        reasons.extend(situation.input_reasons);
    } else {
        reasons.push(Reason::New);
    }
    Decision::Act(Intent::Create, reasons)
}

fn interruption(situation: &Situation<'_>) -> Option<Reason> {
    situation
        .interrupted
        .map(|interrupted| Reason::Interrupted(interrupted.what.clone()))
}

/// An object is there that is not the recorded one.
fn take_over(situation: &Situation<'_>, live: &Live) -> Decision {
    let ours = live.mark.is_ours();
    if let (true, Some(reason)) = (ours, interruption(situation)) {
        return Decision::Act(Intent::Adopt, vec![reason]);
    }
    if ours || situation.held || situation.resource.options.adopt {
        return Decision::Act(
            Intent::Adopt,
            vec![Reason::Exists {
                ours: ours || situation.held,
            }],
        );
    }
    Decision::Blocked(PlanProblem {
        key: Some(situation.resource.key.clone()),
        source: Some(situation.resource.source.clone()),
        path: FieldPath::root(),
        message: format!(
            "{} exists already, and {}",
            situation.identity,
            live.mark.why_not_ours()
        ),
        hint: Some(format!(
            "{}, give yours another name, or delete it",
            live.mark.ways_out(&situation.resource.key)
        )),
    })
}

/// The recorded object is there.
fn keep_up(situation: Situation<'_>, live: &Live, entry: &WorldEntry) -> Decision {
    let interrupted = interruption(&situation);
    let mut reasons = situation.input_reasons;
    reasons.extend(for_drift(live, entry.recorded.ready));
    if situation.resource.options.adopt && !live.co_owners.is_empty() {
        reasons.push(Reason::CoOwned(live.co_owners.clone()));
    }
    reasons.extend(interrupted);
    let is_waited_for = situation.resource.options.wait == Wait::Ready;
    // An object that must not be deleted is not deleted only because it failed.
    let stays = [&situation.resource.options, &entry.options]
        .into_iter()
        .any(|options| options.protect || options.retain_on_delete);
    if let (Readiness::Spent(why), true) = (&live.readiness, is_waited_for && !stays) {
        reasons.retain(|reason| !matches!(reason, Reason::NotReady { .. }));
        reasons.push(Reason::Spent(why.clone()));
        return Decision::Recreate(reasons);
    }
    if !reasons.is_empty() {
        return Decision::Act(Intent::Update, reasons);
    }
    if !is_waited_for {
        return Decision::Same;
    }
    let was = entry.recorded.ready;
    match &live.readiness {
        Readiness::Pending(why) | Readiness::Failed { reason: why, .. } | Readiness::Spent(why) => {
            let why = Some(why.clone());
            Decision::Wait(vec![Reason::NotReady { why, was }])
        }
        Readiness::Ready if !was => Decision::Wait(vec![Reason::NotReady { why: None, was }]),
        Readiness::Ready => Decision::Same,
    }
}
