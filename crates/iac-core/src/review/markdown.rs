//! A plan for a pull request: markdown that fits into a comment.
//!
//! The summary and the risks come first, then the steps: those with risks before the others, which stand in their groups.
//! Steps that are too long for a comment are left out at the end and counted, so the summary, the problems and the
//! notes are always there. The first line is a mark by which a program finds its comment again; equal plans give equal text.

use std::borrow::Cow;

use super::model::{Commits, View};
use super::text::{Block, Page, RISKS, TextOptions, heading};
use super::words::{OFFLINE, mode};
use crate::render::sanitize;

/// The number of characters of a comment: GitHub allows 65,536, less the room for the text around the plan.
pub const COMMENT: usize = 64_000;

/// The number of lines of one step that are shown at the most.
const STEP_LINES: usize = 200;

impl View {
    /// The plan as markdown of at most `limit` bytes, as far as its summary and problems let it; nothing for a plan that
    /// changes nothing and has no problems.
    pub fn to_markdown(&self, limit: usize) -> String {
        if self.is_quiet() {
            return String::new();
        }
        let (head, tail) = (self.head(limit / 3), self.tail(limit / 3));
        let mut steps = Steps::within(limit.saturating_sub(head.len() + tail.len()));
        steps.write(self);
        format!("{head}{}{tail}", steps.text())
    }

    /// The mark, what would be done where, and the risks, as far as `limit` bytes let them.
    fn head(&self, limit: usize) -> String {
        let mut text = format!("{}\n### {}\n\n", mark("plan", &self.stack), plain(&self.summary));
        let stack = format!("Stack {} ({})", self.stack, mode(self.mode));
        let parts: Vec<&str> = std::iter::once(stack.as_str())
            .chain(self.targets.iter().map(String::as_str))
            .collect();
        text.push_str(&plain(&parts.join("; ")));
        text.push_str("\n\n");
        if !self.observed {
            text.push_str(&format!("**Offline**: {OFFLINE}.\n\n"));
        }
        if let Some(commits) = &self.commits {
            text.push_str(&commit_list(commits));
        }
        if self.risks.is_empty() {
            return text;
        }
        let page = Page::new(TextOptions::default());
        let mut told = 0;
        for risk in self.risks.iter().take(RISKS) {
            let (name, message) = (plain(&page.short(&risk.name)), plain(&page.short(&risk.message)));
            let line = format!("- **{}** {name}: {message}\n", risk.label);
            if text.len() + line.len() > limit {
                break;
            }
            text.push_str(&line);
            told += 1;
        }
        if self.risks.len() > told {
            text.push_str(&format!("- {} more at their steps\n", self.risks.len() - told));
        }
        text.push('\n');
        text
    }

    /// Problems, notes and what is kept, as they stand at the end of the text, as far as `limit` bytes let them.
    fn tail(&self, limit: usize) -> String {
        let mut rest = Page::new(TextOptions::default());
        rest.notes(self);
        rest.kept(self);
        rest.problems(self);
        match rest.out.trim() {
            "" => String::new(),
            text => fenced("", &first_lines(text, limit)) + "\n",
        }
    }
}

/// The first lines of a text, and how many there are after them.
fn first_lines(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return text.into();
    }
    let end = text[..text.floor_char_boundary(limit)].rfind('\n').unwrap_or(0);
    let more = text[end..].trim_start_matches('\n').lines().count();
    format!("{}\n… {more} more lines", &text[..end]).into()
}

/// The commits since the last `up`, a line each.
fn commit_list(commits: &Commits) -> String {
    let mut text = format!("{}\n\n", plain(&commits.text()));
    for commit in &commits.newest {
        let (id, subject, author) = (plain(&commit.id), plain(&commit.subject), plain(&commit.author));
        text.push_str(&format!("- {id} {subject} ({author})\n"));
    }
    if commits.more > 0 {
        text.push_str(&format!("- and {} more\n", commits.more));
    }
    if !commits.newest.is_empty() {
        text.push('\n');
    }
    text
}

/// The line by which a program finds its comment again.
pub(super) fn mark(what: &str, stack: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let stack: String = stack.chars().filter(plain).collect();
    format!("<!-- iac {what} of stack {stack} -->")
}

