//! The cost of state: per step, to load, and as a share of a run; beside a backend that writes the whole snapshot at each
//! step, as other engines do on files. On local files, with every write synced.
//!
//! `cargo bench -p iac-core --bench state` prints the tables; `cargo xtask bench --only state` does the same.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a benchmark prints, rounds, and may stop at once"
)]

mod counting;
mod latency;
mod load;
mod records;
mod steps;
#[path = "../../tests/support/mod.rs"]
mod support;
mod ups;
mod whole;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use iac_core::state::{Backend, LocalBackend};

async fn on_files() -> String {
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicUsize::new(0);
    let open = |_: &str| {
        let place = folder.path().join(number.fetch_add(1, Ordering::Relaxed).to_string());
        Arc::new(LocalBackend::new(place)) as Arc<dyn Backend>
    };
    latency::table(&["files"], open).await
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A part that is measured in a process of its own, for the sake of its memory.
    if let [part, what, folder] = arguments.as_slice()
        && part == load::PART
    {
        return runtime.block_on(load::measure(what, Path::new(folder)));
    }
    let tables = runtime.block_on(async {
        [
            steps::table().await,
            load::table().await,
            ups::table().await,
            on_files().await,
        ]
    });
    println!("{}", tables.join("\n"));
}
