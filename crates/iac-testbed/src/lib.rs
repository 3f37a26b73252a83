//! A real Docker Engine and a real Kubernetes on one bare machine, for tests and for trying things out.
