//! The test bed's own Docker Engine: starting it over whatever an earlier run left, and stopping it with all that it made.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::binaries;
use crate::cleanup;
use crate::error::{Error, Result, io};
use crate::layout::Layout;
use crate::process::{Daemon, GRACE, Within, find_program, run};
use crate::progress::Progress;
use crate::record::Record;

const DEADLINE: Duration = Duration::from_secs(60);

/// Starts containerd and dockerd, unless they answer already.
pub(crate) fn start(layout: &Layout, record: &Record, progress: &Progress) -> Result<()> {
    link_compose(layout)?;
    let engine = record.engine();
    if engine.answers() {
        progress.say("dockerd: answers already");
        return Ok(());
    }
    if record.docker_is_foreign {
        let problem = format!("({}, the machine's own) does not answer any more", engine.host());
        return Err(Error::NotRunning {
            part: "the Docker Engine",
            problem,
        });
    }
    start_bridge(record)?;
    let containerd = start_containerd(layout)?;
    let daemon = Daemon::new("dockerd", layout);
    let arguments = arguments(layout, record, &containerd)?;
    progress.say("dockerd: starting");
    daemon.ensure(Within::Machine, &program("dockerd", "docker.io")?, &arguments)?;
    daemon.wait_until(DEADLINE, || engine.answers())?;
    progress.say("dockerd: answers");
    Ok(())
}

/// Stops the engine. Containers, networks and volumes go; images stay, for the next `up` to start with.
pub(crate) fn stop(layout: &Layout, record: &Record, progress: &Progress) -> Result<()> {
    if record.docker_is_foreign {
        return Ok(());
    }
    // An engine that a killed run left dead is started once more: only an engine can tell what it has.
    let clean = start(layout, record, progress).and_then(|()| remove_objects(record, progress));
    Daemon::new("dockerd", layout).stop(Duration::from_secs(20))?;
    Daemon::new("docker-containerd", layout).stop(GRACE)?;
    if let Err(error) = clean {
        // Its whole store goes, or the next engine would find the containers again.
        progress.say(format!("dockerd: removing its images too: {error}"));
        cleanup::kill_control_group(&record.block.name(""));
        cleanup::remove_folder(&layout.path("docker"))?;
    }
    progress.say("dockerd: stopped");
    Ok(())
}

/// Removes all containers, networks and volumes.
fn remove_objects(record: &Record, progress: &Progress) -> Result<()> {
    progress.say("dockerd: removing containers, networks and volumes");
    let engine = record.engine();
    let all = run(
        "listing containers",
        engine.docker().args(["ps", "--all", "--quiet", "--no-trunc"]),
    )?;
    if !all.is_empty() {
        run(
            "removing containers",
            engine.docker().args(["rm", "--force", "--volumes"]).args(all.lines()),
        )?;
    }
    run(
        "removing networks",
        engine.docker().args(["network", "prune", "--force"]),
    )?;
    let volumes = run("listing volumes", engine.docker().args(["volume", "ls", "--quiet"]))?;
    if !volumes.is_empty() {
        run(
            "removing volumes",
            engine.docker().args(["volume", "rm", "--force"]).args(volumes.lines()),
        )?;
    }
    Ok(())
}

/// Removes the traces in the kernel: the bridges and the firewall's one rule.
pub(crate) fn remove_network(record: &Record) {
    for interface in interfaces_of(record) {
        let _ = Command::new("ip").args(["link", "delete", &interface]).output();
    }
    let _ = firewall_rule(record, "-D").output();
}

/// Bridges with an address of the block: the default one, and those of networks that a killed engine left.
fn interfaces_of(record: &Record) -> Vec<String> {
    let within = record.block.cidr();
    let listed = run(
        "listing bridges",
        Command::new("ip").args(["-o", "-4", "address", "show", "to", &within]),
    )
    .unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split_whitespace().nth(1));
    names
        .filter(|name| name.starts_with("br-") || *name == record.block.name("d"))
        .map(str::to_owned)
        .collect()
}

