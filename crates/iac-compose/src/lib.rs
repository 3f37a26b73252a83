//! The compose model and the Docker provider: containers, networks, volumes, images.
//!
//! A program declares a project with the types of the compose specification; the engine makes it on a Docker Engine, and
//! `docker compose -p PROJECT ps | logs | stop | down` work on what it made.
//!
//! ```
//! use std::time::Duration;
//!
//! use iac_compose::prelude::*;
//! use iac_core::{Stack, config::Config};
//!
//! fn shop(stack: &Stack) {
//!     let shop = Compose::project(stack, "shop");
//!     let password = stack.random_password("db", 24);
//!     let data = shop.volume("data", Volume::default());
//!     let db = shop.service("db", Service {
//!         image: "postgres:16".into(),
//!         environment: [("POSTGRES_PASSWORD".into(), password.result().into())].into(),
//!         volumes: vec![data.at("/var/lib/postgresql/data")],
//!         healthcheck: Some(Healthcheck::cmd_shell("pg_isready -U postgres").interval(Duration::from_secs(2))),
//!         ..Service::default()
//!     });
//!     let migrate = shop.job("migrate", Service {
//!         image: "shop:1".into(),
//!         command: Some(vec!["alembic".into(), "upgrade".into(), "head".into()]),
//!         depends_on: [db.healthy()].into(),
//!         ..Service::default()
//!     });
//!     let web = shop.service("web", Service {
//!         image: "shop:1".into(),
//!         ports: vec![Port::any(8000).on("127.0.0.1")],
//!         depends_on: [db.healthy(), migrate.completed()].into(),
//!         ..Service::default()
//!     });
//!     stack.export("address", format!("http://127.0.0.1:{}", web.published_port(8000)));
//! }
//!
//! let stack = Stack::new("dev", Config::default());
//! shop(&stack);
//! let declaration = stack.finish().expect("nothing wrong with it");
//! // A password, a volume, the default network and three services.
//! assert_eq!(declaration.resources.len(), 6);
//! ```

mod file;
mod hash;
mod inputs;
mod labels;
pub mod model;
pub mod parse;
mod provider;
mod scope;

pub use file::{ComposeFile, FileOptions};
pub use iac_core::Declared;
pub use provider::DockerProvider;
pub use scope::{
    Compose, ConfigRef, JobHandle, NetworkHandle, NetworkRef, SecretRef, ServiceHandle, VolumeHandle, VolumeRef,
    published_port,
};

/// The names that a program with compose projects uses.
pub mod prelude {
    pub use crate::model::{
        Attachment, Blkio, Build, Bytes, Condition, Config, DependsOn, Deploy, DeviceRate, DeviceRequest, DeviceWeight,
        EnvFile, EnvFormat, FileMount, Healthcheck, Ipam, IpamPool, Job, Logging, Mount, MountKind, Network, Port,
        PullPolicy, ResourceSet, Resources, Restart, RestartPolicy, Service, Ulimit, UpdateConfig, UpdateOrder, Volume,
    };
    pub use crate::{
        Compose, ConfigRef, Declared, DockerProvider, JobHandle, NetworkHandle, NetworkRef, SecretRef, ServiceHandle,
        VolumeHandle, VolumeRef,
    };
}
