//! The secrets that have been seen, to be taken out of texts that somebody else wrote.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{Secret, Value, hex};

/// The placeholder that stands in a text where a secret was.
pub(crate) const HIDDEN: &str = "(secret)";

/// Anything shorter stands in texts by chance: they would become unreadable, and nothing would be hidden by it.
const SHORTEST: usize = 4;

/// Of anything shorter, too little is left of the base64 that begins in the middle of another text.
const SHORTEST_INSIDE: usize = 8;

/// All secrets that were met; clones share them.
#[derive(Clone, Default)]
pub(crate) struct KnownSecrets {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    digests: HashSet<[u8; 32]>,
    /// As they may be quoted, the longest first: one may be part of another.
    forms: Vec<Secret>,
    /// Those that came since these were put in order.
    new: Vec<Secret>,
    /// Which of them begin with four bytes, the longest first: a text is gone through once, however many they are.
    index: HashMap<[u8; SHORTEST], Vec<usize>>,
}

impl KnownSecrets {
    /// Takes in every secret of a value.
    pub(crate) fn learn(&self, value: &Value) {
        value.secrets().into_iter().for_each(|secret| self.learn_secret(secret));
    }

    pub(crate) fn learn_secret(&self, secret: &Secret) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = secret.hidden().into_iter();
        parts
            .filter(|text| text.len() >= SHORTEST)
            .for_each(|text| known.learn(text));
    }

    /// The text without the secrets that are in it.
    pub(crate) fn hide(&self, text: &mut String) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).hide(text);
    }

    /// As [`hide`](Self::hide), without waiting: whoever panics may be at the secrets just now. Tells whether it could.
    pub(crate) fn try_hide(&self, text: &mut String) -> bool {
        match self.known.try_lock() {
            Ok(mut known) => known.hide(text),
            Err(TryLockError::Poisoned(known)) => known.into_inner().hide(text),
            Err(TryLockError::WouldBlock) => return false,
        }
        true
    }
}

impl Known {
    fn learn(&mut self, text: &str) {
        if self.digests.insert(Sha256::digest(text.as_bytes()).into()) {
            self.new.extend(forms(text).into_iter().map(Secret::from));
        }
    }

    /// Many are learned before the first text comes, so they are put in order only then.
    fn sort(&mut self) {
        if !self.new.is_empty() {
            self.forms.append(&mut self.new);
            self.forms.sort_by(|one, other| {
                let (one, other) = (one.expose(), other.expose());
                other.len().cmp(&one.len()).then_with(|| one.cmp(other))
            });
            self.forms.dedup();
            self.index.clear();
            for (number, form) in self.forms.iter().enumerate() {
                if let Some(start) = form.expose().as_bytes().first_chunk() {
                    self.index.entry(*start).or_default().push(number);
                }
            }
        }
    }

    fn hide(&mut self, text: &mut String) {
        self.sort();
        let found = self.find(text);
        if found.is_empty() {
            return;
        }
        let mut hidden = String::with_capacity(text.len());
        let mut from = 0;
        for range in found {
            hidden.push_str(&text[from..range.start]);
            hidden.push_str(HIDDEN);
            from = range.end;
        }
        hidden.push_str(&text[from..]);
        *text = hidden;
    }

    /// Where secrets stand in a text; those that overlap are one place.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for (place, start) in text.as_bytes().windows(SHORTEST).enumerate() {
            let Some(numbers) = start.first_chunk().and_then(|start| self.index.get(start)) else {
                continue;
            };
            let rest = &text.as_bytes()[place..];
            let mut here = numbers.iter().map(|number| self.forms[*number].expose().as_bytes());
            let Some(form) = here.find(|form| rest.starts_with(form)) else {
                continue;
            };
            let end = place + form.len();
            match found.last_mut() {
                Some(last) if place < last.end => last.end = last.end.max(end),
                _ => found.push(place..end),
            }
        }
        found
    }
}

