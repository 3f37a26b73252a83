//! Answers that no server of S3 and no PostgreSQL should give, at random: whatever comes, an operation ends with a result or an
//! error, and nothing panics or grows.
//!
//! `IAC_STATE_ANSWERS` says how many cases there are of each; `cargo xtask soak` has many.

use std::sync::Mutex;
use std::time::Duration;

use iac_backends::PostgresState;
use iac_core::state::{Backend, Etag};
use iac_testbed::hostile::{Answer, Body, Request, Server, Spoiler};
use tokio::task::JoinSet;

use crate::front::{Behind, Front, Speech};
use crate::limits::message;
use crate::place::s3_at;

/// Longer than any case takes, and shorter than for ever.
const LONG: Duration = Duration::from_secs(300);

/// The cases that run at the same time.
const TOGETHER: u64 = 16;

/// The most memory that this process may have had, in KiB: some cases are read as far as a value may be long.
const MOST: u64 = 3 << 20;

fn cases() -> std::ops::Range<u64> {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let first = number("IAC_STATE_ANSWERS_FROM", 0);
    first..first + number("IAC_STATE_ANSWERS", 8)
}

/// Does everything that a backend does. What comes of it is the server's fault.
async fn do_all(backend: &dyn Backend) {
    let _ = backend.list("s/").await;
    let _ = backend.read("s/stack.json").await;
    let _ = backend.create("s/journal/1", b"content".to_vec()).await;
    let _ = backend
        .put_if_match("s/stack.json", b"other".to_vec(), &Etag("\"e\"".to_owned()))
        .await;
    let _ = backend.delete("s/stack.json").await;
}

/// Runs all cases, some at a time; each has to end.
async fn run<B: Backend + 'static>(backend: impl Fn(u64) -> B) {
    let mut running = JoinSet::new();
    let check = |seed: u64, has_ended: bool| assert!(has_ended, "case {seed} does not end");
    for seed in cases() {
        if running.len() as u64 == TOGETHER
            && let Some(one) = running.join_next().await
        {
            let (seed, has_ended) = one.unwrap();
            check(seed, has_ended);
        }
        let backend = backend(seed);
        running.spawn(async move { (seed, tokio::time::timeout(LONG, do_all(&backend)).await.is_ok()) });
    }
    for (seed, has_ended) in running.join_all().await {
        check(seed, has_ended);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    assert!(peak < MOST, "{peak} KiB");
}

/// The answers of a server of S3 in good order.
fn sound(request: &Request) -> Answer {
    let body = match request.method.as_str() {
        "GET" if request.target.contains("list-type=") => {
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>x/s/stack.json</Key><LastModified>2026-01-01T00:00:00.000Z\
             </LastModified><ETag>&quot;e&quot;</ETag><Size>7</Size></Contents></ListBucketResult>"
        }
        "GET" => "content",
        _ => "",
    };
    let mut answer = Answer::with(200, Body::Whole(body.as_bytes().to_vec()));
    for (name, value) in [("etag", "\"e\""), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")] {
        answer.headers.push((name.to_owned(), value.to_owned()));
    }
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_s3_answers_nothing_panics_hangs_or_grows() {
    run(|seed| {
        let spoiler = Mutex::new(Spoiler::new(seed));
        let server = Server::on_loopback(move |request| spoiler.lock().unwrap().spoil(sound(request))).unwrap();
        let backend = s3_at(&format!("http://{}", server.address()), "x");
        // It answers for as long as the process.
        std::mem::forget(server);
        backend
    })
    .await;
}

/// What PostgreSQL says to a login, to a statement and its parameters, with rows of two columns.
fn conversation() -> Vec<Vec<u8>> {
    let ready = message(b'Z', b"I");
    let column = |name: &str, kind: u8| [name.as_bytes(), &[0; 7], &[0, 0, 0, kind], &[0xff; 6], &[0, 1]].concat();
    let columns = [&[0, 2][..], &column("value", 17), &column("version", 20)].concat();
    let row = [&[0, 2, 0, 0, 0, 4][..], b"text", &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1]].concat();
    let described = [
        message(b'1', b""),
        message(b't', &[0, 1, 0, 0, 0, 25]),
        message(b'T', &columns),
        ready.clone(),
    ];
    let rows = [
        message(b'2', b""),
        message(b'D', &row),
        message(b'C', b"SELECT 1\0"),
        ready.clone(),
    ];
    vec![
        [
            message(b'R', &[0; 4]),
            message(b'S', b"server_version\x0017.0\0"),
            ready.clone(),
        ]
        .concat(),
        [message(b'C', b"SET\0"), message(b'C', b"SET\0"), ready].concat(),
        described.concat(),
        rows.concat(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_postgres_answers_nothing_panics_hangs_or_grows() {
    run(|seed| {
        let mut spoiler = Spoiler::new(seed);
        let mut answers: Vec<Vec<u8>> = conversation();
        let again = answers[2..].to_vec();
        answers.extend((0..4).flat_map(|_| again.clone()));
        for answer in &mut answers {
            if spoiler.below(3) == 0 {
                *answer = spoiler.garble(std::mem::take(answer));
            }
        }
        let front = Front::start(Speech::default().like_postgres(), Behind::Ends(answers));
        PostgresState::open(&format!("postgres://me@127.0.0.1:{}/iac", front.port)).unwrap()
    })
    .await;
}