/// The steps as far as there is room for them.
pub(super) struct Steps {
    text: String,
    left: usize,
    missing: usize,
}

impl Steps {
    /// Steps of so many bytes at the most, with what is said of those that are left out.
    pub(super) fn within(limit: usize) -> Self {
        Self {
            text: String::new(),
            left: limit.saturating_sub(100),
            missing: 0,
        }
    }

    /// The steps, and how many are missing.
    pub(super) fn text(self) -> String {
        match self.missing {
            0 => self.text,
            count => {
                let missing = format!("{count} more steps are left out: the plan is too long for a comment.\n\n");
                self.text + &missing
            }
        }
    }

    fn write(&mut self, view: &View) {
        let mut page = Page::new(TextOptions::default());
        let (mut risky, mut others) = (Vec::new(), Vec::new());
        for group in &view.groups {
            let (first, then): (Vec<Block>, Vec<Block>) = page
                .blocks(group)
                .into_iter()
                .partition(|block| block.weight < usize::MAX);
            risky.extend(first);
            others.push((heading(group.kind, &group.component), then));
        }
        risky.sort_by_key(|block| block.weight);
        for block in &risky {
            self.add("", &details(&block.heads, &block.body), block.heads.len());
        }
        for (heading, blocks) in others {
            let mut heading = heading.map_or_else(String::new, |heading| format!("**{}**\n\n", plain(&heading)));
            for block in &blocks {
                let before = self.text.len();
                self.add(&heading, &details(&block.heads, &block.body), block.heads.len());
                if self.text.len() > before {
                    heading.clear();
                }
            }
        }
    }

    /// Appends the text of some steps with its heading, if there is room for both.
    pub(super) fn add(&mut self, heading: &str, text: &str, steps: usize) {
        if heading.len() + text.len() > self.left {
            self.missing += steps;
            return;
        }
        self.left -= heading.len() + text.len();
        self.text.push_str(heading);
        self.text.push_str(text);
    }
}

/// One step, or several with the very same changes, to be opened.
pub(super) fn details(heads: &[String], body: &str) -> String {
    let (first, others) = match heads.split_first() {
        Some((first, others)) => (first.trim_end(), others),
        None => return String::new(),
    };
    let more = match others.len() {
        0 => String::new(),
        count => format!(" and {count} more with the same changes"),
    };
    let lines: Vec<&str> = body
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .collect();
    let mut body = others.concat();
    body.push_str(&lines[..lines.len().min(STEP_LINES)].join("\n"));
    if lines.len() > STEP_LINES {
        body.push_str(&format!("\n… {} more lines", lines.len() - STEP_LINES));
    }
    format!(
        "<details><summary>{}{more}</summary>\n\n{}\n</details>\n\n",
        plain(first),
        fenced("diff", body.trim_end())
    )
}

/// A block of code whose fence is longer than any row of backticks in it.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// A text that means nothing to markdown or HTML, mentions nobody and links nowhere.
pub(super) fn plain(text: &str) -> String {
    let text = sanitize(text);
    let mut plain = String::with_capacity(text.len());
    for (place, c) in text.char_indices() {
        let is_link = c == ':' && text[place..].starts_with("://");
        let steers = matches!(
            c,
            '&' | '<' | '>' | '@' | '#' | '*' | '_' | '`' | '[' | ']' | '~' | '|' | '\\' | '$'
        );
        if is_link || steers {
            plain.push_str(&format!("&#{};", u32::from(c)));
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_steers_the_page() {
        for (text, expected) in [
            ("a b-c/d.e", "a b-c/d.e"),
            ("@all #1", "&#64;all &#35;1"),
            ("<b>", "&#60;b&#62;"),
            ("![x](http://y)", "!&#91;x&#93;(http&#58;//y)"),
            ("a\u{1b}[31m\n\u{202e}b", "a&#92;u{1b}&#91;31m&#92;n&#92;u{202e}b"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fenced("diff", "a"), "```diff\na\n```\n");
        assert_eq!(fenced("", "````\n"), "`````\n````\n\n`````\n");
    }
}
