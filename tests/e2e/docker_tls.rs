//! Engines on the network: chosen and trusted as `docker` does it, and never spoken to in clear unasked.
//!
//! The engine is the test bed's real one; before it stands what whoever is on the way would be.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use iac_testbed::certificates::Authority;

use crate::docker::{ComposeFolder, sleepers};
use crate::front::{Behind, Front, Speech};
use crate::support::Ran;

/// Part of every secret here.
const SECRET: &str = "CANARY";

/// Engines with TLS, and the user's files for them.
struct Net {
    folder: ComposeFolder,
    /// Asks nobody for a certificate.
    open: Front,
    /// Wants one of our authority.
    strict: Front,
    /// Its certificate is by an authority that nobody knows.
    stranger: Front,
    /// Its certificate is for another name.
    misnamed: Front,
    /// Without TLS.
    clear: Front,
}

impl Net {
    fn new() -> Self {
        let folder = ComposeFolder::new();
        let socket = folder.project.bed.docker_host.strip_prefix("unix://").unwrap();
        let behind = Behind::Server(socket.to_owned());
        let pki = folder.project.path("pki");
        fs::create_dir_all(&pki).unwrap();
        let ours = Authority::create(&pki, "ours").unwrap();
        let theirs = Authority::create(&pki, "theirs").unwrap();
        let here = ["IP:0.0.0.0", "IP:127.0.0.1"];
        let start = |speech| Front::start(speech, behind.clone());
        let (server, other) = (
            ours.sign("server", &here).unwrap(),
            ours.sign("other", &["DNS:other"]).unwrap(),
        );
        let unknown = theirs.sign("unknown", &here).unwrap();
        let net = Self {
            open: start(Speech::tls(&server, None)),
            strict: start(Speech::tls(&server, Some(ours.certificate()))),
            stranger: start(Speech::tls(&unknown, None)),
            misnamed: start(Speech::tls(&other, None)),
            clear: start(Speech::default()),
            folder,
        };
        // Folders as DOCKER_CERT_PATH names them: complete, without a certificate of the user's own, and with one that is not known.
        let own = ours.sign("me", &[]).unwrap();
        let foreign = theirs.sign("somebody", &[]).unwrap();
        for (name, signed) in [("full", Some(&own)), ("ca-only", None), ("foreign", Some(&foreign))] {
            let certificates = net.certificates(name);
            fs::create_dir_all(&certificates).unwrap();
            fs::copy(ours.certificate(), certificates.join("ca.pem")).unwrap();
            if let Some(signed) = signed {
                fs::copy(&signed.certificate, certificates.join("cert.pem")).unwrap();
                fs::copy(&signed.key, certificates.join("key.pem")).unwrap();
            }
        }
        net.folder.write(&sleepers([("web", "")]));
        net
    }

    fn certificates(&self, name: &str) -> PathBuf {
        self.folder.project.path(&format!("certificates/{name}"))
    }

    /// Docker's configuration, with contexts that the real `docker` makes.
    fn configuration(&self) -> PathBuf {
        self.folder.project.path("docker")
    }

    /// Our program and `docker`, with these variables and no others about engines.
    fn program(&self, arguments: &[&str], variables: &[(&str, String)]) -> Ran {
        let mut command = self.folder.project.command(arguments);
        command.env_remove("DOCKER_HOST").env_remove("IAC_CONFIG_FILE");
        command.env("DOCKER_CONFIG", self.configuration());
        Ran::of(command.envs(variables.iter().map(|(name, value)| (name, value))))
    }

    fn docker(&self, arguments: &[&str], variables: &[(&str, String)]) -> Ran {
        let mut command = Command::new("docker");
        command.args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.project.path("home"));
        command.env("DOCKER_CONFIG", self.configuration());
        Ran::of(command.envs(variables.iter().map(|(name, value)| (name, value))))
    }

    fn context(&self, name: &str, description: &str) {
        let endpoint = format!("--docker={description}");
        self.docker(&["context", "create", name, &endpoint], &[]).exits(0);
    }

    fn preview(&self, variables: &[(&str, String)]) -> Ran {
        self.program(&["preview"], variables)
    }
}

fn at(front: &Front) -> String {
    format!("tcp://0.0.0.0:{}", front.port)
}

