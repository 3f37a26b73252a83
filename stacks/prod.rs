//! codelab on Kubernetes.

fn main() {}
