//! A failure as JSON: what `--json` prints where there is nothing else to print.

use std::ffi::OsString;

use serde_json::{Value as Json, json};

use super::exit;
use super::failure::Failure;
use crate::redact;
use crate::render::Diagnostic;

/// The name of the format and its version.
pub(super) const FORMAT: &str = "iac.failure/1";

/// True if a command line asks for JSON. It may be one that cannot be used, so this is read off its words.
pub(super) fn wants_json(arguments: &[OsString]) -> bool {
    let options = arguments.iter().take_while(|argument| *argument != "--");
    let words: Vec<_> = options.map(|argument| argument.to_string_lossy()).collect();
    let alone = words.iter().any(|word| *word == "--json" || *word == "--format=json");
    alone || words.windows(2).any(|pair| pair == ["--format", "json"])
}

impl Failure {
    /// The failure as JSON.
    pub(super) fn json(&self) -> Json {
        let mut errors: Vec<Json> = self.told.iter().chain(&self.diagnostics).map(error_json).collect();
        if errors.is_empty() {
            errors.push(error_json(&Diagnostic::error(meaning(self.code))));
        }
        json!({"format": FORMAT, "exit_code": self.code, "errors": errors})
    }

    /// A command line that cannot be used, in clap's words.
    pub(super) fn command_line(error: &clap::Error) -> Self {
        let text = error.to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.next().unwrap_or_default();
        let mut diagnostic = Diagnostic::error(message.strip_prefix("error: ").unwrap_or(message));
        for line in lines.take_while(|line| !line.starts_with("Usage:")) {
            match line.strip_prefix("tip: ") {
                Some(tip) => diagnostic.hints.push(tip.to_owned()),
                None => diagnostic.details.push(line.to_owned()),
            }
        }
        Self::new(exit::USAGE, diagnostic)
    }
}

/// Returns the meaning of an exit code, for an end without any other message.
fn meaning(code: u8) -> &'static str {
    match code {
        exit::INTERRUPTED => "interrupted",
        exit::BUG => "the program panicked; that is a bug",
        _ => "nothing was done",
    }
}

fn error_json(diagnostic: &Diagnostic) -> Json {
    // Libraries quote URLs, and users give them with passwords in them.
    let texts = |texts: &[String]| -> Vec<String> { texts.iter().map(|text| redact::text(text).into()).collect() };
    json!({
        "message": redact::text(&diagnostic.message),
        "resource": diagnostic.urn.as_ref().map(ToString::to_string),
        "source": diagnostic.source,
        "causes": texts(&diagnostic.causes),
        "details": texts(&diagnostic.details),
        "hints": texts(&diagnostic.hints),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_in_three_ways() {
        for (line, wanted) in [
            ("prod preview --json", true),
            ("prod preview --format json", true),
            ("prod preview --format=json", true),
            ("prod preview --format text", false),
            ("prod config set --json a", true),
            ("prod config set -- --json", false),
            ("prod preview json", false),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(wants_json(&arguments), wanted, "{line}");
        }
    }

    #[test]
    fn an_end_of_which_nothing_was_said_says_what_it_means() {
        let json = Failure::quiet(exit::INTERRUPTED).json();
        assert_eq!(json["errors"][0]["message"], "interrupted");
        assert_eq!(json["exit_code"], 130);
    }
}
