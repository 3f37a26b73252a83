//! Text that others wrote, made safe for a terminal.

use std::borrow::Cow;

use crate::value::token;

/// True if a character could move the cursor, change colours, reorder what is seen, or is not seen at all: control
/// characters, line separators, and what Unicode lists as format characters (category Cf) or as ignorable by default
/// (`Default_Ignorable_Code_Point`), with a few blanks that look like nothing. Arabic number signs, which are format
/// characters too, are seen and stay.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}'
            // Outputs are written between the first two of the private use area.
            | '\u{e000}' | '\u{e001}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// True if `c` only chooses between the two looks of the symbol before it: a heart in colour, or in black.
fn chooses_a_look(before: Option<char>, c: char) -> bool {
    let symbol = matches!(
        before,
        Some('\u{203c}'..='\u{27bf}' | '\u{2934}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}')
    );
    symbol && matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

/// The text with outputs described, and every character shown as an escape that steers the terminal, changes the
/// direction of writing, ends a line, or cannot be seen.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    let text = token::describe(text);
    if !text.chars().any(is_unsafe) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut before = None;
    for c in text.chars() {
        if is_unsafe(c) && !chooses_a_look(before, c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
        before = Some(c);
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_steers_it() {
        for (text, expected) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
        ] {
            assert_eq!(sanitize(text), expected);
        }
    }

    #[test]
    fn nothing_that_cannot_be_seen_makes_two_names_look_alike() {
        for hidden in [
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{2060}",
            "\u{feff}",
            "\u{ad}",
            "\u{34f}",
            "\u{3164}",
            "\u{115f}",
            "\u{180e}",
            "\u{2064}",
            "\u{206a}",
            "\u{fe00}",
            "\u{fe0f}",
            "\u{fff9}",
            "\u{1d173}",
            "\u{e0061}",
            "\u{e0100}",
        ] {
            let text = format!("ad{hidden}min");
            let expected = format!("ad{}min", hidden.escape_default());
            assert_eq!(sanitize(&text), expected);
        }
    }

    #[test]
    fn text_of_all_scripts_stays_as_it_is() {
        for text in [
            "Ünïcödé e\u{301}",
            "Привет, мир",
            "العربية ٣",
            "עברית",
            "हिन्दी",
            "ไทย",
            "한국어",
            "日本語、カナ",
            "𝔘𝔫𝔦",
            "👍🏽 🇩🇪 ❤\u{fe0f} ✔\u{fe0e} ⚠\u{fe0f}",
        ] {
            assert_eq!(sanitize(text), text);
        }
    }
}
