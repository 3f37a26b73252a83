//! `cargo xtask bench`: our programs beside the real ones, in one run on the test bed, as ratios; and what state costs.
//!
//! Both sides of the programs do the same job on the same machine one after the other, each on objects of its own. Figures are wall time
//! and the peak of resident memory of the program itself; the work of the cluster or the engine is part of the time.

mod compose;
mod edit;
mod kubernetes;
mod plan;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use iac_testbed::{Layout, Needs, Progress, TestBed, command_line, environment};

use crate::{Outcome, say, target, workspace};

/// A part of the benchmarks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Programs beside kubectl and docker compose
    Programs,
    /// Manifests beside kubectl
    Kubernetes,
    /// Compose projects beside docker compose, and beside a bare loop of the engine's calls
    Compose,
    /// From one line of a program to its preview, beside the rebuild of an empty binary
    Edit,
    /// The cost of reading manifests as their number grows
    Reading,
    /// The cost of planning as a stack grows
    Plan,
    /// The cost of state on files, beside a backend that writes the whole snapshot at each step
    State,
    /// The time that recording adds to a step, on every backend
    Backends,
}

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// Which rows of Kubernetes; all of them unless given
    #[arg(long, value_delimiter = ',')]
    rows: Vec<kubernetes::Rows>,
    /// The number of objects of Kubernetes
    #[arg(long, default_value_t = 1000)]
    objects: usize,
    /// The number of compose services
    #[arg(long, default_value_t = 20)]
    services: usize,
}

/// One measured command.
#[derive(Clone)]
struct Measured {
    time: Duration,
    /// Peak of resident memory, in KiB.
    memory: u64,
}

/// One line of the result: ours and the reference.
struct Row {
    what: String,
    ours: Measured,
    reference_name: &'static str,
    reference: Measured,
    bar: Bar,
}

/// The limits of a row; none where nothing is asked of it.
#[derive(Clone, Copy, Default)]
struct Bar {
    /// The time, as a ratio of that of the reference.
    time: Option<f64>,
    /// The memory, as a ratio of that of the reference.
    memory: Option<f64>,
    /// The memory, in MB.
    megabytes: Option<u64>,
}

impl Bar {
    fn time(ratio: f64) -> Self {
        Self {
            time: Some(ratio),
            ..Self::default()
        }
    }
}

impl Row {
    /// The ratios of the times and of the memory; a loop of ours has no memory of its own.
    fn ratios(&self) -> (f64, Option<f64>) {
        let time = self.ours.time.as_secs_f64() / self.reference.time.as_secs_f64();
        let memory = (self.reference.memory > 0).then(|| self.ours.memory as f64 / self.reference.memory as f64);
        (time, memory)
    }

    /// The bars that are missed, in words.
    fn missed(&self) -> Vec<String> {
        let (time, memory) = self.ratios();
        let megabytes = self.ours.memory * 1024 / 1_000_000;
        let time = self.bar.time.filter(|bar| time > *bar);
        let memory = self.bar.memory.filter(|bar| memory.is_some_and(|memory| memory > *bar));
        let most = self.bar.megabytes.filter(|bar| megabytes > *bar);
        let time = time.map(|bar| format!("{bar:.2}x of the time"));
        let memory = memory.map(|bar| format!("{bar:.2}x of the memory"));
        let most = most.map(|bar| format!("{bar} MB"));
        time.into_iter().chain(memory).chain(most).collect()
    }
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let progress = Progress::start();
    let wanted = |part| arguments.only.is_none_or(|only| only == part);
    match arguments.only {
        None | Some(Part::Programs) => programs(arguments, [true, true], &progress)?,
        Some(Part::Kubernetes) => programs(arguments, [true, false], &progress)?,
        Some(Part::Compose) => programs(arguments, [false, true], &progress)?,
        Some(Part::Edit | Part::Reading | Part::Plan | Part::State | Part::Backends) => {}
    }
    if wanted(Part::Edit) {
        progress.say("from one line of a program to its preview");
        let folder = scratch()?;
        let table = edit::table(&folder);
        std::fs::remove_dir_all(&folder)?;
        say::data(&table?)?;
    }
    if wanted(Part::Reading) {
        progress.say("what reading manifests takes");
        cargo_bench("iac-k8s", "reading")?;
    }
    if wanted(Part::Plan) {
        progress.say("what planning takes");
        cargo_bench("iac-core", "plan")?;
        say::data(&plan::table(&target())?)?;
    }
    if wanted(Part::State) {
        progress.say("what state costs");
        cargo_bench("iac-core", "state")?;
    }
    if wanted(Part::Backends) {
        TestBed::own(Needs {
            kubernetes: true,
            storage: true,
            ..Needs::default()
        })?;
        progress.say("what recording adds on every backend");
        cargo_bench("iac-backends", "latency")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn cargo_bench(package: &str, bench: &str) -> Result<(), Box<dyn Error>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace());
    cargo.args(["bench", "--quiet", "--package", package, "--bench", bench]);
    let status = cargo.status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("the benchmark {bench} of {package} failed ({status})").into()),
    }
}

