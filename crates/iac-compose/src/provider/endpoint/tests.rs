//! Tables of what is chosen, and of what is refused. What docker itself does with the same is shown end to end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use iac_core::provider::ProviderError;
use sha2::{Digest as _, Sha256};

use super::{Endpoint, Environment, Way};

/// Writes a context as docker does.
fn context(folder: &Path, name: &str, endpoints: &str, files: &[&str]) {
    let digest = Sha256::digest(name.as_bytes());
    let id: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let meta = folder.join("contexts/meta").join(&id);
    fs::create_dir_all(&meta).unwrap();
    let text = format!("{{\"Name\":\"{name}\",\"Metadata\":{{}},\"Endpoints\":{endpoints}}}");
    fs::write(meta.join("meta.json"), text).unwrap();
    let tls = folder.join("contexts/tls").join(&id).join("docker");
    fs::create_dir_all(&tls).unwrap();
    for file in files {
        fs::write(tls.join(file), "none").unwrap();
    }
}

fn engine(host: &str) -> String {
    format!("{{\"docker\":{{\"Host\":\"{host}\",\"SkipTLSVerify\":false}}}}")
}

/// A folder of docker's configuration, with contexts.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    context(path, "near", &engine("unix:///run/near.sock"), &[]);
    context(path, "ssh", &engine("ssh://me@far"), &[]);
    context(path, "local", &engine("tcp://127.0.0.1:1"), &[]);
    context(path, "clear", &engine("tcp://far:1"), &[]);
    context(path, "broken-ca", &engine("tcp://far:1"), &["ca.pem"]);
    context(path, "https", &engine("https://far:1"), &[]);
    let skips = "{\"docker\":{\"Host\":\"tcp://far:1\",\"SkipTLSVerify\":true}}";
    context(path, "skips", skips, &[]);
    context(path, "cluster", "{\"kubernetes\":{\"Host\":\"https://far:6443\"}}", &[]);
    context(path, "nowhere", &engine(""), &[]);
    context(path, "strange", &engine("npipe:////./pipe/docker"), &[]);
    context(path, "list", "{\"docker\":1}", &[]);
    folder
}

