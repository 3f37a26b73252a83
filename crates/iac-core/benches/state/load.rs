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

/// The number of measurements of each, in turn; the fastest counts. A virtual machine whose memory its host has taken back
/// waits for every page, which can take three times as long as the loading, and nothing in the measurement shows it.
const TIMES: usize = 5;

/// The cost of loading: milliseconds, and the most memory in mebibytes.
type Load = (u64, u64);

pub(crate) async fn table() -> String {
    eprintln!("loading {RESOURCES} resources");
    let folder = tempfile::tempdir().unwrap();
    fill(&store(folder.path()).0, RESOURCES).await;
    Whole::new(folder.path(), RESOURCES).write();
    let mut text = format!(
        "Loading {RESOURCES} resources, the fastest of {TIMES} (bar: 1 s)

| what | time | memory |
|---|---:|---:|
"
    );
    let in_turn = || {
        (
            in_own_process("ours", folder.path()),
            in_own_process("whole", folder.path()),
        )
    };
    let (ours, whole): (Vec<Load>, Vec<Load>) = (0..TIMES).map(|_| in_turn()).unzip();
    for (name, loads) in [
        ("snapshot and journal", ours),
        ("a JSON file, checked for nothing", whole),
    ] {
        let (time, memory) = loads.iter().min().unwrap();
        writeln!(text, "| {name} | {time} ms | {memory} MiB |").unwrap();
    }
    text
}

fn in_own_process(what: &str, folder: &Path) -> Load {
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
    (time.parse().unwrap(), memory.parse().unwrap())
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
