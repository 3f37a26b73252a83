//! Servers that answer without an end: an error that names them, and no more memory than a value may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use iac_backends::PostgresState;
use iac_core::state::{Backend as _, BackendErrorKind};
use iac_testbed::certificates::Authority;
use iac_testbed::hostile::{Answer, Body, Server};

use crate::front::{Behind, Front, Speech};
use crate::place::s3_at;

/// The most that is read of one answer, with what buffers on the way take in.
const MOST: u64 = 40 << 20;

#[tokio::test]
async fn a_list_or_a_refusal_of_s3_has_an_end() {
    for (status, limit) in [(200, "16 MiB"), (403, "1 MiB"), (500, "1 MiB")] {
        let server = Server::on_loopback(move |_| Answer::with(status, Body::Endless(vec![b'x'; 1 << 16]))).unwrap();
        let backend = s3_at(&format!("http://{}", server.address()), "x");
        let error = backend.list("s/").await.unwrap_err();
        let expected = format!("the answer of {} has more than {limit}", server.address());
        assert!(error.message.contains(&expected), "{error}");
        assert_ne!(error.kind, BackendErrorKind::Transient, "{error}");
        assert!(server.sent() < MOST, "{}", server.sent());
    }
}

#[tokio::test]
async fn a_list_of_s3_whose_pages_do_not_end_is_an_error() {
    let pages = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pages);
    let server = Server::on_loopback(move |_| {
        let page = count.fetch_add(1, Ordering::SeqCst);
        let item = |number: usize| {
            let name = format!("{page}-{number}-{}", "x".repeat(900));
            format!(
                "<Contents><Key>x/s/{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag><Size>1</Size></Contents>"
            )
        };
        let items: String = (0..1000).map(item).collect();
        let body = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>{page}</NextContinuationToken>{items}</ListBucketResult>"
        );
        Answer::with(200, Body::Whole(body.into_bytes()))
    })
    .unwrap();
    let error = s3_at(&format!("http://{}", server.address()), "x")
        .list("s/")
        .await
        .unwrap_err();
    assert!(error.message.contains("does not come to an end"), "{error}");
    assert_ne!(error.kind, BackendErrorKind::Transient, "{error}");
    assert!(pages.load(Ordering::SeqCst) < 50, "{pages:?}");
}

/// The most that is read of one answer of PostgreSQL, with what buffers on the way take in.
const MOST_OF_POSTGRES: u64 = 40 << 20;

/// A message of PostgreSQL: what it is, its length, and what it says.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// Messages of a kind with other bytes in each, so that nobody takes two for the same.
fn many(tag: u8, body: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    (0..4096)
        .flat_map(|number| message(tag, &body(&format!("{number:04}"))))
        .collect()
}

/// An answer without an end.
struct Flood {
    what: &'static str,
    /// Whether it comes in the place of what was asked for, or before anybody has logged in.
    logged_in: bool,
    first: Vec<u8>,
    again: Vec<u8>,
}

fn floods() -> Vec<Flood> {
    let parameters = many(b'S', |text| format!("{text}\0x\0").into_bytes());
    let notices = many(b'N', |text| format!("SNOTICE\0C00000\0M{text}\0\0").into_bytes());
    let rows = many(b'D', |text| [&[0, 1, 0, 0, 0, 4], text.as_bytes()].concat());
    // One text column, `key`.
    let column = [&b"\0\x01key\0"[..], &[0; 6], &[0, 0, 0, 25], &[0xff; 6], &[0, 1]].concat();
    let before_rows = [message(b'1', b""), message(b'2', b""), message(b'T', &column)].concat();
    // It says that it has 2 GiB.
    let huge = |tag: u8| vec![tag, 0x7f, 0xff, 0xff, 0xff];
    let text = vec![b'x'; 1 << 16];
    let floods = [
        (
            "parameters at the login",
            false,
            message(b'R', &[0; 4]),
            parameters.clone(),
        ),
        ("a refusal of whoever comes", false, huge(b'E'), text.clone()),
        ("notices", true, Vec::new(), notices),
        ("parameters", true, Vec::new(), parameters),
        ("a refusal of what is asked", true, huge(b'E'), text.clone()),
        ("a row", true, [before_rows.clone(), huge(b'D')].concat(), text),
        ("rows", true, before_rows, rows),
    ];
    let flood = |(what, logged_in, first, again)| Flood {
        what,
        logged_in,
        first,
        again,
    };
    floods.into_iter().map(flood).collect()
}

#[tokio::test]
async fn an_answer_of_postgres_has_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::create(folder.path(), "ours").unwrap();
    let own = ours.sign("server", &["IP:127.0.0.1"]).unwrap();
    let authority = ours.certificate().display().to_string();
    let floods = floods();
    // Every answer over the limit is noticed below the encryption.
    let encrypted = [&floods[0], &floods[5]].map(|flood| (flood, true));
    for (flood, encrypted) in floods.iter().map(|flood| (flood, false)).chain(encrypted) {
        let speech = match encrypted {
            true => Speech::tls(&own, None),
            false => Speech::default(),
        };
        let ready = message(b'Z', b"I");
        let mut answers = Vec::new();
        if flood.logged_in {
            answers.push([message(b'R', &[0; 4]), ready.clone()].concat());
            answers.push([message(b'C', b"SET\0"), message(b'C', b"SET\0"), ready].concat());
        }
        answers.push(flood.first.clone());
        let fake = Front::start(speech.like_postgres(), Behind::Floods(answers, flood.again.clone()));
        let url = format!("postgres://me@127.0.0.1:{}/iac?sslrootcert={authority}", fake.port);
        let error = PostgresState::open(&url).unwrap().list("s/").await.unwrap_err();
        let context = format!("{}, encrypted: {encrypted}: {error}", flood.what);
        let expected = format!(
            "the answer of PostgreSQL at 127.0.0.1:{} has more than 16 MiB",
            fake.port
        );
        assert!(error.message.contains(&expected), "{context}");
        assert_ne!(error.kind, BackendErrorKind::Transient, "{context}");
        assert!(fake.flooded() < MOST_OF_POSTGRES, "{context}: {}", fake.flooded());
        assert_eq!(fake.heard().len(), 1, "{context}: it was asked again");
    }
}
