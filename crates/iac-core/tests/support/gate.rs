//! The gate between a machine and everything that it can reach: it lets calls through, holds them up, or cuts them off
//! for good. It also watches the rules for writers, and the fate of data, as an outsider sees them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;

/// The traffic of a machine's calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Traffic {
    /// They go through.
    Flows,
    /// They wait, and go through later.
    Stands,
    /// They never come back, as if the machine was killed.
    Ends,
}

/// One machine's gate; its clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate {
    traffic: watch::Sender<Traffic>,
    pace: Duration,
    machine: usize,
    watcher: Watcher,
    /// Whether the machine's run may delete data.
    consent: Arc<AtomicBool>,
}

impl Gate {
    /// `pace` is what each way takes, there and back.
    pub(crate) fn new(machine: usize, pace: Duration, watcher: Watcher) -> Self {
        Self {
            traffic: watch::Sender::new(Traffic::Flows),
            pace,
            machine,
            watcher,
            consent: Arc::default(),
        }
    }

    /// Which machine's it is.
    pub(crate) fn machine(&self) -> usize {
        self.machine
    }

    /// Says whether the machine's next run may delete data.
    pub(crate) fn consent(&self, consent: bool) {
        self.consent.store(consent, Ordering::Relaxed);
    }

    /// The machine deletes an object with data.
    pub(crate) fn deletes_data(&self, name: &str) {
        if !self.consent.load(Ordering::Relaxed) {
            let machine = self.machine;
            self.watcher.offence(format!(
                "machine {machine} deletes the data of {name}, which nobody let go"
            ));
        }
    }

    pub(crate) fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        *self.traffic.borrow()
    }

    /// Comes back when calls go through.
    pub(crate) async fn pass(&self) {
        tokio::time::sleep(self.pace).await;
        let mut traffic = self.traffic.subscribe();
        let _ = traffic.wait_for(|traffic| *traffic == Traffic::Flows).await;
    }

    /// The machine has stored this.
    pub(crate) fn stored(&self, key: &str, bytes: &[u8]) {
        if key.ends_with(".batch") {
            self.watcher.batch(self.machine, bytes);
        }
    }

    /// The machine has changed the world.
    pub(crate) fn changed(&self, what: &str) {
        self.watcher.change(self.machine, what);
    }
}

/// The observations of one machine's run.
#[derive(Clone, Copy, Default, Debug)]
struct Seen {
    term: u64,
    /// Intents without an outcome.
    open: usize,
    /// The number of changes that it may still make, once it was overtaken.
    left: Option<usize>,
}

/// Sees what all machines do, and notes when one writes after it was overtaken, or changes the world then without an
/// intent that is older.
#[derive(Clone, Default)]
pub(crate) struct Watcher {
    machines: Arc<Mutex<Vec<Seen>>>,
    offences: Arc<Mutex<Vec<String>>>,
}

impl Watcher {
    /// Returns the offences against the rules.
    pub(crate) fn offences(&self) -> Vec<String> {
        self.offences.lock().unwrap().clone()
    }

    fn offence(&self, what: String) {
        self.offences.lock().unwrap().push(what);
    }

    fn batch(&self, machine: usize, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines = text.lines().map(|line| {
            let (_, json) = line.split_once(' ').unwrap();
            serde_json::from_str::<Json>(json).unwrap()
        });
        let term = lines.next().unwrap()["term"].as_u64().unwrap();
        let mut machines = self.machines.lock().unwrap();
        let highest = machines.iter().map(|seen| seen.term).max().unwrap_or_default();
        if term < highest {
            self.offence(format!("machine {machine} writes in term {term} after {highest}"));
        }
        if machines.len() <= machine {
            machines.resize(machine + 1, Seen::default());
        }
        for (other, seen) in machines.iter_mut().enumerate() {
            if other != machine && seen.term < term && seen.left.is_none() {
                seen.left = Some(seen.open);
            }
        }
        let own = &mut machines[machine];
        if own.term != term {
            *own = Seen {
                term,
                ..Seen::default()
            };
        }
        for entry in lines {
            let entry = entry.as_object().unwrap().keys().next().unwrap().clone();
            match entry.as_str() {
                "begin" => own.open += 1,
                "applied" | "deleted" | "failed" => own.open -= 1,
                _ => {}
            }
        }
    }

    fn change(&self, machine: usize, what: &str) {
        let mut machines = self.machines.lock().unwrap();
        if let Some(left) = machines.get_mut(machine).and_then(|seen| seen.left.as_mut()) {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.offence(format!("machine {machine} was overtaken before it began: {what}")),
            }
        }
    }
}
