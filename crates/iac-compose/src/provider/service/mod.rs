//! Services: containers that are all alike, made so by converging.
//!
//! [`converge`] looks at the containers that carry the service's labels, keeps those that are as asked for, and replaces,
//! makes and removes others. It reads everything it has to know from the engine, so a run that was killed anywhere is
//! finished by the next one.

mod beside;
pub(crate) mod compare;
pub(crate) mod containers;
pub(crate) mod converge;
mod create;
pub(crate) mod delete;
mod devices;
pub(crate) mod drift;
pub(crate) mod equal;
pub(crate) mod files;
mod mounts;
pub(crate) mod normal;
pub(crate) mod outputs;
pub(crate) mod prepare;
pub(crate) mod replace;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod takeover;
pub(crate) mod volumes;
