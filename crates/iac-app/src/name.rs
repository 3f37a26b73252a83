//! The names of a part.

/// The name of a part in the application, and its existing names where they have to be kept.
///
/// A text alone is all names at once. A renamed part is a new one: its objects are recreated, and its data stays with the
/// old name until somebody says `--delete-data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub(crate) part: String,
    pub(crate) service: Option<String>,
    pub(crate) docker: Option<String>,
}

/// The name of a part; its methods set others for its Service and for Docker.
pub fn name(part: impl Into<String>) -> Name {
    Name {
        part: part.into(),
        service: None,
        docker: None,
    }
}

impl Name {
    /// The name of its Service on Kubernetes, by which others reach it there.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// The name of its compose service, by which others reach it there.
    #[must_use]
    pub fn docker(mut self, name: impl Into<String>) -> Self {
        self.docker = Some(name.into());
        self
    }
}

impl From<&str> for Name {
    fn from(part: &str) -> Self {
        name(part)
    }
}

impl From<String> for Name {
    fn from(part: String) -> Self {
        name(part)
    }
}
