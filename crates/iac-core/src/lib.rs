//! Declaration, graph, plan, apply, state and CLI of the infrastructure engine; knows no Kubernetes and no Docker.