/// Our programs beside the real ones.
fn programs(
    arguments: &Arguments,
    [kubernetes, compose]: [bool; 2],
    progress: &Progress,
) -> Result<(), Box<dyn Error>> {
    TestBed::own(Needs {
        docker: compose,
        kubernetes,
        ..Needs::default()
    })?;
    let folder = scratch()?;
    let bench = Bench {
        folder: folder.clone(),
        layout: Layout::of_this_checkout(),
        programs: build(progress)?,
    };
    let measure = || {
        let mut rows = Vec::new();
        if kubernetes {
            rows.extend(bench.kubernetes(&arguments.rows, arguments.objects, progress)?);
        }
        if compose {
            rows.extend(bench.compose(arguments.services, progress)?);
        }
        Ok::<_, Box<dyn Error>>(rows)
    };
    let rows = measure();
    std::fs::remove_dir_all(&folder)?;
    say::data(&table(&rows?))?;
    Ok(())
}

/// A folder for this run.
fn scratch() -> std::io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("iac-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn build(progress: &Progress) -> Result<PathBuf, Box<dyn Error>> {
    progress.say("building the programs (release)");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace()).args([
        "build",
        "--release",
        "--quiet",
        "--bin",
        "manifests",
        "--bin",
        "compose_file",
    ]);
    if !cargo.status()?.success() {
        return Err("the programs could not be built".into());
    }
    Ok(target().join("release"))
}

struct Bench {
    folder: PathBuf,
    layout: Layout,
    programs: PathBuf,
}

impl Bench {
    fn program(&self, name: &str, verb: &[&str], path: &Path) -> Result<Command, Box<dyn Error>> {
        let program = self.programs.join(name).to_string_lossy().into_owned();
        let state = self.folder.join("state").to_string_lossy().into_owned();
        let path = format!("path={}", path.display());
        let stack = format!("iac-bench-{name}");
        let options = ["--stack", &stack, "--backend", &state, "--config", &path];
        self.command(&program, &[verb, &options].concat())
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Result<Command, Box<dyn Error>> {
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .envs(environment::variables(&self.layout)?)
            .args(arguments);
        Ok(command)
    }

    /// Runs a command to its end, which is to be a success.
    fn measure(&self, command: Command) -> Result<Measured, Box<dyn Error>> {
        self.measure_ending(command, &[0])
    }

    /// Runs a command to its end, which is to be one of these.
    fn measure_ending(&self, mut command: Command, endings: &[i32]) -> Result<Measured, Box<dyn Error>> {
        let log = std::fs::File::create(self.folder.join("log"))?;
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut memory = 0;
        let status = loop {
            memory = peak_memory(child.id()).unwrap_or(memory);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let time = began.elapsed();
        if !status.code().is_some_and(|code| endings.contains(&code)) {
            let log = std::fs::read_to_string(self.folder.join("log"))?;
            return Err(format!("`{}` ended with {status}:\n{log}", command_line(&command)).into());
        }
        Ok(Measured { time, memory })
    }
}

/// The peak of a process's resident memory so far, in KiB.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<36} {:>9} {:>9}   {:<28} {:>9} {:>9}   {:>6} {:>6}\n",
        "", "ours", "memory", "reference", "time", "memory", "time", "memory"
    );
    let mut count = 0;
    for row in rows {
        let (ratio, share) = row.ratios();
        let (ours, reference) = (&row.ours, &row.reference);
        let mut line = format!(
            "{:<36} {:>7.2} s {:>5} MiB   {:<28} {:>7.2} s",
            row.what,
            ours.time.as_secs_f64(),
            ours.memory / 1024,
            row.reference_name,
            reference.time.as_secs_f64(),
        );
        match share {
            None => line.push_str(&format!(" {:>9}   {ratio:>5.2}x {:>6}", "", "")),
            Some(share) => line.push_str(&format!(
                " {:>5} MiB   {ratio:>5.2}x {share:>5.2}x",
                reference.memory / 1024
            )),
        }
        let missed = row.missed();
        if !missed.is_empty() {
            count += 1;
            line.push_str(&format!("   BAR MISSED: {}", missed.join(", ")));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&match count {
        0 => "no bar is missed\n".to_owned(),
        1 => "1 row misses its bar\n".to_owned(),
        count => format!("{count} rows miss their bars\n"),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: (u64, u64), reference: (u64, u64), bar: Bar) -> Row {
        let measured = |(millis, memory)| Measured {
            time: Duration::from_millis(millis),
            memory,
        };
        Row {
            what: "up".to_owned(),
            ours: measured(ours),
            reference_name: "theirs",
            reference: measured(reference),
            bar,
        }
    }

    #[test]
    fn a_row_that_misses_its_bar_says_so() {
        let whole = Bar {
            time: Some(1.0),
            memory: Some(1.0),
            megabytes: Some(200),
        };
        let mib = 1024;
        let rows = [
            row((990, 100 * mib), (1000, 100 * mib), whole),
            row((1100, 250 * mib), (1000, 100 * mib), whole),
            row((1100, 10), (1000, 0), Bar::time(1.1)),
            row((9000, 10), (1000, 0), Bar::default()),
        ];
        let missed: Vec<Vec<String>> = rows.iter().map(Row::missed).collect();
        assert_eq!(missed[1], ["1.00x of the time", "1.00x of the memory", "200 MB"]);
        assert!(missed[0].is_empty() && missed[2].is_empty() && missed[3].is_empty());
        let text = table(&rows);
        assert_eq!(text.matches("BAR MISSED").count(), 1, "{text}");
        assert!(text.ends_with("1 row misses its bar\n"), "{text}");
    }
}