fn find(folder: &Path, configured: &str, variables: &[(&str, &str)]) -> Result<Endpoint, ProviderError> {
    let mut all: BTreeMap<&str, String> = BTreeMap::from([("DOCKER_CONFIG", folder.display().to_string())]);
    all.extend(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let environment = Environment::of(|name| all.get(name).cloned());
    Endpoint::find(Some(configured).filter(|host| !host.is_empty()), &environment)
}

fn way(endpoint: &Endpoint) -> String {
    match &endpoint.way {
        Way::Plain(url) | Way::Ssh(url) => url.clone(),
        Way::Encrypted(at, _) => format!("TLS {at}"),
    }
}

#[test]
fn the_engine_is_chosen_in_dockers_order() {
    let folder = folder();
    let (host, near) = (("DOCKER_HOST", "unix:///run/host.sock"), ("DOCKER_CONTEXT", "near"));
    let usual = "unix:///var/run/docker.sock";
    for (current, configured, variables, expected) in [
        (None, "", &[][..], usual),
        (None, "", &[("DOCKER_HOST", ""), ("DOCKER_CONTEXT", "")], usual),
        (Some("near"), "", &[], "unix:///run/near.sock"),
        (Some(""), "", &[], usual),
        (Some("default"), "", &[], usual),
        (Some("ssh"), "", &[near], "unix:///run/near.sock"),
        (Some("ssh"), "", &[("DOCKER_CONTEXT", "default")], usual),
        (Some("ssh"), "", &[], "ssh://me@far"),
        (Some("ssh"), "", &[near, host], "unix:///run/host.sock"),
        (
            Some("ssh"),
            "unix:///run/said.sock",
            &[near, host],
            "unix:///run/said.sock",
        ),
        (Some("gone"), "", &[host], "unix:///run/host.sock"),
        (Some("gone"), " ", &[near], "unix:///run/near.sock"),
        (Some("gone"), " ", &[near, host], "unix:///run/host.sock"),
        (Some("https"), "", &[], "TLS far:1"),
        (Some("skips"), "", &[], "TLS far:1"),
        // Certificates of the environment are not those of a context.
        (Some("local"), "", &[("DOCKER_TLS_VERIFY", "1")], "tcp://127.0.0.1:1"),
        (Some("near"), "", &[("DOCKER_TLS_VERIFY", "1")], "unix:///run/near.sock"),
        // A socket needs none.
        (None, "", &[host, ("DOCKER_TLS_VERIFY", "1")], "unix:///run/host.sock"),
        (
            None,
            "",
            &[("DOCKER_HOST", "127.0.0.1"), ("DOCKER_TLS", "")],
            "tcp://127.0.0.1:2375",
        ),
    ] {
        let file = folder.path().join("config.json");
        match current {
            Some(current) => fs::write(file, format!("{{\"currentContext\":\"{current}\"}}")).unwrap(),
            None => fs::remove_file(file).unwrap_or_default(),
        }
        match find(folder.path(), configured, variables) {
            Ok(found) => assert_eq!(way(&found), expected, "{current:?} {configured:?} {variables:?}"),
            Err(error) => panic!("{current:?} {configured:?} {variables:?}: {}", error.message),
        }
    }
}

#[test]
fn what_is_unusual_about_a_way_is_said() {
    let folder = folder();
    for (variables, described, is_private) in [
        (&[("DOCKER_HOST", "tcp://localhost:1")][..], "tcp://localhost:1", true),
        (
            &[("DOCKER_CONTEXT", "near")],
            "unix:///run/near.sock (context near)",
            true,
        ),
        (&[("DOCKER_CONTEXT", "ssh")], "ssh://me@far (context ssh)", true),
        (
            &[("DOCKER_CONTEXT", "https")],
            "https://far:1 (context https), over TLS",
            true,
        ),
        (
            &[("DOCKER_CONTEXT", "skips")],
            "tcp://far:1 (context skips) WITHOUT A CHECK OF ITS CERTIFICATE (skip-tls-verify of the context) and without credentials of \
             registries",
            false,
        ),
        (
            &[("DOCKER_HOST", "tcp://far:1"), ("DOCKER_TLS", "1")],
            "tcp://far:1 WITHOUT A CHECK OF ITS CERTIFICATE (DOCKER_TLS without DOCKER_TLS_VERIFY) and without credentials of registries",
            false,
        ),
        (
            &[("DOCKER_HOST", "tcp://127.0.0.1:1"), ("DOCKER_TLS", "1")],
            "tcp://127.0.0.1:1 WITHOUT A CHECK OF ITS CERTIFICATE (DOCKER_TLS without DOCKER_TLS_VERIFY)",
            true,
        ),
    ] {
        let found = find(folder.path(), "", variables).unwrap_or_else(|error| panic!("{}", error.message));
        assert_eq!(
            (&*found.described(), found.is_private),
            (described, is_private),
            "{variables:?}"
        );
    }
}

#[test]
fn what_cannot_be_used_is_refused_by_its_name() {
    let folder = folder();
    fs::write(folder.path().join("cert.pem"), "none").unwrap();
    fs::write(folder.path().join("key.pem"), "none").unwrap();
    let (verify, far) = (("DOCKER_TLS_VERIFY", "1"), ("DOCKER_HOST", "tcp://far:1"));
    for (variables, parts) in [
        (
            &[("DOCKER_CONTEXT", "gone")][..],
            ["context \"gone\"", "does not exist"],
        ),
        (
            &[("DOCKER_CONTEXT", "../near")],
            ["context \"../near\"", "does not exist"],
        ),
        (
            &[("DOCKER_CONTEXT", "cluster")],
            ["context \"cluster\"", "no Docker Engine"],
        ),
        (
            &[("DOCKER_CONTEXT", "nowhere")],
            ["context \"nowhere\"", "where its engine is"],
        ),
        (&[("DOCKER_CONTEXT", "list")], ["context \"list\"", "cannot be read"]),
        (
            &[("DOCKER_CONTEXT", "strange")],
            ["npipe:", "is no way to a Docker Engine"],
        ),
        (
            &[("DOCKER_CONTEXT", "clear")],
            ["tcp://far:1 (context clear)", "in clear"],
        ),
        (
            &[("DOCKER_CONTEXT", "clear"), verify],
            ["tcp://far:1 (context clear)", "in clear"],
        ),
        (&[("DOCKER_CONTEXT", "broken-ca")], ["ca.pem", "certificate"]),
        (&[far], ["tcp://far:1", "in clear"]),
        (&[("DOCKER_HOST", "far")], ["far is refused", "in clear"]),
        (&[("DOCKER_HOST", "http://far:1")], ["http://far:1", "in clear"]),
        (&[("DOCKER_HOST", "tcp://0.0.0.0:1")], ["tcp://0.0.0.0:1", "in clear"]),
        (&[("DOCKER_HOST", "tcp://me:s3cret@far:1")], ["tcp://", "is no way"]),
        (&[far, verify], ["ca.pem", "No such file"]),
        (&[far, ("DOCKER_TLS", "1")], ["cert.pem", "holds no certificate"]),
        (
            &[far, verify, ("DOCKER_CERT_PATH", "/none")],
            ["/none/ca.pem", "No such file"],
        ),
        // As docker: with TLS the usual engine is another one.
        (&[verify], ["ca.pem", "No such file"]),
    ] {
        let error = find(folder.path(), "", variables).err();
        let error = error.unwrap_or_else(|| panic!("{variables:?} is taken"));
        let text = format!("{} {:?}", error.message, error.hint);
        assert!(parts.iter().all(|part| text.contains(part)), "{variables:?}: {text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    let missing = find(folder.path(), "", &[("DOCKER_CONTEXT", "gone"), ("DOCKER_CONFIG", "")]);
    assert!(missing.is_err_and(|error| error.message.contains("\"gone\"")));
    for text in ["{", "1", "{\"currentContext\":1}"] {
        fs::write(folder.path().join("config.json"), text).unwrap();
        let error = find(folder.path(), "", &[]).err().unwrap();
        assert!(error.message.contains("config.json"), "{text}: {}", error.message);
    }
}
