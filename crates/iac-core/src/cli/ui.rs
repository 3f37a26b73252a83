//! The only place that writes to the terminal: data to standard output, talk to standard error.

use std::io::{IsTerminal, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use serde_json::Value as Json;

use super::args::Color;
use crate::plan::Plan;
use crate::render::{Diagnostic, Styles};
use crate::review::{TextOptions, View};
use crate::value::canonical;

/// Where a command writes to, and how it looks there.
#[derive(Debug, Clone)]
pub(super) struct Ui {
    out: ColorChoice,
    err: ColorChoice,
    verbose: bool,
    /// True once JSON was written to standard output.
    has_json: Arc<AtomicBool>,
}

impl Ui {
    pub(super) fn new(color: Color, verbose: bool) -> Self {
        let (out, err) = match color {
            Color::Auto => (
                AutoStream::choice(&std::io::stdout()),
                AutoStream::choice(&std::io::stderr()),
            ),
            Color::Always => (ColorChoice::Always, ColorChoice::Always),
            Color::Never => (ColorChoice::Never, ColorChoice::Never),
        };
        Self {
            out,
            err,
            verbose,
            has_json: Arc::default(),
        }
    }

    /// The same with another look.
    pub(super) fn looking(&self, color: Color, verbose: bool) -> Self {
        Self {
            has_json: Arc::clone(&self.has_json),
            ..Self::new(color, verbose)
        }
    }

    /// Returns the options for a plan on standard output.
    pub(super) fn text_options(&self) -> TextOptions {
        TextOptions {
            verbose: self.verbose,
            brief: false,
            styles: styles(self.out),
            width: width_of(&std::io::stdout()),
        }
    }

    /// Returns the options for a plan on standard error.
    pub(super) fn talk_options(&self) -> TextOptions {
        TextOptions {
            verbose: self.verbose,
            brief: false,
            styles: self.styles(),
            width: width_of(&std::io::stderr()),
        }
    }

    /// Writes a plan to standard output, as text.
    pub(super) fn plan(&self, plan: &Plan) -> std::io::Result<()> {
        let options = self.text_options();
        self.data(&View::of(plan, options.verbose).to_text(&options))
    }

    /// The styles for standard error.
    pub(super) fn styles(&self) -> Styles {
        styles(self.err)
    }

    /// Writes data to standard output.
    pub(super) fn data(&self, text: &str) -> std::io::Result<()> {
        let mut out = AutoStream::new(std::io::stdout().lock(), self.out);
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes JSON to standard output, in its canonical form.
    pub(super) fn json(&self, json: &Json) -> std::io::Result<()> {
        self.has_json.store(true, Ordering::Relaxed);
        self.data(&(canonical::to_string(json) + "\n"))
    }

    /// True if JSON was written to standard output.
    pub(super) fn has_json(&self) -> bool {
        self.has_json.load(Ordering::Relaxed)
    }

    /// Says a line on standard error.
    pub(super) fn say(&self, line: &str) {
        self.talk(&format!("{line}\n"));
    }

    /// Writes talk to standard error; if nobody listens there, nobody can be told.
    pub(super) fn talk(&self, text: &str) {
        let mut err = AutoStream::new(std::io::stderr().lock(), self.err);
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// Says an error or a warning.
    pub(super) fn diagnostic(&self, diagnostic: &Diagnostic) {
        self.talk(&diagnostic.render(&self.styles()));
    }

    /// True if somebody is there who can be asked.
    pub(super) fn is_interactive(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

/// The columns of a terminal; none where it is no terminal, so that what reads lines gets them whole.
fn width_of(stream: &impl IsTerminal) -> Option<usize> {
    let size = stream.is_terminal().then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0))
}

fn styles(choice: ColorChoice) -> Styles {
    if choice == ColorChoice::Never {
        Styles::plain()
    } else {
        Styles::colored()
    }
}
