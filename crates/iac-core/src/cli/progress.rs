//! The display of a run while it goes on: on a terminal a line for each operation in flight, below those that have ended, and
//! below them those that wait for others; elsewhere plain lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::MultiProgress;

use super::live::Live;
use super::slowest::{Said, slowest};
use super::ui::Ui;
use crate::apply::{Event, EventSink, Report};
use crate::duration::for_people;
use crate::plan::{Action, Plan};
use crate::render::{Diagnostic, Styles, sanitize};
use crate::review::short_name;
use crate::urn::Key;

/// The shortest wait that is worth a line of its own.
const NOTABLE: Duration = Duration::from_secs(1);
/// The lines that are drawn just now, for a message that is printed past their display: the hook of panics.
static DRAWN: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// The lines that are drawn just now, unless there are none, or somebody is just changing that.
pub(super) fn drawn() -> Option<MultiProgress> {
    DRAWN.try_lock().ok().and_then(|drawn| drawn.clone())
}

/// The message for a resource that is applied and not ready yet.
const WAITING: &str = "waiting until it is ready";

/// Turns events into lines.
pub(super) struct Display {
    ui: Ui,
    stack: String,
    names: BTreeMap<Key, String>,
    live: Option<Live>,
    running: Mutex<BTreeMap<Key, Running>>,
    said: Mutex<Said>,
}

/// An operation or a wait in flight, with its last message.
struct Running {
    message: String,
    since: Instant,
    /// True if the provider said it.
    is_news: bool,
}

