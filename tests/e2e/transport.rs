//! State on servers of other machines: in clear only where the user names the host, encrypted and checked otherwise.

use iac_testbed::certificates::Authority;
use iac_testbed::{Needs, Servers};

use crate::front::{Behind, Front, Speech};
use crate::manifests::Folder;
use crate::support::{Ran, test_bed, unique};

fn servers() -> Servers {
    let needs = Needs {
        docker: false,
        kubernetes: false,
        storage: true,
    };
    test_bed(needs).storage.unwrap()
}

/// `stack ls` on a backend.
fn listed(folder: &Folder, backend: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = folder.project.command(["stack", "ls", "--backend", backend]);
    Ran::of(command.envs(variables.iter().copied()))
}

#[test]
fn a_database_is_spoken_to_in_clear_where_the_user_names_its_host() {
    let folder = Folder::new();
    let postgres = servers().postgres();
    // It answers there as well, and counts as another machine.
    let elsewhere = postgres.replace("127.0.0.1", "0.0.0.0");
    let table = unique("clear").replace('-', "_");
    let clear = format!("{elsewhere}?sslmode=disable&table={table}");
    listed(&folder, &clear, &[])
        .exits(1)
        .says(["in clear", "IAC_CLEAR_TEXT=0.0.0.0"]);
    listed(&folder, &clear, &[("IAC_CLEAR_TEXT", "db.example")]).exits(1);
    listed(&folder, &clear, &[("IAC_CLEAR_TEXT", "db.example,0.0.0.0")]).exits(0);
    // It offers no TLS.
    let encrypted = format!("{elsewhere}?table={table}");
    listed(&folder, &encrypted, &[])
        .exits(1)
        .says(["TLS", "IAC_CLEAR_TEXT"]);
    listed(&folder, &encrypted, &[("IAC_CLEAR_TEXT", "0.0.0.0")]).exits(0);
}

#[test]
fn a_bucket_is_spoken_to_in_clear_where_the_user_names_its_host() {
    let folder = Folder::new();
    let servers = servers();
    let server = servers.s3();
    let pki = tempfile::tempdir().unwrap();
    let ours = Authority::create(pki.path(), "ours").unwrap();
    let theirs = Authority::create(pki.path(), "theirs").unwrap();
    let behind = Behind::Server(server.endpoint.replace("http://", ""));
    let front = Front::start(Speech::tls(&ours.sign("s3", &["IP:0.0.0.0"]).unwrap(), None), behind);
    let at = |endpoint: &str| {
        let place = unique("clear");
        format!(
            "s3://{}/{place}?endpoint={endpoint}&region={}",
            server.bucket, server.region
        )
    };
    let authority = ours.certificate().display().to_string();
    let other = theirs.certificate().display().to_string();
    let keys = [
        ("AWS_ACCESS_KEY_ID", &*server.access_key),
        ("AWS_SECRET_ACCESS_KEY", &*server.secret_key),
    ];
    let with = |variable: (&'static str, &str)| {
        let mut all: Vec<(&str, String)> = keys.map(|(name, value)| (name, value.to_owned())).to_vec();
        all.push((variable.0, variable.1.to_owned()));
        all
    };
    let run = |backend: &str, variable: (&'static str, &str)| {
        let all = with(variable);
        let all: Vec<_> = all.iter().map(|(name, value)| (*name, &**value)).collect();
        listed(&folder, backend, &all)
    };
    let clear = at(&server.endpoint.replace("127.0.0.1", "0.0.0.0"));
    run(&clear, ("A", ""))
        .exits(1)
        .says(["in clear", "IAC_CLEAR_TEXT=0.0.0.0"]);
    run(&clear, ("IAC_CLEAR_TEXT", "0.0.0.0")).exits(0);
    let encrypted = at(&format!("https://0.0.0.0:{}", front.port));
    run(&encrypted, ("SSL_CERT_FILE", &other))
        .exits(1)
        .says(["certificate"]);
    assert!(front.heard().iter().all(Vec::is_empty), "something was sent");
    run(&encrypted, ("SSL_CERT_FILE", &authority)).exits(0);
    assert!(front.heard_of(&server.bucket));
    // Variables for S3 alone do not take the place of the URL's endpoint; a proxy hears nothing in clear.
    let proxy = Front::start(Speech::default(), Behind::Answers(Vec::new()));
    let address = format!("http://127.0.0.1:{}", proxy.port);
    for variable in ["AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "http_proxy"] {
        run(&at(&server.endpoint), (variable, &address)).exits(0);
    }
    assert!(proxy.heard().is_empty());
}
