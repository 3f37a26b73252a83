//! Patterns with stars. The time that a match takes grows with the lengths alone, whatever the pattern is: patterns come from
//! files of others.

/// True if a pattern fits all of a text, in its order: a star fits any number of items, all else one each.
pub fn fits<P, T>(pattern: &[P], text: &[T], is_star: impl Fn(&P) -> bool, one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut place) = (0, 0);
    // Behind the last star that was passed, and where its text ends so far. An earlier one need not be tried again: what
    // stands between two stars is best found as early as possible.
    let mut back = None;
    while place < text.len() {
        let next = pattern.get(at);
        if next.is_some_and(&is_star) {
            at += 1;
            back = Some((at, place));
        } else if next.is_some_and(|next| one(next, &text[place])) {
            at += 1;
            place += 1;
        } else if let Some((behind, end)) = back {
            at = behind;
            place = end + 1;
            back = Some((behind, place));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(is_star)
}

/// True if a pattern in which `*` stands for any text fits all of a text.
pub fn text(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    fits(&pattern, &text, |c| *c == '*', |wanted, c| wanted == c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_fits_any_text() {
        for (pattern, fitting, other) in [
            ("", &[""][..], &["a"][..]),
            ("*", &["", "a", "ab"], &[]),
            ("a*", &["a", "ab"], &["", "ba"]),
            ("*a", &["a", "ba", "aa"], &["ab"]),
            ("a*b*c", &["abc", "a-b-c", "abbcc", "abcbc"], &["ac", "abcb", "xabc"]),
            ("**a", &["a", "ba"], &["b"]),
            ("ä*ü", &["äü", "äöü"], &["au"]),
        ] {
            assert!(fitting.iter().all(|fitting| text(pattern, fitting)), "{pattern}");
            assert!(!other.iter().any(|other| text(pattern, other)), "{pattern}");
        }
    }

    #[test]
    fn no_pattern_takes_for_ever() {
        let name = "a".repeat(250);
        assert!(!text(&format!("{}b", "*a".repeat(120)), &name));
        let folders = vec!["a"; 2000];
        let pattern: Vec<&str> = ["**", "a"].repeat(500).into_iter().chain(["b"]).collect();
        assert!(!fits(
            &pattern,
            &folders,
            |part| *part == "**",
            |pattern, name| text(pattern, name)
        ));
    }
}
