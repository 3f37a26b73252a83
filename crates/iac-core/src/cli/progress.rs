//! What a run shows while it goes on: on a terminal a line for each operation in flight, below what has ended; elsewhere
//! plain lines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::ui::Ui;
use crate::apply::{Event, EventSink};
use crate::duration::for_people;
use crate::plan::{Action, Plan};
use crate::render::{Diagnostic, Styles, sanitize};
use crate::review::short_name;
use crate::urn::Key;

/// How often a line of an operation in flight is drawn, so that its clock goes on.
const TICK: Duration = Duration::from_millis(200);

/// How long a wait has to last to be worth a line of its own.
const NOTABLE: Duration = Duration::from_secs(1);
/// The lines that are drawn just now, for whoever has something to say past their display: the hook of panics.
static DRAWN: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// The lines that are drawn just now, unless there are none, or somebody is just changing that.
pub(super) fn drawn() -> Option<MultiProgress> {
    DRAWN.try_lock().ok().and_then(|drawn| drawn.clone())
}

/// What is said of a resource that is applied and not ready yet.
const WAITING: &str = "waiting until it is ready";

/// Turns events into lines.
pub(super) struct Display {
    ui: Ui,
    stack: String,
    names: BTreeMap<Key, String>,
    live: Option<MultiProgress>,
    running: Mutex<BTreeMap<Key, Running>>,
}

struct Running {
    bar: Option<ProgressBar>,
    message: String,
}

impl Display {
    pub(super) fn new(ui: &Ui, plan: &Plan) -> Self {
        let names = plan
            .steps
            .iter()
            .map(|step| (step.key.clone(), short_name(&step.key, &step.identity)));
        let live = ui.is_interactive().then(MultiProgress::new);
        DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&live);
        Self {
            ui: ui.clone(),
            stack: plan.stack.clone(),
            names: names.collect(),
            live,
            running: Mutex::default(),
        }
    }

    /// What the engine is given.
    pub(super) fn sink(self: &Arc<Self>) -> EventSink {
        let display = Arc::clone(self);
        Arc::new(move |event| display.show(event))
    }

    /// Takes the lines of what is still in flight away.
    pub(super) fn close(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *running)
            .into_values()
            .for_each(|running| running.clear());
        *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn show(&self, event: Event) {
        let styles = self.ui.styles();
        match event {
            Event::Started { key, action } => self.begin(key, doing(action)),
            Event::Waiting { key } => self.begin(key, WAITING),
            Event::Progress { key, message } => self.progress(&key, &message),
            Event::Noted { key, message } => {
                let line = format!("{}: {}", self.name(&key), sanitize(&message));
                self.line(&Styles::paint(styles.warning, line));
            }
            Event::Applied { key, action, elapsed } => {
                let line = format!("{} {} in {}", self.name(&key), done(action), for_people(elapsed));
                self.end(&key, &Styles::paint(styles.good, line));
            }
            // What was ready at once is not worth a line.
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
                self.begin(
                    key.clone(),
                    &format!("deleting the old {}", short_name(&key, &identity)),
                );
            }
            Event::Removed { key, identity, elapsed } => {
                let line = format!(
                    "the old {} deleted in {}",
                    short_name(&key, &identity),
                    for_people(elapsed)
                );
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

    fn begin(&self, key: Key, doing: &str) {
        let name = self.name(&key);
        let bar = self.live.as_ref().map(|live| {
            let bar = live.add(ProgressBar::new_spinner());
            // The template is a constant; one that could not be read would only look plainer.
            if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_prefix(name.clone());
            bar.set_message(doing.to_owned());
            bar.enable_steady_tick(TICK);
            bar
        });
        if bar.is_none() && doing != WAITING {
            self.line(&format!("{name} {doing}"));
        }
        let running = Running {
            bar,
            message: doing.to_owned(),
        };
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = all.insert(key, running) {
            before.clear();
        }
    }

    /// Shows a sign of life, unless it only repeats the last one.
    fn progress(&self, key: &Key, message: &str) {
        let message = sanitize(message).into_owned();
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = all.get_mut(key) {
            if running.message == message {
                return;
            }
            running.message.clone_from(&message);
            if let Some(bar) = &running.bar {
                bar.set_message(message);
                return;
            }
        }
        drop(all);
        self.line(&format!("{}: {message}", self.name(key)));
    }

    fn end(&self, key: &Key, text: &str) {
        self.clear(key);
        self.line(text);
    }

    fn clear(&self, key: &Key) {
        let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(running) = ended {
            running.clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.live {
            Some(live) => live.suspend(|| self.ui.say(text)),
            None => self.ui.say(text),
        }
    }
}

impl Running {
    fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
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

fn done(action: Action) -> &'static str {
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
