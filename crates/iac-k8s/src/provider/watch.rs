//! Watches: who waits for an object is woken as soon as the server says that somebody wrote it.
//!
//! A watch only rings; what is there is read as ever. So nothing that a watch tells, or fails to tell, decides anything: where
//! there is none (no right to watch, a server that fails), the same looks are made at intervals. There is one for each kind
//! and namespace, however many objects are waited for.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use serde_json::Value as Json;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::call::{Call, CallError};
use super::connect::Connection;

/// The seconds for which the server keeps one watch open.
const LASTS: &str = "290";

/// The time for which a watch may say nothing, not even a bookmark, which comes every minute. Longer than [`LASTS`].
const SILENCE: Duration = Duration::from_mins(6);

/// The longest event that is read: metadata are much shorter.
const LONGEST: u64 = 4 * 1024 * 1024;

/// A watch that lasted for as long as this had no trouble.
const GOOD: Duration = Duration::from_secs(5);

/// The pauses after trouble.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The object whose name an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rings {
    /// That of the object which was written.
    Itself,
    /// That in its label.
    Label(&'static str),
}

/// The watches of a run.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    bells: Mutex<HashMap<String, (Arc<Bell>, AbortHandle)>>,
}

impl Watches {
    /// Wakes `ear` whenever what `rings` for its name is written below the path of a list.
    pub(crate) fn add(&self, connection: &Arc<Connection>, path: String, rings: Rings, ear: &mut Ear) {
        let mut bells = lock(&self.bells);
        let (bell, _) = bells.entry(path).or_insert_with_key(|path| {
            let bell = Arc::new(Bell::default());
            let follow = follow(Arc::clone(connection), path.clone(), rings, Arc::clone(&bell));
            let task = tokio::spawn(follow);
            (bell, task.abort_handle())
        });
        bell.listen(&ear.name, &ear.woken);
        ear.bells.push(Arc::clone(bell));
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for (_, task) in lock(&self.bells).values() {
            task.abort();
        }
    }
}

/// One who waits for news of a name.
#[derive(Debug)]
pub(crate) struct Ear {
    name: String,
    woken: Arc<Notify>,
    bells: Vec<Arc<Bell>>,
}

impl Ear {
    /// One who hears nothing yet.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            woken: Arc::default(),
            bells: Vec::new(),
        }
    }

    /// Waits for news; where none may be heard for `deaf` at the most, else for `heard`.
    pub(crate) async fn wait(&self, deaf: Duration, heard: Duration) {
        let hears = !self.bells.is_empty() && self.bells.iter().all(|bell| bell.live.load(Ordering::Relaxed));
        // If no news came in time, it is time to look all the same.
        let _ = timeout(if hears { heard } else { deaf }, self.woken.notified()).await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        for bell in &self.bells {
            bell.leave(&self.name, &self.woken);
        }
    }
}

/// The waiters that one watch wakes.
#[derive(Debug, Default)]
struct Bell {
    /// True while the server tells everything.
    live: AtomicBool,
    ears: Mutex<HashMap<String, Vec<Arc<Notify>>>>,
    /// Rung when somebody begins to listen.
    wanted: Notify,
}

impl Bell {
    fn listen(&self, name: &str, ear: &Arc<Notify>) {
        lock(&self.ears)
            .entry(name.to_owned())
            .or_default()
            .push(Arc::clone(ear));
        self.wanted.notify_one();
    }

    fn leave(&self, name: &str, ear: &Arc<Notify>) {
        let mut ears = lock(&self.ears);
        if let Some(listening) = ears.get_mut(name) {
            listening.retain(|other| !Arc::ptr_eq(other, ear));
            if listening.is_empty() {
                ears.remove(name);
            }
        }
    }

    fn ring(&self, name: &str) {
        let ears = lock(&self.ears);
        ears.get(name).into_iter().flatten().for_each(|ear| ear.notify_one());
    }

    fn ring_all(&self) {
        lock(&self.ears).values().flatten().for_each(|ear| ear.notify_one());
    }

    /// Comes back as soon as anybody listens.
    async fn wanted(&self) {
        while lock(&self.ears).is_empty() {
            self.wanted.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a watch has ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The server closed it; the next one goes on where it was.
    Over,
    /// The server no longer knows what came after the version that it is to go on from.
    Expired,
    /// A watch is not available here.
    Denied,
    /// Something went wrong.
    Failed,
}

/// Watches again and again, as long as that can be done.
async fn follow(connection: Arc<Connection>, path: String, rings: Rings, bell: Arc<Bell>) {
    let mut version = None;
    let mut pause = FIRST_PAUSE;
    loop {
        bell.wanted().await;
        let began = Instant::now();
        let end = watch(&connection, &path, rings, &bell, &mut version).await;
        bell.live.store(false, Ordering::Relaxed);
        if end != End::Over {
            // Events since may be lost.
            version = None;
            bell.ring_all();
        }
        if end == End::Denied {
            return;
        }
        if began.elapsed() >= GOOD {
            pause = FIRST_PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One watch, from a version on, or from now.
async fn watch(connection: &Connection, path: &str, rings: Rings, bell: &Bell, version: &mut Option<String>) -> End {
    let from = match version.take() {
        Some(version) => version,
        None => match present(connection, path).await {
            Ok(version) => version,
            Err(error) => return end_of(error.code()),
        },
    };
    let call = Call::get_metadata(path)
        .with("watch", "true")
        .with("allowWatchBookmarks", "true")
        .with("timeoutSeconds", LASTS)
        .with("resourceVersion", from.clone());
    let mut events = match connection.stream(&call).await {
        Ok(events) => Box::pin(events),
        Err(error) => return end_of(error.code()),
    };
    *version = Some(from);
    bell.live.store(true, Ordering::Relaxed);
    // Whoever looked before it began may have missed something.
    bell.ring_all();
    loop {
        let line = match timeout(SILENCE, line(&mut events)).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return End::Over,
            _ => return End::Failed,
        };
        let Ok(event) = serde_json::from_slice::<Json>(&line) else {
            return End::Failed;
        };
        let object = &event["object"];
        let metadata = &object["metadata"];
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED" | "DELETED") => {
                let name = match rings {
                    Rings::Itself => &metadata["name"],
                    Rings::Label(label) => &metadata["labels"][label],
                };
                bell.ring(name.as_str().unwrap_or_default());
            }
            Some("BOOKMARK") => {}
            _ => return end_of(object["code"].as_u64().and_then(|code| u16::try_from(code).ok())),
        }
        if let Some(now) = metadata["resourceVersion"].as_str() {
            *version = Some(now.to_owned());
        }
    }
}

/// The version of everything at present.
async fn present(connection: &Connection, path: &str) -> Result<String, CallError> {
    let list = connection.call(&Call::list_metadata(path).with("limit", "1")).await?;
    let version = list.body.pointer("/metadata/resourceVersion").and_then(Json::as_str);
    let version = version.map(str::to_owned);
    version.ok_or_else(|| CallError::Unreadable("a list without a version".to_owned()))
}

fn end_of(code: Option<u16>) -> End {
    match code {
        Some(410) => End::Expired,
        Some(400 | 403..=405) => End::Denied,
        _ => End::Failed,
    }
}

/// The next line; none at the end.
async fn line(events: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    events.take(LONGEST).read_until(b'\n', &mut line).await?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(io::Error::other("an event without an end")),
    }
}
