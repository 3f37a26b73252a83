//! Asking git about a repository without obeying it.
//!
//! A repository's own configuration may name programs: a monitor, hooks, filters, a way to fetch what is missing. So git
//! is given a folder of ours in place of the repository's, with an empty configuration, and only borrows the objects and
//! the index.

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;

/// A folder that git takes for a repository with these objects, whose `HEAD` is a commit.
#[derive(Debug)]
pub(super) struct Borrowed {
    folder: TempDir,
    objects: OsString,
    index: OsString,
}

impl Borrowed {
    /// `folder` is what git keeps of the work tree, `common` what all of them share.
    pub(super) fn of(folder: &Path, common: &Path, commit: &str) -> Option<Self> {
        let ours = tempfile::tempdir().ok()?;
        let path = ours.path();
        std::fs::create_dir(path.join("refs")).ok()?;
        std::fs::create_dir(path.join("objects")).ok()?;
        std::fs::write(path.join("HEAD"), format!("{commit}\n")).ok()?;
        // The names of objects tell which hash makes them.
        let format = match commit.len() {
            40 => "[core]\n\trepositoryformatversion = 0\n",
            _ => "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n",
        };
        std::fs::write(path.join("config"), format).ok()?;
        Some(Self {
            objects: common.join("objects").into_os_string(),
            index: folder.join("index").into_os_string(),
            folder: ours,
        })
    }

    /// The arguments that come first.
    pub(super) fn arguments(&self) -> [OsString; 6] {
        let text = OsString::from;
        let ours = self.folder.path().as_os_str().to_owned();
        [
            text("--git-dir"),
            ours,
            text("-c"),
            text("core.fsmonitor=false"),
            text("-c"),
            text("core.hooksPath=/dev/null"),
        ]
    }

    /// The whole environment.
    pub(super) fn environment(&self) -> Vec<(OsString, OsString)> {
        let given = |(name, value): (&str, &str)| (OsString::from(name), OsString::from(value));
        let settings = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            // No way to fetch anything at all.
            ("GIT_ALLOW_PROTOCOL", "none"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ];
        let own = ["PATH", "HOME"].map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
        let mut all: Vec<_> = own.into_iter().flatten().chain(settings.map(given)).collect();
        all.push(("GIT_OBJECT_DIRECTORY".into(), self.objects.clone()));
        all.push(("GIT_INDEX_FILE".into(), self.index.clone()));
        all
    }
}
