//! Files from configs and secrets, as the archive that is put into a container before it starts.

use crate::model::{FileMount, Service};

/// The usual mode of a file.
const MODE: u32 = 0o444;

/// Each file of a service with its path in the container.
pub(crate) fn files(spec: &Service) -> Vec<(String, &FileMount)> {
    let configs = spec.configs.iter().map(|file| (file.target_in("/"), file));
    let secrets = spec.secrets.iter().map(|file| (file.target_in("/run/secrets/"), file));
    configs.chain(secrets).collect()
}

/// The archive of a service's files, with paths from the root; none where there are no files.
///
/// # Errors
/// When a path is too long for an archive.
pub(crate) fn archive(spec: &Service) -> std::io::Result<Option<Vec<u8>>> {
    let files = files(spec);
    if files.is_empty() {
        return Ok(None);
    }
    let mut archive = tar::Builder::new(Vec::new());
    for (path, file) in files {
        let content = file.content.as_deref().unwrap_or_default().as_bytes();
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(file.mode.unwrap_or(MODE));
        header.set_uid(number(&file.uid));
        header.set_gid(number(&file.gid));
        header.set_mtime(0);
        archive.append_data(&mut header, path.trim_start_matches('/'), content)?;
    }
    archive.into_inner().map(Some)
}
