//! Which files hold manifests.

use std::path::{Path, PathBuf};

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
    path: PathBuf,
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
    pub(super) fn list(&self) -> Result<Vec<PathBuf>, Vec<ManifestError>> {
        if !self.path.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let mut files = Vec::new();
        self.collect(&self.path, &mut files).map_err(|error| vec![error])?;
        if files.is_empty() {
            let message = "there is no .yaml, .yml or .json file in it";
            return Err(vec![ManifestError::of(&self.path, None, message)]);
        }
        Ok(files)
    }

    fn collect(&self, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ManifestError> {
        let fail = |error: std::io::Error| ManifestError::of(folder, None, format!("cannot be read: {error}"));
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
                self.collect(&path, files)?;
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
                true => matches_path(&pattern.split('/').collect::<Vec<_>>(), &parts),
                false => parts.last().is_some_and(|name| matches_name(pattern, name)),
            }
        })
    }
}

impl<P: AsRef<Path>> From<P> for ManifestFiles {
    fn from(path: P) -> Self {
        Self::new(path.as_ref())
    }
}

fn matches_path(pattern: &[&str], parts: &[&str]) -> bool {
    match pattern.split_first() {
        None => parts.is_empty(),
        Some((&"**", rest)) => (0..=parts.len()).any(|skipped| matches_path(rest, &parts[skipped..])),
        Some((name, rest)) => parts
            .split_first()
            .is_some_and(|(part, parts)| matches_name(name, part) && matches_path(rest, parts)),
    }
}

/// True if a name is as the pattern says: the texts between the stars, in this order.
fn matches_name(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(after) = name.strip_prefix(start) else {
        return false;
    };
    let places = after.char_indices().map(|(place, _)| place).chain([after.len()]);
    places.into_iter().any(|place| matches_name(rest, &after[place..]))
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
}
