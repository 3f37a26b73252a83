//! The browser's process, and the DevTools protocol on its pipes: JSON, each message ended by a zero byte.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::page::Page;
use super::program;
use crate::error::{Error, Result, io};

/// The time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running browser. It ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    events: VecDeque<Value>,
    last: u64,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser with a new profile.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is none; [`Error::Command`] where it does not start.
    pub fn start() -> Result<Self> {
        let profile = tempfile::tempdir().map_err(io("create", std::env::temp_dir()))?;
        let log = profile.path().join("log");
        let log = std::fs::File::create(&log).map_err(io("create", &log))?;
        // The protocol is on the file descriptors 3 and 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"]);
        command.arg(program()?);
        command.args([
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",
            "--disable-gpu",
        ]);
        command.args([
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().join("profile").display()));
        // It keeps its reports of crashes beside the user's own browser otherwise.
        command.env("XDG_CONFIG_HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().map_err(|error| failed("start", &error.to_string()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("start", "it has no pipes"));
        };
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut message = Vec::new();
                match output.read_until(0, &mut message) {
                    Ok(1..) => message.pop(),
                    Ok(0) | Err(_) => return,
                };
                let Ok(message) = serde_json::from_slice(&message) else {
                    return;
                };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let events = VecDeque::new();
        Ok(Self {
            child,
            input,
            messages,
            events,
            last: 0,
            profile,
        })
    }

    /// Opens an empty page.
    ///
    /// # Errors
    /// [`Error::Command`] with the browser's own words.
    pub fn page(&mut self) -> Result<Page<'_>> {
        let target = self.call(None, "Target.createTarget", &json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", &attach)?;
        let session = session["sessionId"].as_str().unwrap_or_default().to_owned();
        Page::new(self, session)
    }

    /// Calls a method of the protocol and waits for its answer.
    pub(super) fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value> {
        self.last += 1;
        let number = self.last;
        let mut message = json!({"id": number, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let bytes = [message.to_string().as_bytes(), b"\0"].concat();
        let sent = self.input.write_all(&bytes).and_then(|()| self.input.flush());
        sent.map_err(|error| failed(method, &format!("{error}\n{}", self.log())))?;
        loop {
            let mut answer = self.next(method)?;
            if answer["id"] != number {
                self.events.push_back(answer);
            } else if answer["error"].is_null() {
                return Ok(answer["result"].take());
            } else {
                return Err(failed(method, &answer["error"].to_string()));
            }
        }
    }

    /// Waits for an event; those before it are kept.
    pub(super) fn wait_for(&mut self, session: &str, method: &str) -> Result<Value> {
        let is_it = |event: &Value| event["method"] == method && event["sessionId"] == session;
        if let Some(place) = self.events.iter().position(is_it) {
            return Ok(self.events.remove(place).unwrap_or_default());
        }
        loop {
            let event = self.next(method)?;
            if is_it(&event) {
                return Ok(event);
            }
            self.events.push_back(event);
        }
    }

    /// The events so far of a page, taken away.
    pub(super) fn events(&mut self, session: &str) -> Vec<Value> {
        self.events.extend(self.messages.try_iter());
        let (of_page, others): (Vec<Value>, Vec<Value>) =
            self.events.drain(..).partition(|event| event["sessionId"] == session);
        self.events = others.into();
        of_page
    }

    fn next(&self, method: &str) -> Result<Value> {
        let next = self.messages.recv_timeout(PATIENCE);
        next.map_err(|error| failed(method, &format!("{error}\n{}", self.log())))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.profile.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end with it.
        let _ = self.call(None, "Browser.close", &json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn failed(what: &str, output: &str) -> Error {
    Error::Command {
        what: "the browser".to_owned(),
        command: what.to_owned(),
        outcome: "failed".to_owned(),
        output: output.to_owned(),
    }
}
