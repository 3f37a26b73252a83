//! The user's decisions about what files of repositories may say: kept in the user's own folder, never in the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files;
use crate::user_folder::user_folder;
use crate::value::hex;

/// Below the user's own folder.
const FOLDER: &str = "trusted";

/// The settings that the user allows in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// The file that holds the decision; none where the user has no folder.
    record: Option<PathBuf>,
    contents: Contents,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Contents {
    /// The configuration file, all links resolved.
    file: PathBuf,
    /// The digests of what is allowed, by keys.
    settings: BTreeMap<String, String>,
}

impl Trusted {
    /// Reads what the user has allowed in a file. A record that cannot be read allows nothing.
    pub(crate) fn of(file: &Path) -> Self {
        Self::below(user_folder(), file)
    }

    fn below(folder: Option<PathBuf>, file: &Path) -> Self {
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let name = hex(&Sha256::digest(file.as_os_str().as_encoded_bytes()));
        let record = folder.map(|folder| folder.join(FOLDER).join(format!("{name}.json")));
        let read = record
            .as_ref()
            .and_then(|record| files::read_private(record, files::SETTINGS).ok());
        let contents = read.and_then(|bytes| serde_json::from_slice::<Contents>(&bytes).ok());
        let contents = contents.filter(|contents| contents.file == file);
        Self {
            record,
            contents: contents.unwrap_or_else(|| Contents {
                file,
                settings: BTreeMap::new(),
            }),
        }
    }

    /// True if this was allowed.
    pub(crate) fn allows(&self, key: &str, digest: &str) -> bool {
        self.contents.settings.get(key).is_some_and(|known| known == digest)
    }

    /// Allows these settings besides those that are allowed already.
    pub(crate) fn allow(&mut self, settings: impl IntoIterator<Item = (String, String)>) -> Result<(), String> {
        let Some(record) = &self.record else {
            return Err("there is no home directory to remember it in; give the settings by --config".to_owned());
        };
        self.contents.settings.extend(settings);
        write(record, &self.contents).map_err(|error| format!("{}: {error}", record.display()))
    }
}

/// Writes it as a whole, for the user alone.
fn write(record: &Path, contents: &Contents) -> std::io::Result<()> {
    let folder = record.parent().unwrap_or(Path::new("."));
    files::make_folder(folder)?;
    // A temporary file of the same folder has mode 600 from its first moment.
    let file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(file.as_file(), contents)?;
    file.as_file().sync_all()?;
    file.persist(record).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_decision_is_about_one_file_one_key_and_one_value() {
        let home = tempfile::tempdir().unwrap();
        let folder = || Some(home.path().join("iac"));
        let (one, other) = (home.path().join("one.toml"), home.path().join("other.toml"));
        let pair = |key: &str, digest: &str| (key.to_owned(), digest.to_owned());
        let mut trusted = Trusted::below(folder(), &one);
        assert!(!trusted.allows("a", "1"));
        trusted.allow([pair("a", "1")]).unwrap();
        trusted.allow([pair("b", "2")]).unwrap();
        let read = Trusted::below(folder(), &one);
        assert!(read.allows("a", "1") && read.allows("b", "2"));
        assert!(!read.allows("a", "2") && !read.allows("c", "1"));
        assert!(!Trusted::below(folder(), &other).allows("a", "1"));
        assert!(Trusted::below(None, &one).allow([pair("a", "1")]).is_err());
        // Nor does one that others may write.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                |mode| std::fs::set_permissions(read.record.as_ref().unwrap(), std::fs::Permissions::from_mode(mode));
            mode(0o666).unwrap();
            assert!(!Trusted::below(folder(), &one).allows("a", "1"));
            mode(0o600).unwrap();
        }
        // A record that somebody else put there under the name of another file counts for nothing.
        let record = |file: &Path| Trusted::below(folder(), file).record.unwrap();
        std::fs::copy(record(&one), record(&other)).unwrap();
        assert!(!Trusted::below(folder(), &other).allows("a", "1"));
    }
}
