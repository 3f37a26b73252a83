//! Warnings about objects, which all waits of a run share: one list for each namespace every few seconds.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::call::Call;
use super::session::Session;

/// The time for which a list is good.
const FRESH: Duration = Duration::from_secs(2);

/// When a list was read, and what it held.
type Read = (Instant, Arc<Vec<Json>>);

/// The lists that were read.
#[derive(Default)]
pub(crate) struct Warnings {
    read: Mutex<HashMap<String, Read>>,
}

/// A warning about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The object's UID.
    pub(crate) uid: String,
    /// Its kind and name: `Pod/api-1`.
    pub(crate) about: String,
    /// In one word: `FailedMount`.
    pub(crate) reason: String,
    /// In words.
    pub(crate) message: String,
    /// When it was last given; empty where that is not known.
    pub(crate) last: String,
}

impl Warning {
    fn read(event: &Json) -> Option<Self> {
        let text = |node: &Json| node.as_str().unwrap_or("").trim().to_owned();
        let object = &event["involvedObject"];
        let times = [
            &event["series"]["lastObservedTime"],
            &event["lastTimestamp"],
            &event["eventTime"],
        ];
        Some(Self {
            uid: object["uid"].as_str()?.to_owned(),
            about: format!("{}/{}", text(&object["kind"]), text(&object["name"])),
            reason: text(&event["reason"]),
            message: text(&event["message"]),
            last: times.into_iter().find_map(Json::as_str).unwrap_or("").to_owned(),
        })
    }

    /// `event Pod/api-1: FailedMount: …`
    pub(crate) fn line(&self) -> String {
        format!("event {}: {}: {}", self.about, self.reason, self.message)
    }
}

/// The warnings about any of these objects, the latest last. What cannot be read is left out: a failure is more
/// important than its explanation.
pub(crate) async fn warnings(session: &Session, namespace: &str, involved: &BTreeSet<String>) -> Vec<Warning> {
    let events = read(session, namespace).await;
    let mut about: Vec<Warning> = events
        .iter()
        .filter_map(Warning::read)
        .filter(|warning| involved.contains(&warning.uid))
        .collect();
    // Whole seconds and fractions of them compare well enough.
    about.sort_by(|a, b| a.last.cmp(&b.last));
    about
}

/// The warnings of a namespace. Whoever comes while another one reads waits for that.
async fn read(session: &Session, namespace: &str) -> Arc<Vec<Json>> {
    let mut read = session.warnings.read.lock().await;
    match read.get(namespace) {
        Some((at, events)) if at.elapsed() < FRESH => Arc::clone(events),
        _ => {
            let path = format!("/api/v1/namespaces/{namespace}/events");
            let call = Call::get(path).with("fieldSelector", "type=Warning");
            let events = Arc::new(session.list(call).await.unwrap_or_default());
            read.insert(namespace.to_owned(), (Instant::now(), Arc::clone(&events)));
            events
        }
    }
}

/// True if anything at all was said about an object: then somebody looks after it.
pub(crate) async fn is_spoken_of(session: &Session, namespace: &str, uid: &str) -> bool {
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let call = Call::get(path).with("fieldSelector", format!("involvedObject.uid={uid}"));
    session.list(call).await.is_ok_and(|events| !events.is_empty())
}
