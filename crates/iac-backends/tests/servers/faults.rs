//! Connections that break at any point of a call: nothing is done twice, and nothing that was done is denied.

use std::sync::Arc;

use iac_backends::PostgresState;
use iac_core::state::{Backend, Created, Put};

use crate::place::{open_postgres, open_s3, postgres_url, s3_at, servers, unique};
use crate::proxy::{Cut, Proxy};

/// A client over a connection that breaks, and one over one that does not.
struct Pair {
    name: &'static str,
    proxy: Proxy,
    broken: Arc<dyn Backend>,
    whole: Arc<dyn Backend>,
}

async fn pairs() -> Vec<Pair> {
    let place = unique("faults");
    let servers = servers();
    let s3 = servers.s3().endpoint.replace("http://", "");
    let s3_proxy = Proxy::before(s3).await;
    let url = postgres_url(&place);
    let (_, rest) = url.split_once('@').unwrap();
    let (address, _) = rest.split_once('/').unwrap();
    let postgres_proxy = Proxy::before(address.to_owned()).await;
    vec![
        Pair {
            name: "s3",
            broken: Arc::new(s3_at(&format!("http://{}", s3_proxy.address), &place)),
            proxy: s3_proxy,
            whole: open_s3(&place),
        },
        Pair {
            name: "postgres",
            broken: Arc::new(PostgresState::open(&url.replace(address, &postgres_proxy.address)).unwrap()),
            proxy: postgres_proxy,
            whole: open_postgres(&place),
        },
    ]
}

const CUTS: [&[Cut]; 6] = [
    &[Cut::AtOnce],
    &[Cut::BeforeTheAnswer],
    &[Cut::After(10)],
    &[Cut::AtOnce, Cut::BeforeTheAnswer],
    &[Cut::BeforeTheAnswer, Cut::AtOnce],
    &[Cut::BeforeTheAnswer, Cut::BeforeTheAnswer],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_is_known_as_done() {
    for pair in pairs().await {
        // The connection is there, and the table, and whatever else a first write makes.
        pair.broken.create("s/first", vec![0]).await.unwrap();
        for (number, cuts) in CUTS.into_iter().enumerate() {
            let context = format!("{} {cuts:?}", pair.name);
            let key = format!("s/{number}");
            pair.proxy.cut(cuts);
            let Created::Created(etag) = pair.broken.create(&key, vec![1]).await.unwrap() else {
                panic!("{context}: the key was free")
            };
            assert!(pair.proxy.is_through(), "{context}");
            pair.proxy.cut(cuts);
            let Put::Done(etag) = pair.broken.put_if_match(&key, vec![2], &etag).await.unwrap() else {
                panic!("{context}: nobody else wrote")
            };
            assert!(pair.proxy.is_through(), "{context}");
            let there = pair.whole.read(&key).await.unwrap().unwrap();
            assert_eq!((there.bytes, there.etag), (vec![2], etag), "{context}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_write_is_not_taken_for_ones_own() {
    for pair in pairs().await {
        pair.broken.create("s/first", vec![0]).await.unwrap();
        for (number, cuts) in CUTS.into_iter().enumerate() {
            let context = format!("{} {cuts:?}", pair.name);
            let key = format!("s/{number}");
            let Created::Created(old) = pair.whole.create(&key, vec![1]).await.unwrap() else {
                panic!("{context}")
            };
            // The same bytes, by another writer.
            pair.proxy.cut(cuts);
            let created = pair.broken.create(&key, vec![1]).await.unwrap();
            assert_eq!(created, Created::Exists, "{context}");
            assert!(matches!(
                pair.whole.put_if_match(&key, vec![2], &old).await.unwrap(),
                Put::Done(_)
            ));
            pair.proxy.cut(cuts);
            let put = pair.broken.put_if_match(&key, vec![2], &old).await.unwrap();
            assert_eq!(put, Put::Mismatch, "{context}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_lists_and_deletes_are_made_again() {
    for pair in pairs().await {
        let large = vec![7; 300_000];
        pair.whole.create("s/large", large.clone()).await.unwrap();
        pair.broken.read("s/large").await.unwrap();
        let within = [Cut::After(100_000), Cut::After(1), Cut::AtOnce];
        pair.proxy.cut(&within);
        assert!(
            pair.broken.read("s/large").await.unwrap().unwrap().bytes == large,
            "{}",
            pair.name
        );
        pair.proxy.cut(&within[1..]);
        assert_eq!(pair.broken.list("s/").await.unwrap(), ["s/large"], "{}", pair.name);
        pair.proxy.cut(&[Cut::BeforeTheAnswer, Cut::BeforeTheAnswer]);
        pair.broken.delete("s/large").await.unwrap();
        assert!(
            pair.proxy.is_through() && pair.whole.read("s/large").await.unwrap().is_none(),
            "{}",
            pair.name
        );
    }
}
