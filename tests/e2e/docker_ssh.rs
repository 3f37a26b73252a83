//! An engine behind `ssh`, as docker itself reaches one: the program runs `ssh HOST docker system dial-stdio`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::docker::{ComposeFolder, sleepers};
use crate::support::Ran;

/// Runs a verb with a fake `ssh` before everything else in `PATH`.
fn run(folder: &ComposeFolder, host: &str, verb: &[&str]) -> Ran {
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", folder.project.path("bin").display());
    let mut command = folder.project.command(verb);
    Ran::of(command.env("PATH", path).env("DOCKER_HOST", host))
}

fn ssh(folder: &ComposeFolder, script: &str) {
    folder.project.write("bin/ssh", script);
    let ssh = folder.project.path("bin/ssh");
    fs::set_permissions(ssh, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_engine_behind_ssh_is_used_like_any_other() {
    let folder = ComposeFolder::new();
    let log = folder.project.path("ssh.log");
    let (log, engine) = (log.display(), folder.project.bed.docker_host.clone());
    // The far side: what follows the host is run there, with the engine of that machine.
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {log}\nenv | grep -q ^IAC_PASSPHRASE && echo leaked >> {log}\n\
         while [ \"$1\" != -- ]; do shift; done\nshift 2\nDOCKER_HOST={engine} exec \"$@\"\n"
    );
    ssh(&folder, &script);
    folder.write(&sleepers([("web", "")]));
    let far = "ssh://me@far.example:2222";
    run(&folder, far, &["up", "--yes"]).exits(0);
    assert_eq!(folder.docker.services(&folder.name), ["web running "]);
    run(&folder, far, &["preview", "--detailed-exitcode"]).exits(0);
    run(&folder, far, &["destroy", "--yes"]).exits(0);
    folder.docker.has_nothing_of(&folder.name);
    let calls = fs::read_to_string(folder.project.path("ssh.log")).unwrap();
    let expected = "-o ConnectTimeout=30 -T -l me -p 2222 -- far.example docker system dial-stdio";
    assert!(calls.lines().all(|line| line == expected), "{calls}");
}

#[test]
fn what_ssh_says_is_told() {
    let folder = ComposeFolder::new();
    folder.write(&sleepers([("web", "")]));
    ssh(
        &folder,
        "#!/bin/sh\necho 'me@far: Permission denied (publickey).' >&2\nexit 255\n",
    );
    let up = run(&folder, "ssh://me@far", &["up", "--yes"]).exits(7);
    up.says(["ssh://me@far", "Permission denied (publickey)"]);
    folder.docker.has_nothing_of(&folder.name);
}
