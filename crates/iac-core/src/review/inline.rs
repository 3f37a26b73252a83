//! Two long texts on one line, as one text with the words that go and come.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::model::{Piece, Tag};

/// The number of bytes that two texts must have together to be shown as one: shorter ones are read side by side.
const LONG: usize = 100;

/// Beyond so many words that may differ, they are taken as one word each side.
const MOST_WORDS: usize = 4_000;

/// The number of unchanged bytes between two changes that count as changed too: single signs in between are hard to read.
const TORN: usize = 2;

/// Both texts in one; none where they are short, or have little in common.
pub(super) fn words(old: &str, new: &str) -> Option<Vec<Piece>> {
    if old.len() + new.len() < LONG {
        return None;
    }
    let (old_words, new_words) = (split(old), split(new));
    let start = old_words.iter().zip(&new_words).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old_words[start..], &new_words[start..]);
    let rest = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
    let mut pieces = Pieces::default();
    pieces.same(&old_words[..start].concat());
    if old_middle.len() + new_middle.len() > MOST_WORDS {
        pieces.changed(&old_middle.concat(), &new_middle.concat());
    } else {
        for op in capture_diff_slices(Algorithm::Myers, old_middle, new_middle) {
            let (before, after) = (old_middle[op.old_range()].concat(), new_middle[op.new_range()].concat());
            match op {
                DiffOp::Equal { .. } => pieces.same(&before),
                _ => pieces.changed(&before, &after),
            }
        }
    }
    pieces.same(&old_rest[old_rest.len() - end..].concat());
    let common: usize = pieces
        .done
        .iter()
        .filter(|piece| piece.tag == Tag::Same)
        .map(|piece| piece.text.len())
        .sum();
    (2 * common >= old.len().max(new.len())).then(|| pieces.finish())
}

/// Words, and what stands between them sign by sign.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first.is_alphanumeric() {
            true => rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    words
}

/// The pieces so far; of what changes, all that goes stands before all that comes.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    removed: String,
    added: String,
}

impl Pieces {
    fn same(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let is_changing = !self.removed.is_empty() || !self.added.is_empty();
        if is_changing && text.len() <= TORN {
            return self.changed(text, text);
        }
        self.flush();
        self.push(Tag::Same, text.to_owned());
    }

    fn changed(&mut self, removed: &str, added: &str) {
        self.removed.push_str(removed);
        self.added.push_str(added);
    }

    fn flush(&mut self) {
        let (removed, added) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.added));
        self.push(Tag::Removed, removed);
        self.push(Tag::Added, added);
    }

    fn push(&mut self, tag: Tag, text: String) {
        if !text.is_empty() {
            self.done.push(Piece { tag, text });
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words as people see them, between a text that stays.
    fn shown(old: &str, new: &str) -> Option<String> {
        let around = |text: &str| format!("{}{text}{}", "a ".repeat(30), " z".repeat(30));
        let pieces = words(&around(old), &around(new))?;
        let text: String = pieces
            .iter()
            .map(|piece| match piece.tag {
                Tag::Removed => format!("[-{}-]", piece.text),
                Tag::Added => format!("{{+{}+}}", piece.text),
                _ => piece.text.clone(),
            })
            .collect();
        Some(text.trim_start_matches("a ").trim_end_matches(" z").to_owned())
    }

    #[test]
    fn words_that_differ_are_marked() {
        for (old, new, expected) in [
            ("one two", "one three", "one [-two-]{+three+}"),
            ("--level=info --x", "--level=debug --x", "--level=[-info-]{+debug+} --x"),
            ("1.2.3", "1.4.5", "1.[-2.3-]{+4.5+}"),
            ("one", "one two", "one {+two +}z"),
            ("one two", "two", "[-one -]two"),
            ("é漢", "é漢 x", "é漢 {+x +}z"),
        ] {
            assert_eq!(shown(old, new).as_deref(), Some(expected));
        }
    }

    #[test]
    fn short_texts_and_other_texts_stand_side_by_side() {
        assert_eq!(words("one", "two"), None);
        assert_eq!(words(&"a ".repeat(60), &"b ".repeat(60)), None);
        assert_eq!(words(&"a".repeat(200), &"b".repeat(200)), None);
    }

    #[test]
    fn of_very_long_texts_the_middle_is_one_word() {
        let text = |middle: &str| format!("{}{}end end", "x ".repeat(20_000), middle.repeat(8_000));
        let pieces = words(&text("a "), &text("b ")).expect("much in common");
        let tags: Vec<Tag> = pieces.iter().map(|piece| piece.tag).collect();
        assert_eq!(tags, [Tag::Same, Tag::Removed, Tag::Added, Tag::Same]);
    }
}
