//! The authors of changes that others made to an object, and when they last wrote it.

use jiff::Timestamp;

use super::Live;
use crate::value::diff::FieldChange;

impl Live {
    /// Returns when these authors last wrote the object: one author, or several with commas between them.
    pub(crate) fn last_write(&self, who: &str) -> Option<Timestamp> {
        who.split(", ").filter_map(|name| self.writes.get(name)).max().copied()
    }

    /// Returns the fields that are not as we applied them, each with the author and the time of the author's last write, for
    /// people.
    pub(crate) fn dated_drift(&self) -> impl Iterator<Item = FieldChange> {
        self.drift.iter().cloned().map(|mut change| {
            if let Some(who) = &mut change.origin
                && let Some(at) = self.last_write(who)
            {
                who.push_str(&format!(", {}", minute(at)));
            }
            change
        })
    }
}

/// A moment for people: `2026-11-30 18:02 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Mark, Readiness};
    use crate::value::{FieldPath, Value};

    #[test]
    fn drift_is_told_with_the_last_write_of_its_author() {
        let change = |who: &str| FieldChange {
            path: FieldPath::fields([who]),
            before: None,
            after: None,
            origin: Some(who.to_owned()),
        };
        let writes = [("a", "2026-11-30T18:02:59Z"), ("b", "2026-11-30T19:00:00Z")];
        let writes = writes
            .into_iter()
            .filter_map(|(who, at)| Some((who.to_owned(), at.parse().ok()?)));
        let live = Live {
            uid: None,
            mark: Mark::Ours,
            outputs: Value::Null,
            drift: vec![change("a"), change("a, b"), change("c")],
            ignored: Vec::new(),
            readiness: Readiness::Ready,
            leaving: None,
            co_owners: Vec::new(),
            writes: writes.collect(),
        };
        let told: Vec<Option<String>> = live.dated_drift().map(|change| change.origin).collect();
        let expected = ["a, 2026-11-30 18:02 UTC", "a, b, 2026-11-30 19:00 UTC", "c"];
        assert_eq!(told, expected.map(|text| Some(text.to_owned())));
    }
}
