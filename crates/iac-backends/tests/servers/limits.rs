//! Servers that answer without an end: an error that names them, and no more memory than a value may take.

use iac_core::state::{Backend as _, BackendErrorKind};
use iac_testbed::hostile::{Answer, Body, Server};

use crate::place::s3_at;

/// The most that is read of one answer, with what buffers on the way take in.
const MOST: u64 = 300 << 20;

#[tokio::test]
async fn a_list_or_a_refusal_of_s3_has_an_end() {
    for (status, limit) in [(200, "256 MiB"), (403, "1 MiB"), (500, "1 MiB")] {
        let server = Server::on_loopback(move |_| Answer::with(status, Body::Endless(vec![b'x'; 1 << 16]))).unwrap();
        let backend = s3_at(&format!("http://{}", server.address()), "x");
        let error = backend.list("s/").await.unwrap_err();
        let expected = format!("the answer of {} has more than {limit}", server.address());
        assert!(error.message.contains(&expected), "{error}");
        assert_ne!(error.kind, BackendErrorKind::Transient, "{error}");
        assert!(server.sent() < MOST, "{}", server.sent());
    }
}