fn set<const N: usize>(variables: [(&'static str, &str); N]) -> Vec<(&'static str, String)> {
    variables.map(|(name, value)| (name, value.to_owned())).to_vec()
}

#[test]
fn engines_with_tls_are_trusted_as_docker_trusts_them() {
    let net = Net::new();
    let path = |name: &str| net.certificates(name).display().to_string();
    let (full, only, foreign) = (path("full"), path("ca-only"), path("foreign"));
    let (open, strict) = (at(&net.open), at(&net.strict));
    net.context("open", &format!("host={open},ca={only}/ca.pem"));
    net.context(
        "strict",
        &format!("host={strict},ca={full}/ca.pem,cert={full}/cert.pem,key={full}/key.pem"),
    );
    net.context(
        "foreign",
        &format!("host={strict},ca={foreign}/ca.pem,cert={foreign}/cert.pem,key={foreign}/key.pem"),
    );
    net.context("no-ca", &format!("host={open},cert={full}/cert.pem,key={full}/key.pem"));
    net.context("skips", &format!("host={},skip-tls-verify=true", at(&net.stranger)));
    let verify = |host: &str, folder: &str| {
        set([
            ("DOCKER_HOST", host),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", folder),
        ])
    };
    let context = |name: &str| set([("DOCKER_CONTEXT", name)]);
    let unchecked = |host: &str| set([("DOCKER_HOST", host), ("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", &full)]);
    for (variables, said) in [
        (verify(&open, &full), Ok(", over TLS")),
        (verify(&open, &only), Ok(", over TLS")),
        (verify(&strict, &full), Ok(", over TLS")),
        (verify(&strict, &only), Err("wants to see a certificate")),
        (verify(&strict, &foreign), Err("wants to see a certificate")),
        (verify(&at(&net.stranger), &full), Err("ca.pem")),
        (verify(&at(&net.misnamed), &full), Err("names that it bears")),
        (verify(&open, "/nowhere"), Err("/nowhere/ca.pem")),
        (verify(&at(&net.clear), &full), Err("cannot reach")),
        (context("open"), Ok("(context open), over TLS")),
        (context("strict"), Ok("(context strict), over TLS")),
        (context("foreign"), Err("wants to see a certificate")),
        (context("no-ca"), Err("ca.pem")),
        (
            context("skips"),
            Ok("WITHOUT A CHECK OF ITS CERTIFICATE (skip-tls-verify of the context)"),
        ),
        (context("gone"), Err("\"gone\" of docker does not exist")),
        (
            unchecked(&at(&net.stranger)),
            Ok("WITHOUT A CHECK OF ITS CERTIFICATE (DOCKER_TLS without DOCKER_TLS_VERIFY)"),
        ),
        (unchecked(&at(&net.misnamed)), Ok("WITHOUT A CHECK OF ITS CERTIFICATE")),
    ] {
        let docker = net.docker(&["version"], &variables);
        let ours = net.preview(&variables);
        assert_eq!(docker.code == 0, said.is_ok(), "{variables:?}\n{docker}");
        match said {
            Ok(part) => assert!(
                ours.clone().exits(0).stdout.contains(part),
                "{variables:?} {part}\n{ours}"
            ),
            Err(part) => {
                assert!(
                    ours.code != 0 && ours.stderr.contains(part),
                    "{variables:?} {part}\n{ours}"
                );
            }
        }
    }
    // Not a word, and no certificate, reached those that are not trusted.
    assert!(net.misnamed.heard_of("/version"), "only without the check");
    let refused = Net::new();
    for front in [&refused.stranger, &refused.misnamed] {
        let folder = refused.certificates("full").display().to_string();
        let verify = set([
            ("DOCKER_HOST", &at(front)),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", &folder),
        ]);
        refused.preview(&verify).exits(1);
        assert!(front.heard().iter().all(Vec::is_empty));
    }
}

#[test]
fn a_project_lives_on_an_engine_with_tls() {
    let net = Net::new();
    let full = net.certificates("full").display().to_string();
    let description = format!(
        "host={},ca={full}/ca.pem,cert={full}/cert.pem,key={full}/key.pem",
        at(&net.strict)
    );
    net.context("far", &description);
    net.docker(&["context", "use", "far"], &[]).exits(0);
    net.folder.write(&sleepers([(
        "web",
        "environment: {COLOR: blue}\nhealthcheck: {test: \"true\", interval: 1s}",
    )]));
    net.program(&["up", "--yes"], &[])
        .exits(0)
        .shows(["(context far), over TLS"]);
    assert_eq!(net.folder.docker.services(&net.folder.name), ["web running healthy"]);
    net.program(&["preview", "--detailed-exitcode"], &[]).exits(0);
    net.program(&["destroy", "--yes"], &[]).exits(0);
    net.folder.docker.has_nothing_of(&net.folder.name);
}

#[test]
fn nothing_is_sent_to_an_engine_in_clear_unless_the_user_names_it() {
    let net = Net::new();
    net.folder
        .write(&sleepers([("web", &format!("environment: {{DB_PASSWORD: {SECRET}}}"))]));
    let host = at(&net.clear);
    net.context("clear", &format!("host={host}"));
    for variables in [
        set([("DOCKER_HOST", &host)]),
        set([("DOCKER_HOST", &host.replace("tcp://", "http://"))]),
        set([("DOCKER_HOST", &host.replace("tcp://", ""))]),
        set([("DOCKER_CONTEXT", "clear")]),
        set([("IAC_CONFIG_DOCKER__HOST", &host)]),
        set([("DOCKER_HOST", &host), ("IAC_CLEAR_TEXT", "far.example")]),
    ] {
        for verb in [&["preview"][..], &["up", "--yes"]] {
            let refused = net.program(verb, &variables);
            assert_ne!(refused.code, 0, "{refused}");
            refused.says(["in clear", "IAC_CLEAR_TEXT=0.0.0.0", "DOCKER_TLS_VERIFY"]);
        }
    }
    assert!(net.clear.heard().is_empty(), "it was connected to");
    // A user who asked for a check does not lose it.
    let verify = set([("DOCKER_HOST", &host), ("DOCKER_TLS_VERIFY", "1")]);
    let verify = [
        verify,
        set([("DOCKER_CERT_PATH", &net.certificates("full").display().to_string())]),
    ]
    .concat();
    assert_ne!(net.program(&["up", "--yes"], &verify).code, 0);
    assert!(!net.clear.heard_of("HTTP"), "it was spoken to in clear");

    let asked = set([("DOCKER_HOST", &host), ("IAC_CLEAR_TEXT", "0.0.0.0")]);
    let up = net.program(&["up", "--yes"], &asked).exits(0);
    up.shows(["in clear and without credentials of registries"]);
    assert!(net.clear.heard_of(SECRET));
    for verb in [&["drift"][..], &["refresh"], &["destroy", "--yes"]] {
        let refused = net.program(verb, &set([("DOCKER_HOST", &host)]));
        assert_ne!(refused.code, 0, "{refused}");
        refused.says(["IAC_CLEAR_TEXT=0.0.0.0"]);
    }
    net.program(&["destroy", "--yes"], &asked).exits(0);
}

#[test]
fn credentials_of_registries_go_only_where_nobody_can_read_them() {
    let net = Net::new();
    fs::create_dir_all(net.configuration()).unwrap();
    // "me:CANARY"
    let file = "{\"auths\":{\"localhost\":{\"auth\":\"bWU6Q0FOQVJZ\"}}}";
    fs::write(net.configuration().join("config.json"), file).unwrap();
    let web = "services:\n  web:\n    image: localhost/iac-test/no-such-image:1\n";
    let build =
        "services:\n  web:\n    build: {context: ., dockerfile_inline: FROM localhost/iac-test/no-such-image:1}\n";
    let full = net.certificates("full").display().to_string();
    let here = format!("tcp://127.0.0.1:{}", net.clear.port);
    let unchecked = [("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", &full)];
    let checked = [("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", &full)];
    for (front, host, others, may) in [
        (&net.clear, at(&net.clear), &[("IAC_CLEAR_TEXT", "0.0.0.0")][..], false),
        (&net.stranger, at(&net.stranger), &unchecked, false),
        (&net.strict, at(&net.strict), &checked, true),
        (&net.clear, here, &[], true),
    ] {
        for (file, header) in [(web, "x-registry-auth"), (build, "x-registry-config")] {
            net.folder.write(file);
            let mut variables = set([("DOCKER_HOST", &host)]);
            variables.extend(others.iter().map(|(name, value)| (*name, (*value).to_owned())));
            let up = net.program(&["up", "--yes"], &variables);
            assert_ne!(up.code, 0, "{up}");
            assert_eq!(front.heard_of(header), may, "{host} {header}\n{up}");
            assert_eq!(
                up.stderr.contains("credentials of registries are not sent"),
                !may,
                "{up}"
            );
        }
    }
}
