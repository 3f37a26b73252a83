//! What is said when the program panics.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use super::args::Color;
use super::ui::Ui;
use crate::render::Diagnostic;

/// Installs the hook. A panic's own message may hold anything, a secret too, so it is only shown to whoever asks for a
/// backtrace.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|info| report(info, &Ui::new(Color::Auto, false))));
}

fn report(info: &PanicHookInfo<'_>, ui: &Ui) {
    let place = info
        .location()
        .map_or_else(String::new, |location| format!(" at {location}"));
    let mut diagnostic = Diagnostic::error(format!("the program panicked{place}; that is a bug"));
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let message = info.payload_as_str().unwrap_or("no message");
        diagnostic.causes.push(message.to_owned());
        diagnostic.details.push(backtrace.to_string());
    } else {
        diagnostic
            .hints
            .push("run it again with RUST_BACKTRACE=1 to see the message (it may hold secrets)".to_owned());
    }
    diagnostic
        .hints
        .push("what was done is recorded; the next run goes on from there".to_owned());
    ui.diagnostic(&diagnostic);
}
