//! The user, machine and number of this process, and whether another process still lives.

use std::fs;

use serde::{Deserialize, Serialize};

/// The marks that tell a process from every other one on machines of the same kind: enough to see that it has died.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct ProcessId {
    /// The running kernel's boot, and the namespace in which the number counts.
    pub(super) space: String,
    /// The number.
    pub(super) pid: u32,
    /// When it was started, in the kernel's own count; numbers are used again.
    pub(super) start: String,
}

impl ProcessId {
    /// This process; none where the system does not tell (no `/proc`).
    pub(super) fn current() -> Option<Self> {
        let pid = std::process::id();
        Some(Self {
            space: space()?,
            pid,
            start: start_of(&stat(pid)?)?,
        })
    }

    /// Whether the process still runs, as far as can be told from here.
    pub(super) fn life(&self) -> Life {
        if space().as_ref() != Some(&self.space) {
            return Life::Unknown;
        }
        match stat(self.pid).as_deref() {
            Some(stat) if is_zombie(stat) || start_of(stat).as_ref() != Some(&self.start) => Life::Dead,
            Some(_) => Life::Alive,
            // Where other users' processes are hidden (`hidepid`), init is hidden as well.
            None if stat(1).is_some() => Life::Dead,
            None => Life::Unknown,
        }
    }
}

/// Whether a process still runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    /// It does.
    Alive,
    /// It has ended.
    Dead,
    /// That cannot be told: another machine or container, or a user whose processes are hidden from us.
    Unknown,
}

fn space() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

fn stat(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

/// The fields behind the program's name, which may itself hold blanks and parentheses.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace()
}

fn start_of(stat: &str) -> Option<String> {
    // `starttime` is field 22 of proc_pid_stat(5); the first behind the name is field 3.
    fields(stat).nth(19).map(str::to_owned)
}

fn is_zombie(stat: &str) -> bool {
    matches!(fields(stat).next(), Some("Z" | "X"))
}

/// The user's name: as the environment has it, else by the number that the process runs under.
pub(super) fn user() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .or_else(user_by_number)
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(unix)]
fn user_by_number() -> Option<String> {
    let number = rustix::process::getuid().as_raw();
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    Some(name_of(&known, number).unwrap_or_else(|| format!("uid-{number}")))
}

#[cfg(not(unix))]
fn user_by_number() -> Option<String> {
    None
}

/// The name of a user in the text of `/etc/passwd`.
#[cfg(unix)]
fn name_of(known: &str, number: u32) -> Option<String> {
    let of = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, found) = (fields.next()?, fields.next()?, fields.next()?);
        (found.parse() == Ok(number) && !name.is_empty()).then(|| name.to_owned())
    };
    known.lines().find_map(of)
}

/// The machine's name.
pub(crate) fn host() -> String {
    let file = |path| fs::read_to_string(path).ok();
    file("/proc/sys/kernel/hostname")
        .or_else(|| file("/etc/hostname"))
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_an_ended_one_does_not() {
        let this = ProcessId::current();
        if let Some(this) = &this {
            assert_eq!(this.life(), Life::Alive);
            let mut reused = this.clone();
            reused.start = "1".into();
            assert_eq!(reused.life(), Life::Dead, "the same number, started at another time");
            let mut elsewhere = this.clone();
            elsewhere.space = "another machine".into();
            assert_eq!(elsewhere.life(), Life::Unknown);
        }
        assert_eq!(this.is_some(), fs::exists("/proc/self/stat").unwrap_or(false));
    }

    #[test]
    #[cfg(unix)]
    fn a_user_has_a_name_by_its_number() {
        let known = "root:x:0:0:root:/root:/bin/sh\n# a comment\nme:x:1000:1000::/home/me:\n:x:7:7::/:\n";
        for (number, name) in [(0, Some("root")), (1000, Some("me")), (7, None), (8, None)] {
            assert_eq!(name_of(known, number).as_deref(), name, "{number}");
        }
    }

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1 2";
        assert_eq!(start_of(stat).as_deref(), Some("12345"));
        assert!(!is_zombie(stat));
    }
}
