//! Tests of S3 alone: servers that cannot be trusted, and errors that say what to do.

use iac_backends::S3State;
use iac_core::state::{Backend as _, BackendErrorKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::place::{s3_at, s3_url, servers, unique};

/// A server that answers every request like this; its address.
async fn stub(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 64 * 1024];
                while let Ok(1..) = client.read(&mut request).await {
                    if client.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_server_that_ignores_conditions_is_refused_before_the_first_write() {
    let endpoint = stub("HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 0\r\n\r\n").await;
    let backend = s3_at(&endpoint, "a");
    let error = backend.create("s/a", vec![1]).await.unwrap_err();
    assert_eq!(error.kind, BackendErrorKind::Other);
    assert!(error.to_string().contains("ignores If-None-Match"), "{error}");
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_and_then_told_about() {
    let answer = "HTTP/1.1 503 Slow Down\r\ncontent-length: 65\r\n\r\n\
                  <Error><Code>SlowDown</Code><Message>Not so fast</Message></Error>";
    let backend = s3_at(&stub(answer).await, "a");
    tokio::time::pause();
    let error = backend.read("s/a").await.unwrap_err();
    assert_eq!(error.kind, BackendErrorKind::Transient);
    assert!(error.to_string().contains("SlowDown: Not so fast"), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let server = servers().s3();
    let open = |bucket: &str, secret: &str| {
        let url = s3_url(&server.endpoint, bucket, "a");
        S3State::open_as(&url, &server.access_key, secret).unwrap()
    };
    let nowhere = open("no-such-bucket", &server.secret_key);
    for result in [
        nowhere.create("s/a", vec![1]).await.map(drop),
        nowhere.read("s/a").await.map(drop),
        nowhere.list("").await.map(drop),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind, BackendErrorKind::Other, "{error}");
        assert!(
            error.to_string().contains("make the bucket no-such-bucket first"),
            "{error}"
        );
    }
    let stranger = open(&server.bucket, "wrong");
    let error = stranger.read("s/a").await.unwrap_err();
    assert_eq!(error.kind, BackendErrorKind::Denied, "{error}");
    assert!(
        error.to_string().contains("s3:GetObject") && !error.to_string().contains("wrong"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_left_of_the_trial() {
    let place = unique("probe");
    let backend = s3_at(&servers().s3().endpoint, &place);
    backend.create("s/a", vec![1]).await.unwrap();
    // One level up, whatever lies there would be seen.
    let above = s3_at(&servers().s3().endpoint, "");
    let all = above.list(&format!("{place}/")).await.unwrap();
    assert_eq!(all, [format!("{place}/s/a")]);
}
