//! The test bed as a whole: up, down, and how it is doing.

use std::path::Path;

use crate::addresses::Block;
use crate::binaries;
use crate::cleanup;
use crate::cluster::Cluster;
use crate::docker::Engine;
use crate::dockerd;
use crate::error::{Error, Result, io};
use crate::extra::Extra;
use crate::images;
use crate::layout::Layout;
use crate::packages;
use crate::process::{is_program, kill_leftovers};
use crate::progress::Progress;
use crate::record::Record;
use crate::storage::{self, Servers};

/// Where a machine's own Docker Engine listens.
const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// The parts of the test bed to bring up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The cluster as well as the Docker Engine, which it takes its images from.
    pub kubernetes: bool,
    /// `docker compose`, which takes a minute and a half to build on a machine that has built nothing yet.
    pub compose: bool,
    /// Use a Docker Engine that already answers on the usual socket as it is, rather than start one of our own.
    pub existing_engine: bool,
    /// Parts of the cluster that are there on request.
    pub with: Vec<Extra>,
    /// An S3 server and PostgreSQL, to keep state on.
    pub storage: bool,
}

/// Brings the test bed up: starts what does not run yet, over whatever an earlier run left.
///
/// # Errors
/// Any [`Error`]; each names the part that failed and what to do.
pub fn up(layout: &Layout, options: &Options, progress: &Progress) -> Result<Record> {
    must_be_root()?;
    let _lock = lock(layout, progress)?;
    packages::install(packages::CLIENT, progress)?;
    let earlier = Record::read(layout)?;
    let record = open_record(layout, earlier.as_ref(), options)?;
    match start(layout, &record, options, progress) {
        Err(error @ Error::Daemon { .. }) if earlier.is_some() => {
            progress.say(format!(
                "what an earlier run left is in the way, starting afresh: {error}"
            ));
            take_down(layout, &record, progress)?;
            let fresh = Record {
                block: Block::take(layout)?,
                storage: record.storage.is_some().then(Servers::take).transpose()?,
                ..record
            };
            fresh.write(layout)?;
            start(layout, &fresh, options, progress)?;
            Ok(fresh)
        }
        result => result.map(|()| record),
    }
}

fn start(layout: &Layout, record: &Record, options: &Options, progress: &Progress) -> Result<()> {
    if !record.docker_is_foreign {
        packages::install(packages::ENGINE, progress)?;
    }
    if options.compose {
        binaries::build(layout, &[&binaries::COMPOSE], progress)?;
    }
    dockerd::start(layout, record, progress)?;
    images::ensure(&record.engine(), &mut |line| progress.say(format!("image: {line}")))?;
    let config = config_file(layout);
    images::write_config(&config).map_err(io("write", &config))?;
    if record.kubernetes {
        let cluster = Cluster { layout, record };
        packages::install(packages::KUBERNETES, progress)?;
        binaries::build(layout, &cluster.binaries(), progress)?;
        cluster.start(progress)?;
    }
    if let Some(servers) = &record.storage {
        storage::start(layout, servers, progress)?;
    }
    progress.say("test bed: up");
    Ok(())
}

/// Stops the test bed and removes what ran on it. Images and binaries stay for the next `up`, unless `purge` says otherwise.
///
/// # Errors
/// Any [`Error`]; running it again is safe.
pub fn down(layout: &Layout, purge: bool, progress: &Progress) -> Result<()> {
    must_be_root()?;
    if !layout.run().exists() {
        progress.say("test bed: there is none");
        return Ok(());
    }
    let lock = lock(layout, progress)?;
    match Record::read(layout) {
        Ok(Some(record)) => take_down(layout, &record, progress)?,
        // Without a record that can be read, what is known is the folder.
        Ok(None) => sweep(layout),
        Err(error) if !purge => return Err(error),
        Err(_) => sweep(layout),
    }
    if purge {
        cleanup::remove_folder(layout.run())?;
    }
    drop(lock);
    progress.say("test bed: down");
    Ok(())
}

fn take_down(layout: &Layout, record: &Record, progress: &Progress) -> Result<()> {
    if record.kubernetes {
        Cluster { layout, record }.stop(progress)?;
    }
    dockerd::stop(layout, record, progress)?;
    storage::stop(layout)?;
    sweep(layout);
    dockerd::remove_network(record);
    let groups = record.block.name("");
    cleanup::kill_control_group(&groups);
    cleanup::remove_control_groups(&groups);
    record.block.release(layout)?;
    Record::remove(layout)
}

/// The programs of which a killed run may leave some behind.
const PROGRAMS: &[&str] = &[
    "containerd-shim-runc-v2",
    "containerd",
    "dockerd",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "versitygw",
    "postgres",
];

