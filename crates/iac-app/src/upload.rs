//! Copies of backups in an object store.

use iac_core::{Output, settings};

use crate::binding::Binding;
use crate::{Container, Text};

settings! {
    /// Where each backup is copied to once it is whole: a folder on S3, or on what speaks its protocol. A description has it
    /// among its settings, and hands it to [`Backup::upload`](crate::Backup::upload); without `to`, nothing is copied.
    pub struct Upload {
        /// The folder: `s3://my-backups/database/`.
        to: Option<String>,
        /// An image with the AWS command line and a shell.
        image: String = "amazon/aws-cli:2.31.0".into(),
        /// The URL of a server that is not AWS; buckets are then part of paths, not of host names.
        endpoint: Option<String>,
        region: Option<String>,
        /// The key and its secret. Without them, the machine's or the cluster's role on AWS counts.
        access_key: Option<Output>,
        secret_key: Option<Output>,
        /// Deletes copies that are older than so many days, once a newer one is there. Without it they are kept until
        /// somebody else deletes them, such as a lifecycle rule of the bucket.
        keep_days: Option<u32>,
    }
}

impl Upload {
    /// Returns the problem of it, if any, for a backup that is kept so many days elsewhere.
    pub(crate) fn problem(&self, kept: Option<u32>) -> Option<String> {
        let to = self.to.as_deref().unwrap_or_default();
        let bucket = to.strip_prefix("s3://").and_then(|path| path.split('/').next());
        if bucket.unwrap_or_default().is_empty() {
            return Some(format!("upload: {to:?} is no folder on S3: write s3://BUCKET/FOLDER/"));
        }
        if self.access_key.is_some() != self.secret_key.is_some() {
            return Some(
                "upload: access_key and secret_key belong together: set both, or none for a role on AWS".to_owned(),
            );
        }
        let copies = self.keep_days?;
        kept.is_none_or(|kept| kept > copies).then(|| {
            "upload: copies cannot be kept for a shorter time than the backups in the volume, which are copied again when they \
             are missing"
                .to_owned()
        })
    }

    /// Where its network has to lead.
    fn server(&self) -> Binding {
        let endpoint = self.endpoint.as_deref().unwrap_or("https://s3.amazonaws.com");
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
        let usual = if scheme == "http" { 80 } else { 443 };
        Binding::external("s3", scheme, host, port.parse().unwrap_or(usual))
    }

    /// Returns the container that copies the backups of this name and ending in a folder: all that are not there yet, so also
    /// those that an earlier run could not copy. Nothing that is missing in the folder is deleted there.
    pub(crate) fn container(&self, folder: &str, name: &str, ending: &str) -> Container {
        let to = self.to.as_deref().unwrap_or_default().trim_end_matches('/');
        let delete = self.keep_days.map(|days| DELETE.replace("DAYS", &days.to_string()));
        let script = format!("set -eu\ncd {folder}\n{COPY}{}", delete.unwrap_or_default()).replace("ENDING", ending);
        let container = Container::image(&self.image)
            .command(["/bin/sh", "-c", &script])
            .connects_to(&self.server())
            .env("BACKUP_NAME", name)
            .env("UPLOAD_TO", format!("{to}/"));
        let region = self
            .region
            .as_ref()
            .map(|region| ("AWS_DEFAULT_REGION", Text::from(region)));
        let endpoint = self.endpoint.as_ref().map(|url| ("AWS_ENDPOINT_URL", Text::from(url)));
        // Checksums of newer clients are not known to every server that is not AWS.
        let checksums = endpoint
            .is_some()
            .then(|| ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required".into()));
        let key = self
            .access_key
            .as_ref()
            .map(|key| ("AWS_ACCESS_KEY_ID", Text::from(key)));
        let secret = self
            .secret_key
            .as_ref()
            .map(|key| ("AWS_SECRET_ACCESS_KEY", Text::from(key)));
        container.envs([region, endpoint, checksums, key, secret].into_iter().flatten())
    }
}

/// Copies what is not there yet.
const COPY: &str = r#"aws s3 sync . "$UPLOAD_TO" --no-progress --exclude '*' --include "${BACKUP_NAME}_*.ENDING"
"#;

/// Deletes copies whose names have an older day than the first that is kept.
const DELETE: &str = r#"first=$(date -u -d "@$(($(date +%s) - DAYS * 86400))" +%Y%m%d)
copies=$(aws s3 ls "$UPLOAD_TO")
echo "$copies" | while read -r _ _ _ name; do
  case $name in
    "${BACKUP_NAME}"_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]_[0-9][0-9][0-9][0-9][0-9][0-9].ENDING) ;;
    *) continue ;;
  esac
  day=${name#"${BACKUP_NAME}_"}
  [ "${day%%_*}" -ge "$first" ] || aws s3 rm "$UPLOAD_TO$name"
done
"#;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    /// An `aws` that writes down how it was called, and knows some copies.
    const AWS: &str = r#"#!/bin/sh
echo "$*" >> calls
[ "$1 $2" != "s3 ls" ] || printf '2030-01-01 02:00:00  10 %s\n' shop_20200101_020000.sql.gz shop_20990101_020000.sql.gz \
  shop_x_20200101_020000.sql.gz shop_20200101.sql.gz "notes 2020.txt"
[ "$1 $2" != "s3 sync" ] || [ ! -e broken ]
"#;

    fn script(keep_days: Option<u32>, folder: &std::path::Path) -> String {
        let upload = Upload {
            to: Some("s3://bucket/database".to_owned()),
            keep_days,
            ..Upload::default()
        };
        let container = upload.container(&folder.display().to_string(), "shop", "sql.gz");
        container.command[2].clone()
    }

    #[test]
    fn old_copies_of_this_database_are_deleted_and_nothing_else_once_a_new_one_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let aws = folder.path().join("aws");
        std::fs::write(&aws, AWS).expect("a program");
        std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let calls = |keep_days| {
            let _ = std::fs::remove_file(folder.path().join("calls"));
            let mut shell = Command::new("sh");
            shell.args(["-c", &script(keep_days, folder.path())]).env("PATH", &path);
            shell.envs([("BACKUP_NAME", "shop"), ("UPLOAD_TO", "s3://bucket/database/")]);
            let good = shell.output().expect("a shell").status.success();
            (
                good,
                std::fs::read_to_string(folder.path().join("calls")).expect("calls"),
            )
        };
        let copy = "s3 sync . s3://bucket/database/ --no-progress --exclude * --include shop_*.sql.gz\n";
        assert_eq!(calls(None), (true, copy.to_owned()));
        let deleted = "s3 ls s3://bucket/database/\ns3 rm s3://bucket/database/shop_20200101_020000.sql.gz\n";
        assert_eq!(calls(Some(30)), (true, format!("{copy}{deleted}")));
        std::fs::write(folder.path().join("broken"), "").expect("a file");
        assert_eq!(calls(Some(30)), (false, copy.to_owned()));
    }
}
