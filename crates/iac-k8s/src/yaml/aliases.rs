//! How much the aliases of a text stand for. The parser counts the events that they repeat, not how long those are: one text of a
//! megabyte and a hundred thousand aliases of it would fill any memory.

use std::collections::HashMap;

use granit_parser::{Event, Parser};

/// The most that the aliases of a text may stand for, in bytes.
const MOST: u64 = 64 << 20;

/// The room that a value takes besides its text.
const NODE: u64 = 32;

/// The place where there is too much of it: line and column. What is no YAML is told by who reads it.
pub(super) fn excess(text: &str) -> Option<(u64, u64)> {
    if !may_hold(text) {
        return None;
    }
    let mut sizes: HashMap<usize, u64> = HashMap::new();
    // Of the values that are open: their anchors, and how much there was before them.
    let mut open: Vec<(usize, u64)> = Vec::new();
    let (mut all, mut repeated) = (0_u64, 0_u64);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        match event {
            Event::DocumentStart(..) => sizes.clear(),
            Event::Scalar(text, _, anchor, _) => {
                let size = NODE + text.len() as u64;
                all = all.saturating_add(size);
                sizes.insert(anchor, size);
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                open.push((anchor, all));
                all = all.saturating_add(NODE);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (anchor, before) = open.pop()?;
                sizes.insert(anchor, all - before);
            }
            Event::Alias(anchor) => {
                let size = sizes.get(&anchor).copied().unwrap_or(NODE);
                all = all.saturating_add(size);
                repeated = repeated.saturating_add(size);
                if repeated > MOST {
                    return Some((span.start.line() as u64, span.start.col() as u64 + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// The message for it.
pub(super) fn message() -> String {
    format!("the aliases up to here stand for more than {} MiB", MOST >> 20)
}

/// True if a text looks as if it had an anchor and an alias: few have, and the others need not be read for it.
fn may_hold(text: &str) -> bool {
    let looks = |sign: char| {
        text.match_indices(sign).any(|(place, _)| {
            let before = text[..place].chars().next_back();
            let after = text[place + 1..].chars().next();
            before.is_none_or(|c| c.is_whitespace() || ",[{:".contains(c))
                && after.is_some_and(|c| c.is_alphanumeric() || "_-".contains(c))
        })
    };
    looks('&') && looks('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aliases_stand_for_is_counted_in_bytes() {
        let long = "x".repeat(1 << 20);
        let many = |count: usize| format!("a: &a {long}\nb: [{}]\n", vec!["*a"; count].join(", "));
        let mut nested = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for number in 1..8 {
            let row = vec![format!("*a{}", number - 1); 10].join(", ");
            nested.push_str(&format!("a{number}: &a{number} [{row}]\n"));
        }
        for (text, expected) in [
            (many(60), None),
            (many(100_000), Some((2, 257))),
            (nested, Some((7, 10))),
            ("a: &a {b: 1}\nc: *a\n".to_owned(), None),
            ("a: b & c * d\n".to_owned(), None),
            ("a: &a [*a".to_owned(), None),
        ] {
            assert_eq!(excess(&text), expected, "{}", text.chars().take(80).collect::<String>());
        }
    }
}
