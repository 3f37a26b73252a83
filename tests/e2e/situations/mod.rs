//! Plans as a reviewer reads them: one situation after the other, on real objects.
//!
//! For each situation the facts that a reviewer needs are written down in the test. Each format has to state each of them,
//! and `plans/` has the text for people who want to read it.

mod docker;
mod kubernetes;
mod offline;

use std::cell::RefCell;

use crate::support::{Project, Ran};

/// The formats that are read by people.
const FORMATS: [&str; 3] = ["text", "markdown", "html"];

/// Previews of one program after another, and the facts that they did not tell.
#[derive(Default)]
pub(super) struct Review {
    missing: RefCell<Vec<String>>,
}

impl Review {
    /// A preview tells these facts in each format, and reads as it did when somebody last read it. `names` are those that
    /// differ between two runs, and the ones that stand for them in `plans/`.
    pub(super) fn tells(
        &self,
        project: &Project,
        situation: &str,
        arguments: &[&str],
        names: &[(&str, &str)],
        facts: &[&str],
    ) {
        for format in FORMATS {
            let mut all = vec!["preview", "--format", format];
            all.extend(arguments);
            let ran = Ran::of(&mut project.command(all));
            assert!(ran.code == 0 || ran.code == 1, "{situation}: {ran}");
            let page = names
                .iter()
                .fold(ran.stdout, |page, (name, stands)| page.replace(name, stands));
            if format == "text" {
                settings().bind(|| insta::assert_snapshot!(situation, page));
            }
            let read = as_read(format, &page);
            let is_told = |fact: &str| read.iter().any(|page| page.contains(&words(fact)));
            let not_told = facts.iter().filter(|fact| !is_told(fact));
            let not_told = not_told.map(|fact| format!("{situation} as {format} does not tell {fact:?}"));
            self.missing.borrow_mut().extend(not_told);
        }
    }

    /// Fails if a fact was not told.
    pub(super) fn ends(self) {
        let missing = self.missing.into_inner();
        assert!(missing.is_empty(), "{missing:#?}");
    }
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../plans");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // The engine and the cluster of the test bed, by version and address.
    settings.add_filter(r"docker: Docker Engine [^\n;]*", "docker: TEST BED");
    settings.add_filter(r"kubernetes: context [^,;\n]*, server [^,;\n]*", "kubernetes: TEST BED");
    settings.add_filter(r"20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "TIME");
    // The time of steps, which is told only where it was long.
    settings.add_filter(r"\n +how long: [^\n]*", "");
    settings.add_filter(r"; takes about [^\n]*as far as earlier runs tell( \([^)\n]*\))?", "");
    // A port that the server chose in its trial.
    settings.add_filter(r"nodePort: \d+", "nodePort: PORT");
    // IDs that the engine and we draw.
    settings.add_filter(r#""?\b([0-9a-f]{64}|[0-9a-f]{16})\b"?"#, "ID");
    settings
}

/// A page as people read it: its words, in each way in which the page can be read.
fn as_read(format: &str, page: &str) -> Vec<String> {
    match format {
        "markdown" => vec![words(&unescaped(page))],
        // Of a text that changes in a few words, the old and the new one stand in one another.
        "html" => [&[][..], &["del"], &["ins"]]
            .into_iter()
            .map(|hidden| words(&unescaped(&without_tags(page, hidden))))
            .collect(),
        _ => vec![words(page)],
    }
}

/// The words of a text with one blank between two of them, since each format has punctuation of its own.
fn words(text: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "./-_[]()<>*%".contains(c);
    let words = text
        .split(|c| !is_word(c))
        .filter(|word| word.chars().any(char::is_alphanumeric));
    words.collect::<Vec<_>>().join(" ")
}

/// The text of a page of HTML, but for what stands in `hidden` elements.
fn without_tags(page: &str, hidden: &[&str]) -> String {
    let body = page.split_once("<body").map_or(page, |(_, body)| body);
    let body = body.split_once("<script").map_or(body, |(body, _)| body);
    let (mut text, mut inside) = (String::new(), 0_usize);
    for part in body.split('<') {
        let (tag, rest) = part.split_once('>').unwrap_or(("", part));
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        if hidden.contains(&name) {
            inside = if tag.starts_with('/') {
                inside.saturating_sub(1)
            } else {
                inside + 1
            };
        } else if !["a", "b", "code", "em", "span", "strong"].contains(&name)
            && (hidden.is_empty() || !["del", "ins"].contains(&name))
        {
            text.push(' ');
        }
        if inside == 0 {
            text.push_str(rest);
        }
    }
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    plain
        .iter()
        .fold(text, |text, (escaped, plain)| text.replace(escaped, plain))
}

/// A text whose `&#NUMBER;` are the characters that they stand for.
fn unescaped(page: &str) -> String {
    let mut parts = page.split("&#");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.split_once(';').and_then(|(number, rest)| {
            let character = char::from_u32(number.parse().ok()?)?;
            Some((character, rest))
        });
        match escaped {
            Some((character, rest)) => {
                text.push(character);
                text.push_str(rest);
            }
            None => {
                text.push_str("&#");
                text.push_str(part);
            }
        }
    }
    text
}
