//! Which files hold manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use iac_core::glob;
use iac_core::reach::Reach;

use super::ManifestError;

/// A file of manifests, or a folder of such files; what [`Kubernetes::yaml`](crate::Kubernetes::yaml) takes.
///
/// ```
/// use iac_k8s::ManifestFiles;
///
/// let files = ManifestFiles::new("k8s").exclude("dashboards/*.json").exclude("kustomization.yaml");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFiles {
    pub(super) path: PathBuf,
    exclude: Vec<String>,
}

impl ManifestFiles {
    /// The file, or every `.yaml`, `.yml` and `.json` file in the folder and the folders in it; names that begin with a dot
    /// are left out.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            exclude: Vec::new(),
        }
    }

    /// Leaves out the files and folders that a pattern matches: a path below the folder, where `*` stands for anything
    /// within a name and `**` for any folders; a pattern without `/` is a name at any depth.
    #[must_use]
    pub fn exclude(mut self, pattern: impl Into<String>) -> Self {
        self.exclude.push(pattern.into());
        self
    }

    /// The files, in the order of their names.
    pub(super) fn list(&self, reach: &Reach) -> Result<Vec<PathBuf>, Vec<ManifestError>> {
        if !self.path.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let mut files = Vec::new();
        let mut seen = BTreeMap::new();
        self.collect(&self.path, reach, &mut files, &mut seen)
            .map_err(|error| vec![error])?;
        if files.is_empty() {
            let message = "there is no .yaml, .yml or .json file in it";
            return Err(vec![ManifestError::of(&self.path, None, message)]);
        }
        Ok(files)
    }

    /// `seen` are the folders so far, by where they really are: by links, one may hold itself.
    fn collect(
        &self,
        folder: &Path,
        reach: &Reach,
        files: &mut Vec<PathBuf>,
        seen: &mut BTreeMap<PathBuf, PathBuf>,
    ) -> Result<(), ManifestError> {
        let fail = |error: std::io::Error| ManifestError::of(folder, None, format!("cannot be read: {error}"));
        reach.admit(folder).map_err(fail)?;
        let real = folder.canonicalize().map_err(fail)?;
        if let Some(first) = seen.insert(real, folder.to_owned()) {
            let message = format!("it is a link to a folder that is read already, as {}", first.display());
            return Err(ManifestError::of(folder, None, message));
        }
        let entries = std::fs::read_dir(folder).map_err(fail)?;
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        paths.sort();
        for path in paths {
            let is_hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let extension = path.extension().and_then(|extension| extension.to_str());
            if is_hidden || self.excludes(&path) {
                continue;
            } else if path.is_dir() {
                self.collect(&path, reach, files, seen)?;
            } else if matches!(extension, Some("yaml" | "yml" | "json")) {
                files.push(path);
            }
        }
        Ok(())
    }

    fn excludes(&self, path: &Path) -> bool {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        let parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.exclude.iter().any(|pattern| {
            let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
            match pattern.contains('/') {
                true => {
                    let pattern: Vec<&str> = pattern.split('/').collect();
                    glob::fits(
                        &pattern,
                        &parts,
                        |part| *part == "**",
                        |part, name| glob::text(part, name),
                    )
                }
                false => parts.last().is_some_and(|name| glob::text(pattern, name)),
            }
        })
    }
}

impl<P: AsRef<Path>> From<P> for ManifestFiles {
    fn from(path: P) -> Self {
        Self::new(path.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_leave_files_out() {
        for (pattern, path, expected) in [
            ("kustomization.yaml", "k8s/a/kustomization.yaml", true),
            ("*.json", "k8s/a/b.json", true),
            ("*.json", "k8s/a/b.yaml", false),
            ("dashboards/*.json", "k8s/dashboards/a.json", true),
            ("dashboards/*.json", "k8s/x/dashboards/a.json", false),
            ("**/dashboards/*", "k8s/x/y/dashboards/a.json", true),
            ("dashboards/", "k8s/dashboards", true),
            ("./a/**", "k8s/a/b/c.yaml", true),
            ("v*s*.yaml", "k8s/values.yaml", true),
            ("values.yaml", "k8s/my-values.yaml", false),
        ] {
            let files = ManifestFiles::new("k8s").exclude(pattern);
            assert_eq!(files.excludes(Path::new(path)), expected, "{pattern} {path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_read_once() {
        let root = tempfile::tempdir().expect("a folder");
        let k8s = root.path().join("k8s");
        std::fs::create_dir_all(root.path().join("more")).expect("made");
        std::fs::create_dir_all(&k8s).expect("made");
        std::fs::write(root.path().join("more/a.yaml"), "").expect("written");
        std::os::unix::fs::symlink(root.path().join("more"), k8s.join("a")).expect("linked");
        let files = ManifestFiles::new(&k8s);
        assert_eq!(
            files.list(&Reach::of(root.path())).expect("one file"),
            [k8s.join("a/a.yaml")]
        );
        std::os::unix::fs::symlink(&k8s, k8s.join("b")).expect("linked");
        let errors = files.list(&Reach::of(root.path())).expect_err("a circle");
        let message = format!("{}: {}", errors[0].file.display(), errors[0].message);
        assert!(
            message.contains("k8s/b") && message.contains("read already, as"),
            "{message}"
        );
    }

    #[test]
    fn no_pattern_takes_for_ever() {
        let files = ManifestFiles::new("k8s").exclude(format!("{}b", "*a".repeat(120)));
        assert!(!files.excludes(&Path::new("k8s").join("a".repeat(250))));
    }
}