impl Display {
    pub(super) fn new(ui: &Ui, plan: &Plan) -> Self {
        let names = plan
            .steps
            .iter()
            .map(|step| (step.key.clone(), short_name(&step.key, &step.identity)));
        let live = ui.is_interactive().then(|| Live::new(ui.styles()));
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = live.as_ref().map(Live::lines);
        Self {
            ui: ui.clone(),
            stack: plan.stack.clone(),
            names: names.collect(),
            live,
            running: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// Returns the listener for the engine: it shows each event.
    pub(super) fn sink(self: &Arc<Self>) -> EventSink {
        let display = Arc::clone(self);
        Arc::new(move |event| display.show(event))
    }

    /// Takes the lines of what is still in flight away.
    pub(super) fn close(&self) {
        if let Some(live) = &self.live {
            live.close();
        }
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The slowest steps of the run, as lines.
    pub(super) fn slowest(&self, report: &Report, elapsed: Duration) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        slowest(&self.names, report, &said, elapsed)
    }

    fn show(&self, event: Event) {
        let styles = self.ui.styles();
        match event {
            Event::Held { key, needs, more } => self.hold(&key, &needs, more),
            Event::Started { key, action } => self.begin(&key, doing(action)),
            Event::Waiting { key } => self.begin(&key, WAITING),
            Event::Progress { key, message } => self.progress(&key, &message),
            Event::Noted { key, message } => {
                let line = format!("{}: {}", self.name(&key), sanitize(&message));
                self.line(&Styles::paint(styles.warning, line));
            }
            Event::Applied { key, action, elapsed } => {
                let line = format!("{} {} in {}", self.name(&key), done(action), for_people(elapsed));
                self.end(&key, &Styles::paint(styles.good, line));
            }
            // A resource that was ready at once is not worth a line.
            Event::Ready { key, elapsed } if elapsed < NOTABLE => self.clear(&key),
            Event::Ready { key, elapsed } => {
                let line = format!("{} ready after {}", self.name(&key), for_people(elapsed));
                self.end(&key, &Styles::paint(styles.good, line));
            }
            Event::Failed { key, source, error } => {
                let diagnostic = Diagnostic::from_provider(format!("{} failed", self.name(&key)), &error)
                    .about(&key, &self.stack)
                    .at(source);
                self.end(&key, diagnostic.render(&styles).trim_end());
            }
            Event::Skipped { key, because } => {
                let line = format!("{} skipped: it needs {}", self.name(&key), self.name(&because));
                self.end(&key, &Styles::paint(styles.warning, line));
            }
            Event::NotWaited { key, because } => {
                let line = format!("{} not waited for: it needs {}", self.name(&key), self.name(&because));
                self.end(&key, &Styles::paint(styles.warning, line));
            }
            Event::Recovered { key, message } => {
                self.line(&format!("{}: {}", self.name(&key), sanitize(&message)));
            }
            Event::Removing { key, identity } => {
                let old = format!("deleting the old {}", short_name(&key, &identity));
                self.begin(&key, &old);
            }
            Event::Removed { key, identity, elapsed } => {
                let old = short_name(&key, &identity);
                let line = format!("the old {old} deleted in {}", for_people(elapsed));
                self.end(&key, &Styles::paint(styles.good, line));
            }
        }
    }

    fn name(&self, key: &Key) -> String {
        self.names
            .get(key)
            .cloned()
            .unwrap_or_else(|| sanitize(&key.short()).into_owned())
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<Key, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says on a terminal what a resource waits for before it can go on.
    fn hold(&self, key: &Key, needs: &[Key], more: usize) {
        let Some(live) = &self.live else {
            return;
        };
        let mut needs: Vec<String> = needs.iter().map(|key| self.name(key)).collect();
        if more > 0 {
            needs.push(format!("{more} more"));
        }
        live.hold(key, format!("{} waits for {}", self.name(key), needs.join(", ")));
    }

    fn begin(&self, key: &Key, doing: &str) {
        let name = self.name(key);
        match &self.live {
            Some(live) => live.begin(key, name, doing),
            None if doing != WAITING => self.line(&format!("{name} {doing}")),
            None => {}
        }
        let running = Running {
            message: doing.to_owned(),
            since: Instant::now(),
            is_news: false,
        };
        let before = self.running().insert(key.clone(), running);
        self.account(key, before);
    }

    /// Shows a sign of life, unless it only repeats the last one.
    fn progress(&self, key: &Key, message: &str) {
        let message = sanitize(message).into_owned();
        let news = Running {
            message: message.clone(),
            since: Instant::now(),
            is_news: true,
        };
        let before = match self.running().get_mut(key) {
            Some(running) if running.message == message => return,
            Some(running) => Some(std::mem::replace(running, news)),
            None => None,
        };
        let is_running = before.is_some();
        self.account(key, before);
        match &self.live {
            Some(live) if is_running => live.say(key, &message),
            _ => self.line(&format!("{}: {message}", self.name(key))),
        }
    }

    /// Keeps what stood for longest of all that the provider said.
    fn account(&self, key: &Key, before: Option<Running>) {
        let Some(before) = before.filter(|before| before.is_news) else {
            return;
        };
        let stood = before.since.elapsed();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(key).is_none_or(|(_, longest)| *longest < stood) {
            said.insert(key.clone(), (before.message, stood));
        }
    }

    fn end(&self, key: &Key, text: &str) {
        self.clear(key);
        self.line(text);
    }

    fn clear(&self, key: &Key) {
        let ended = self.running().remove(key);
        self.account(key, ended);
        if let Some(live) = &self.live {
            live.end(key);
        }
    }

    fn line(&self, text: &str) {
        match &self.live {
            Some(live) => live.lines().suspend(|| self.ui.say(text)),
            None => self.ui.say(text),
        }
    }
}

fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
        Action::Adopt => "adopting",
        Action::Forget => "forgetting",
        Action::Wait => WAITING,
        Action::Cleanup => "cleaning up",
        Action::Keep | Action::Same | Action::Record => "recording",
    }
}

/// Returns one word for the action that was carried out.
pub(super) fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
        Action::Adopt => "adopted",
        Action::Forget => "forgotten",
        Action::Wait => "waited for",
        Action::Cleanup => "cleaned up",
        Action::Keep | Action::Same | Action::Record => "recorded",
    }
}