fn start_bridge(record: &Record) -> Result<()> {
    let bridge = record.block.name("d");
    if !Path::new("/sys/class/net").join(&bridge).exists() {
        run(
            "making the engine's bridge",
            Command::new("ip").args(["link", "add", &bridge, "type", "bridge"]),
        )?;
    }
    let address = record.block.docker_bridge();
    run(
        "addressing the engine's bridge",
        Command::new("ip").args(["address", "replace", &address, "dev", &bridge]),
    )?;
    run(
        "starting the engine's bridge",
        Command::new("ip").args(["link", "set", &bridge, "up"]),
    )?;
    // Where another Docker Engine made the firewall drop what it doesn't know, our bridges would be cut off.
    let known = firewall_rule(record, "-C")
        .output()
        .is_ok_and(|done| done.status.success());
    if !known {
        let _ = firewall_rule(record, "-I").output();
    }
    Ok(())
}

/// The command that adds, checks or deletes the rule "what stays within our block may pass".
fn firewall_rule(record: &Record, action: &str) -> Command {
    let block = record.block.cidr();
    let mut command = Command::new("iptables");
    command.args(["-w", action, "FORWARD", "-s", &block, "-d", &block, "-j", "ACCEPT"]);
    command.env("PATH", crate::process::search_path());
    command
}

/// The engine's own containerd: without one it would join a containerd of the machine, which may be someone's.
fn start_containerd(layout: &Layout) -> Result<std::path::PathBuf> {
    let folder = layout.folder("docker/containerd")?;
    let socket = folder.join("containerd.sock");
    let daemon = Daemon::new("docker-containerd", layout);
    let text = format!(
        "version = 2\nroot = {root:?}\nstate = {state:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {socket:?}\n",
        root = folder.join("root"),
        state = folder.join("state"),
    );
    let configuration = layout.configuration("docker-containerd.toml", &text)?;
    let arguments = ["--config".to_owned(), configuration.display().to_string()];
    daemon.ensure(Within::Machine, &program("containerd", "containerd")?, &arguments)?;
    daemon.wait_until(DEADLINE, || std::os::unix::net::UnixStream::connect(&socket).is_ok())?;
    Ok(socket)
}

fn arguments(layout: &Layout, record: &Record, containerd: &Path) -> Result<Vec<String>> {
    let folder = layout.folder("docker")?;
    let pid_file = folder.join("dockerd.pid");
    // dockerd refuses to start over a pid file whose number some other process has by now.
    if pid_file.exists() {
        std::fs::remove_file(&pid_file).map_err(io("remove", &pid_file))?;
    }
    // Without one of ours it would read the machine's.
    let configuration = layout.configuration("dockerd.json", "{}\n")?;
    Ok(vec![
        format!("--config-file={}", configuration.display()),
        format!("--host={}", record.engine().host()),
        format!("--containerd={}", containerd.display()),
        format!("--data-root={}", folder.join("data").display()),
        format!("--exec-root={}", folder.join("exec").display()),
        format!("--pidfile={}", pid_file.display()),
        format!("--bridge={}", record.block.name("d")),
        format!("--default-address-pool=base={},size=25", record.block.docker_networks()),
        format!("--cgroup-parent=/{}/docker", record.block.name("")),
        // Published ports go through docker-proxy on this machine. The rules of the firewall are one set per machine: a second engine
        // that wrote them would empty the first one's. Without routing between bridges, networks stay apart all the same.
        "--iptables=false".to_owned(),
        "--ip-forward=false".to_owned(),
        "--ip-masq=false".to_owned(),
    ])
}

/// Puts the compose plugin, if it was built, where the client looks for it.
fn link_compose(layout: &Layout) -> Result<()> {
    let compose = binaries::COMPOSE.path(layout);
    if !compose.is_file() {
        return Ok(());
    }
    let plugins = layout.folder("docker-config/cli-plugins")?;
    link(&compose, &plugins.join("docker-compose"))
}

/// Makes or renews a symbolic link.
pub(crate) fn link(target: &Path, link: &Path) -> Result<()> {
    if std::fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(link).map_err(io("remove", link))?;
    }
    std::os::unix::fs::symlink(target, link).map_err(io("link", link))
}

/// The path of a program that a package brought.
pub(crate) fn program(name: &str, package: &str) -> Result<std::path::PathBuf> {
    find_program(name).ok_or_else(|| Error::Missing {
        program: name.to_owned(),
        tried: format!("the Debian package {package} did not bring it"),
        next: format!("check the package with `dpkg --listfiles {package}`"),
    })
}
