//! Replays the inputs that the fuzz targets are kept with, and the files of every released format.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the targets are a library where they are fuzzed, and a panic is how they tell"
)]

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::path::Path;

#[test]
fn every_input_that_is_kept_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::ALL {
        let folder = corpus.join(name);
        let inputs: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!inputs.is_empty(), "{} holds inputs", folder.display());
        for input in inputs {
            let bytes = std::fs::read(&input).unwrap();
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("target {name} failed on {}", input.display());
            }
        }
    }
}
