//! The effects of a plan on what runs in a cluster: on pods, on readers of a changed ConfigMap or Secret, on claims, on
//! names that lead nowhere afterwards; and things that become reachable or allowed.
//!
//! All of it follows from the objects of the plan, as they are recorded, declared and predicted; the server is not asked.

mod broken;
mod changed_by_others;
mod claims;
mod exposure;
mod host;
mod jobs;
mod nature;
mod policy;
mod power;
mod readers;
mod selection;
mod users;
mod workload;

use std::cell::OnceCell;
use std::collections::BTreeSet;

use iac_core::Value;
use iac_core::provider::effect::Transition;
use iac_core::provider::{Effect, PlanItem};

pub(crate) use self::nature::{serves_nobody, work_side_by_side};
pub(crate) use self::workload::AUTOSCALER;
use crate::kinds;
use crate::object::ObjectId;

/// An effect, with the place of its object among the items.
pub(crate) type Placed = (usize, Effect);

/// One object of a plan.
struct Seen<'a> {
    place: usize,
    id: ObjectId,
    /// `apps/Deployment`.
    kind: String,
    item: &'a PlanItem<'a>,
}

/// The effects of a plan.
pub(crate) fn of(items: &[PlanItem<'_>]) -> Vec<Placed> {
    let seen = items.iter().enumerate().filter_map(|(place, item)| {
        let id = ObjectId::from_identity(item.identity)?;
        let kind = id.type_name();
        Some(Seen { place, id, kind, item })
    });
    let seen: Vec<Seen<'_>> = seen.collect();
    let around = Around::of(&seen);
    let mut found: Vec<Placed> = Vec::new();
    for one in seen.iter().filter(|one| one.item.transition != Transition::Stays) {
        let pods = workload::of(one, &seen);
        let users = users::of_outage(one, &pods, &around);
        let own = [
            pods,
            users,
            claims::of(one, &seen),
            jobs::of(one, &seen),
            exposure::of(one, &seen),
            power::of(one),
            readers::of(one, &around),
            broken::of(one, &around),
            users::of_deletion(one, &around),
            changed_by_others::of(one, &around),
        ];
        found.extend(own.into_iter().flatten().map(|effect| (one.place, effect)));
    }
    found
}

/// All objects, with what is looked up for many of them: it is read off them once, and only if somebody asks.
struct Around<'a> {
    all: &'a [Seen<'a>],
    readers: OnceCell<readers::Index>,
    texts: OnceCell<Vec<host::Text<'a>>>,
    needs: OnceCell<users::Needs>,
    remaining: OnceCell<BTreeSet<&'a ObjectId>>,
}

impl<'a> Around<'a> {
    fn of(all: &'a [Seen<'a>]) -> Self {
        Self {
            all,
            readers: OnceCell::new(),
            texts: OnceCell::new(),
            needs: OnceCell::new(),
            remaining: OnceCell::new(),
        }
    }

    /// True if an object of this name is there after the plan.
    fn remains(&self, id: &ObjectId) -> bool {
        let remaining = || self.all.iter().filter(|one| one.item.remains()).map(|one| &one.id);
        self.remaining.get_or_init(|| remaining().collect()).contains(id)
    }
}

impl<'a> Seen<'a> {
    /// `Deployment shop/web`.
    fn name(&self) -> String {
        format!("{} {}", self.id.kind, self.id.full_name())
    }

    fn before(&self) -> &'a Value {
        self.item.before()
    }

    fn then(&self) -> &'a Value {
        self.item.then()
    }

    /// True if there was an object, and there still is one.
    fn is_changed(&self) -> bool {
        matches!(self.item.transition, Transition::Update | Transition::Replace)
    }

    /// A field as the server has it, or will: with its defaults, and what others decide. What the program says, where that is
    /// not known.
    fn field(&self, pointer: &str) -> Option<&'a Value> {
        let live = self.item.live.map_or(&Value::Null, |live| &live.outputs);
        [self.item.predicted, live, self.then(), self.before()]
            .into_iter()
            .find_map(|object| object.pointer(pointer))
    }

    /// The specification of its pods until now, and from now on.
    fn pods(&self) -> Option<(&'a Value, &'a Value)> {
        let pointer = format!("{}/spec", kinds::pod_template(&self.kind)?);
        let spec = |object: &'a Value| object.pointer(&pointer).unwrap_or(&Value::Null);
        Some((spec(self.before()), spec(self.then())))
    }

    /// True if its pods are made of another template from now on.
    fn changes_pods(&self) -> bool {
        let Some(template) = kinds::pod_template(&self.kind) else {
            return false;
        };
        let template: Vec<&str> = template.split('/').filter(|key| !key.is_empty()).collect();
        let template = iac_core::FieldPath::fields(template);
        match self.item.transition {
            Transition::Replace => true,
            Transition::Update => self
                .item
                .changes
                .iter()
                .any(|change| change.path.starts_with(&template)),
            Transition::Stays | Transition::Create | Transition::Delete => false,
        }
    }
}

/// The elements of a list.
fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_default()
}

/// A text below an object.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

/// All containers of pods.
fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    crate::reference::CONTAINERS
        .into_iter()
        .flat_map(move |key| spec.get(key).and_then(Value::as_array).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables of literals read better")]
mod tests;
