//! Loading a large stack: time, and the memory of a process that does nothing else.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::records::{fill, store};
use crate::whole::Whole;

/// The first argument of the process that loads.
pub(crate) const PART: &str = "load";

const RESOURCES: usize = 100_000;

pub(crate) async fn table() -> String {
    eprintln!("loading {RESOURCES} resources");
    let folder = tempfile::tempdir().unwrap();
    fill(&store(folder.path()).0, RESOURCES).await;
    Whole::new(folder.path(), RESOURCES).write();
    let mut text = format!(
        "Loading {RESOURCES} resources (bar: 1 s)

| what | time | memory |
|---|---:|---:|
"
    );
    for (what, name) in [
        ("ours", "snapshot and journal"),
        ("whole", "a JSON file, checked for nothing"),
    ] {
        let (time, memory) = in_own_process(what, folder.path());
        writeln!(text, "| {name} | {time} ms | {memory} MiB |").unwrap();
    }
    text
}

fn in_own_process(what: &str, folder: &Path) -> (String, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command
        .args([PART, what])
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let answer = String::from_utf8(output.stdout).unwrap();
    let (time, memory) = answer.trim().split_once(' ').unwrap();
    (time.to_owned(), memory.to_owned())
}

/// Loads, and prints milliseconds and mebibytes.
pub(crate) async fn measure(what: &str, folder: &Path) {
    let began = Instant::now();
    let time = match what {
        "whole" => {
            let whole = Whole::read(folder);
            let time = began.elapsed();
            assert_eq!(whole["resources"].as_object().unwrap().len(), RESOURCES);
            time
        }
        _ => {
            let state = store(folder).0.load().await.unwrap();
            let time = began.elapsed();
            assert_eq!(state.records.len(), RESOURCES);
            time
        }
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("{} {}", time.as_millis(), peak / 1024);
}
