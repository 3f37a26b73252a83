//! `cargo xtask bench`: our programs beside the real ones, in one run on the test bed, as ratios; and what state costs.
//!
//! Both sides of the programs do the same job on the same machine one after the other, each on objects of its own. Figures are wall time
//! and the peak of resident memory of the program itself; the work of the cluster or the engine is part of the time.

mod compose;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use iac_testbed::{Layout, Needs, Progress, TestBed, command_line, environment};

use crate::{Outcome, say, workspace};

/// A part of the benchmarks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Programs beside kubectl and docker compose
    Programs,
    /// Compose projects beside docker compose, and beside a bare loop of the engine's calls
    Compose,
    /// What state costs on files, beside a backend that writes the whole snapshot at each step
    State,
    /// What recording adds to a step, on every backend
    Backends,
}

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// How many ConfigMaps
    #[arg(long, default_value_t = 1000)]
    config_maps: usize,
    /// How many compose services
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
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let progress = Progress::start();
    let wanted = |part| arguments.only.is_none_or(|only| only == part);
    match arguments.only {
        None | Some(Part::Programs) => programs(arguments, [true, true], &progress)?,
        Some(Part::Compose) => programs(arguments, [false, true], &progress)?,
        Some(Part::State | Part::Backends) => {}
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
    let folder = std::env::temp_dir().join(format!("iac-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let bench = Bench {
        folder: folder.clone(),
        layout: Layout::of_this_checkout(),
        programs: build(progress)?,
    };
    let measure = || {
        let mut rows = Vec::new();
        if kubernetes {
            rows.extend(bench.kubernetes(arguments.config_maps, progress)?);
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
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    Ok(target.join("release"))
}

struct Bench {
    folder: PathBuf,
    layout: Layout,
    programs: PathBuf,
}

impl Bench {
    fn kubernetes(&self, count: usize, progress: &Progress) -> Result<Vec<Row>, Box<dyn Error>> {
        let [ours, theirs] = ["iac-bench-ours", "iac-bench-kubectl"];
        let (our_files, their_files) = (self.manifests(ours, count)?, self.manifests(theirs, count)?);
        let program = |verb: &[&str]| self.program("manifests", verb, &our_files);
        let kubectl = |verb: &str| {
            self.command(
                "kubectl",
                &[verb, "--server-side", "-f", &their_files.to_string_lossy()],
            )
        };
        progress.say(format!("{count} ConfigMaps: up"));
        let up = self.measure(program(&["up", "--yes"])?)?;
        progress.say(format!("{count} ConfigMaps: kubectl apply"));
        let apply = self.measure(kubectl("apply")?)?;
        progress.say("preview and diff without changes");
        let preview = self.measure(program(&["preview"])?)?;
        let diff = self.measure(kubectl("diff")?)?;
        let up_again = self.measure(program(&["up", "--yes"])?)?;
        let apply_again = self.measure(kubectl("apply")?)?;
        self.measure(program(&["destroy", "--yes", "--delete-data", "all"])?)?;
        self.measure(self.command("kubectl", &["delete", "namespace", theirs])?)?;
        Ok(vec![
            Row {
                what: "create ConfigMaps".to_owned(),
                ours: up,
                reference_name: "kubectl apply --server-side",
                reference: apply,
            },
            Row {
                what: "preview, no change".to_owned(),
                ours: preview,
                reference_name: "kubectl diff --server-side",
                reference: diff,
            },
            Row {
                what: "up, no change".to_owned(),
                ours: up_again,
                reference_name: "kubectl apply --server-side",
                reference: apply_again,
            },
        ])
    }

    /// A folder with a namespace and ConfigMaps in it.
    fn manifests(&self, namespace: &str, count: usize) -> Result<PathBuf, Box<dyn Error>> {
        let folder = self.folder.join(namespace);
        std::fs::create_dir_all(&folder)?;
        let head = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n");
        std::fs::write(folder.join("0-namespace.yaml"), head)?;
        let mut text = String::new();
        for number in 0..count {
            write!(
                text,
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{number}\n  namespace: {namespace}\ndata:\n  number: \"{number}\"\n  text: |\n    some lines\n    of text\n"
            )?;
        }
        std::fs::write(folder.join("1-config-maps.yaml"), text)?;
        Ok(folder)
    }

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

    /// Runs a command to its end. Exit code 1 of `kubectl diff` would mean a difference, which is a failure here too.
    fn measure(&self, mut command: Command) -> Result<Measured, Box<dyn Error>> {
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
        if !status.success() {
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
        "{:<22} {:>9} {:>9}   {:<28} {:>9} {:>9}   {:>6} {:>6}\n",
        "", "ours", "memory", "reference", "time", "memory", "time", "memory"
    );
    for Row {
        what,
        ours,
        reference_name,
        reference,
    } in rows
    {
        let ratio = ours.time.as_secs_f64() / reference.time.as_secs_f64();
        let mut line = format!(
            "{what:<22} {:>7.2} s {:>5} MiB   {reference_name:<28} {:>7.2} s",
            ours.time.as_secs_f64(),
            ours.memory / 1024,
            reference.time.as_secs_f64(),
        );
        // A loop of ours has no memory of its own.
        match reference.memory {
            0 => line.push_str(&format!(" {:>9}   {ratio:>5.2}x\n", "")),
            memory => {
                let share = ours.memory as f64 / memory as f64;
                line.push_str(&format!(" {:>5} MiB   {ratio:>5.2}x {share:>5.2}x\n", memory / 1024));
            }
        }
        text.push_str(&line);
    }
    text
}
