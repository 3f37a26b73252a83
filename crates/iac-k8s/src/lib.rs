//! The Kubernetes provider: server-side apply, references, drift, readiness and typed scopes.

mod declared;
mod diagnose;
mod fields;
mod immutable;
mod kinds;
mod managed;
mod object;
mod outputs;
mod provider;
mod readiness;
mod reference;
mod risk;
mod validate;

pub use provider::KubernetesProvider;

/// The provider's name, which stands before the colon of its resources' types.
pub(crate) const PROVIDER: &str = "kubernetes";
