//! Asking somebody at a terminal.

use std::io::IsTerminal as _;

use super::failure::Failure;
use super::session::Session;
use super::ui::Ui;
use crate::render::Styles;
use crate::value::Secret;

/// The answer of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
}

/// Asks until there is an answer; `details` shows more. The end of the input is a no.
pub(super) async fn ask(session: &Session, question: &str, details: impl Fn()) -> Result<Answer, Failure> {
    let ui = &session.ui;
    loop {
        let styles = ui.styles();
        ui.talk(&format!(
            "\n{} [yes/no/details] ",
            Styles::paint(styles.strong, question)
        ));
        let line = session.interrupts.end(async {
            let read = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                std::io::stdin().read_line(&mut line).map(|length| (length, line))
            });
            match read.await {
                Ok(Ok(read)) => Ok(read),
                Ok(Err(error)) => Err(Failure::failed(format!("the answer cannot be read: {error}"))),
                Err(error) => Err(Failure::failed(format!("the answer cannot be read: {error}"))),
            }
        });
        let (length, line) = line.await?;
        match line.trim().to_ascii_lowercase().as_str() {
            "yes" | "y" => return Ok(Answer::Yes),
            "no" | "n" => return Ok(Answer::No),
            "" if length == 0 => return Ok(Answer::No),
            "details" | "d" => details(),
            _ => ui.say("Please answer yes, no, or details."),
        }
    }
}

/// Reads a value: from a terminal a line, without echo for a secret; else all of standard input but the last line end.
pub(super) fn value(ui: &Ui, key: &str, secret: bool) -> Result<Secret, Failure> {
    let fail = |error: std::io::Error| Failure::failed(format!("the value cannot be read: {error}"));
    if !std::io::stdin().is_terminal() {
        let mut text = std::io::read_to_string(std::io::stdin()).map_err(fail)?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        return Ok(text.into());
    }
    if secret {
        return rpassword::prompt_password(format!("{key} (not shown): "))
            .map(Secret::from)
            .map_err(fail);
    }
    ui.talk(&format!("{key}: "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(fail)?;
    Ok(line.trim_end_matches(['\n', '\r']).into())
}
