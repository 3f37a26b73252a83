//! PostgreSQL, Debian's, with data of its own: a cluster of the machine is never touched.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{FOLDER, Servers};
use crate::cleanup;
use crate::error::{Error, Result, io};
use crate::layout::Layout;
use crate::process::{Daemon, Within, run};
use crate::progress::Progress;

/// The superuser in the database.
pub(super) const USER: &str = "iac";

/// The user of the machine that the server runs as, for it refuses to be root.
const ACCOUNT: Within<'_> = Within::Account("postgres");

const NAME: &str = "postgres";

/// Where Debian has the newest server's programs.
pub(super) fn folder_of_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    found.retain(|path| path.join("bin/postgres").is_file());
    found.sort_by_key(|path| version(path));
    Some(found.pop()?.join("bin"))
}

fn program(name: &str) -> Result<PathBuf> {
    let folder = folder_of_programs().ok_or_else(|| Error::Missing {
        program: "PostgreSQL's server".to_owned(),
        tried: "the Debian package postgresql did not bring it to /usr/lib/postgresql".to_owned(),
        next: "check the package with `dpkg --listfiles postgresql-15`".to_owned(),
    })?;
    Ok(folder.join(name))
}

pub(super) fn answers(layout: &Layout, servers: &Servers) -> bool {
    let port = servers.postgres_port.to_string();
    let asked = program("pg_isready").map(|program| {
        Command::new(program)
            .args(["--quiet", "--host=127.0.0.1", "--port", &port])
            .status()
    });
    // A stranger's server may have got the port.
    Daemon::new(NAME, layout).alive() && matches!(asked, Ok(Ok(status)) if status.success())
}

pub(super) fn start(layout: &Layout, servers: &Servers, progress: &Progress) -> Result<()> {
    let data = layout.path(FOLDER).join("postgres");
    if !data.exists() {
        make(layout, servers, &data, progress)?;
    }
    let arguments = [
        "-D".to_owned(),
        data.display().to_string(),
        format!("-cport={}", servers.postgres_port),
        "-clisten_addresses=127.0.0.1".to_owned(),
        "-cunix_socket_directories=".to_owned(),
    ];
    let daemon = Daemon::new(NAME, layout);
    if !daemon.alive() {
        remove_stale_lock(&data)?;
    }
    if daemon.ensure(ACCOUNT, &program("postgres")?, &arguments)? {
        progress.say("postgres: starting");
    }
    daemon.wait_until(Duration::from_secs(60), || answers(layout, servers))?;
    progress.say("postgres: answers");
    Ok(())
}

/// Removes the lock of a server that was killed, if its number is another process's by now: PostgreSQL takes any process of
/// its account for the server.
fn remove_stale_lock(data: &Path) -> Result<()> {
    let lock = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&lock) else {
        return Ok(());
    };
    let pid = text.lines().next().unwrap_or_default();
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let of_ours = |word: &[u8]| word == data.as_os_str().as_encoded_bytes();
    if line.split(|byte| *byte == 0).any(of_ours) {
        return Ok(());
    }
    std::fs::remove_file(&lock).map_err(io("remove", &lock))
}

/// Makes the database's folder: elsewhere first, so that one that is there is whole.
fn make(layout: &Layout, servers: &Servers, data: &Path, progress: &Progress) -> Result<()> {
    progress.say("postgres: making a database");
    let draft = layout.path(FOLDER).join("postgres.new");
    cleanup::remove_folder(&draft)?;
    std::fs::create_dir_all(&draft).map_err(io("create", &draft))?;
    let password = layout.path(FOLDER).join("postgres.password");
    std::fs::write(&password, &servers.password).map_err(io("write", &password))?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&password, private).map_err(io("protect", &password))?;
    run(
        "giving the database's folder to postgres",
        Command::new("chown").arg("postgres:").arg(&draft).arg(&password),
    )?;
    let mut initdb = ACCOUNT.command(&program("initdb")?);
    initdb
        .args([
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .arg(format!("--username={USER}"))
        .arg(format!("--pwfile={}", password.display()))
        .arg(format!("--pgdata={}", draft.display()))
        .current_dir("/");
    run("making a database", &mut initdb)?;
    std::fs::rename(&draft, data).map_err(io("rename", &draft))
}

pub(super) fn stop(layout: &Layout) -> Result<()> {
    Daemon::new(NAME, layout).stop(Duration::from_secs(10))
}
