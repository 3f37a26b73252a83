//! Programs that come from Debian: which ones, and how they get here.

use std::collections::BTreeSet;
use std::process::Command;

use crate::error::{Error, Result};
use crate::process::{find_program, run};
use crate::progress::Progress;

/// What any test bed needs, one with someone else's engine too: a program that shows whether the package is there, and the package.
pub(crate) const CLIENT: &[(&str, &str)] = &[
    ("docker", "docker.io"),
    ("ip", "iproute2"),
    ("mmdebstrap", "mmdebstrap"),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
];

/// What a Docker Engine of our own needs on top.
pub(crate) const ENGINE: &[(&str, &str)] = &[
    ("dockerd", "docker.io"),
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
];

/// What the cluster needs on top.
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

/// Installs the packages whose programs are missing.
///
/// # Errors
/// [`Error::Missing`] where a program is missing and there is no `apt-get`; [`Error::Command`] where `apt-get` fails.
pub(crate) fn install(wanted: &[(&str, &str)], progress: &Progress) -> Result<()> {
    let missing = wanted.iter().filter(|(program, _)| find_program(program).is_none());
    let packages: BTreeSet<&str> = missing.map(|(_, package)| *package).collect();
    let packages = Vec::from_iter(packages);
    let Some(first) = packages.first() else { return Ok(()) };
    if find_program("apt-get").is_none() {
        return Err(Error::Missing {
            program: format!("the program of the Debian package {first}"),
            tried: "there is no apt-get to install it with".to_owned(),
            next: format!(
                "install what these Debian packages hold by your system's own means: {}",
                packages.join(" ")
            ),
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
    apt(&[&install[..], &packages[..]].concat())?;
    Ok(())
}
