//! Programs that come from Debian: which ones, and how they get here.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::error::{Error, Result, io};
use crate::process::{find_program, run};
use crate::progress::Progress;

/// The packages that any test bed needs, one with someone else's engine too: each with a program that shows whether it is
/// there.
pub(crate) const CLIENT: &[(&str, &str)] = &[
    ("docker", "docker.io"),
    ("ip", "iproute2"),
    ("mmdebstrap", "mmdebstrap"),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
];

/// The packages that a Docker Engine of our own needs on top.
pub(crate) const ENGINE: &[(&str, &str)] = &[
    ("dockerd", "docker.io"),
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
];

/// The packages that the cluster needs on top.
pub(crate) const KUBERNETES: &[(&str, &str)] = &[
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("nsenter", "util-linux"),
    ("etcd", "etcd-server"),
    ("nginx", "nginx-light"),
    ("openssl", "openssl"),
    ("conntrack", "conntrack"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
];

/// The packages that tests of pages need: a browser, a font, and a program that fetches the accessibility engine.
pub(crate) const BROWSER: &[(&str, &str)] = &[
    ("chromium", "chromium"),
    (
        "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
        "fonts-dejavu-core",
    ),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
];

/// The packages that the servers for state need on top.
pub(crate) const STORAGE: &[(&str, &str)] = &[("setpriv", "util-linux"), ("psql", "postgresql-client")];

/// Installs PostgreSQL's server, without the database that the package makes and starts for the machine by itself.
pub(crate) fn install_postgresql(progress: &Progress) -> Result<()> {
    let settings = Path::new("/etc/postgresql-common/createcluster.conf");
    install(&[("pg_createcluster", "postgresql-common")], progress)?;
    let before = std::fs::read_to_string(settings).unwrap_or_default();
    std::fs::write(settings, format!("{before}\ncreate_main_cluster = false\n")).map_err(io("write", settings))?;
    let installed = fetch(&["postgresql"], progress);
    std::fs::write(settings, before).map_err(io("write", settings))?;
    installed
}

/// Installs the packages whose programs are missing.
///
/// # Errors
/// [`Error::Missing`] where a program is missing and there is no `apt-get`; [`Error::Command`] where `apt-get` fails.
pub(crate) fn install(wanted: &[(&str, &str)], progress: &Progress) -> Result<()> {
    let missing = wanted.iter().filter(|(program, _)| find_program(program).is_none());
    let packages: BTreeSet<&str> = missing.map(|(_, package)| *package).collect();
    let packages = Vec::from_iter(packages);
    if packages.is_empty() {
        return Ok(());
    }
    fetch(&packages, progress)
}

fn fetch(packages: &[&str], progress: &Progress) -> Result<()> {
    if find_program("apt-get").is_none() {
        return Err(Error::Missing {
            program: format!("what the Debian packages {} hold", packages.join(" ")),
            tried: "there is no apt-get to install it with".to_owned(),
            next: "install it by your system's own means".to_owned(),
        });
    }
    progress.say(format!("packages: apt-get install {}", packages.join(" ")));
    let apt = |arguments: &[&str]| {
        run(
            "installing Debian packages",
            Command::new("apt-get")
                // Another installation may be under way; it ends.
                .args(["-o", "DPkg::Lock::Timeout=300"])
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&[&install[..], packages].concat())?;
    Ok(())
}
