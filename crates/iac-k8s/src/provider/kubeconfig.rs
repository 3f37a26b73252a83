//! Reads kubeconfigs, and the files that they name, with the care that files of others need ([`iac_core::files`]).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::{files, with_causes};
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use crate::yaml;

/// The kubeconfig in a file, with the paths in it as seen from here.
pub(super) fn read(path: &Path) -> Result<Kubeconfig, String> {
    let fail = |why: String| format!("{}: {why}", path.display());
    let text = yaml::read_text(path, files::SETTINGS).map_err(|error| fail(error.to_string()))?;
    let mut config = Kubeconfig::from_yaml(&text).map_err(|error| fail(with_causes(&error)))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let clusters = config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut());
    let users = config
        .auth_infos
        .iter_mut()
        .filter_map(|named| named.auth_info.as_mut());
    let mut paths: Vec<&mut String> = clusters
        .filter_map(|cluster| cluster.certificate_authority.as_mut())
        .collect();
    for user in users {
        let named = [&mut user.client_certificate, &mut user.client_key, &mut user.token_file];
        paths.extend(named.into_iter().flatten());
        // A command without a slash is looked for in PATH.
        let command = user.exec.as_mut().and_then(|exec| exec.command.as_mut());
        paths.extend(command.filter(|command| command.contains('/')));
    }
    for named in paths {
        if let Some(path) = folder.join(&*named).to_str() {
            *named = path.to_owned();
        }
    }
    Ok(config)
}

/// The kubeconfigs that a list of paths such as `KUBECONFIG` names, as one; none where it names none.
pub(super) fn read_all(list: &OsStr) -> Result<Option<Kubeconfig>, String> {
    let mut merged: Option<Kubeconfig> = None;
    for path in std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()) {
        let next = read(&path)?;
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| with_causes(&error))?,
        });
    }
    Ok(merged)
}

/// Where a user's kubeconfig is that nothing names.
pub(super) fn usual() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(".kube/config"))
}

/// Puts the content of the file that a cluster names in its place.
pub(super) fn load_authority(cluster: &mut Cluster) -> Result<(), String> {
    if cluster.certificate_authority_data.is_none() {
        cluster.certificate_authority_data = load(cluster.certificate_authority.take(), "certificate-authority")?;
    }
    Ok(())
}

/// Puts the contents of the files that a user names in their place; a token's file stays, since it is read again and again.
pub(super) fn load_credentials(user: &mut AuthInfo) -> Result<(), String> {
    if user.client_certificate_data.is_none() {
        user.client_certificate_data = load(user.client_certificate.take(), "client-certificate")?;
    }
    if user.client_key_data.is_none() {
        user.client_key_data = load(user.client_key.take(), "client-key")?.map(Into::into);
    }
    if let Some(path) = user.token_file.as_ref().filter(|_| user.token.is_none()) {
        files::read(Path::new(path), files::SETTINGS).map_err(|error| format!("tokenFile {path}: {error}"))?;
    }
    Ok(())
}

fn load(path: Option<String>, key: &str) -> Result<Option<String>, String> {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let bytes = files::read(Path::new(&path), files::SETTINGS).map_err(|error| format!("{key} {path}: {error}"))?;
    Ok(Some(STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_and_the_first_of_a_list_wins() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        write("ca.pem", "one");
        let one = write(
            "one",
            "current-context: a\nclusters: [{name: c, cluster: {server: 'https://one', certificate-authority: ca.pem}}]\n\
             users: [{name: u, user: {exec: {command: bin/plugin}}}, {name: v, user: {exec: {command: plugin}}}]\n",
        );
        let two = write(
            "two",
            "current-context: b\nclusters: [{name: c, cluster: {server: 'https://two'}}]\n",
        );
        let list = std::env::join_paths([one, PathBuf::new(), two]).unwrap();
        let config = read_all(&list).unwrap().unwrap();
        assert_eq!(config.current_context.as_deref(), Some("a"));
        let mut cluster = config.clusters[0].cluster.clone().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://one"));
        load_authority(&mut cluster).unwrap();
        assert_eq!(cluster.certificate_authority_data, Some(STANDARD.encode("one")));
        let commands = config.auth_infos.iter().map(|named| {
            let user = named.auth_info.clone().unwrap();
            user.exec.unwrap().command.unwrap()
        });
        let inside = folder.path().join("bin/plugin").display().to_string();
        assert_eq!(commands.collect::<Vec<_>>(), [inside, "plugin".to_owned()]);
        assert!(read_all(OsStr::new("")).unwrap().is_none());
    }

    #[test]
    fn what_is_no_regular_file_is_named() {
        let zero = || Some("/dev/zero".to_owned());
        let mut cluster = Cluster {
            certificate_authority: zero(),
            ..Cluster::default()
        };
        let mut users = [
            AuthInfo {
                client_certificate: zero(),
                ..AuthInfo::default()
            },
            AuthInfo {
                client_key: zero(),
                ..AuthInfo::default()
            },
            AuthInfo {
                token_file: zero(),
                ..AuthInfo::default()
            },
        ];
        let mut results = vec![read(Path::new("/dev/zero")).map(drop), load_authority(&mut cluster)];
        results.extend(users.iter_mut().map(load_credentials));
        for result in results {
            let error = result.unwrap_err();
            assert!(error.contains("/dev/zero: it is a device"), "{error}");
        }
    }
}
