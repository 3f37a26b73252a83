//! Which object is which resource's: where the program gives names another way than the record does, and where an
//! interrupted run left objects that no record knows.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Interrupted, Moved, ObjectName, WorldEntry};
use crate::provider::{Live, Mark, Observed, Recorded};
use crate::state::FormerObject;
use crate::urn::Key;
use crate::value::Value;

/// Brings each record in line with the name that the program gives the resource now: what is recorded under another
/// name becomes a former object, and a former object that has the name is the resource's own again.
pub(crate) fn match_names(recorded: &mut BTreeMap<Key, WorldEntry>, identities: &BTreeMap<Key, String>) {
    for (key, wanted) in identities {
        let Some(entry) = recorded.get_mut(key) else {
            continue;
        };
        if !entry.gone && entry.recorded.identity == *wanted {
            continue;
        }
        let of_the_name = |former: &FormerObject| former.recorded.identity == *wanted;
        let back = entry.formers.iter().position(of_the_name);
        let back = back.map(|position| entry.formers.remove(position));
        if !entry.gone {
            entry.formers.push(FormerObject {
                recorded: entry.recorded.clone(),
                options: entry.options.clone(),
            });
            entry.moved = Moved::Renamed;
        }
        match back {
            Some(former) => {
                entry.moved = if entry.gone { Moved::Restored } else { Moved::Back };
                entry.recorded = former.recorded;
                entry.gone = false;
            }
            None => entry.gone = true,
        }
    }
}

/// Takes in what interrupted operations left: objects of ours that the program does not want and no record knows. They
/// become former objects of the resource that the operation was on. `observed` is what is there under a name.
pub(crate) fn take_in<'a>(
    recorded: &mut BTreeMap<Key, WorldEntry>,
    identities: &BTreeMap<Key, String>,
    interrupted: &[Interrupted],
    observed: impl Fn(&ObjectName) -> Option<&'a Observed>,
) {
    if interrupted.is_empty() {
        return;
    }
    let wanted = identities.iter().map(|(key, identity)| ObjectName::new(key, identity));
    let held = recorded.iter().flat_map(|(key, entry)| {
        let names = entry
            .objects()
            .map(|object| (ObjectName::new(key, &object.identity), object));
        // An object that was recreated under a recorded name is not the recorded one.
        let same = names.filter(|(name, object)| !observed(name).is_some_and(|there| is_another(object, there)));
        same.map(|(name, _)| name)
    });
    let mut known: BTreeSet<ObjectName> = wanted.chain(held).collect();
    for operation in interrupted {
        let name = ObjectName::new(&operation.key, &operation.identity);
        let Some(Observed::Present(live)) = observed(&name) else {
            continue;
        };
        if !live.mark.is_ours() || !known.insert(name) {
            continue;
        }
        let found = Recorded {
            key: operation.key.clone(),
            identity: operation.identity.clone(),
            uid: live.uid.clone(),
            inputs: Value::Null,
            outputs: Value::Null,
            private: Default::default(),
            dependencies: Vec::new(),
            ready: false,
        };
        let entry = recorded.entry(operation.key.clone()).or_insert_with(|| WorldEntry {
            recorded: found.clone(),
            options: Default::default(),
            source: None,
            formers: Vec::new(),
            gone: true,
            moved: Moved::No,
            taken_in: true,
            elsewhere: BTreeMap::new(),
        });
        entry.taken_in = true;
        // The object that is replaced under the resource's new name stays the last one.
        entry.formers.insert(
            0,
            FormerObject {
                recorded: found,
                options: Default::default(),
            },
        );
    }
}

/// Says who has an object that several resources are recorded with, where the program gives nobody its name. An object
/// that changes hands stays in the record of its former resource until that one's own step is done, and a run may end
/// before. `observed` is what is there under a name.
pub(crate) fn settle_shared<'a>(
    recorded: &mut BTreeMap<Key, WorldEntry>,
    identities: &BTreeMap<Key, String>,
    observed: impl Fn(&ObjectName) -> Option<&'a Observed>,
) {
    let wanted: BTreeSet<ObjectName> = identities
        .iter()
        .map(|(key, identity)| ObjectName::new(key, identity))
        .collect();
    let mut claims: BTreeMap<ObjectName, Vec<(Claim, &Key)>> = BTreeMap::new();
    for (key, entry) in recorded.iter() {
        for (place, object) in entry.objects().enumerate() {
            let name = ObjectName::new(key, &object.identity);
            if !wanted.contains(&name) {
                let claim = Claim {
                    is_there: !observed(&name).is_some_and(|there| is_another(object, there)),
                    protected: entry.options.protect,
                    retained: entry.options.retain_on_delete,
                    own: place == 0 && !entry.gone,
                };
                claims.entry(name).or_default().push((claim, key));
            }
        }
    }
    let mut elsewhere: Vec<(Key, String, Key)> = Vec::new();
    for (name, claims) in claims {
        let Some((_, holder)) = claims.iter().max().filter(|(claim, _)| claim.is_there) else {
            continue;
        };
        let others = claims.iter().filter(|(_, key)| key != holder);
        elsewhere.extend(others.map(|(_, key)| ((*key).clone(), name.identity.clone(), (*holder).clone())));
    }
    for (key, identity, holder) in elsewhere {
        if let Some(entry) = recorded.get_mut(&key) {
            entry.elsewhere.insert(identity, holder);
        }
    }
}

/// The strength of a resource's claim to an object: the fields in the order of their weight.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    /// The object that is there is the recorded one.
    is_there: bool,
    /// The object is protected from deletion, and stays so.
    protected: bool,
    /// The same for an object that is to be retained.
    retained: bool,
    /// The resource is the object, and not only was it.
    own: bool,
}

/// True if an object that is there is the stack's: it bears the mark, or it is the one that a record names which bears the
/// seal of the stack's key (`sealed`), and nobody else's.
pub(crate) fn is_vouched(live: &Live, object: &Recorded, sealed: bool) -> bool {
    match live.mark {
        Mark::Ours => true,
        Mark::Missing(_) | Mark::Lost(_) => sealed && object.inputs != Value::Null && is_uid(object, live),
        Mark::Theirs(_) | Mark::Namesake => false,
    }
}

/// True unless what is there is known to be another object than the recorded one.
pub(super) fn is_uid(object: &Recorded, live: &Live) -> bool {
    object.uid.is_none() || live.uid.is_none() || object.uid == live.uid
}

/// True if what is there under an object's name is another one.
pub(crate) fn is_another(object: &Recorded, observed: &Observed) -> bool {
    match observed {
        Observed::Present(live) => !is_uid(object, live),
        _ => false,
    }
}
