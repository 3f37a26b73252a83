//! An S3 server: versitygw, over a folder. It honours `If-Match` and `If-None-Match` of writes.

use std::net::TcpStream;
use std::time::Duration;

use super::{FOLDER, Servers};
use crate::binaries;
use crate::dockerd::link;
use crate::error::Result;
use crate::layout::Layout;
use crate::process::{Daemon, GRACE, Within};
use crate::progress::Progress;

pub(super) const USER: &str = "iac";
pub(super) const REGION: &str = "us-east-1";
pub(super) const BUCKET: &str = "iac-state";

const NAME: &str = "s3";

pub(super) fn address(servers: &Servers) -> String {
    format!("127.0.0.1:{}", servers.s3_port)
}

pub(super) fn answers(layout: &Layout, servers: &Servers) -> bool {
    // A stranger's server may have got the port.
    Daemon::new(NAME, layout).alive() && TcpStream::connect(address(servers)).is_ok()
}

pub(super) fn start(layout: &Layout, servers: &Servers, progress: &Progress) -> Result<()> {
    // A folder is a bucket. Etags are extended attributes of the files: kept beside them (`--sidecar`), they would be read and
    // replaced apart from the contents, and conditions would hold that must not.
    let buckets = layout.folder(&format!("{FOLDER}/s3"))?;
    layout.folder(&format!("{FOLDER}/s3/{BUCKET}"))?;
    let program = layout.folder("bin")?.join("versitygw");
    link(&binaries::S3.path(layout), &program)?;
    let arguments = [
        format!("--port={}", address(servers)),
        format!("--region={REGION}"),
        "--quiet".to_owned(),
        "posix".to_owned(),
        buckets.display().to_string(),
    ];
    let credentials = [("ROOT_ACCESS_KEY", USER), ("ROOT_SECRET_KEY", &servers.password)];
    let daemon = Daemon::new(NAME, layout).with_environment(&credentials);
    if daemon.ensure(Within::Machine, &program, &arguments)? {
        progress.say("s3: starting");
    }
    daemon.wait_until(Duration::from_secs(30), || answers(layout, servers))?;
    progress.say("s3: answers");
    Ok(())
}

pub(super) fn stop(layout: &Layout) -> Result<()> {
    Daemon::new(NAME, layout).stop(GRACE)
}
