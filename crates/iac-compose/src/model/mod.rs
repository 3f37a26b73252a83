//! The compose specification as plain Rust types.
//!
//! Every type has public fields and a `Default`, so a program writes only what it means
//! (`Service { image: "postgres:16".into(), ..Default::default() }`). Reading accepts the long and the short forms of the
//! specification; writing gives one normal form, which is what plans show and what is compared.

mod build;
mod bytes;
mod deploy;
mod device;
mod forms;
mod healthcheck;
mod lenient;
mod mount;
mod network;
mod port;
mod service;
mod small;

pub use build::Build;
pub use bytes::Bytes;
pub use deploy::{Deploy, ResourceSet, Resources, RestartPolicy, UpdateConfig, UpdateOrder};
pub use device::{Blkio, DeviceRate, DeviceRequest, DeviceWeight};
pub use healthcheck::Healthcheck;
pub use mount::{Mount, MountKind};
pub use network::{Attachment, Ipam, IpamPool, Network, Volume};
pub use port::Port;
pub(crate) use port::addresses_meet;
pub use service::{Extension, Job, Service};
pub use small::{Condition, Config, DependsOn, EnvFile, EnvFormat, FileMount, Logging, PullPolicy, Restart, Ulimit};
