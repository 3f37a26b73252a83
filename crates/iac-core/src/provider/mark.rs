//! Ownership of objects: the mark that an object itself bears, and the other evidence that a run may have.
//!
//! A record says which objects a stack has, and whoever can write the state can write a record. So nothing is deleted,
//! replaced or changed on a record's word alone: the object has to bear the stack's mark, as the system shows it. Where it
//! does not, the stack's key has to vouch for the record, or a person has to name the object.

use super::{ErrorKind, ProviderError};

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

impl Mark {
    /// True if it is this stack's.
    pub fn is_ours(&self) -> bool {
        *self == Self::Ours
    }

    /// Returns the sign that is seen instead of this stack's mark; none where the mark is there.
    pub fn seen(&self) -> Option<&str> {
        match self {
            Self::Ours => None,
            Self::Missing(seen) | Self::Lost(seen) | Self::Theirs(seen) => Some(seen),
        }
    }

    /// True if an object with this mark may be deleted by a run that claims this.
    pub fn yields_to(&self, claim: Claim) -> bool {
        match self {
            Self::Ours => true,
            Self::Missing(_) | Self::Lost(_) => claim != Claim::MarkOnly,
            Self::Theirs(_) => claim == Claim::Named,
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
        ] {
            let claims = [Claim::MarkOnly, Claim::Sealed, Claim::Named];
            assert_eq!(claims.map(|claim| mark.yields_to(claim)), by_claim, "{mark:?}");
            assert_eq!(claims.map(|claim| mark.allow("x", claim).is_ok()), by_claim, "{mark:?}");
        }
    }
}
