//! The addresses of one test bed: one block `10.B.0.0/16` that nothing on this machine routes and no other test bed holds.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, io};
use crate::layout::Layout;
use crate::process::run;

/// The second octets that a block may have; the first ones are left to routers and other tools.
const OCTETS: std::ops::RangeInclusive<u8> = 128..=223;

/// One block of addresses, and the names of interfaces that follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Block(u8);

impl Block {
    /// Takes a free block for `layout`, durably, so that another test bed started at the same time takes another one.
    pub(crate) fn take(layout: &Layout) -> Result<Self> {
        let claims = claims(layout)?;
        let routed = routed_octets()?;
        for octet in OCTETS.filter(|octet| !routed.contains(octet)) {
            let claim = claims.join(octet.to_string());
            if claim_is_stale(&claim) {
                std::fs::remove_file(&claim).map_err(io("remove", &claim))?;
            }
            match std::fs::File::create_new(&claim) {
                Ok(mut file) => {
                    write!(file, "{}", layout.run().display()).map_err(io("write", &claim))?;
                    return Ok(Self(octet));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("create", &claim)(error)),
            }
        }
        Err(Error::NoAddresses {
            folder: layout.cache().join("run"),
        })
    }

    /// Gives the block back.
    pub(crate) fn release(self, layout: &Layout) -> Result<()> {
        let claim = claims(layout)?.join(self.0.to_string());
        let ours = std::fs::read_to_string(&claim).is_ok_and(|holder| Path::new(&holder) == layout.run());
        if ours {
            std::fs::remove_file(&claim).map_err(io("remove", &claim))?;
        }
        Ok(())
    }

    /// The whole block.
    pub(crate) fn cidr(self) -> String {
        format!("10.{}.0.0/16", self.0)
    }

    /// Where the addresses of Services come from.
    pub(crate) fn services(self) -> String {
        format!("10.{}.0.0/18", self.0)
    }

    /// The address of the Service `kubernetes`: the first one of its range.
    pub(crate) fn api_service(self) -> String {
        format!("10.{}.0.1", self.0)
    }

    /// Where the addresses of pods come from.
    pub(crate) fn pods(self) -> String {
        format!("10.{}.64.0/18", self.0)
    }

    /// Where the Docker Engine takes the subnets of networks from.
    pub(crate) fn docker_networks(self) -> String {
        format!("10.{}.128.0/18", self.0)
    }

    /// The address of the Docker Engine's default bridge, with its prefix.
    pub(crate) fn docker_bridge(self) -> String {
        format!("10.{}.193.1/24", self.0)
    }

    /// This machine's end of the link to the node, with its prefix.
    pub(crate) fn link_host(self) -> String {
        format!("10.{}.192.1/30", self.0)
    }

    /// The node's address: apiserver, DNS and Ingress listen on it.
    #[must_use]
    pub fn node(self) -> String {
        format!("10.{}.192.2", self.0)
    }

    /// A name for an interface, namespace or cgroup of this test bed; short, for interfaces have 15 bytes.
    pub(crate) fn name(self, part: &str) -> String {
        format!("iac{}{part}", self.0)
    }
}

fn claims(layout: &Layout) -> Result<PathBuf> {
    let folder = layout.cache().join("blocks");
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    Ok(folder)
}

/// A claim counts for as long as the run directory that made it exists.
fn claim_is_stale(claim: &Path) -> bool {
    std::fs::read_to_string(claim).is_ok_and(|holder| !holder.is_empty() && !Path::new(&holder).exists())
}

/// The second octets below 10/8 that this machine has a route into.
fn routed_octets() -> Result<BTreeSet<u8>> {
    let routes = run(
        "listing the routes",
        Command::new("ip").args(["-4", "route", "show", "table", "all"]),
    )?;
    Ok(routes.lines().filter_map(octet_of_route).collect())
}

/// The second octet of a route such as `10.131.0.0/16 dev x` or `broadcast 10.131.0.255 dev x`.
fn octet_of_route(line: &str) -> Option<u8> {
    let destination = line.split(' ').find(|word| word.starts_with("10."))?;
    let (address, prefix) = destination.split_once('/').unwrap_or((destination, "32"));
    // A wider route (a VPN's 10.0.0.0/8) is no obstacle: ours are more specific.
    let narrow = prefix.parse::<u8>().is_ok_and(|bits| bits >= 16);
    narrow.then(|| address.split('.').nth(1)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::octet_of_route;

    #[test]
    fn only_routes_inside_a_block_take_it() {
        let cases = [
            ("10.131.0.0/16 dev eth1 scope link", Some(131)),
            ("broadcast 10.140.7.255 dev eth1 table local", Some(140)),
            ("local 10.150.0.1 dev lo", Some(150)),
            ("10.0.0.0/8 via 192.0.2.1 dev tun0", None),
            ("default via 192.0.2.1 dev eth0", None),
        ];
        for (route, octet) in cases {
            assert_eq!(octet_of_route(route), octet, "{route}");
        }
    }
}
