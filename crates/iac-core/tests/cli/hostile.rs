//! Files that are none, and locks of others: each is refused by its name, and nothing waits for them.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::desk::Desk;

/// Longer than anything here takes, and shorter than for ever.
const LONG: Duration = Duration::from_secs(60);

/// The exit code and what was said; a command that does not end is a failure.
fn ends(mut command: Command) -> (i32, String) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + LONG;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() > deadline => {
                child.kill().unwrap();
                panic!("{command:?} does not end");
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.code().unwrap_or_default(), said)
}

/// Puts something under a name that is no regular file; what keeps it there is returned.
fn put(what: &str, path: &Path) -> Option<UnixListener> {
    let _ = fs::remove_file(path);
    match what {
        "a FIFO" => {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
            None
        }
        "a device" => {
            std::os::unix::fs::symlink("/dev/zero", path).unwrap();
            None
        }
        _ => Some(UnixListener::bind(path).unwrap()),
    }
}

#[test]
fn what_is_no_regular_file_is_refused_by_its_name() {
    // The file, the command that reads it, and the variable that names it.
    let reads: [(&str, &str, Option<&str>); 7] = [
        ("stacks/files.files.toml", "preview", None),
        ("stacks/files.files.toml", "config set name x", None),
        ("odd", "preview", Some("IAC_CONFIG_FILE")),
        ("odd", "up --yes", Some("IAC_PASSPHRASE_FILE")),
        ("odd", "up --yes", Some("IAC_IDENTITY")),
        ("odd", "up --yes --plan odd", None),
        ("odd", "state import odd", None),
    ];
    for what in ["a FIFO", "a device", "a socket"] {
        for (file, line, variable) in reads {
            let desk = Desk::new();
            let _kept = put(what, &desk.path(file));
            let mut command = desk.command(line);
            command.envs(variable.map(|name| (name, desk.path(file))));
            let (code, said) = ends(command);
            let context = format!("{what} {file} {line} {variable:?}: {code} {said}");
            assert!(code != 0 && code != 101, "{context}");
            let name = file.rsplit('/').next().unwrap();
            assert!(
                said.contains(name) && said.contains(&format!("it is {what}")),
                "{context}"
            );
        }
    }
}

#[test]
fn a_file_of_state_is_a_regular_file_and_no_link() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let file = desk.path("state/files/stack.json");
    fs::rename(&file, desk.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere"), &file).unwrap();
    let (code, said) = ends(desk.command("preview"));
    assert!(
        code == 1 && said.contains("stack.json") && said.contains("a symbolic link"),
        "{said}"
    );
    let _kept = put("a FIFO", &file);
    let (code, said) = ends(desk.command("preview"));
    assert!(
        code == 1 && said.contains("stack.json") && said.contains("a FIFO"),
        "{said}"
    );
}

#[test]
fn what_is_left_behind_in_a_state_is_swept_only_if_it_is_a_file() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let folder = desk.path("state/.tmp");
    fs::create_dir_all(&folder).unwrap();
    put("a FIFO", &folder.join("pipe"));
    desk.write("elsewhere", "somebody's");
    std::os::unix::fs::symlink(desk.path("elsewhere"), folder.join("link")).unwrap();
    desk.write("state/.tmp/old", "a killed run's");
    for name in ["pipe", "link", "old"] {
        let mut touch = Command::new("touch");
        touch.args(["-h", "-d", "2 hours ago"]).arg(folder.join(name));
        assert!(touch.status().unwrap().success());
    }
    let (code, said) = ends(desk.command("up --yes --config name=x"));
    assert_eq!(code, 0, "{said}");
    assert_eq!(fs::read_to_string(desk.path("elsewhere")).unwrap(), "somebody's");
    assert!(!folder.join("old").exists());
}

#[test]
fn events_are_written_through_no_link_and_to_no_pipe() {
    let desk = Desk::new();
    desk.write("precious", "somebody's");
    std::os::unix::fs::symlink(desk.path("precious"), desk.path("link")).unwrap();
    put("a FIFO", &desk.path("pipe"));
    for (name, what) in [("link", "a symbolic link"), ("pipe", "a FIFO")] {
        let (code, said) = ends(desk.command(&format!("up --yes --events {name}")));
        assert!(code == 1 && said.contains(name) && said.contains(what), "{code} {said}");
    }
    assert_eq!(fs::read_to_string(desk.path("precious")).unwrap(), "somebody's");
}

#[test]
fn odd_files_of_git_hold_nothing_up() {
    for name in ["config", "HEAD", "index", "commondir", "packed-refs"] {
        let desk = Desk::new();
        let git = |line: &str| {
            let mut command = Command::new("git");
            command.args(line.split(' ')).current_dir(desk.path("."));
            command.env("GIT_CONFIG_GLOBAL", "/dev/null");
            assert!(command.output().unwrap().status.success(), "git {line}");
        };
        git("init -q");
        git("add Cargo.toml");
        git("-c user.name=a -c user.email=a@example.com commit -qm a");
        put("a FIFO", &desk.path(".git").join(name));
        let mut command = desk.command("up --yes");
        command
            .env_remove("IAC_BUILD_ID")
            .env("PATH", std::env::var_os("PATH").unwrap());
        let (code, said) = ends(command);
        assert_eq!(code, 0, "{name}: {said}");
    }
}

#[test]
fn nobody_else_can_lock_the_state() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let mode = |name: &str| fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
    for (name, expected) in [
        ("state", 0o700),
        ("state/files", 0o700),
        ("state/files/journal", 0o700),
        ("state/.lock", 0o600),
        ("state/files/lease.json", 0o600),
    ] {
        assert_eq!(mode(name), expected, "{name}");
    }
}

#[test]
fn a_lock_that_somebody_holds_is_named_after_a_while() {
    let desk = Desk::new();
    assert_eq!(desk.code("up --yes"), 0);
    let held = File::open(desk.path("state/.lock")).unwrap();
    held.lock().unwrap();
    let (code, said) = ends(desk.command("up --yes --lock-timeout 2s --config name=you"));
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("/.lock") && said.contains("locked by another process"),
        "{said}"
    );
    drop(held);
    assert_eq!(desk.code("up --yes --config name=you"), 0);
}
