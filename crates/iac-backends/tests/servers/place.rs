//! The servers of the test bed, and places on them that no other test has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use iac_backends::{PostgresState, S3State};
use iac_core::state::Backend;
use iac_testbed::{Needs, Servers, TestBed};

/// The servers; without them there is nothing to test. Whether all of the test bed is well is asked once.
pub(crate) fn servers() -> &'static Servers {
    static SERVERS: LazyLock<Servers> = LazyLock::new(|| {
        let needs = Needs {
            storage: true,
            ..Needs::default()
        };
        let bed = TestBed::ensure(needs).unwrap_or_else(|error| panic!("{error}"));
        bed.storage.unwrap()
    });
    &SERVERS
}

/// A name that no other test has, and no other run.
pub(crate) fn unique(what: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{what}_{}_{number}", std::process::id())
}

/// State below a prefix on the S3 server, reached at this endpoint.
pub(crate) fn s3_at(endpoint: &str, prefix: &str) -> S3State {
    let server = servers().s3();
    let url = s3_url(endpoint, &server.bucket, prefix);
    S3State::open_as(&url, &server.access_key, &server.secret_key).unwrap()
}

pub(crate) fn s3_url(endpoint: &str, bucket: &str, prefix: &str) -> String {
    let endpoint = endpoint.replace(':', "%3A").replace('/', "%2F");
    format!(
        "s3://{bucket}/{prefix}?endpoint={endpoint}&region={}",
        servers().s3().region
    )
}

pub(crate) fn open_s3(prefix: &str) -> Arc<dyn Backend> {
    Arc::new(s3_at(&servers().s3().endpoint, prefix))
}

pub(crate) fn open_postgres(table: &str) -> Arc<dyn Backend> {
    Arc::new(PostgresState::open(&postgres_url(table)).unwrap())
}

pub(crate) fn postgres_url(table: &str) -> String {
    format!("{}?sslmode=disable&table={table}", servers().postgres())
}
