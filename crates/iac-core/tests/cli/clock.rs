//! Processes whose wall clock is wrong, or jumps while they run: a library that is loaded before libc's moves it.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

use super::desk::Desk;
use super::standing::Standing;

const HOURS: i64 = 3600;

/// A desk where every process sees another time.
struct Clock {
    desk: Desk,
    library: PathBuf,
}

impl Clock {
    fn new() -> Self {
        let desk = Desk::new();
        let library = desk.path("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([library.as_os_str(), source.as_ref()])
            .output()
            .unwrap_or_else(|error| panic!("this test needs a C compiler: `cc`: {error}"));
        assert!(compiled.status.success(), "{compiled:?}");
        Self { desk, library }
    }

    /// Moves the clock by so many hours from what it is; from now on, also for what runs already.
    fn set(&self, hours: i64) {
        // By a rename, since it is read all the time.
        self.desk.write("offset.new", &(hours * HOURS).to_string());
        std::fs::rename(self.desk.path("offset.new"), self.desk.path("offset")).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.desk.command(line);
        command
            .env("LD_PRELOAD", &self.library)
            .env("CLOCK_OFFSET_FILE", self.desk.path("offset"));
        command
    }

    fn standing(&self) -> Standing {
        Standing::new(&self.desk, self.command("up --yes"))
    }

    /// The exit code, and all that was said.
    fn run(&self, line: &str) -> (i32, String) {
        let output = self.command(line).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    fn succeeds(&self, line: &str) -> String {
        let (code, said) = self.run(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    /// Version, start and end of each run, as `stack history` has them.
    fn history(&self) -> Vec<(u64, jiff::Timestamp, jiff::Timestamp)> {
        let output = self.command("stack history --json").output().unwrap();
        let versions: Vec<Json> = serde_json::from_slice(&output.stdout).unwrap();
        let time = |version: &Json, name: &str| version[name].as_str().unwrap().parse().unwrap();
        let row = |version: &Json| {
            let number = version["version"].as_u64().unwrap();
            (number, time(version, "started"), time(version, "finished"))
        };
        versions.iter().map(row).collect()
    }
}

impl Standing {
    /// Lets it go on to its end.
    fn go_on(mut self) {
        let mut text = String::new();
        std::fs::File::open(&self.pipe)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        std::fs::remove_file(&self.pipe).unwrap();
        std::fs::write(&self.pipe, text).unwrap();
        let rest: Vec<String> = self.said.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success(), "{rest:?}");
    }
}

#[test]
fn a_clock_that_jumps_under_a_run_neither_ends_nor_breaks_its_lease() {
    for (before, meanwhile) in [(0, 5), (0, -5), (24, -24)] {
        let clock = Clock::new();
        clock.set(before);
        let run = clock.standing();
        clock.set(meanwhile);
        let (code, said) = clock.run("up --yes --lock-timeout 1s");
        assert_eq!(code, 6, "it lives: {said}");
        assert!(said.contains("is locked by"), "{said}");
        run.go_on();
        assert!(clock.succeeds("up --yes --config name=x").contains("greeting.txt"));
        clock.succeeds("preview --detailed-exitcode --config name=x");
        clock.succeeds("state check");
        let history = clock.history();
        assert_eq!(
            history.iter().map(|(version, ..)| *version).collect::<Vec<_>>(),
            [1, 2],
            "in the order in which they ran"
        );
        for (_, started, finished) in history {
            assert!(started <= finished, "{before} {meanwhile}: {started} {finished}");
        }
    }
}

#[test]
fn a_run_that_was_killed_is_taken_over_at_once_by_one_with_another_clock() {
    for hours in [30 * 365 * 24, -5] {
        let clock = Clock::new();
        clock.set(hours);
        clock.standing().kill();
        clock.set(0);
        // It does not wait for the lease: its process is known to be gone.
        let said = clock.succeeds("up --yes --lock-timeout 0s");
        assert!(said.contains("was interrupted"), "{said}");
        clock.succeeds("preview --detailed-exitcode");
        assert_eq!(clock.history().len(), 1);
    }
}

#[test]
fn runs_on_either_side_of_a_jump_are_listed_in_their_order() {
    let clock = Clock::new();
    for (name, hours) in [("a", 0), ("b", 30 * 365 * 24), ("c", 0), ("d", -5)] {
        clock.set(hours);
        clock.succeeds(&format!("up --yes --config name={name}"));
    }
    let history = clock.history();
    assert!(history.iter().map(|(version, ..)| *version).eq(1..=4));
    let finished: Vec<_> = history.iter().map(|(.., finished)| *finished).collect();
    assert!(
        finished[3] < finished[0] && finished[2] < finished[1],
        "each by the clock of its run: {finished:?}"
    );
    let listed = clock.succeeds("stack history");
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(clock.succeeds("stack show 2").contains("greeting.txt"));
}
