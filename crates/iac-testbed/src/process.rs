//! Commands that end, daemons that don't, and how to tell a daemon of ours from a stranger with its number.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, Result, io};
use crate::layout::Layout;

/// The time in which a daemon has to end by itself before it is ended.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Runs a command to its end and gives what it printed on stdout.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<String> {
    command.env("PATH", search_path()).stdin(Stdio::null());
    let done = command.output();
    let failed = |outcome: String, output: String| Error::Command {
        what: what.to_owned(),
        command: command_line(command),
        outcome,
        output,
    };
    match done {
        Ok(done) if done.status.success() => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        Ok(done) => {
            let text = [done.stdout, done.stderr].concat();
            Err(failed(
                format!("ended with {}", done.status),
                last_lines(&String::from_utf8_lossy(&text), 15),
            ))
        }
        Err(error) => Err(failed(format!("could not start: {error}"), String::new())),
    }
}

/// The caller's `PATH` with the folders for administrators, which sudo and containers often leave out.
pub(crate) fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    path
}

/// Where a program lies on the search path; an absolute path is itself.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&search_path())
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// The last `count` lines of a text, indented.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(count);
    lines
        .get(from..)
        .unwrap_or_default()
        .iter()
        .map(|line| format!("    {line}\n"))
        .collect()
}

/// A command as one would type it: without what its environment holds, of which some is secret.
pub fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// The surroundings that a program runs in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Within<'a> {
    /// The machine, as root.
    Machine,
    /// A network namespace, by its path.
    Network(&'a Path),
    /// The machine, as another user, who may read the test bed's folders for all that.
    Account(&'a str),
}

impl Within<'_> {
    /// The command that starts a program there. It has the program's process number, for each of these becomes the next.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = match self {
            Self::Machine => return Command::new(program),
            Self::Network(namespace) => {
                let mut command = Command::new("nsenter");
                command.arg(format!("--net={}", namespace.display())).arg("--");
                command
            }
            Self::Account(user) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
                command.args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"]);
                command
            }
        };
        command.arg(program);
        command
    }
}

/// A daemon of the test bed. It runs in a session of its own, survives the command that started it, and is known by its pid file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Daemon<'a> {
    name: &'a str,
    layout: &'a Layout,
    environment: &'a [(&'a str, &'a str)],
}

impl<'a> Daemon<'a> {
    pub(crate) fn new(name: &'a str, layout: &'a Layout) -> Self {
        Self {
            name,
            layout,
            environment: &[],
        }
    }

    /// Gives it variables: what everybody may not see, as they see a process's arguments.
    pub(crate) fn with_environment(self, environment: &'a [(&'a str, &'a str)]) -> Self {
        Self { environment, ..self }
    }

    /// Makes sure that `program` runs with `arguments`; tells whether it had to be started.
    pub(crate) fn ensure(&self, within: Within<'_>, program: &Path, arguments: &[String]) -> Result<bool> {
        if self.runs(program, arguments) {
            return Ok(false);
        }
        self.stop(GRACE)?;
        // A run that was killed between starting the daemon and noting its number left one that no pid file names.
        kill_leftovers(|words| is_program(words, program) && words.iter().skip(1).eq(arguments));
        self.start(within, program, arguments)?;
        Ok(true)
    }

    fn start(&self, within: Within<'_>, program: &Path, arguments: &[String]) -> Result<()> {
        let log_path = self.layout.log(self.name);
        self.layout.folder("logs")?;
        let log = File::create(&log_path).map_err(io("create", &log_path))?;
        let log_too = log.try_clone().map_err(io("open", &log_path))?;
        let inner = within.command(program);
        let mut command = Command::new("setsid");
        command.arg(inner.get_program()).args(inner.get_args());
        command.args(arguments).current_dir("/");
        command
            .env("PATH", search_path())
            .envs(self.environment.iter().copied());
        command.stdin(Stdio::null()).stdout(log).stderr(log_too);
        let child = command
            .spawn()
            .map_err(|error| self.failed(&format!("could not be started: {error}")))?;
        let started = start_time(child.id()).unwrap_or_default();
        let pid_file = self.pid_file()?;
        std::fs::write(&pid_file, format!("{} {started}\n", child.id())).map_err(io("write", &pid_file))
    }

