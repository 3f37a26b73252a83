//! The message of a panic of the program.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::mpsc;
use std::time::Duration;

use super::args::Color;
use super::progress;
use super::ui::Ui;
use crate::render::Diagnostic;
use crate::value::KnownSecrets;

/// The longest wait until the lines on the terminal are removed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Has the kernel write no memory of this process to a file or to a crash reporter, whatever the limits say: it holds
/// secrets. Other processes of the user cannot read its memory or environment either, and a debugger needs root.
#[cfg(target_os = "linux")]
pub(super) fn without_core_dumps() {
    // Where it is not allowed, everything else is as before.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Installs the hook. A panic's own message may hold anything, a secret too: it is only shown to whoever asks for a
/// backtrace, and without the secrets that are known by then, since many have backtraces switched on for good.
pub(super) fn install(known: KnownSecrets) {
    std::panic::set_hook(Box::new(move |info| report(info, &known, &Ui::new(Color::Auto, false))));
}

fn report(info: &PanicHookInfo<'_>, known: &KnownSecrets, ui: &Ui) {
    let place = info
        .location()
        .map_or_else(String::new, |location| format!(" at {location}"));
    let mut diagnostic = Diagnostic::error(format!("the program panicked{place}; that is a bug"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let mut message = info.payload_as_str().unwrap_or("no message").to_owned();
        if !known.try_hide(&mut message) {
            "its message cannot be shown: it may quote a secret that is being looked at".clone_into(&mut message);
        }
        diagnostic.causes.push(message);
        diagnostic.details.push(backtrace.to_string());
    } else {
        diagnostic.hints.push(
            "run it again with RUST_BACKTRACE=1 to see the message, without the secrets that are known".to_owned(),
        );
    }
    diagnostic
        .hints
        .push("what was done is recorded; the next run goes on from there".to_owned());
    tell(&diagnostic.render(&ui.styles()), ui);
}

/// Says it above the lines of a run, if some are drawn: within them it would be drawn over. What draws may have panicked
/// itself, and the wait for it ends without success; then it is said all the same.
fn tell(text: &str, ui: &Ui) {
    let Some(drawn) = progress::drawn() else {
        return ui.talk(text);
    };
    let (told, wait) = mpsc::channel();
    let above = (text.to_owned(), ui.clone());
    let started = std::thread::Builder::new().spawn(move || {
        let (text, ui) = above;
        drawn.suspend(|| ui.talk(&text));
        // Nobody waits any more for what comes too late.
        let _ = told.send(());
    });
    if started.is_err() || wait.recv_timeout(PATIENCE).is_err() {
        ui.talk(text);
    }
}
