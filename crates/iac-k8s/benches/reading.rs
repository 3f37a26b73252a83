//! What reading manifests takes as their number grows: files of YAML and of JSON, from the disk to declarations.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and may stop at once"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use iac_core::Stack;
use iac_core::config::Config;
use iac_k8s::Kubernetes;

/// The numbers of documents.
const COUNTS: [usize; 3] = [100, 1_000, 10_000];

/// How often each is measured; the median counts.
const ROUNDS: usize = 5;

/// How much longer ten times the documents may take.
const BAR: f64 = 12.0;

/// The format of a file.
#[derive(Clone, Copy)]
enum Format {
    Yaml,
    Json,
}

impl Format {
    fn text(self, count: usize) -> String {
        match self {
            Self::Yaml => yaml(count),
            Self::Json => json(count),
        }
    }
}

fn yaml(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        write!(
            text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: n{number}\n  namespace: bench\ndata:\n  number: \"{number}\"\n  text: |\n    some lines\n    of text\n"
        )
        .unwrap();
        text
    })
}

fn json(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(
            text,
            r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "n{number}", "namespace": "bench"}}, "data": {{"number": "{number}"}}}}"#
        )
        .unwrap();
        text
    })
}

fn median(path: &Path, count: usize) -> Duration {
    let mut times = [(); ROUNDS].map(|()| {
        let began = Instant::now();
        let stack = Stack::new("bench", Config::default());
        let objects = Kubernetes::new(&stack).yaml(path);
        let time = began.elapsed();
        assert_eq!(objects.len(), count);
        time
    });
    times.sort();
    times[ROUNDS / 2]
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    println!(
        "{:<24} {:>10} {:>12}   ten times the documents (bar: {BAR:.0}x)",
        "reading", "documents", "time"
    );
    for (name, of) in [("objects.yaml", Format::Yaml), ("objects.json", Format::Json)] {
        let path = folder.path().join(name);
        let mut before: Option<Duration> = None;
        for count in COUNTS {
            std::fs::write(&path, of.text(count)).unwrap();
            let time = median(&path, count);
            let growth = before.map(|before| time.as_secs_f64() / before.as_secs_f64());
            let told = growth.map(|growth| {
                let missed = if growth > BAR { "   BAR MISSED" } else { "" };
                format!("{growth:.1}x{missed}")
            });
            println!(
                "{name:<24} {count:>10} {:>9.2} ms   {}",
                time.as_secs_f64() * 1e3,
                told.unwrap_or_default()
            );
            before = Some(time);
        }
    }
}
