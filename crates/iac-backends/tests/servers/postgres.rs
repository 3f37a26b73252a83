//! Tests of PostgreSQL alone: the table, rights, connections that the server ends, and errors that say what to do.

use futures::future::join_all;
use iac_backends::PostgresState;
use iac_core::state::{Backend as _, BackendErrorKind, Created, Put};

use crate::place::{postgres_url, servers, unique};

/// A statement by the superuser, over a connection of its own.
async fn sql(statement: &str) -> Vec<String> {
    let url = servers().postgres();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let messages = client.simple_query(statement).await.unwrap();
    messages
        .into_iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}

fn open(url: &str) -> PostgresState {
    PostgresState::open(url).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_is_made_once_by_the_first_writers() {
    let url = postgres_url(&unique("made"));
    assert!(open(&url).read("s/a").await.unwrap().is_none());
    assert!(open(&url).list("").await.unwrap().is_empty());
    let creates = (0..8).map(|number| {
        let url = url.clone();
        tokio::spawn(async move { open(&url).create(&format!("s/{number}"), vec![1]).await })
    });
    for created in join_all(creates).await {
        assert!(matches!(created.unwrap().unwrap(), Created::Created(_)));
    }
    assert_eq!(open(&url).list("s/").await.unwrap().len(), 8);
}

#[tokio::test]
async fn connections_that_the_server_ends_are_made_anew() {
    let application = unique("ended");
    let url = format!("{}&application_name={application}", postgres_url(&application));
    let backend = open(&url);
    let Created::Created(etag) = backend.create("s/a", vec![1]).await.unwrap() else {
        panic!()
    };
    let end = format!(
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE application_name = '{application}'"
    );
    assert_eq!(sql(&end).await, ["true"]);
    backend.put_if_match("s/a", vec![2], &etag).await.unwrap();
    assert_eq!(sql(&end).await, ["true"]);
    assert_eq!(backend.read("s/a").await.unwrap().unwrap().bytes, [2]);
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let role = unique("reader");
    sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'")).await;
    let own = servers().postgres();
    let (_, host) = own.split_once('@').unwrap();
    let as_role = |password: &str| format!("postgres://{role}:{password}@{host}?sslmode=disable&table={role}");
    let denied = open(&as_role("pw")).create("s/a", vec![1]).await.unwrap_err();
    assert_eq!(denied.kind, BackendErrorKind::Denied, "{denied}");
    assert!(
        denied.to_string().contains("permission denied for schema public"),
        "{denied}"
    );
    assert!(denied.to_string().contains("CREATE on its schema"), "{denied}");

    let wrong = open(&as_role("guessed")).read("s/a").await.unwrap_err();
    assert_eq!(wrong.kind, BackendErrorKind::Denied, "{wrong}");
    assert!(!wrong.to_string().contains("guessed"), "{wrong}");

    let server = own.strip_suffix("/postgres").unwrap();
    let missing = open(&format!("{server}/nowhere?sslmode=disable"))
        .list("")
        .await
        .unwrap_err();
    assert_eq!(missing.kind, BackendErrorKind::Other, "{missing}");
    assert!(missing.to_string().contains("make the database first"), "{missing}");

    let unencrypted = open(&format!("{own}?sslmode=require")).list("").await.unwrap_err();
    assert!(unencrypted.to_string().to_lowercase().contains("tls"), "{unencrypted}");
}

/// A value of more than is read at once, of one byte throughout.
fn large(byte: u8) -> Vec<u8> {
    vec![byte; 34 << 20]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_value_is_read_in_parts_of_one_write() {
    let backend = open(&postgres_url(&unique("large")));
    let value: Vec<u8> = (0..34_u32 << 20).map(|number| number.to_le_bytes()[2]).collect();
    backend.create("s/a", value.clone()).await.unwrap();
    assert!(backend.read("s/a").await.unwrap().unwrap().bytes == value);

    let Created::Created(mut etag) = backend.create("s/b", large(0)).await.unwrap() else {
        panic!()
    };
    let writer = backend.clone();
    let writing = tokio::spawn(async move {
        for byte in 1..6 {
            match writer.put_if_match("s/b", large(byte), &etag).await.unwrap() {
                Put::Done(next) => etag = next,
                Put::Mismatch => panic!("nobody else writes it"),
            }
        }
    });
    while !writing.is_finished() {
        let read = backend.read("s/b").await.unwrap().unwrap().bytes;
        assert!(
            read.len() == 34 << 20 && read.iter().all(|byte| *byte == read[0]),
            "of several writes"
        );
    }
    writing.await.unwrap();
}