    /// True if the process of the pid file is alive, and the one that was started rather than a later one of the same number.
    pub(crate) fn alive(&self) -> bool {
        self.pid().is_some()
    }

    /// True if the daemon is alive and runs just this program with these arguments, not those of an older checkout.
    fn runs(&self, program: &Path, arguments: &[String]) -> bool {
        let Some(pid) = self.pid() else { return false };
        let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
        let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line
            .split(|byte| *byte == 0)
            .skip(1)
            .filter(|word| !word.is_empty())
            .collect();
        let same_words = words.iter().copied().eq(arguments.iter().map(String::as_bytes));
        let running = std::fs::read_link(process.join("exe"));
        same_words && running.is_ok_and(|exe| program.canonicalize().is_ok_and(|wanted| wanted == exe))
    }

    /// Waits until `ready` holds; a dead daemon or a passed deadline is an error that carries the end of the log.
    pub(crate) fn wait_until(&self, deadline: Duration, ready: impl Fn() -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            if ready() {
                return Ok(());
            }
            if !self.alive() {
                return Err(self.failed("ended before it was ready"));
            }
            if start.elapsed() > deadline {
                return Err(self.failed(&format!("was not ready after {} s", deadline.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Asks the daemon to end, and ends it after `grace`.
    pub(crate) fn stop(&self, grace: Duration) -> Result<()> {
        if let Some(pid) = self.pid() {
            // A signal that can't be delivered means that the process has just ended.
            let _ = kill_process(pid, Signal::TERM);
            let start = Instant::now();
            while self.alive() && start.elapsed() < grace {
                std::thread::sleep(Duration::from_millis(50));
            }
            if self.alive() {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let pid_file = self.pid_file()?;
        if pid_file.exists() {
            std::fs::remove_file(&pid_file).map_err(io("remove", &pid_file))?;
        }
        Ok(())
    }

    /// An error about this daemon with the end of its log.
    pub(crate) fn failed(&self, problem: &str) -> Error {
        let log = self.layout.log(self.name);
        let text = std::fs::read(&log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        Error::Daemon {
            name: self.name.to_owned(),
            problem: problem.to_owned(),
            tail: last_lines(&text, 12),
            log,
        }
    }

    fn pid_file(&self) -> Result<PathBuf> {
        Ok(self.layout.folder("pids")?.join(self.name))
    }

    fn pid(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.layout.path("pids").join(self.name)).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let number: u32 = pid.parse().ok()?;
        let same = start_time(number)? == started;
        same.then(|| Pid::from_raw(i32::try_from(number).ok()?)).flatten()
    }
}

/// When a process started, in clock ticks since the boot; nothing for one that ended or is a zombie.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name may hold spaces and brackets; the fields after its last bracket don't.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    let started = fields.nth(18)?;
    (!matches!(state, "Z" | "X")).then(|| started.to_owned())
}

/// Waits for `ready` without a process behind it; tells whether it came true in time.
pub(crate) fn wait_for(deadline: Duration, ready: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < deadline {
        if ready() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    ready()
}

/// Ends every process whose command line, word by word, is one that `left` knows.
pub(crate) fn kill_leftovers(left: impl Fn(&[String]) -> bool) {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line);
        let words: Vec<String> = line.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
        if let (true, Some(pid)) = (left(&words), Pid::from_raw(pid)) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// True if a command line runs `program`, by the last part of its path.
pub(crate) fn is_program(words: &[String], program: &Path) -> bool {
    words
        .first()
        .is_some_and(|word| Path::new(word).file_name() == program.file_name())
}

/// True if `GET http://ADDRESS PATH` answers 200.
pub(crate) fn http_ok(address: &str, path: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else {
        return false;
    };
    let asked = write!(stream, "GET {path} HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.split(' ').nth(1) == Some("200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_nothing_of_the_environment() {
        let mut command = Command::new("prod");
        command.args(["up", "--yes"]).env("AWS_SECRET_ACCESS_KEY", "s3cret");
        assert_eq!(command_line(&command), "prod up --yes");
    }
}
