//! The test bed as a whole: up and down.

use crate::addresses::Block;
use crate::binaries;
use crate::cluster::Cluster;
use crate::dockerd;
use crate::error::{Error, Result, io};
use crate::layout::Layout;
use crate::packages;
use crate::progress::Progress;
use crate::record::Record;

/// What of the test bed to bring up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The cluster as well as the Docker Engine.
    pub kubernetes: bool,
    /// Use a Docker Engine that already answers on the usual socket, rather than one of our own.
    pub existing_engine: bool,
}

/// Brings the test bed up: starts what does not run yet, over whatever an earlier run left.
///
/// # Errors
/// Any [`Error`]; each names the part that failed and what to do.
pub fn up(layout: &Layout, options: &Options, progress: &Progress) -> Result<Record> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    let _lock = lock(layout)?;
    packages::install(packages::DOCKER, progress)?;
    let record = open_record(layout, options)?;
    binaries::build(layout, &[&binaries::COMPOSE], progress)?;
    dockerd::start(layout, &record, progress)?;
    if record.kubernetes {
        packages::install(packages::KUBERNETES, progress)?;
        binaries::build(layout, &Cluster::binaries(), progress)?;
        Cluster {
            layout,
            record: &record,
        }
        .start(progress)?;
    }
    Ok(record)
}

fn lock(layout: &Layout) -> Result<std::fs::File> {
    std::fs::create_dir_all(layout.run()).map_err(io("create", layout.run()))?;
    let path = layout.path("lock");
    let file = std::fs::File::create(&path).map_err(io("create", &path))?;
    file.lock().map_err(io("lock", &path))?;
    Ok(file)
}

fn open_record(layout: &Layout, options: &Options) -> Result<Record> {
    let record = match Record::read(layout)? {
        Some(known) => Record {
            kubernetes: known.kubernetes || options.kubernetes,
            ..known
        },
        None => Record {
            block: Block::take(layout)?,
            docker_socket: layout.path("docker.sock"),
            docker_is_foreign: false,
            kubernetes: options.kubernetes,
        },
    };
    record.write(layout)?;
    Ok(record)
}
