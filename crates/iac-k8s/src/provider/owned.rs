//! Claims that go along with an object because they belong to it: the cluster's collector deletes what names a deleted
//! object in its `ownerReferences`. So operators keep the data of their resources.
//!
//! Claims of a Pod are left out: they are ephemeral volumes, and go with each restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use iac_core::provider::ProviderError;
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use super::call::{Call, CallError};
use super::data::{self, Claim};
use super::others::reason;
use super::session::{Session, uid};
use crate::kinds::{self, Scope};
use crate::object::{ObjectId, split_api_version};

/// The longest way from a claim to an object that it belongs to.
const LONGEST: usize = 8;

/// A claim, and the UIDs of all that it belongs to, also through others.
struct Owned {
    claim: Claim,
    owners: BTreeSet<String>,
}

/// The claims of a namespace that belong to something, or the reason why they could not be seen.
type Look = Arc<OnceCell<Result<Vec<Owned>, String>>>;

/// Looks at the claims of namespaces, one at each; that of the empty name is at all of them.
#[derive(Default)]
pub(crate) struct Looks(Mutex<BTreeMap<String, Look>>);

/// The claims that go along with an object.
#[derive(Default)]
pub(crate) struct Along {
    pub(crate) claims: Vec<Claim>,
    /// The reason why there may be more.
    pub(crate) unseen: Option<String>,
}

impl Looks {
    /// The claims that belong to the object with this UID.
    pub(crate) async fn claims_of(
        &self,
        session: &Session,
        id: &ObjectId,
        uid: Option<&str>,
    ) -> Result<Along, ProviderError> {
        let is_own_of_cluster = kinds::scope(&id.group, &id.kind) == Some(Scope::Cluster);
        let Some(uid) = uid.filter(|_| !is_own_of_cluster) else {
            return Ok(Along::default());
        };
        let namespace = id.namespace.clone().unwrap_or_default();
        let look = {
            let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(looks.entry(namespace.clone()).or_default())
        };
        Ok(match look.get_or_try_init(|| see(session, &namespace)).await? {
            Ok(all) => Along {
                claims: all
                    .iter()
                    .filter(|owned| owned.owners.contains(uid))
                    .map(|owned| owned.claim.clone())
                    .collect(),
                unseen: None,
            },
            // None of Kubernetes' own kinds has claims by its nature, and many may delete those that see no claims.
            Err(_) if !kinds::is_custom(&id.type_name()) => Along::default(),
            Err(reason) => Along {
                claims: Vec::new(),
                unseen: Some(reason.clone()),
            },
        })
    }
}

/// Reads the claims of a namespace, and what they belong to.
async fn see(session: &Session, namespace: &str) -> Result<Result<Vec<Owned>, String>, ProviderError> {
    match look(session, namespace).await {
        Ok(owned) => Ok(Ok(owned)),
        Err(error) if error.is_global() => Err(error.into()),
        Err(error) => Ok(Err(format!("claims ({})", reason(&error)))),
    }
}

async fn look(session: &Session, namespace: &str) -> Result<Vec<Owned>, CallError> {
    let mut known = BTreeMap::new();
    let mut all = Vec::new();
    let claims = session.shared_list(Call::get(data::claims_path(namespace))).await?;
    for live in claims.iter() {
        let Some(claim) = Claim::of(live) else {
            continue;
        };
        let owners = owners(session, live, &mut known).await?;
        if !owners.is_empty() {
            all.push(Owned { claim, owners });
        }
    }
    Ok(all)
}

/// An object that another one belongs to.
#[derive(Clone)]
struct Owner {
    id: ObjectId,
    uid: String,
}

/// The UIDs of all that a claim belongs to. `known` has the owners of what was read before, by UID.
async fn owners(
    session: &Session,
    claim: &Json,
    known: &mut BTreeMap<String, Vec<Owner>>,
) -> Result<BTreeSet<String>, CallError> {
    let namespace = claim.pointer("/metadata/namespace").and_then(Json::as_str);
    let mut all = BTreeSet::new();
    let mut next = named_by(claim, namespace);
    if next.iter().any(|owner| owner.id.type_name() == "core/Pod") {
        return Ok(all);
    }
    for _ in 0..LONGEST {
        let mut further = Vec::new();
        for owner in std::mem::take(&mut next) {
            if !all.insert(owner.uid.clone()) {
                continue;
            }
            if !known.contains_key(&owner.uid) {
                let live = read_metadata(session, &owner.id).await?;
                let is_it = |live: &Json| uid(live).as_deref() == Some(&owner.uid);
                let above = live.filter(is_it).map(|live| named_by(&live, namespace));
                known.insert(owner.uid.clone(), above.unwrap_or_default());
            }
            further.extend(known.get(&owner.uid).into_iter().flatten().cloned());
        }
        next = further;
    }
    Ok(all)
}

async fn read_metadata(session: &Session, id: &ObjectId) -> Result<Option<Json>, CallError> {
    match session.discovery.find_any(&session.connection, id).await? {
        Some(kind) => session.get(Call::get_metadata(kind.path(id))).await,
        None => Ok(None),
    }
}

/// The objects that an object names as its owners: in its own namespace, or of the cluster.
fn named_by(object: &Json, namespace: Option<&str>) -> Vec<Owner> {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Json::as_array);
    let owner = |owner: &Json| {
        let (group, version) = split_api_version(owner["apiVersion"].as_str()?);
        let kind = owner["kind"].as_str()?;
        let of_cluster = kinds::scope(group, kind) == Some(Scope::Cluster);
        let id = ObjectId {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.filter(|_| !of_cluster).map(str::to_owned),
            name: owner["name"].as_str()?.to_owned(),
        };
        let uid = owner["uid"].as_str()?.to_owned();
        Some(Owner { id, uid })
    };
    owners.into_iter().flatten().filter_map(owner).collect()
}
