//! A git repository, as far as it tells one project from another.
//!
//! It is read from its own files, so that nothing of it is run, git need not be there, and it may belong to another user.
//! Only its history, and whether its files are changed, are asked of git, which sees none of the
//! repository's own configuration.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::cli::borrowed::Borrowed;
use crate::cli::build::{DIRTY, short};
use crate::files;
use crate::plan::{Commit, Commits};

/// The time that one question to git may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest file of git's that is read as a whole: a list of all references.
const LARGEST: u64 = 64 << 20;

/// The number of commits that are named.
const MOST_COMMITS: usize = 10;

/// The most that git may answer: a repository of others may have subjects of any length.
const MOST_OUTPUT: u64 = 1 << 20;

/// The largest number of root commits that a repository may have.
const MOST_ROOTS: usize = 16;

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Repository {
    /// The folder of the files that it holds.
    pub(in crate::cli) top: PathBuf,
    /// The git folder of this work tree.
    folder: PathBuf,
    /// The git folder that all work trees of the repository share.
    common: PathBuf,
}

impl Repository {
    /// The one that holds a file or folder, the innermost of several.
    pub(in crate::cli) fn of(path: &Path) -> Option<Self> {
        path.ancestors().find_map(|top| {
            let entry = top.join(".git");
            let folder = if entry.is_dir() {
                entry
            } else {
                // A work tree or a submodule: the file says where the folder is.
                let text = small(&entry)?;
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
        remotes(&small(&self.common.join("config")).unwrap_or_default())
    }

    /// The commit that is checked out.
    pub(in crate::cli) fn head(&self) -> Option<String> {
        let text = small(&self.folder.join("HEAD"))?;
        let Some(name) = text.trim().strip_prefix("ref:").map(str::trim) else {
            return Some(text.trim().to_owned()).filter(|text| is_commit(text));
        };
        let is_name = name.starts_with("refs/") && !name.split('/').any(|part| part == "..");
        let loose = [&self.folder, &self.common].map(|folder| small(&folder.join(name)));
        let commit = loose.into_iter().flatten().next().or_else(|| {
            let packed = small(&self.common.join("packed-refs"))?;
            let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
            lines.find_map(|(commit, packed)| (packed == name).then(|| commit.to_owned()))
        });
        commit
            .map(|commit| commit.trim().to_owned())
            .filter(|commit| is_name && is_commit(commit))
    }

    /// True if files that the repository holds differ from the commit that is checked out.
    pub(in crate::cli) fn is_changed(&self) -> Option<bool> {
        let (borrowed, mut command) = self.command()?;
        command
            .arg("--work-tree")
            .arg(&self.top)
            .args([
                "status",
                "--porcelain",
                "--untracked-files=no",
                "--ignore-submodules=all",
            ])
            .stderr(Stdio::null())
            .stdout(Stdio::piped());
        let says = says_anything(command.as_std_mut(), Instant::now() + PATIENCE);
        drop(borrowed);
        says
    }

    /// `git` over this repository's objects, with none of its configuration.
    fn command(&self) -> Option<(Borrowed, tokio::process::Command)> {
        let borrowed = Borrowed::of(&self.folder, &self.common, &self.head()?)?;
        let mut command = tokio::process::Command::new("git");
        command
            .args(borrowed.arguments())
            .current_dir(&self.top)
            .env_clear()
            .envs(borrowed.environment())
            .stdin(Stdio::null());
        Some((borrowed, command))
    }

    /// The commits between two, each as a run records it; none where git cannot be asked.
    pub(in crate::cli) async fn commits_since(&self, from: &str, to: &str) -> Option<Commits> {
        let hash = from.strip_suffix(DIRTY).unwrap_or(from);
        if !is_commit(hash) {
            return None;
        }
        let mut commits = Commits {
            from: short(from),
            to: short(to.strip_suffix(DIRTY).unwrap_or(to)),
            uncommitted: to.ends_with(DIRTY),
            ..Commits::default()
        };
        if to.strip_suffix(DIRTY).unwrap_or(to) == hash {
            return Some(commits);
        }
        let both = format!("{hash}...HEAD");
        let Some(counts) = self.ask(&["rev-list", "--left-right", "--count", &both, "--"]).await else {
            commits.unknown = true;
            return Some(commits);
        };
        let mut counts = counts.split_whitespace().map(str::parse);
        let (Some(Ok(back)), Some(Ok(ahead))) = (counts.next(), counts.next()) else {
            return None;
        };
        commits.back = back;
        let (most, range) = (format!("--max-count={MOST_COMMITS}"), format!("{hash}..HEAD"));
        let log = self
            .ask(&["log", &most, "-z", "--format=%H%n%an%n%s", &range, "--"])
            .await?;
        commits.newest = log.split('\0').filter_map(commit_of).collect();
        commits.more = usize::saturating_sub(ahead, commits.newest.len());
        Some(commits)
    }

    /// Returns the output of git, if git succeeds in time.
    async fn ask(&self, arguments: &[&str]) -> Option<String> {
        let (borrowed, mut command) = self.command()?;
        command.args(arguments).kill_on_drop(true);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let output = tokio::time::timeout(PATIENCE, output(command)).await;
        drop(borrowed);
        output.ok().flatten()
    }

    /// The commits that its history begins with; none where that cannot be told, as in a shallow clone.
    pub(super) async fn roots(&self) -> BTreeSet<String> {
        if std::fs::metadata(self.common.join("shallow")).is_ok_and(|file| file.len() > 0) {
            return BTreeSet::new();
        }
        // No git, no commit yet, or too long a history: other evidence has to do.
        let text = self.ask(&["rev-list", "--max-parents=0", "HEAD", "--"]).await;
        let roots: BTreeSet<String> = text.unwrap_or_default().lines().map(str::to_owned).collect();
        roots.into_iter().take(MOST_ROOTS).collect()
    }
}

/// The output of a command that succeeds and says no more than is asked for.
async fn output(mut command: tokio::process::Command) -> Option<String> {
    use tokio::io::AsyncReadExt as _;
    let mut child = command.spawn().ok()?;
    let mut output = Vec::new();
    let stdout = child.stdout.take()?;
    stdout.take(MOST_OUTPUT + 1).read_to_end(&mut output).await.ok()?;
    if output.len() as u64 > MOST_OUTPUT {
        return None;
    }
    let status = child.wait().await.ok()?;
    status.success().then(|| String::from_utf8_lossy(&output).into_owned())
}

/// True for the whole name of a commit.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A commit of the log: its hash, its author and its subject, a line each.
fn commit_of(text: &str) -> Option<Commit> {
    let mut lines = text.splitn(3, '\n');
    let (hash, author, subject) = (lines.next()?, lines.next()?, lines.next()?);
    Some(Commit {
        id: short(hash),
        subject: subject.trim_end().to_owned(),
        author: author.to_owned(),
    })
}

/// Whether a program says anything; none where it fails, or has not ended in time: what git reads of a work tree may be a
/// FIFO, too.
fn says_anything(command: &mut std::process::Command, deadline: Instant) -> Option<bool> {
    let mut child = command.spawn().ok()?;
    let output = child.stdout.take();
    let (sender, first) = std::sync::mpsc::channel();
    // It ends with the program.
    std::thread::spawn(move || {
        let length = output.and_then(|mut output| output.read(&mut [0]).ok());
        // Nobody waits for it any more.
        let _ = sender.send(length);
    });
    let length = first.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    let mut status = None;
    while length == Ok(Some(0)) && status.is_none() && Instant::now() < deadline {
        status = child.try_wait().ok()?;
        std::thread::sleep(Duration::from_millis(1));
    }
    if status.is_none() {
        // It may end in this very moment, and then there is nothing to be done.
        let _ = child.kill();
        let _ = child.wait();
    }
    match length {
        Ok(Some(0)) => status.filter(std::process::ExitStatus::success).map(|_| false),
        Ok(Some(_)) => Some(true),
        _ => None,
    }
}

fn common(folder: &Path) -> PathBuf {
    small(&folder.join("commondir")).map_or_else(|| folder.to_owned(), |text| folder.join(text.trim()))
}

/// The text of a file of git's, if it is a file and of a size that such files have.
fn small(path: &Path) -> Option<String> {
    let text = files::read(path, LARGEST).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
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
