//! The Kubernetes provider: server-side apply, references, drift, readiness and typed scopes.