/// Ends the processes that a killed run left, and what they have mounted. Ours have a path in the run directory among their arguments.
fn sweep(layout: &Layout) {
    let folder = format!("{}/", layout.run().display());
    kill_leftovers(|words| {
        let known = PROGRAMS.iter().any(|program| is_program(words, Path::new(program)));
        known && words.iter().skip(1).any(|word| word.contains(&folder))
    });
    cleanup::unmount_below(layout.run());
}

/// One part of the test bed and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// True if it does its work.
    pub healthy: bool,
    /// Where it is to be found, or what is wrong with it.
    pub detail: String,
}

/// Returns the state of the test bed's parts; no parts if there is no test bed.
///
/// # Errors
/// [`Error::Record`] and [`Error::Io`] where its record can't be read.
pub fn status(layout: &Layout) -> Result<Vec<Part>> {
    let Some(record) = Record::read(layout)? else {
        return Ok(Vec::new());
    };
    let mut parts = vec![docker_status(&record)];
    if record.kubernetes {
        parts.push(cluster_status(layout, &record));
    }
    if let Some(servers) = &record.storage {
        parts.push(storage_status(layout, servers));
    }
    Ok(parts)
}

fn storage_status(layout: &Layout, servers: &Servers) -> Part {
    let dead = servers.dead(layout);
    let detail = if dead.is_empty() {
        format!("S3 on {}, PostgreSQL", servers.s3().endpoint)
    } else {
        format!("not running: {}", dead.join(", "))
    };
    Part {
        name: "Storage",
        healthy: dead.is_empty(),
        detail,
    }
}

fn docker_status(record: &Record) -> Part {
    let engine = record.engine();
    let healthy = engine.answers();
    let whose = if record.docker_is_foreign {
        "the machine's own, used as it is"
    } else {
        "the test bed's own"
    };
    let detail = if healthy {
        format!("{}, {whose}", engine.host())
    } else {
        format!("{} does not answer", engine.host())
    };
    Part {
        name: "Docker Engine",
        healthy,
        detail,
    }
}

fn cluster_status(layout: &Layout, record: &Record) -> Part {
    let cluster = Cluster { layout, record };
    let dead = cluster.dead_daemons();
    let ready = dead.is_empty() && cluster.node_is_ready();
    let detail = match (ready, dead.is_empty()) {
        (true, _) => format!("https://{node}:6443, Ingresses on {node}", node = record.block.node()),
        (false, true) => "the node is not ready".to_owned(),
        (false, false) => format!("not running: {}", dead.join(", ")),
    };
    Part {
        name: "Kubernetes",
        healthy: ready,
        detail,
    }
}

/// The stack configuration for the programs in `stacks/`.
pub(crate) fn config_file(layout: &Layout) -> std::path::PathBuf {
    layout.path("stacks.toml")
}

fn must_be_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot)
    }
}

/// Keeps two commands on one test bed apart; the second waits for the first. The file also marks the folder as a test bed's: `down --purge`
/// removes the whole folder, which `IAC_TESTBED_DIR` names, and that must never be someone's home.
fn lock(layout: &Layout, progress: &Progress) -> Result<std::fs::File> {
    let folder = layout.run();
    std::fs::create_dir_all(folder).map_err(io("create", folder))?;
    let path = layout.path("testbed.lock");
    let empty = std::fs::read_dir(folder).map_err(io("read", folder))?.next().is_none();
    if !empty && !path.exists() && !matches!(Record::read(layout), Ok(Some(_))) {
        return Err(Error::NotOurs {
            path: folder.to_owned(),
        });
    }
    let file = std::fs::File::create(&path).map_err(io("create", &path))?;
    if file.try_lock().is_err() {
        progress.say("waiting for another command on this test bed to end");
        file.lock().map_err(io("lock", &path))?;
    }
    Ok(file)
}

fn open_record(layout: &Layout, earlier: Option<&Record>, options: &Options) -> Result<Record> {
    let mut record = match earlier {
        Some(known) => known.clone(),
        None => {
            let usual = Path::new(USUAL_SOCKET);
            let foreign = options.existing_engine && Engine::at(usual).answers();
            Record {
                block: Block::take(layout)?,
                docker_socket: if foreign {
                    usual.to_owned()
                } else {
                    layout.path("docker.sock")
                },
                docker_is_foreign: foreign,
                kubernetes: false,
                with: Vec::new(),
                storage: None,
            }
        }
    };
    record.kubernetes |= options.kubernetes;
    record.with.extend(&options.with);
    record.with.sort();
    record.with.dedup();
    if options.storage && record.storage.is_none() {
        record.storage = Some(Servers::take()?);
    }
    record.write(layout)?;
    Ok(record)
}
