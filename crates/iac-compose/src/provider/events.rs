//! The engine's events of its containers, for those that wait for a service: one subscription for a run.
//!
//! An event only says that it is time to look; how a container is, is always asked. So an event that is missed, told twice or
//! garbled costs a moment and never the truth. A subscription counts from its first event on. Until then, and whenever it
//! breaks, those that wait look again and again, and it is taken up where it ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use futures::StreamExt;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::wire::Wire;
use crate::labels;

/// The interval between two looks while no subscription works.
const OFTEN: Duration = Duration::from_millis(300);

/// The interval between two looks although one works: some engines do not tell everything, and a connection can die without
/// a sign.
const SELDOM: Duration = Duration::from_secs(2);

/// The shortest and the longest pause before a subscription that broke is taken up again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// The events after which a service may have become ready, or failed.
const ACTIONS: [&str; 7] = ["start", "die", "oom", "health_status", "pause", "unpause", "destroy"];

/// A project and a service in it.
type Place = (String, String);

/// The subscription of one connection. It begins with the first one that waits.
pub(crate) struct Events {
    wire: Wire,
    /// The engine's clock when it was connected; nothing before that is of interest.
    since: String,
    bells: Arc<Bells>,
    task: Mutex<Option<AbortHandle>>,
}

/// Those that wait.
#[derive(Default)]
struct Bells {
    by_place: Mutex<BTreeMap<Place, Vec<Weak<Notify>>>>,
    works: AtomicBool,
}

/// Rings when something happened to a container of one service.
pub(crate) struct Bell {
    rung: Arc<Notify>,
    bells: Arc<Bells>,
}

impl Events {
    /// The events of an engine from this time on, as it gives its time itself.
    pub(crate) fn new(wire: Wire, now: Option<&str>) -> Self {
        let now = now.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let since = now.unwrap_or_else(jiff::Timestamp::now);
        Self {
            wire,
            since: format!("{}.{:09}", since.as_second(), since.subsec_nanosecond()),
            bells: Arc::default(),
            task: Mutex::default(),
        }
    }

    /// A bell for what happens to a service from now on. Look after this, and before the first wait.
    pub(crate) fn listen(&self, project: &str, service: &str) -> Bell {
        let rung = Arc::new(Notify::new());
        self.bells.add((project.to_owned(), service.to_owned()), &rung);
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.get_or_insert_with(|| {
            let follow = follow(self.wire.clone(), self.since.clone(), Arc::clone(&self.bells));
            tokio::spawn(follow).abort_handle()
        });
        Bell {
            rung,
            bells: Arc::clone(&self.bells),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

impl Bell {
    /// Comes back when something happened since the last time, at the latest after `limit`, or when it is time to look
    /// without being told.
    pub(crate) async fn wait(&self, limit: Duration) {
        let pause = if self.bells.works.load(Ordering::Relaxed) {
            SELDOM
        } else {
            OFTEN
        };
        let _ = tokio::time::timeout(limit.min(pause), self.rung.notified()).await;
    }
}

impl Bells {
    fn add(&self, place: Place, bell: &Arc<Notify>) {
        let mut by_place = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
        by_place.retain(|_, bells| {
            bells.retain(|bell| bell.strong_count() > 0);
            !bells.is_empty()
        });
        by_place.entry(place).or_default().push(Arc::downgrade(bell));
    }

    /// Rings for one service, or for all of them.
    fn ring(&self, place: Option<&Place>) {
        let by_place = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = by_place.iter().filter(|(at, _)| place.is_none_or(|place| place == *at));
        for bell in meant.flat_map(|(_, bells)| bells).filter_map(Weak::upgrade) {
            bell.notify_one();
        }
    }
}

/// Follows the engine's events for as long as the connection is used.
async fn follow(wire: Wire, mut since: String, bells: Arc<Bells>) {
    let mut pause = PAUSES.0;
    loop {
        let Ok(stream) = wire.stream() else { return };
        let mut events = std::pin::pin!(stream.docker.events(Some(options(&since))));
        while let Some(Ok(event)) = events.next().await {
            stream.meter.restart();
            pause = PAUSES.0;
            if let Some(nanos) = event.time_nano.filter(|nanos| *nanos > 0) {
                since = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
            }
            let was_working = bells.works.swap(true, Ordering::Relaxed);
            match place_of(event) {
                Some(place) if was_working => bells.ring(Some(&place)),
                // Something may have happened before it worked.
                _ if !was_working => bells.ring(None),
                _ => {}
            }
        }
        bells.works.store(false, Ordering::Relaxed);
        bells.ring(None);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn options(since: &str) -> EventsOptions {
    let actions = ACTIONS.map(str::to_owned).to_vec();
    EventsOptions {
        since: Some(since.to_owned()),
        until: None,
        filters: Some(HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), actions),
        ])),
    }
}

/// The service that an event is about.
fn place_of(event: EventMessage) -> Option<Place> {
    let mut attributes = event.actor?.attributes?;
    let mut label = |name: &str| attributes.remove(name);
    Some((label(labels::PROJECT)?, label(labels::SERVICE)?))
}
