//! A git repository, as far as it tells one project from another.
//!
//! It is read from its own files, so that nothing of it is run, git need not be there, and it may belong to another user.
//! Only the beginning of its history is asked of git, by a command that runs no hook and no monitor.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How long git may think about where the history begins.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many beginnings of its history a repository may have.
const MOST_ROOTS: usize = 16;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// The folder of the files that it holds.
    pub(super) top: PathBuf,
    /// What git keeps of this work tree.
    folder: PathBuf,
    /// What all work trees of the repository share.
    common: PathBuf,
}

impl Repository {
    /// The one that holds a file or folder, the innermost of several.
    pub(super) fn of(path: &Path) -> Option<Self> {
        path.ancestors().find_map(|top| {
            let entry = top.join(".git");
            let folder = if entry.is_dir() {
                entry
            } else {
                // A work tree or a submodule: the file says where the folder is.
                let text = std::fs::read_to_string(&entry).ok()?;
                top.join(text.strip_prefix("gitdir:")?.trim())
            };
            folder.join("HEAD").is_file().then(|| Self {
                top: top.to_owned(),
                common: common(&folder),
                folder,
            })
        })
    }

    /// Its remotes: name and URL, as they are written down.
    pub(super) fn remotes(&self) -> Vec<(String, String)> {
        let text = std::fs::read(self.common.join("config")).unwrap_or_default();
        remotes(&String::from_utf8_lossy(&text))
    }

    /// The commits that its history begins with; none where that cannot be told, as in a shallow clone.
    pub(super) async fn roots(&self) -> BTreeSet<String> {
        if std::fs::metadata(self.common.join("shallow")).is_ok_and(|file| file.len() > 0) {
            return BTreeSet::new();
        }
        let mut command = tokio::process::Command::new("git");
        command
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            .arg("--git-dir")
            .arg(&self.folder)
            .args(["rev-list", "--max-parents=0", "HEAD", "--"])
            .env_clear()
            .envs(
                ["PATH", "HOME"]
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs([
                ("GIT_OPTIONAL_LOCKS", "0"),
                ("GIT_NO_LAZY_FETCH", "1"),
                ("GIT_TERMINAL_PROMPT", "0"),
            ])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let text = match output {
            Ok(Ok(output)) if output.status.success() => output.stdout,
            // No git, no commit yet, or too long a history: other evidence has to do.
            _ => return BTreeSet::new(),
        };
        let roots: BTreeSet<String> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        roots.into_iter().take(MOST_ROOTS).collect()
    }
}

fn common(folder: &Path) -> PathBuf {
    match std::fs::read_to_string(folder.join("commondir")) {
        Ok(text) => folder.join(text.trim()),
        Err(_) => folder.to_owned(),
    }
}

/// The remotes in the text of a `.git/config`.
fn remotes(text: &str) -> Vec<(String, String)> {
    let mut remotes = Vec::new();
    let mut section: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = remote_of(header);
        } else if let (Some(name), Some((key, value))) = (&section, line.split_once('='))
            && key.trim().eq_ignore_ascii_case("url")
        {
            remotes.push((name.clone(), value_of(value)));
        }
    }
    remotes
}

/// The name in `remote "NAME"]`.
fn remote_of(header: &str) -> Option<String> {
    let (section, rest) = header.split_once('"')?;
    let (name, _) = rest.rsplit_once('"')?;
    section.trim().eq_ignore_ascii_case("remote").then(|| name.to_owned())
}

/// A value without quotes, escapes and a comment behind it.
fn value_of(text: &str) -> String {
    let (mut value, mut quoted) = (String::new(), false);
    let mut characters = text.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => value.extend(characters.next()),
            '#' | ';' if !quoted => break,
            other => value.push(other),
        }
    }
    value.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_read_from_the_configuration() {
        let text = "[core]\n\turl = no\n[remote \"origin\"]\n\turl = git@host:a/b.git ; mine\n\tfetch = +refs/*\n\
                    [Remote \"up\"] # other\n  URL=\"https://host/a#b\"\n[branch \"main\"]\n\tremote = origin\n";
        let expected = [("origin", "git@host:a/b.git"), ("up", "https://host/a#b")];
        assert_eq!(
            remotes(text),
            expected.map(|(name, url)| (name.to_owned(), url.to_owned()))
        );
    }
}
