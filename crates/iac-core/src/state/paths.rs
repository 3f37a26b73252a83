//! The keys of a stack's objects.

use super::StateError;

/// Digits of a number in a key, so that keys sort as their numbers do.
const DIGITS: usize = 12;

/// No stack comes to this many batches; keeps a file of a strange name from being counted on from.
const HIGHEST: u64 = 1 << 60;

/// The keys of one stack.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    stack: String,
}

impl Paths {
    pub(super) fn new(stack: &str) -> Result<Self, StateError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !stack.starts_with(|c: char| c.is_ascii_alphanumeric()) || !stack.chars().all(allowed) {
            return Err(StateError::Name(stack.to_owned()));
        }
        Ok(Self {
            stack: stack.to_owned(),
        })
    }

    /// Returns the prefix of the keys of all objects of the stack.
    pub(super) fn all(&self) -> String {
        format!("{}/", self.stack)
    }

    /// Says that the stack is there, and in which format.
    pub(super) fn marker(&self) -> String {
        format!("{}/stack.json", self.stack)
    }

    /// The stack whose marker this is.
    pub(super) fn stack_of_marker(key: &str) -> Option<&str> {
        key.strip_suffix("/stack.json").filter(|stack| !stack.contains('/'))
    }

    pub(super) fn keys(&self) -> String {
        format!("{}/key.json", self.stack)
    }

    pub(super) fn lease(&self) -> String {
        format!("{}/lease.json", self.stack)
    }

    pub(super) fn snapshots(&self) -> String {
        format!("{}/snapshot/", self.stack)
    }

    /// The snapshot of the state after this batch.
    pub(super) fn snapshot(&self, batch: u64) -> String {
        format!("{}{batch:0DIGITS$}.snapshot", self.snapshots())
    }

    pub(super) fn journal(&self) -> String {
        format!("{}/journal/", self.stack)
    }

    pub(super) fn batch(&self, batch: u64) -> String {
        format!("{}{batch:0DIGITS$}.batch", self.journal())
    }

    pub(super) fn history(&self) -> String {
        format!("{}/history/", self.stack)
    }

    /// A version's entry. The term keeps an entry that a killed run left apart from that of the run that came next.
    pub(super) fn version(&self, version: u64, term: u64) -> String {
        format!("{}{version:0DIGITS$}-{term:0DIGITS$}.version", self.history())
    }

    /// Returns the prefix of the keys of files that a repair put aside.
    pub(super) fn damaged(&self) -> String {
        format!("{}/damaged/", self.stack)
    }

    /// The key for a file that is put aside; `number` keeps several of one name apart.
    pub(super) fn aside(&self, key: &str, number: u32) -> String {
        let name = key.rsplit('/').next().unwrap_or(key);
        let name = if number > 1 {
            format!("{name}.{number}")
        } else {
            name.to_owned()
        };
        format!("{}{name}", self.damaged())
    }

    /// The number of a batch or snapshot; none if we never gave it that name.
    pub(super) fn number(key: &str) -> Option<u64> {
        stem(key)?.parse().ok().filter(|number| *number < HIGHEST)
    }

    /// The version and term of a history entry.
    pub(super) fn version_and_term(key: &str) -> Option<(u64, u64)> {
        let (version, term) = stem(key)?.split_once('-')?;
        Some((version.parse().ok()?, term.parse().ok()?))
    }
}

fn stem(key: &str) -> Option<&str> {
    let name = key.rsplit('/').next()?;
    name.split('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_keys() {
        let paths = Paths::new("prod").expect("a good name");
        assert_eq!(paths.batch(7), "prod/journal/000000000007.batch");
        assert_eq!(Paths::number(&paths.batch(7)), Some(7));
        assert_eq!(Paths::number(&paths.snapshot(9)), Some(9));
        assert_eq!(Paths::version_and_term(&paths.version(3, 4)), Some((3, 4)));
        assert_eq!(Paths::stack_of_marker(&paths.marker()), Some("prod"));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "-a", "a b", "ä"] {
            assert!(Paths::new(name).is_err(), "{name:?}");
        }
    }
}
