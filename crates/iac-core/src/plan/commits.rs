//! The commits between the last successful `up` and the program of now: what a reviewer has to look for in a plan.

use serde::{Deserialize, Serialize};

/// The commits between the last successful `up` and the program of now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Commits {
    /// The commit of the last successful `up`, shortened; with `-dirty` behind it where files differed from it.
    pub from: String,
    /// The commit that is checked out, shortened.
    pub to: String,
    /// The newest commits, newest first.
    pub newest: Vec<Commit>,
    /// The number of older ones, which are not listed.
    pub more: usize,
    /// The number of commits that the last `up` had, and that what is checked out has not.
    pub back: usize,
    /// True if the repository does not have the commit of the last `up`: then nothing is known of those since.
    pub unknown: bool,
    /// True if files differ from the commit that is checked out.
    pub uncommitted: bool,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The hash, shortened.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// The name of its author.
    pub author: String,
}

impl Commits {
    /// All of them in a sentence, without a full stop.
    pub fn text(&self) -> String {
        let count = self.newest.len() + self.more;
        let counted = |count: usize| match count {
            0 => "no commit".to_owned(),
            1 => "1 commit".to_owned(),
            count => format!("{count} commits"),
        };
        let mut text = match self.unknown {
            true => format!(
                "The last up was at {}, which this repository does not have; now at {}",
                self.from, self.to
            ),
            false => format!("Since the last up at {}: {}", self.from, counted(count)),
        };
        if self.back > 0 {
            text.push_str(&format!(", and {} fewer", counted(self.back)));
        }
        if self.uncommitted {
            text.push_str(", and changes that are not committed");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_a_sentence() {
        let commit = Commit {
            id: "c".into(),
            subject: "s".into(),
            author: "a".into(),
        };
        let commits = |count, more, back, unknown, uncommitted| Commits {
            from: "a1-dirty".into(),
            to: "b2".into(),
            newest: vec![commit.clone(); count],
            more,
            back,
            unknown,
            uncommitted,
        };
        for (commits, expected) in [
            (
                commits(0, 0, 0, false, false),
                "Since the last up at a1-dirty: no commit",
            ),
            (
                commits(1, 0, 0, false, false),
                "Since the last up at a1-dirty: 1 commit",
            ),
            (
                commits(10, 3, 0, false, true),
                "Since the last up at a1-dirty: 13 commits, and changes that are not committed",
            ),
            (
                commits(0, 0, 2, false, false),
                "Since the last up at a1-dirty: no commit, and 2 commits fewer",
            ),
            (
                commits(0, 0, 0, true, false),
                "The last up was at a1-dirty, which this repository does not have; now at b2",
            ),
        ] {
            assert_eq!(commits.text(), expected);
        }
    }
}
