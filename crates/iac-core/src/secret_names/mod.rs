//! Names that say that a value is a secret: one rule for every program, provider and file.
//!
//! A name is read by its words: `dbPassword`, `DB_PASSWORD`, `db-password` and `db.password` have the same two. A value is
//! secret where a word says so (`PASSWORD`, `TOKEN`, `…_KEY`), unless the name is that of something about the secret:
//! `PASSWORD_FILE`, `TOKEN_TTL`, `PUBLIC_KEY`. The configuration has the last word: `secrets.names` adds names, and
//! `secrets.not` takes names away; both are lists, and `*` in a name stands for any text.

mod inside;
mod lines;
mod rule;
mod shown;
mod urls;

use std::ops::Range;

use crate::config::Config;
use crate::glob;
use crate::value::Secret;

pub(crate) use shown::texts;

/// The configuration that adds names.
pub const NAMES: &str = "secrets.names";
/// The configuration that takes names away.
pub const NOT: &str = "secrets.not";

/// Tells which names say that a value is a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretNames {
    more: Vec<String>,
    not: Vec<String>,
    /// The secrets that this program itself works with, which are secret under every name.
    own: Vec<Secret>,
}

impl SecretNames {
    /// The rule with what the configuration adds and takes away.
    #[must_use]
    pub fn configured(mut self, config: &Config) -> Self {
        // Configuration that is set as a secret is no list of names; whoever asks for it is told elsewhere.
        let list = |key: &str| config.get::<String>(key).ok().flatten().unwrap_or_default();
        self.more.extend(names_in(&list(NAMES)));
        self.not.extend(names_in(&list(NOT)));
        self
    }

    /// The rule with more names that are secret.
    #[must_use]
    pub fn and(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.more
            .extend(names.into_iter().map(|name| name.into().to_lowercase()));
        self
    }

    /// The rule with names that are not secret, whatever their words say.
    #[must_use]
    pub fn except(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.not
            .extend(names.into_iter().map(|name| name.into().to_lowercase()));
        self
    }

    /// True if a value of this name is a secret in a field of which nobody knows what it means: not where the name may be
    /// that of a name (`existingSecret: db`, `secretKey: password`).
    pub fn is_password(&self, name: &str) -> bool {
        self.is_secret(name) && rule::names_password(name)
    }

    /// The rule with values that are secret whatever they are called, and whatever the configuration says.
    #[must_use]
    pub(crate) fn knowing(mut self, own: impl IntoIterator<Item = Secret>) -> Self {
        self.own.extend(own);
        self
    }

    /// True if a text has a secret in it that this program itself works with.
    pub fn is_own(&self, text: &str) -> bool {
        self.own.iter().any(|own| text.contains(own.expose().as_str()))
    }

    /// The parts of a text that are secret wherever it stands: the password in a URL, or its path where that is as good as one, the value behind `password=` or
    /// `token=`, a private key; in the text of a file, the values behind names at the beginning of lines.
    pub fn inside(&self, text: &str) -> Vec<Range<usize>> {
        let mut parts = inside::parts(self, text);
        for own in &self.own {
            let found = text.match_indices(own.expose().as_str());
            parts.extend(found.map(|(start, text)| start..start + text.len()));
        }
        disjoint(parts)
    }

    /// True if a value of this name is a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        let folded = name.to_lowercase();
        let any = |patterns: &[String]| patterns.iter().any(|pattern| glob::text(pattern, &folded));
        !any(&self.not) && (any(&self.more) || rule::is_secret(name))
    }
}

/// The ranges in their order; those that overlap are one.
fn disjoint(mut parts: Vec<Range<usize>>) -> Vec<Range<usize>> {
    parts.sort_by_key(|part| part.start);
    let mut found: Vec<Range<usize>> = Vec::with_capacity(parts.len());
    for part in parts {
        match found.last_mut().filter(|last| part.start < last.end) {
            Some(last) => last.end = last.end.max(part.end),
            None => found.push(part),
        }
    }
    found
}

/// The names of a list: separated by commas or blanks.
fn names_in(list: &str) -> impl Iterator<Item = String> {
    let names = list.split(|c: char| c == ',' || c.is_whitespace());
    names.filter(|name| !name.is_empty()).map(str::to_lowercase)
}

/// True if a value can be a secret at all: a word for yes or no is none, nor is a reference to another variable
/// (`$NAME`, `${NAME}`, `$(NAME)`), which only names where the secret is.
pub fn can_be_secret(value: &str) -> bool {
    const WORDS: [&str; 11] = ["0", "1", "false", "no", "none", "null", "off", "on", "true", "yes", "~"];
    let value = value.trim();
    !value.is_empty() && !WORDS.contains(&value.to_ascii_lowercase().as_str()) && !is_reference(value)
}

/// True if a text stands for a value that is elsewhere, or that somebody is still to fill in: `$(cat file)`, `{{ value }}`,
/// `***`.
fn is_placeholder(text: &str) -> bool {
    let variable = text
        .strip_prefix('$')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '(' | '{' | '_')));
    variable || text.starts_with("{{") || text.starts_with('%') || text.chars().all(|c| matches!(c, '*' | '.' | 'x'))
}

/// True if a text is a reference to a variable, and nothing else.
fn is_reference(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else {
        return false;
    };
    let name = match name.chars().next() {
        Some('{') => name[1..].strip_suffix('}'),
        Some('(') => name[1..].strip_suffix(')'),
        _ => Some(name),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.is_some_and(|name| {
        !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigValue;

    #[test]
    fn the_configuration_has_the_last_word() {
        let mut config = Config::default();
        config.set(NAMES, ConfigValue::Plain("PIN, licence_* ".into()), "--config");
        config.set(NOT, ConfigValue::Plain("app_key *_SHARED_TOKEN".into()), "--config");
        let names = SecretNames::default()
            .and(["Seed"])
            .except(["DB_PASS"])
            .configured(&config);
        for (name, expected) in [
            ("PIN", true),
            ("pin", true),
            ("PINS", false),
            ("LICENCE_TEXT", true),
            ("SEED", true),
            ("APP_KEY", false),
            ("MY_SHARED_TOKEN", false),
            ("SHARED_TOKEN", true),
            ("DB_PASS", false),
            ("DB_PASSWORD", true),
        ] {
            assert_eq!(names.is_secret(name), expected, "{name}");
        }
        assert_eq!(config.unused(), []);
    }

    #[test]
    fn what_this_program_works_with_is_secret_under_every_name() {
        let names = SecretNames::default().except(["*"]).knowing(["canary-of-mine".into()]);
        let text = "x canary-of-mine y http://u:canary-of-mine@h";
        let found: Vec<&str> = names.inside(text).into_iter().map(|part| &text[part]).collect();
        assert_eq!(found, ["canary-of-mine", "canary-of-mine"]);
        assert!(names.is_own(text) && !names.is_own("canary"));
    }

    #[test]
    fn yes_no_and_references_are_no_secrets() {
        for value in [
            "",
            " ",
            "true",
            "No",
            "0",
            "null",
            "$DB_PASSWORD",
            "${X}",
            "$(DB_PASSWORD)",
        ] {
            assert!(!can_be_secret(value), "{value}");
        }
        for value in [
            "hunter2",
            "00",
            "$2b$10$abcdef",
            "$1",
            "a$(X)",
            "${X:-hunter2}",
            "truest",
        ] {
            assert!(can_be_secret(value), "{value}");
        }
    }
}
