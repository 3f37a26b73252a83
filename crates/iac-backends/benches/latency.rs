//! The time that recording adds to a step, on every backend: files, and the test bed's PostgreSQL, S3 server and Kubernetes.
//!
//! `cargo bench -p iac-backends` prints the table; the test bed has to be up, with `--storage`.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    dead_code,
    missing_docs,
    reason = "a benchmark prints, rounds, and may stop at once; it shares modules with others"
)]

#[path = "../../iac-core/benches/state/counting.rs"]
mod counting;
#[path = "../../iac-core/benches/state/latency.rs"]
mod latency;
#[path = "../tests/servers/place.rs"]
mod place;
#[path = "../../iac-core/benches/state/records.rs"]
mod records;

use std::sync::Arc;

use iac_core::state::{Backend, LocalBackend};
use iac_k8s::KubernetesState;
use iac_testbed::{Needs, TestBed};

use crate::place::{open_postgres, open_s3, unique};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let needs = Needs {
        kubernetes: true,
        storage: true,
        ..Needs::default()
    };
    let bed = TestBed::ensure(needs).unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = bed.kubeconfig.display();
    let open = |backend: &str| -> Arc<dyn Backend> {
        let place = unique("latency");
        match backend {
            "files" => Arc::new(LocalBackend::new(folder.path().join(place))),
            "postgres" => open_postgres(&place),
            "s3" => open_s3(&place),
            _ => Arc::new(KubernetesState::open(&format!("kubernetes://default?kubeconfig={kubeconfig}")).unwrap()),
        }
    };
    println!(
        "{}",
        runtime.block_on(latency::table(&["files", "postgres", "s3", "kubernetes"], open))
    );
}
