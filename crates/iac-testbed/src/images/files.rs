//! The files that an image is made from: their digest, and copies of them in a build context.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{ImagesError, io};

/// A digest over texts and files, as it stands in the label of an image.
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a text. Its length goes in as well, so that two texts are not taken for one.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds the files below a folder: names, permission to execute and content.
    pub(super) fn folder(&mut self, folder: &Path) -> Result<(), ImagesError> {
        for name in files_below(folder)? {
            let path = folder.join(&name);
            self.text(&name.to_string_lossy());
            self.text(&mode(&path)?.to_string());
            self.bytes(&fs::read(&path).map_err(io("read", &path))?);
        }
        Ok(())
    }

    pub(super) fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Copies the files below a folder. Their modes are set, not copied: a clone made under a strict umask would give an
/// image that only root can read.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), ImagesError> {
    for name in files_below(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        for folder in target
            .parent()
            .iter()
            .flat_map(|parent| parent.ancestors())
            .take_while(|folder| folder.starts_with(to))
        {
            fs::create_dir_all(folder).map_err(io("create", folder))?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(io("change the mode of", folder))?;
        }
        fs::copy(&source, &target).map_err(io("copy", &source))?;
        let wanted = fs::Permissions::from_mode(mode(&source)?);
        fs::set_permissions(&target, wanted).map_err(io("change the mode of", &target))?;
    }
    Ok(())
}

/// The mode that a file has in an image.
fn mode(path: &Path) -> Result<u32, ImagesError> {
    let facts = fs::metadata(path).map_err(io("read", path))?;
    Ok(if facts.permissions().mode() & 0o100 == 0 {
        0o644
    } else {
        0o755
    })
}

/// The files below a folder, relative to it and in order; without those that running the programs leaves behind, and
/// without `.env`, which may hold someone's keys.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, ImagesError> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let path = folder.join(&below);
        for entry in fs::read_dir(&path).map_err(io("read", &path))? {
            let entry = entry.map_err(io("read", &path))?;
            let name = entry.file_name();
            if ["__pycache__", ".env", ".gitignore"]
                .iter()
                .any(|skipped| name == *skipped)
            {
                continue;
            }
            let is_folder = entry.file_type().map_err(io("read", entry.path()))?.is_dir();
            if is_folder { &mut open } else { &mut found }.push(below.join(name));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn digest(folder: &Path) -> String {
        let mut fingerprint = Fingerprint::new();
        fingerprint.folder(folder).unwrap();
        fingerprint.hex()
    }

    #[test]
    fn the_digest_follows_names_modes_and_content_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a/b.py");
        fs::create_dir(home.path().join("a")).unwrap();
        fs::write(&file, "one").unwrap();
        let before = digest(home.path());

        fs::create_dir(home.path().join("a/__pycache__")).unwrap();
        fs::write(home.path().join("a/__pycache__/b.pyc"), "compiled").unwrap();
        fs::write(home.path().join(".env"), "KEY=mine").unwrap();
        assert_eq!(digest(home.path()), before, "what is left behind does not count");

        fs::write(&file, "two").unwrap();
        let changed = digest(home.path());
        assert_ne!(changed, before);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(digest(home.path()), changed);
    }

    #[test]
    fn copies_are_readable_by_everyone_and_leave_keys_behind() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let to = to.path().join("context");
        fs::create_dir(from.path().join("deep")).unwrap();
        fs::write(from.path().join("deep/run.sh"), "").unwrap();
        fs::write(from.path().join(".env"), "KEY=mine").unwrap();
        fs::set_permissions(from.path().join("deep/run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::set_permissions(from.path().join("deep"), fs::Permissions::from_mode(0o700)).unwrap();

        copy(from.path(), &to).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&to.join("deep")), mode(&to.join("deep/run.sh"))), (0o755, 0o755));
        assert!(!to.join(".env").exists());
    }
}
