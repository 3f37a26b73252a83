//! Tests of attackers on the way, and of servers that only pretend to be ours: no password, key or state reaches them.

use iac_backends::{PostgresState, S3State};
use iac_core::state::{Backend as _, BackendError, BackendErrorKind};
use iac_testbed::certificates::Authority;

use crate::front::{Behind, Front, Speech};
use crate::place::{servers, unique};

/// Part of every password here.
const SECRET: &str = "CANARY";

/// PostgreSQL's requests for a password: in clear, and as MD5.
const ASKS: [&[u8]; 2] = [b"R\0\0\0\x08\0\0\0\x03", b"R\0\0\0\x0c\0\0\0\x05salt"];

async fn read(url: &str) -> Result<(), BackendError> {
    PostgresState::open(url)?.read("s/a").await.map(drop)
}

fn names(host: &str, port: u16, parameters: &str) -> String {
    format!("postgres://me:{SECRET}@{host}:{port}/iac?{parameters}")
}

#[tokio::test]
async fn a_server_that_declines_encryption_gets_no_password() {
    for ask in ASKS {
        for parameters in ["", "sslmode=prefer", "sslmode=require", "sslmode=verify-full"] {
            let fake = Front::start(Speech::default().like_postgres(), Behind::Answers(vec![ask.to_vec()]));
            let error = read(&names("0.0.0.0", fake.port, parameters))
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains("TLS") && error.contains("IAC_CLEAR_TEXT"), "{error}");
            assert!(!error.contains(SECRET), "{error}");
            // Nothing at all was said after its answer, and nobody came again.
            assert_eq!(fake.heard(), [b""], "{parameters}");
        }
        let fake = Front::start(Speech::default(), Behind::Answers(vec![ask.to_vec()]));
        let error = read(&names("0.0.0.0", fake.port, "sslmode=disable"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("in clear") && error.contains("IAC_CLEAR_TEXT=0.0.0.0"),
            "{error}"
        );
        assert!(fake.heard().is_empty(), "it was connected to");
    }
    // On this machine nobody is on the way: what the fake asks for, it gets. So it does ask.
    let refusal = b"E\0\0\0\x1aSFATAL\0C28P01\0Mwrong\0\0".to_vec();
    let fake = Front::start(
        Speech::default().like_postgres(),
        Behind::Answers(vec![ASKS[0].to_vec(), refusal]),
    );
    let error = read(&names("127.0.0.1", fake.port, "")).await.unwrap_err().to_string();
    assert!(error.contains("wrong"), "{error}");
    assert!(
        fake.heard_of(SECRET) && fake.heard().len() == 1,
        "a wrong password was sent again"
    );
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_good_gets_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::create(folder.path(), "ours").unwrap();
    let theirs = Authority::create(folder.path(), "theirs").unwrap();
    let authority = format!("sslrootcert={}", ours.certificate().display());
    for (signed, host, parameters) in [
        (theirs.sign("stranger", &["IP:0.0.0.0"]), "0.0.0.0", authority.clone()),
        (
            ours.sign("other", &["IP:10.0.0.1", "DNS:db.example"]),
            "0.0.0.0",
            authority.clone(),
        ),
        (
            ours.sign("unknown", &["IP:0.0.0.0"]),
            "0.0.0.0",
            "sslmode=require".to_owned(),
        ),
        // Where it is used on this machine, it is checked as well.
        (theirs.sign("local", &["IP:127.0.0.1"]), "127.0.0.1", authority.clone()),
    ] {
        let fake = Front::start(
            Speech::tls(&signed.unwrap(), None).like_postgres(),
            Behind::Answers(vec![ASKS[0].to_vec()]),
        );
        let error = read(&names(host, fake.port, &parameters))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("certificate") && error.contains("sslrootcert"),
            "{error}"
        );
        assert_eq!(fake.heard(), [b""], "{error}");
    }
    let missing = format!("sslrootcert={}", folder.path().join("none.pem").display());
    let error = read(&names("0.0.0.0", 1, &missing)).await.unwrap_err().to_string();
    assert!(error.contains("none.pem"), "{error}");
}

#[tokio::test]
async fn an_encrypted_and_checked_connection_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::create(folder.path(), "ours").unwrap();
    let own = servers().postgres();
    let (account, rest) = own.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (address, database) = rest.split_once('/').unwrap();
    let front = Front::start(
        Speech::tls(&ours.sign("server", &["IP:0.0.0.0"]).unwrap(), None).like_postgres(),
        Behind::Server(address.to_owned()),
    );
    let table = unique("encrypted");
    for mode in ["", "sslmode=prefer&", "sslmode=verify-full&"] {
        let authority = ours.certificate().display().to_string();
        let url = format!(
            "postgres://{account}@0.0.0.0:{}/{database}?{mode}sslrootcert={authority}&table={table}",
            front.port
        );
        let backend = PostgresState::open(&url).unwrap();
        let key = unique("s/a");
        backend.create(&key, vec![1]).await.unwrap();
        assert_eq!(backend.read(&key).await.unwrap().unwrap().bytes, [1]);
    }
}

fn s3(endpoint: &str) -> Result<S3State, BackendError> {
    let url = format!("s3://state/a?region=us-east-1&endpoint={endpoint}");
    S3State::open_as(&url, "me", SECRET)
}

#[tokio::test]
async fn a_bucket_elsewhere_is_spoken_to_over_checked_connections_only() {
    let error = s3("http://0.0.0.0:1").unwrap_err().to_string();
    assert!(
        error.contains("in clear") && error.contains("IAC_CLEAR_TEXT=0.0.0.0"),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    let unknown = Authority::create(folder.path(), "unknown").unwrap();
    let signed = unknown.sign("server", &["IP:0.0.0.0"]).unwrap();
    let fake = Front::start(Speech::tls(&signed, None), Behind::Answers(Vec::new()));
    let state = s3(&format!("https://0.0.0.0:{}", fake.port)).unwrap();
    let error = state.read("s/a").await.unwrap_err();
    assert_eq!(error.kind, BackendErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(fake.heard(), [b""], "{error}");
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let elsewhere = Front::start(Speech::default(), Behind::Answers(Vec::new()));
    for status in [
        "301 Moved Permanently",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{}/state/a\r\ncontent-length: 0\r\n\r\n",
            elsewhere.port
        );
        let fake = Front::start(Speech::default(), Behind::Answers(vec![answer.into_bytes(); 20]));
        let state = s3(&format!("http://127.0.0.1:{}", fake.port)).unwrap();
        for error in [
            state.read("s/a").await.unwrap_err(),
            state.create("s/a", vec![1]).await.unwrap_err(),
        ] {
            assert!(error.to_string().contains(&status[..3]), "{error}");
        }
        assert!(fake.heard_of("authorization: AWS4-HMAC-SHA256") && !fake.heard_of(SECRET));
    }
    assert!(elsewhere.heard().is_empty(), "it was followed");
}
