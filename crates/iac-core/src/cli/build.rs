//! Which build of the program runs, and where its workspace is.

use std::fs::File;
use std::path::{Path, PathBuf};

use object::Object as _;
use object::read::ReadCache;
use sha2::{Digest as _, Sha256};

use super::project::Repository;
use crate::files;

/// The number of hexadecimal digits of a commit or hash that name a build.
const DIGITS: usize = 12;

/// The suffix of a commit when files differed from it.
pub(super) const DIRTY: &str = "-dirty";

/// The build's name: `IAC_BUILD_ID`; else the commit of the workspace, with `-dirty` when it holds changes; else what
/// tells this executable from others.
pub(super) fn id(commit: impl FnOnce() -> Option<String>) -> String {
    let given = std::env::var("IAC_BUILD_ID").ok().filter(|id| !id.is_empty());
    given
        .or_else(|| Some(short(&commit()?)))
        .or_else(executable)
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The commit of the workspace, with `-dirty` when it holds changes.
pub(super) fn commit(workspace: &Path) -> Option<String> {
    let repository = Repository::of(&workspace.canonicalize().ok()?)?;
    let commit = repository.head()?;
    Some(match repository.is_changed()? {
        true => commit + DIRTY,
        false => commit,
    })
}

/// A commit with fewer digits, and the same mark of changes.
pub(super) fn short(commit: &str) -> String {
    let (hash, dirty) = match commit.strip_suffix(DIRTY) {
        Some(hash) => (hash, DIRTY),
        None => (commit, ""),
    };
    format!("{}{dirty}", hash.get(..DIGITS).unwrap_or(hash))
}

/// The identity that the linker gave the executable; where it gave none, that of the file. Neither takes longer for a
/// larger one.
fn executable() -> Option<String> {
    let file = File::open(std::env::current_exe().ok()?).ok()?;
    let identity = linked(&file).or_else(|| stored(&file))?;
    let hash = crate::value::hex(&Sha256::digest(&identity));
    Some(format!("exe-{}", hash.get(..DIGITS)?))
}

/// The linker's own hash of what it linked: the build identity of ELF, the UUID of Mach-O.
fn linked(file: &File) -> Option<Vec<u8>> {
    let cache = ReadCache::new(file);
    let object = object::File::parse(&cache).ok()?;
    let uuid = || object.mach_uuid().ok().flatten().map(|uuid| uuid.to_vec());
    let identity = object.build_id().ok().flatten().map(<[u8]>::to_vec);
    identity.or_else(uuid)
}

/// Size, time and place of the file: a copy counts as another build.
fn stored(file: &File) -> Option<Vec<u8>> {
    let data = file.metadata().ok()?;
    let since = data.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    #[cfg(unix)]
    let place = std::os::unix::fs::MetadataExt::ino(&data);
    #[cfg(not(unix))]
    let place = 0;
    Some(format!("{} {} {place}", data.len(), since.as_nanos()).into_bytes())
}

/// The folder of the nearest `Cargo.toml` upwards that makes a workspace; the current folder where there is none.
pub(super) fn workspace() -> std::io::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| is_workspace(&folder.join("Cargo.toml")));
    Ok(found.map_or_else(|| here.clone(), Path::to_owned))
}

fn is_workspace(manifest: &Path) -> bool {
    let text = files::read_text(manifest, files::SETTINGS).unwrap_or_default();
    text.parse::<toml_edit::DocumentMut>()
        .is_ok_and(|document| document.contains_key("workspace"))
}
