//! Programs that come from Debian: which ones, and how they get here.

use std::process::Command;

use crate::error::{Error, Result};
use crate::process::{find_program, run};
use crate::progress::Progress;

/// What the Docker Engine and the images need: a program that shows whether the package is there, and the package.
pub(crate) const DOCKER: &[(&str, &str)] = &[
    ("dockerd", "docker.io"),
    ("docker", "docker.io"),
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("mmdebstrap", "mmdebstrap"),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
];

/// What the cluster needs on top.
pub(crate) const KUBERNETES: &[(&str, &str)] = &[
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
    let absent = |program: &str| {
        find_program(program.trim_start_matches('/')).is_none() && !std::path::Path::new(program).is_file()
    };
    let mut packages: Vec<&str> = wanted
        .iter()
        .filter(|(program, _)| absent(program))
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
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
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "-qq"])?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&[&install[..], &packages[..]].concat())?;
    Ok(())
}
