//! A folder of its own on the test bed's S3 server, which containers and pods reach as well.

use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::thread::{sleep, spawn};
use std::time::Duration;

use iac_testbed::{Needs, S3, TestBed};

use crate::docker::Docker;
use crate::support::{Ran, unique};

/// The AWS command line of the test bed.
const IMAGE: &str = "localhost/iac-test/aws-cli:1.46";

/// The parts of the test bed that a test with a bucket needs.
pub(crate) const BUCKET_AND_DOCKER: Needs = Needs {
    docker: true,
    kubernetes: false,
    storage: true,
};

/// As [`BUCKET_AND_DOCKER`], with a cluster.
pub(crate) const BUCKET_AND_KUBERNETES: Needs = Needs {
    kubernetes: true,
    ..BUCKET_AND_DOCKER
};

/// A folder on the S3 server. It is emptied at the end.
pub(crate) struct Bucket {
    s3: S3,
    folder: String,
    /// Where the containers find the server, which listens at the loopback alone.
    relay: SocketAddr,
    docker: Docker,
}

impl Bucket {
    /// For the containers of the engine: this machine's address in its default network is one that all reach.
    pub(crate) fn for_containers(bed: &TestBed) -> Self {
        let format = "{{range.IPAM.Config}}{{.Gateway}}{{end}}";
        let gateway = Docker::new(bed).run(&format!("network inspect bridge --format {format}"));
        Self::at(bed, gateway.stdout.trim().parse().unwrap())
    }

    /// For the pods of the cluster: this machine's address on the way to the node.
    pub(crate) fn for_pods(bed: &TestBed) -> Self {
        let node = bed.ingress_address.clone().unwrap();
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        socket.connect((node.as_str(), 9)).unwrap();
        Self::at(bed, socket.local_addr().unwrap().ip())
    }

    fn at(bed: &TestBed, address: IpAddr) -> Self {
        let s3 = bed.storage.as_ref().unwrap().s3();
        let server = s3.endpoint.trim_start_matches("http://").to_owned();
        Self {
            relay: relay(address, server),
            folder: unique("backups"),
            docker: Docker::new(bed),
            s3,
        }
    }

    /// The settings of a program that uploads to it.
    pub(crate) fn settings(&self) -> [String; 6] {
        [
            format!("upload.to=s3://{}/{}", self.s3.bucket, self.folder),
            format!("upload.image={IMAGE}"),
            format!("upload.endpoint=http://{}", self.relay),
            format!("upload.region={}", self.s3.region),
            format!("upload.access_key={}", self.s3.access_key),
            format!("upload.secret_key={}", self.s3.secret_key),
        ]
    }

    /// Returns the secret key, which nobody may see.
    pub(crate) fn secret_key(&self) -> &str {
        &self.s3.secret_key
    }

    /// The names in it, once there is one.
    pub(crate) fn names(&self) -> Vec<String> {
        for _ in 0..60 {
            let query = "--query Contents[].Key --output text";
            let listed = self.aws(&format!(
                "s3api list-objects-v2 --bucket {} --prefix {}/ {query}",
                self.s3.bucket, self.folder
            ));
            if listed.stdout.trim() != "None" {
                let names = listed.stdout.split_whitespace();
                return names
                    .map(|name| name.replacen(&format!("{}/", self.folder), "", 1))
                    .collect();
            }
            sleep(Duration::from_secs(1));
        }
        panic!("nothing was uploaded to {}", self.folder);
    }

    /// Hands what was uploaded, unpacked, to a line of shell.
    #[track_caller]
    pub(crate) fn pipe(&self, name: &str, into: &str) {
        let copy = format!("s3 cp s3://{}/{}/{name} -", self.s3.bucket, self.folder);
        let aws = self.docker.line(&self.run(&copy));
        let mut shell = Command::new("bash");
        let line = format!("set -euo pipefail; {aws} | gunzip | {into}");
        Ran::of(shell.args(["-c", &line])).exits(0);
    }

    /// Waits for a dump, and fails unless it holds the text.
    pub(crate) fn has_a_dump_with(&self, text: &str) {
        let name = &self.names()[0];
        self.pipe(name, &format!("grep --count '{text}' >&2"));
    }

    fn aws(&self, line: &str) -> Ran {
        self.docker.run(&self.run(line))
    }

    /// The arguments of `docker`, from this machine's own network.
    fn run(&self, line: &str) -> String {
        let variables = [
            ("AWS_ENDPOINT_URL", &self.s3.endpoint),
            ("AWS_DEFAULT_REGION", &self.s3.region),
            ("AWS_ACCESS_KEY_ID", &self.s3.access_key),
            ("AWS_SECRET_ACCESS_KEY", &self.s3.secret_key),
        ];
        let variables: String = variables
            .iter()
            .map(|(name, value)| format!("--env {name}={value} "))
            .collect();
        format!("run --rm --network host {variables}{IMAGE} {line}")
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.aws(&format!(
                "s3 rm --quiet --recursive s3://{}/{}/",
                self.s3.bucket, self.folder
            ));
        }
    }
}

/// Passes connections to an address on to a server, for as long as the process lives.
fn relay(address: IpAddr, server: String) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.unwrap(), TcpStream::connect(&server).unwrap());
            pass(near.try_clone().unwrap(), far.try_clone().unwrap());
            pass(far, near);
        }
    });
    at
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    spawn(move || {
        // Whoever hangs up ends it.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
