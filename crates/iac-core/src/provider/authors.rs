//! The authors of changes to an object that this stack did not make, and when they last wrote it.

use jiff::Timestamp;

use super::Live;
use crate::value::diff::FieldChange;

/// The origin of a difference that nobody made: the object came to it by itself, as a container that ended.
pub const ITSELF: &str = "itself";

/// True if nobody made a difference.
pub(crate) fn is_by_itself(change: &FieldChange) -> bool {
    change.origin.as_deref() == Some(ITSELF)
}

impl Live {
    /// Returns when these authors last wrote the object: one author, or several with commas between them.
    pub(crate) fn last_write(&self, who: &str) -> Option<Timestamp> {
        who.split(", ").filter_map(|name| self.writes.get(name)).max().copied()
    }

    /// Returns the fields that are not as we applied them, each with the author and the time of the author's last write, for
    /// people.
    pub(crate) fn dated_drift(&self) -> impl Iterator<Item = FieldChange> {
        self.drift.iter().cloned().map(|mut change| {
            change.origin = change.origin.filter(|who| who != ITSELF);
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
            drift: vec![change("a"), change("a, b"), change("c"), change(ITSELF)],
            ignored: Vec::new(),
            readiness: Readiness::Ready,
            leaving: None,
            co_owners: Vec::new(),
            writes: writes.collect(),
        };
        let told: Vec<Option<String>> = live.dated_drift().map(|change| change.origin).collect();
        let expected = [
            Some("a, 2026-11-30 18:02 UTC"),
            Some("a, b, 2026-11-30 19:00 UTC"),
            Some("c"),
            None,
        ];
        assert_eq!(told, expected.map(|text| text.map(str::to_owned)));
    }
}
