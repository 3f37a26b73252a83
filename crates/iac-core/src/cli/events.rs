//! The events of a run as lines of JSON in a file: for programs that follow it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::failure::Failure;
use super::ui::Ui;
use crate::apply::{Event, EventSink};
use crate::files;
use crate::plan::Plan;
use crate::redact;
use crate::render::Diagnostic;
use crate::urn::Key;
use crate::value::canonical;

/// The name of the format and its version.
const FORMAT: &str = "iac.event/1";

/// A file of events.
pub(super) struct EventFile {
    file: Mutex<Option<File>>,
    ui: Ui,
}

impl EventFile {
    /// Opens the file, which gets the events of this run alone.
    pub(super) fn open(path: &Path, ui: &Ui) -> Result<Arc<Self>, Failure> {
        let file = files::create(path);
        let file = file.map_err(|error| Failure::failed(format!("{} cannot be written: {error}", path.display())))?;
        Ok(Arc::new(Self {
            file: Mutex::new(Some(file)),
            ui: ui.clone(),
        }))
    }

    /// Returns the listener for the engine: it writes each event, and hands it on.
    pub(super) fn sink(self: &Arc<Self>, plan: &Plan, next: EventSink) -> EventSink {
        let (file, stack) = (Arc::clone(self), plan.stack.clone());
        Arc::new(move |event| {
            file.write(&event_json(&event, &stack));
            next(event);
        })
    }

    /// A line, whole at once. Where it cannot be written, that is said once, and the run goes on.
    fn write(&self, json: &Json) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let line = canonical::to_string(json) + "\n";
        let written = file.as_mut().map(|file| file.write_all(line.as_bytes()));
        if let Some(Err(error)) = written {
            *file = None;
            let message = format!("events are no longer written: {error}");
            self.ui.diagnostic(&Diagnostic::warning(message));
        }
    }
}

/// An event as JSON.
fn event_json(event: &Event, stack: &str) -> Json {
    let (name, key, mut json) = parts(event);
    json["format"] = json!(FORMAT);
    json["at"] = json!(Timestamp::now());
    json["stack"] = json!(stack);
    json["event"] = json!(name);
    json["key"] = json!(key);
    json
}

/// The name of an event, the resource, and what else there is to say.
fn parts(event: &Event) -> (&'static str, &Key, Json) {
    let milliseconds = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    // Libraries quote URLs, and users give them with passwords in them.
    let texts = |texts: &[String]| -> Vec<String> { texts.iter().map(|text| redact::text(text).into()).collect() };
    match event {
        Event::Held { key, needs, more } => ("held", key, json!({"needs": needs, "more": more})),
        Event::Started { key, action } => ("started", key, json!({"action": action})),
        Event::Progress { key, message } => ("progress", key, json!({"message": redact::text(message)})),
        Event::Noted { key, message } => ("noted", key, json!({"message": redact::text(message)})),
        Event::Applied { key, action, elapsed } => (
            "applied",
            key,
            json!({"action": action, "milliseconds": milliseconds(elapsed)}),
        ),
        Event::Removing { key, identity } => ("removing", key, json!({"identity": identity})),
        Event::Removed { key, identity, elapsed } => (
            "removed",
            key,
            json!({"identity": identity, "milliseconds": milliseconds(elapsed)}),
        ),
        Event::Waiting { key } => ("waiting", key, json!({})),
        Event::Ready { key, elapsed } => ("ready", key, json!({"milliseconds": milliseconds(elapsed)})),
        Event::Failed { key, source, error } => {
            let json = json!({
                "source": source,
                "message": redact::text(&error.message),
                "details": texts(&error.details),
                "hint": error.hint.as_deref().map(redact::text),
            });
            ("failed", key, json)
        }
        Event::Skipped { key, because } => ("skipped", key, json!({"because": because})),
        Event::NotWaited { key, because } => ("not-waited", key, json!({"because": because})),
        Event::Recovered { key, message } => ("recovered", key, json!({"message": redact::text(message)})),
    }
}
