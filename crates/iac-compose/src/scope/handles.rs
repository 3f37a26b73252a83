//! Typed references: what the handle of one resource gives to the definition of another.

use iac_core::Output;
use iac_core::declare::Handle;

use crate::model::{Attachment, Condition, DependsOn, FileMount, Job, Mount, Network, Service, Volume};

/// References to a service that others can use.
pub trait ServiceHandle {
    /// For `depends_on`: its containers are started.
    fn started(&self) -> (String, DependsOn);
    /// For `depends_on`: its containers are healthy.
    fn healthy(&self) -> (String, DependsOn);
    /// The name that others in its networks reach it by.
    fn host(&self) -> String;
    /// The port of the host that a TCP port of the first container is published at.
    fn published_port(&self, target: u16) -> Output;
    /// The first container's address in its first network.
    fn container_ip(&self) -> Output;
    /// The first container's ID.
    fn container_id(&self) -> Output;
}

fn depends(key: &iac_core::Key, condition: Condition) -> (String, DependsOn) {
    (key.name().to_owned(), condition.into())
}

impl ServiceHandle for Handle<Service> {
    fn started(&self) -> (String, DependsOn) {
        depends(self.key(), Condition::Started)
    }

    fn healthy(&self) -> (String, DependsOn) {
        depends(self.key(), Condition::Healthy)
    }

    fn host(&self) -> String {
        self.key().name().to_owned()
    }

    fn published_port(&self, target: u16) -> Output {
        self.output(&format!("/ports/{target}~1tcp"))
    }

    fn container_ip(&self) -> Output {
        self.output("/ip")
    }

    fn container_id(&self) -> Output {
        self.output("/id")
    }
}

/// References to a service that runs once.
pub trait JobHandle {
    /// For `depends_on`: it ended with status 0.
    fn completed(&self) -> (String, DependsOn);
}

impl JobHandle for Handle<Job> {
    fn completed(&self) -> (String, DependsOn) {
        depends(self.key(), Condition::Completed)
    }
}

/// References to a volume that services can use.
pub trait VolumeHandle {
    /// The volume at an absolute path of the container.
    fn at(&self, target: impl Into<String>) -> Mount;
}

impl VolumeHandle for Handle<Volume> {
    fn at(&self, target: impl Into<String>) -> Mount {
        Mount::volume(self.key().name(), target)
    }
}

/// A volume that somebody else made.
#[derive(Debug, Clone)]
pub struct VolumeRef {
    pub(super) key: String,
}

impl VolumeHandle for VolumeRef {
    fn at(&self, target: impl Into<String>) -> Mount {
        Mount::volume(&self.key, target)
    }
}

/// A network that somebody else made.
#[derive(Debug, Clone)]
pub struct NetworkRef {
    pub(super) key: String,
}

impl NetworkRef {
    /// A service's place in the network, for [`Service::networks`].
    pub fn attach(&self) -> (String, Attachment) {
        (self.key.clone(), Attachment::default())
    }
}

/// References to a network that services can use.
pub trait NetworkHandle {
    /// A service's place in the network, for [`Service::networks`].
    fn attach(&self) -> (String, Attachment);
}

impl NetworkHandle for Handle<Network> {
    fn attach(&self) -> (String, Attachment) {
        (self.key().name().to_owned(), Attachment::default())
    }
}

/// A config of the project.
#[derive(Debug, Clone)]
pub struct ConfigRef {
    pub(super) name: String,
}

impl ConfigRef {
    /// The config as a file at a path of the container, for [`Service::configs`].
    pub fn at(&self, target: impl Into<String>) -> FileMount {
        FileMount {
            source: self.name.clone(),
            target: Some(target.into()),
            ..FileMount::default()
        }
    }
}

/// A secret of the project.
#[derive(Debug, Clone)]
pub struct SecretRef {
    pub(super) name: String,
}

impl SecretRef {
    /// The secret as a file at a path of the container, for [`Service::secrets`].
    pub fn at(&self, target: impl Into<String>) -> FileMount {
        FileMount {
            source: self.name.clone(),
            target: Some(target.into()),
            ..FileMount::default()
        }
    }

    /// The secret at `/run/secrets/NAME`, for [`Service::secrets`].
    pub fn file(&self) -> FileMount {
        FileMount {
            source: self.name.clone(),
            ..FileMount::default()
        }
    }
}
