//! Ownership of objects: the mark that an object itself bears, and the other evidence that a run may have.
//!
//! A record says which objects a stack has, and whoever can write the state can write a record. So nothing is deleted,
//! replaced or changed on a record's word alone: the object has to bear the stack's mark, as the system shows it. Where it
//! does not, the stack's key has to vouch for the record, or a person has to name the object.

use super::{ErrorKind, ProviderError, adopt_hint};
use crate::state::StackId;
use crate::urn::Key;

/// Whether an object bears the mark of this stack. Only the object itself is looked at, never what is recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It does.
    Ours,
    /// It bears no stack's mark. With what is seen instead, for people: `written by kubectl-create`.
    Missing(String),
    /// The same, and all who are known to have written it only change what others made (`kubectl edit`): whoever made it,
    /// these writes took the mark off. A change that is recorded puts it on again; a deletion needs more than that.
    Lost(String),
    /// It is marked as somebody else's: `of the stack shop`.
    Theirs(String),
    /// It is marked as a stack's of this name, and that stack has another id.
    Namesake,
}

/// The evidence of a run that an object is the stack's own, besides the mark that it bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Claim {
    /// Nothing: only the mark counts.
    #[default]
    MarkOnly,
    /// A record that bears the seal of the stack's key names it.
    Sealed,
    /// A person named it.
    Named,
}

/// The sign of a [`Mark::Namesake`].
const NAMESAKE: &str =
    "it bears the mark of another stack of this name: of another project, or of a state that was lost";

impl Mark {
    /// Reads the mark of a stack of this name: `found` is the id on the object, of which objects have none that a version made
    /// which wrote no ids.
    pub fn of_name(found: Option<&str>, own: &StackId) -> Self {
        match found {
            Some(found) if found != own.as_str() => Self::Namesake,
            _ => Self::Ours,
        }
    }

    /// Why an object with this mark is not the stack's, to end a sentence with.
    pub fn why_not_ours(&self) -> &str {
        match self {
            Self::Namesake => NAMESAKE,
            _ => "this stack did not make it",
        }
    }

    /// The ways to have an object all the same that bears this mark and is declared as the resource `key`.
    pub fn ways_out(&self, key: &Key) -> String {
        let adopt = adopt_hint(key);
        match self {
            Self::Namesake => format!("{adopt}, or bring back the state that it belongs to (`state import`)"),
            _ => adopt,
        }
    }

    /// True if it is this stack's.
    pub fn is_ours(&self) -> bool {
        *self == Self::Ours
    }

    /// Returns the sign that is seen instead of this stack's mark; none where the mark is there.
    pub fn seen(&self) -> Option<&str> {
        match self {
            Self::Ours => None,
            Self::Missing(seen) | Self::Lost(seen) | Self::Theirs(seen) => Some(seen),
            Self::Namesake => Some(NAMESAKE),
        }
    }

    /// True if an object with this mark may be deleted by a run that claims this.
    pub fn yields_to(&self, claim: Claim) -> bool {
        match self {
            Self::Ours => true,
            Self::Missing(_) | Self::Lost(_) => claim != Claim::MarkOnly,
            Self::Theirs(_) | Self::Namesake => claim == Claim::Named,
        }
    }

    /// The error for an object that may not be deleted by a run that claims this; none where it may.
    ///
    /// # Errors
    /// Where it may not.
    pub fn allow(&self, what: &str, claim: Claim) -> Result<(), ProviderError> {
        let Some(seen) = self.seen().filter(|_| !self.yields_to(claim)) else {
            return Ok(());
        };
        let message = format!("{what} does not bear this stack's mark ({seen}), and stays as it is");
        Err(ProviderError::new(ErrorKind::Precondition, message)
            .with_hint("preview again: it says how to have it deleted; `state rm NAME` drops it from the record"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_as_far_as_it_is_sealed_and_never_against_the_mark_of_others() {
        let seen = String::new;
        for (mark, by_claim) in [
            (Mark::Ours, [true, true, true]),
            (Mark::Missing(seen()), [false, true, true]),
            (Mark::Lost(seen()), [false, true, true]),
            (Mark::Theirs(seen()), [false, false, true]),
            (Mark::Namesake, [false, false, true]),
        ] {
            let claims = [Claim::MarkOnly, Claim::Sealed, Claim::Named];
            assert_eq!(claims.map(|claim| mark.yields_to(claim)), by_claim, "{mark:?}");
            assert_eq!(claims.map(|claim| mark.allow("x", claim).is_ok()), by_claim, "{mark:?}");
        }
    }

    #[test]
    fn a_name_is_ours_with_our_id_or_with_none() {
        let (own, other) = (StackId::draw().expect("random"), StackId::draw().expect("random"));
        for (found, mark) in [
            (None, Mark::Ours),
            (Some(own.as_str()), Mark::Ours),
            (Some(other.as_str()), Mark::Namesake),
            (Some(""), Mark::Namesake),
        ] {
            assert_eq!(Mark::of_name(found, &own), mark, "{found:?}");
        }
    }
}