impl fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownSecrets")
    }
}

/// Returns the forms in which a text may be quoted: as it is, escaped, encoded, and encoded as a part of something longer.
fn forms(text: &str) -> Vec<String> {
    let escaped = serde_json::Value::from(text).to_string();
    let debugged = format!("{text:?}");
    let inner = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
    let lower = hex(text.as_bytes());
    let mut forms = vec![
        text.to_owned(),
        inner(&escaped),
        inner(&debugged),
        lower.to_uppercase(),
        lower,
    ];
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(text));
        if text.len() >= SHORTEST_INSIDE {
            forms.extend((0..3).map(|offset| inside(&engine, text, offset)));
        }
    }
    forms
}

/// The characters of base64 that only the text decides, where it begins so many bytes into a group of three.
fn inside(engine: &impl base64::Engine, text: &str, offset: usize) -> String {
    let bytes = [vec![0; offset], text.as_bytes().to_vec()].concat();
    let whole = bytes.len() / 3 * 4;
    let start = if offset == 0 { 0 } else { 4 };
    engine.encode(&bytes)[start..whole].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secret: &str, text: &str) -> String {
        let known = KnownSecrets::default();
        known.learn_secret(&secret.into());
        let mut text = text.to_owned();
        known.hide(&mut text);
        text
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_it_is_quoted() {
        let secret = "hunter2 \"quoted\"\n";
        for quoted in [
            secret.to_owned(),
            serde_json::json!({ "a": secret }).to_string(),
            format!("{secret:?}"),
            hex(secret.as_bytes()),
            STANDARD_NO_PAD.encode(secret),
        ] {
            let text = hidden(secret, &format!("refused: <{quoted}>, sorry"));
            assert!(text.starts_with("refused: <") && text.ends_with(">, sorry"), "{text}");
            assert!(text.contains(HIDDEN) && !text.contains("hunter2"), "{text}");
        }
        for before in ["", "a", "ab", "abc"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}{secret}after"));
            let text = hidden(secret, &encoded);
            assert!(text.contains(HIDDEN), "{text}");
        }
    }

    #[test]
    fn of_a_secret_within_another_the_longer_one_is_taken_out() {
        let known = KnownSecrets::default();
        known.learn(&Value::Array(vec![
            Value::Secret("hunter2".into()),
            Value::Secret("PASSWORD=hunter2!".into()),
        ]));
        let mut text = "PASSWORD=hunter2! and hunter2".to_owned();
        known.hide(&mut text);
        assert_eq!(text, "(secret) and (secret)");
        // Also one that is learned after the first were looked for.
        known.learn_secret(&"URL with PASSWORD=hunter2!".into());
        let mut text = "URL with PASSWORD=hunter2! and hunter2".to_owned();
        known.hide(&mut text);
        assert_eq!(text, "(secret) and (secret)");
    }

    #[test]
    fn of_secrets_that_overlap_nothing_is_left() {
        let known = KnownSecrets::default();
        known.learn(&Value::Array(vec![
            Value::Secret("abcd".into()),
            Value::Secret("cdefgh".into()),
        ]));
        let mut text = "abcdefgh, abcdabcd, cdefghé".to_owned();
        known.hide(&mut text);
        assert_eq!(text, "(secret), (secret)(secret), (secret)é");
    }

    #[test]
    fn nobody_waits_for_the_secrets_who_may_have_them_himself() {
        let known = KnownSecrets::default();
        known.learn_secret(&"hunter2".into());
        let mut text = "hunter2".to_owned();
        let held = known.known.lock();
        assert!(!known.try_hide(&mut text));
        drop(held);
        assert!(known.try_hide(&mut text));
        assert_eq!(text, HIDDEN);
    }

    #[test]
    fn what_would_be_found_everywhere_is_left() {
        assert_eq!(hidden("a", "a banana"), "a banana");
    }
}
