//! Brings files of a public repository at one revision onto this machine, and nothing else of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::paths::matches;

/// Where repositories come from.
pub(crate) enum Source {
    /// A folder of git directories, `OWNER+NAME/repo`.
    Mirrors(PathBuf),
    /// Git servers: the address before `OWNER/NAME`, and where what was fetched is kept during the run.
    Remote { base: String, kept: PathBuf },
}

/// Files of a repository.
pub(crate) struct Files<'a> {
    /// `OWNER/NAME`.
    pub(crate) repository: &'a str,
    /// A tag, a branch, or `HEAD`.
    pub(crate) revision: &'a str,
    /// Patterns of their paths.
    pub(crate) paths: &'a [&'a str],
}

impl Source {
    /// The public repositories.
    pub(crate) fn public(kept: PathBuf) -> Self {
        Self::Remote {
            base: "https://github.com/".to_owned(),
            kept,
        }
    }

    /// Writes the files below `folder` under their own paths, and gives how many they are. What only says how to make
    /// manifests (`kustomization.yaml`) and links are left out.
    pub(crate) fn fetch(&self, files: &Files<'_>, folder: &Path) -> Result<usize, String> {
        let (repository, commit) = self.commit(files)?;
        let tree = repository.read(&["ls-tree", "-r", &commit])?;
        let wanted: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(about, path)| about.starts_with("100") && is_wanted(files.paths, path))
            .map(|(_, path)| path)
            .collect();
        if wanted.is_empty() {
            return Err(format!(
                "{} has no {} at {}",
                files.repository,
                files.paths.join(", "),
                files.revision
            ));
        }
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => std::fs::create_dir_all(folder).map_err(failed)?,
        }
        // One command for all files, so that a partial clone asks for what it lacks once.
        let index = folder.with_extension("index");
        let work_tree = folder.to_string_lossy();
        let mut arguments = vec!["--work-tree", &work_tree, "checkout", "--quiet", &commit, "--"];
        arguments.extend(&wanted);
        let checked_out = repository.run(&arguments, Some(&index));
        let _ = std::fs::remove_file(index);
        checked_out.map(|_| wanted.len())
    }

    /// The git directory that has a revision, and the commit.
    fn commit(&self, files: &Files<'_>) -> Result<(Repository, String), String> {
        match self {
            Self::Mirrors(folder) => {
                let name = files.repository.replace('/', "+");
                let repository = Repository(folder.join(name).join("repo"));
                let commit = repository.read(&["rev-parse", "--verify", &format!("{}^{{commit}}", files.revision)])?;
                Ok((repository, commit.trim().to_owned()))
            }
            Self::Remote { base, kept } => {
                let repository = Repository(kept.join(files.repository.replace('/', "+")));
                let path = repository.0.to_string_lossy().into_owned();
                if !repository.0.exists() {
                    git(Command::new("git").args(["init", "--quiet", "--bare", &path]))?;
                    let address = format!("{base}{}", files.repository);
                    repository.read(&["remote", "add", "origin", &address])?;
                }
                let filter = ["fetch", "--quiet", "--depth", "1", "--filter", "blob:none", "origin"];
                repository.read(&[&filter[..], &[files.revision]].concat())?;
                let commit = repository.read(&["rev-parse", "FETCH_HEAD^{commit}"])?;
                Ok((repository, commit.trim().to_owned()))
            }
        }
    }
}

fn is_wanted(patterns: &[&str], path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !matches!(name, "kustomization.yaml" | "kustomization.yml") && patterns.iter().any(|pattern| matches(pattern, path))
}

/// A git directory.
struct Repository(PathBuf);

impl Repository {
    fn read(&self, arguments: &[&str]) -> Result<String, String> {
        self.run(arguments, None)
    }

    fn run(&self, arguments: &[&str], index: Option<&Path>) -> Result<String, String> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.0).args(arguments);
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        git(&mut command)
    }
}

/// Runs git and returns its output; an error if it fails. It never asks for a password.
fn git(command: &mut Command) -> Result<String, String> {
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("git: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or("it failed without a word");
    Err(format!("git: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository `a/b` with two commits, the first one tagged `v1`.
    fn repository(root: &Path) -> PathBuf {
        let folder = root.join("origin/a/b");
        std::fs::create_dir_all(folder.join("deploy/sub")).expect("done");
        let run = |arguments: &[&str]| {
            let config = ["-c", "user.name=t", "-c", "user.email=t@example.test"];
            git(Command::new("git").arg("-C").arg(&folder).args(config).args(arguments)).expect("done")
        };
        run(&["init", "--quiet"]);
        run(&["config", "uploadpack.allowFilter", "true"]);
        for (file, text) in [
            ("deploy/a.yaml", "old"),
            ("deploy/sub/b.yaml", "b"),
            ("deploy/kustomization.yaml", "k"),
            ("README.md", "r"),
        ] {
            std::fs::write(folder.join(file), text).expect("done");
        }
        std::os::unix::fs::symlink("a.yaml", folder.join("deploy/link.yaml")).expect("done");
        run(&["add", "--all"]);
        run(&["commit", "--quiet", "--message", "one"]);
        run(&["tag", "v1"]);
        std::fs::write(folder.join("deploy/a.yaml"), "new").expect("done");
        run(&["commit", "--quiet", "--all", "--message", "two"]);
        folder
    }

    fn files<'a>(revision: &'a str, paths: &'a [&'a str]) -> Files<'a> {
        Files {
            repository: "a/b",
            revision,
            paths,
        }
    }

    #[test]
    fn files_come_from_servers_and_from_mirrors() {
        let root = tempfile::tempdir().expect("done");
        let origin = repository(root.path());
        let mirror = root.path().join("mirrors/a+b");
        std::fs::create_dir_all(&mirror).expect("done");
        std::os::unix::fs::symlink(origin.join(".git"), mirror.join("repo")).expect("done");
        let remote = Source::Remote {
            base: format!("file://{}/origin/", root.path().display()),
            kept: root.path().join("kept"),
        };
        for source in [remote, Source::Mirrors(root.path().join("mirrors"))] {
            let folder = root.path().join("out/set");
            for (revision, expected) in [("HEAD", "new"), ("v1", "old")] {
                let got = source
                    .fetch(&files(revision, &["deploy/**/*.yaml"]), &folder)
                    .expect("done");
                assert_eq!(got, 2, "neither the link nor the kustomization");
                assert_eq!(
                    std::fs::read_to_string(folder.join("deploy/a.yaml")).expect("done"),
                    expected
                );
                assert!(folder.join("deploy/sub/b.yaml").is_file() && !folder.join("README.md").exists());
            }
            let nothing = source
                .fetch(&files("HEAD", &["gone/*.yaml"]), &folder)
                .expect_err("refused");
            assert_eq!(nothing, "a/b has no gone/*.yaml at HEAD");
            source
                .fetch(&files("v9", &["deploy/*.yaml"]), &folder)
                .expect_err("refused");
        }
    }
}
