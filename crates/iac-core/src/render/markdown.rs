//! A plan for a pull request: markdown that fits into a comment.
//!
//! The summary and the risks come first, then the steps, those with risks before the others. What is too long for a comment is
//! left out at the end of the steps and counted, so the summary, the problems and the notes are always there. The first
//! line is a mark by which a program finds its comment again; equal plans give equal text.

use super::diagnostic::Diagnostic;
use super::sanitize::sanitize;
use super::steps::Block;
use super::style::Styles;
use super::text::{Page, RISKS, TextOptions, described_targets, risks_by_weight};
use crate::plan::Plan;
use crate::review::words::{mode, risk_name, short_name, summary};

/// How many characters a comment may have on GitHub is 65,536, with room for what stands around the plan.
pub const COMMENT: usize = 64_000;

/// How many lines of one step are shown at the most.
const STEP_LINES: usize = 200;

/// The plan as markdown of at most `limit` bytes, as far as its summary and problems let it; nothing for a plan that changes
/// nothing and has no problems.
pub fn plan_markdown(plan: &Plan, limit: usize) -> String {
    if plan.is_empty() && plan.problems.is_empty() {
        return String::new();
    }
    let (head, tail) = (head(plan), tail(plan));
    let mut blocks = page().blocks(plan);
    blocks.sort_by_key(|block| block.weight);
    let (mut steps, mut left) = (String::new(), limit.saturating_sub(head.len() + tail.len() + 100));
    let mut missing = 0;
    for block in &blocks {
        let text = details(block);
        if text.len() > left {
            missing += block.heads.len();
            continue;
        }
        left -= text.len();
        steps.push_str(&text);
    }
    if missing > 0 {
        steps.push_str(&format!(
            "{missing} more steps are left out: the plan is too long for a comment.\n\n"
        ));
    }
    format!("{head}{steps}{tail}")
}

fn page() -> Page {
    Page {
        out: String::new(),
        options: TextOptions::default(),
    }
}

/// The mark, what would be done where, and the risks.
fn head(plan: &Plan) -> String {
    let stack: String = plan
        .stack
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    let mut text = format!("<!-- iac plan of stack {stack} -->\n### {}\n\n", plain(&summary(plan)));
    let stack = format!("Stack {} ({})", plan.stack, mode(plan.mode));
    text.push_str(&plain(
        &std::iter::once(stack)
            .chain(described_targets(plan))
            .collect::<Vec<_>>()
            .join("; "),
    ));
    text.push_str("\n\n");
    if !plan.observed {
        text.push_str("**Not observed**: the record stands in for what is really there.\n\n");
    }
    let risks = risks_by_weight(plan);
    if !risks.is_empty() {
        let more = risks.len().saturating_sub(RISKS);
        for (risk, step) in risks.into_iter().take(RISKS) {
            let who = short_name(&step.key, &step.identity);
            let line = format!(
                "- **{}** {}: {}\n",
                risk_name(risk.kind),
                plain(&who),
                plain(&risk.message)
            );
            text.push_str(&line);
        }
        if more > 0 {
            text.push_str(&format!("- {more} more at their steps\n"));
        }
        text.push('\n');
    }
    text
}

/// Problems, notes and what is kept, as they stand at the end of the text.
fn tail(plan: &Plan) -> String {
    let mut rest = page();
    rest.notes(plan);
    rest.kept(plan);
    for problem in &plan.problems {
        rest.out.push('\n');
        rest.out
            .push_str(&Diagnostic::from_problem(problem, &plan.stack).render(&Styles::plain()));
    }
    match rest.out.trim() {
        "" => String::new(),
        text => fenced("", text) + "\n",
    }
}

/// One step, or several with the very same changes, to be opened.
fn details(block: &Block) -> String {
    let (first, others) = match block.heads.split_first() {
        Some((first, others)) => (first.as_str(), others),
        None => return String::new(),
    };
    let others = match others.len() {
        0 => String::new(),
        count => format!(" and {count} more with the same changes"),
    };
    let lines: Vec<&str> = block
        .body
        .lines()
        .map(|line| line.strip_prefix("    ").unwrap_or(line))
        .collect();
    let mut body = block.heads.get(1..).unwrap_or_default().join("\n");
    if !body.is_empty() {
        body.push('\n');
    }
    body.push_str(&lines[..lines.len().min(STEP_LINES)].join("\n"));
    if lines.len() > STEP_LINES {
        body.push_str(&format!("\n… {} more lines", lines.len() - STEP_LINES));
    }
    format!(
        "<details><summary>{}{others}</summary>\n\n{}\n</details>\n\n",
        plain(first),
        fenced("diff", body.trim_end())
    )
}

/// A block of code whose fence is longer than any row of backticks in it.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// A text that means nothing to markdown or HTML, mentions nobody and links nowhere.
fn plain(text: &str) -> String {
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
