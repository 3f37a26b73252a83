//! Which keys were asked for, and what a key that nobody asked for may have been meant to be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Entry;
use crate::settings::Setting;

/// The keys that were asked for, and the settings that the program declared. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    /// The keys that were asked for; true if as a secret.
    keys: BTreeMap<String, bool>,
    /// The settings that the program takes, by key, if it declares them.
    settings: Option<BTreeMap<String, Setting>>,
}

/// A value that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// Its key.
    pub key: String,
    /// Where it was set.
    pub origin: String,
    /// A key that was asked for and is spelled much like it.
    pub meant: Option<String>,
    /// True if it stands in the stack's own file, and the program has said what it takes: then it is an error.
    pub refused: bool,
}

impl Unused {
    /// True if the key that is spelled much like it is of the same section, so that it is no other program's.
    fn is_slip(&self) -> bool {
        let section = |key: &str| key.rsplit_once('.').map(|(section, _)| section.to_owned());
        let meant = self.meant.as_deref();
        meant.is_some_and(|meant| section(meant) == section(&self.key))
    }
}

impl Usage {
    pub(super) fn note(&self, key: &str, secret: bool) {
        *self.asked().keys.entry(key.to_owned()).or_default() |= secret;
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        // A panic while it was locked cannot have left it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn declare(&self, settings: &[Setting]) {
        let mut asked = self.asked();
        let known = asked.settings.get_or_insert_default();
        known.extend(settings.iter().map(|setting| (setting.key.clone(), setting.clone())));
        for setting in settings {
            *asked.keys.entry(setting.key.clone()).or_default() |= setting.secret;
        }
    }

    pub(super) fn settings(&self) -> Option<Vec<Setting>> {
        self.asked()
            .settings
            .as_ref()
            .map(|known| known.values().cloned().collect())
    }

    pub(super) fn is_secret(&self, key: &str) -> bool {
        self.asked().keys.get(key).copied().unwrap_or(false)
    }

    pub(super) fn unused(&self, entries: &BTreeMap<String, Entry>) -> Vec<Unused> {
        let asked = self.asked();
        let (keys, strict) = (&asked.keys, asked.settings.is_some());
        let missing: Vec<&str> = keys
            .keys()
            .map(String::as_str)
            .filter(|key| !entries.contains_key(*key))
            .collect();
        entries
            .iter()
            .filter(|(key, _)| !keys.contains_key(*key))
            .map(|(key, entry)| Unused {
                key: key.clone(),
                origin: entry.origin.clone(),
                meant: similar(key, missing.iter().copied()).map(str::to_owned),
                refused: strict && entry.is_own_file(),
            })
            // A key in a shared file may be for other programs: it is no mistake, unless it looks like one.
            .filter(|unused| !entries[&unused.key].shared || unused.is_slip())
            .collect()
    }
}

/// The candidate that is spelled most like `text`, if any is close enough to be a slip of the keyboard.
pub fn similar<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (text.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Counts the insertions, deletions, replacements and swaps of neighbours that lead from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigValue};

    #[test]
    fn close_spellings_are_found() {
        let known = ["api.replicas", "api.image", "db.size"];
        for (text, expected) in [
            ("api.replica", Some("api.replicas")),
            ("api.relpicas", Some("api.replicas")),
            ("api_image", Some("api.image")),
            ("db.sice", Some("db.size")),
            ("cache", None),
            ("api.port", None),
        ] {
            assert_eq!(similar(text, known), expected, "{text}");
        }
    }

    #[test]
    fn what_nobody_reads_is_reported() {
        let mut config = Config::default();
        for key in ["api.replica", "api.image", "kubernetes.context"] {
            config.set(key, ConfigValue::Plain("1".into()), "--config");
        }
        let clone = config.clone();
        assert_eq!(clone.get_or("api.replicas", 2), Ok(2));
        assert_eq!(clone.text("api.image", ""), Ok("1".into()));
        assert_eq!(config.section("kubernetes")["context"], "1");
        assert_eq!(
            config.unused(),
            [Unused {
                key: "api.replica".into(),
                origin: "--config".into(),
                meant: Some("api.replicas".into()),
                refused: false,
            }]
        );
    }
}
