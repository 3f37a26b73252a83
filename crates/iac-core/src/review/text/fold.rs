//! Folds: what is long and the same, or long and of little news, takes few lines.

use super::page::Page;
use super::steps::{Block, grouped};
use crate::render::Styles;

/// The number of resources with the very same changes that have a line each.
const HEADS: usize = 4;
/// The width of a list of names where there is no terminal.
const NAMES_WIDTH: usize = 110;
/// The number of lines of one text that are shown in a new resource.
const TEXT_LINES: usize = 20;

impl Page {
    /// The resources of a block: a line for each, or where there are many, one line and their names.
    pub(super) fn heads(&mut self, block: &Block) {
        if block.heads.len() <= HEADS {
            self.out.extend(block.heads.iter().map(String::as_str));
            return;
        }
        let (sign, word) = &block.action;
        let count = format!("{} resources", grouped(block.names.len()));
        let count = Styles::paint(self.options.styles.strong, count);
        self.line(0, &format!("{sign} {count}: {word}"));
        for line in list(&block.names, self.options.width.unwrap_or(NAMES_WIDTH)) {
            self.line(4, &line);
        }
    }
}

/// Names with commas between them, in lines. Those of one kind follow it.
fn list(names: &[String], width: usize) -> Vec<String> {
    let width = width.saturating_sub(4);
    let mut lines: Vec<String> = Vec::new();
    let mut kind = "";
    for name in names {
        let (of, rest) = name.split_once(' ').unwrap_or(("", name));
        let text = if of == kind { rest } else { name.as_str() };
        match lines.last_mut() {
            Some(line) if of == kind && line.len() + 2 + text.len() <= width => {
                line.push_str(", ");
                line.push_str(text);
            }
            Some(line) if of == kind => {
                line.push(',');
                lines.push(text.to_owned());
            }
            _ => lines.push(text.to_owned()),
        }
        kind = of;
    }
    lines
}

/// The lines of a new resource with the beginning of each long text in it, and without long schemas: those are for machines.
pub(super) fn folded(lines: &[String]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut rest = lines;
    while let Some((line, below)) = rest.split_first() {
        shown.push(line.clone());
        let (what, most) = match sort(line) {
            Sort::Text => ("text", TEXT_LINES),
            Sort::Schema => ("schema", 0),
            Sort::Other => {
                rest = below;
                continue;
            }
        };
        let inner = |other: &&String| other.trim().is_empty() || indent(other) > indent(line);
        let all = below.iter().take_while(inner).count();
        let most = if all > TEXT_LINES { most } else { all };
        shown.extend(below[..most].iter().cloned());
        if most < all {
            let more = grouped(all - most);
            let inner = " ".repeat(indent(line) + 2);
            shown.push(format!(
                "{inner}… {more} more lines of this {what} (--verbose shows them)"
            ));
        }
        rest = &below[all..];
    }
    shown
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The content that follows on a line.
enum Sort {
    Text,
    Schema,
    Other,
}

fn sort(line: &str) -> Sort {
    match line {
        _ if line.ends_with('|') || line.ends_with("|-") || line.ends_with("|+") => Sort::Text,
        _ if line.ends_with("schema:") || line.ends_with("Schema:") => Sort::Schema,
        _ => Sort::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn names_of_one_kind_share_lines() {
        let names = owned(&[
            "ConfigMap shop/a",
            "ConfigMap shop/b",
            "ConfigMap shop/c",
            "Secret shop/d",
        ]);
        assert_eq!(
            list(&names, 32),
            ["ConfigMap shop/a, shop/b,", "shop/c", "Secret shop/d"]
        );
        assert_eq!(list(&names, 80), ["ConfigMap shop/a, shop/b, shop/c", "Secret shop/d"]);
    }

    #[test]
    fn the_beginning_of_a_long_text_is_shown() {
        let mut lines = owned(&["data:", "  short: |", "    a", "  long: |-"]);
        lines.extend((0..30).map(|number| format!("    line {number}")));
        lines.extend(owned(&["kind: ConfigMap"]));
        let shown = folded(&lines);
        assert_eq!(shown[..4], lines[..4]);
        assert_eq!(
            shown[4 + TEXT_LINES],
            "    … 10 more lines of this text (--verbose shows them)"
        );
        assert_eq!(shown.last(), lines.last());
        assert_eq!(shown.len(), 4 + TEXT_LINES + 2);
        let ends = owned(&["a: b|", "c: d"]);
        assert_eq!(folded(&ends), ends);
    }

    #[test]
    fn a_long_schema_is_counted() {
        let mut lines = owned(&[
            "spec:",
            "  - name: v1",
            "    schema:",
            "      openAPIV3Schema:",
            "        type: object",
            "    served: true",
        ]);
        assert_eq!(folded(&lines), lines);
        lines.splice(5..5, (0..30).map(|number| format!("        x{number}: y")));
        let expected = [
            "spec:",
            "  - name: v1",
            "    schema:",
            "      … 32 more lines of this schema (--verbose shows them)",
            "    served: true",
        ];
        assert_eq!(folded(&lines), expected);
    }
}
