//! The programs in `stacks/` as a user runs them: real binaries against a real Docker Engine and a real Kubernetes.
//!
//! `cargo xtask test` brings the test bed up and runs this; a test bed that is missing is a failure. Each test has a
//! backend, a home and names of its own, and removes what it made, also when it fails.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on is to stop")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "`json!` in a call reads better than a reference to it"
)]
#![allow(clippy::print_stdout, reason = "a seed has to be seen to be used again")]

mod acceptance;
mod alerts;
mod belonging;
mod bucket;
mod cluster_state;
mod docker;
mod docker_codelab;
mod docker_input;
mod docker_kills;
mod docker_monitoring;
mod docker_plan;
mod docker_ssh;
mod docker_tls;
mod drift;
mod easyflow;
mod effects;
mod estimate;
mod forged;
#[path = "../../crates/iac-backends/tests/servers/front.rs"]
#[allow(dead_code, reason = "shared with the tests of backends")]
mod front;
mod guides;
mod hostile;
mod input;
mod interrupted;
mod kills;
mod lang_agent;
mod lang_agent_kubernetes;
mod lang_agent_local;
mod manifests;
mod namespaced;
mod operator;
mod prod;
mod references;
mod saved_plan;
mod secrets;
mod situations;
mod support;
mod transport;
mod trust;
mod unreachable;
