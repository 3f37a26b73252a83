//! Whether a server honours the conditions of writes, found out by trying.

use iac_core::state::{BackendError, BackendErrorKind};
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, UpdateVersion};

use super::{S3State, failure};
use crate::insist::insist;
use crate::write::WriteId;

/// The prefix of the names of probes. A key of state never has it.
const NAME: &str = ".iac-probe-";

/// True if an object is a probe, of a run that is on its way or was killed.
pub(super) fn is_probe(key: &str) -> bool {
    key.starts_with(NAME)
}

impl S3State {
    /// Writes an object under conditions that hold and that do not, and removes it.
    pub(super) async fn probe(&self) -> Result<(), BackendError> {
        let other = |message| self.shared.place.error("try", "", message, BackendErrorKind::Other);
        let path = self.path(&format!("{NAME}{}", WriteId::draw().map_err(other)?));
        let result = self.probe_at(&path).await;
        // One that cannot be removed is in nobody's way.
        let _ = self.shared.store.delete(&path).await;
        result
    }

    async fn probe_at(&self, path: &Path) -> Result<(), BackendError> {
        // The first may have gone through unseen, so its refusal is as good.
        self.attempt(path, PutMode::Create).await?;
        if self.attempt(path, PutMode::Create).await? {
            return Err(self.ignores("If-None-Match"));
        }
        let never = UpdateVersion {
            e_tag: Some("\"00000000000000000000000000000000\"".to_owned()),
            version: None,
        };
        if self.attempt(path, PutMode::Update(never)).await? {
            return Err(self.ignores("If-Match"));
        }
        Ok(())
    }

    /// Writes under a condition; gives whether it was written.
    async fn attempt(&self, path: &Path, mode: PutMode) -> Result<bool, BackendError> {
        let put = || async {
            let payload = "probe".into();
            self.shared.store.put_opts(path, payload, mode.clone().into()).await
        };
        match insist(put, failure::again).await.result {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.failed("try", path.as_ref(), &error)),
        }
    }

    fn ignores(&self, header: &str) -> BackendError {
        let message = format!(
            "the server ignores {header} on writes, so that two runs could write at the same time and state would be lost; \
             use a server that honours it"
        );
        self.shared.place.error("try", "", message, BackendErrorKind::Other)
    }
}
