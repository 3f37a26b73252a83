//! The lines of a text, wrapped at the width of the terminal.

use std::borrow::Cow;

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::TextOptions;
use super::steps::{TEXTS, grouped};
use crate::render::Styles;

/// The narrowest width at which lines are wrapped: below it, words would be torn.
const NARROWEST: usize = 40;

/// The number of characters that a text on one line has at the most, unless everything is asked for.
const LONGEST: usize = 4_000;

/// The indentation of what continues a line, below the line itself.
const HANGING: usize = 4;

/// The text so far.
pub(in crate::review) struct Page {
    pub(in crate::review) out: String,
    pub(in crate::review) options: TextOptions,
    /// The number of lines that texts of several lines may still take.
    pub(super) texts: usize,
}

impl Page {
    /// An empty page.
    pub(in crate::review) fn new(options: TextOptions) -> Self {
        Self {
            out: String::new(),
            options,
            texts: TEXTS,
        }
    }

    /// Appends a line.
    pub(in crate::review) fn line(&mut self, indent: usize, text: &str) {
        self.hanging(indent, HANGING, text);
    }

    /// Appends a line; what continues it is indented `hanging` more.
    pub(super) fn hanging(&mut self, indent: usize, hanging: usize, text: &str) {
        let width = self.options.width.map(|width| width.max(NARROWEST));
        let first = if text.is_empty() {
            String::new()
        } else {
            " ".repeat(indent)
        };
        match width {
            // A text is never shorter in bytes than on a terminal.
            Some(width) if indent + text.len() > width => {
                let rest = " ".repeat((indent + hanging).min(width / 2));
                let options = Options::new(width)
                    .initial_indent(&first)
                    .subsequent_indent(&rest)
                    .word_separator(WordSeparator::AsciiSpace)
                    .word_splitter(WordSplitter::NoHyphenation)
                    .wrap_algorithm(WrapAlgorithm::FirstFit);
                for line in textwrap::wrap(text, options) {
                    self.out.push_str(&line);
                    self.out.push('\n');
                }
            }
            _ => {
                self.out.push_str(&first);
                self.out.push_str(text);
                self.out.push('\n');
            }
        }
    }

    /// A text, or its beginning where it is very long and not everything is asked for.
    pub(in crate::review) fn short<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) if !self.options.verbose => {
                let more = grouped(text[end..].chars().count());
                format!("{}… ({more} more characters, --verbose shows them)", &text[..end]).into()
            }
            _ => text.into(),
        }
    }

    /// Appends an empty line, unless there is one.
    pub(in crate::review) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A source line as it stands at the end of a line.
    pub(super) fn source(&self, source: Option<&str>) -> String {
        source.map_or_else(String::new, |source| {
            Styles::paint(self.options.styles.dim, format_args!("  {source}"))
        })
    }
}
