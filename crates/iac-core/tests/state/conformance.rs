//! The conformance suite: what keeps the rules passes, and what breaks one is found by the check of that rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use iac_core::state::conformance::{Failed, Fault, Faulty, Method, Suite};
use iac_core::state::{Backend, BackendErrorKind, Created, LocalBackend, OpKind, StateError, Store};
use serde_json::json;

use super::broken::{Broken, Bug};
use super::support::{Memory, begin, no_keys, operation, record, run, summary};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_conform() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("not/yet/there");
    let suite = Suite::new(move || {
        let client: Arc<dyn Backend> = Arc::new(LocalBackend::new(&root));
        async { Ok(client) }
    });
    suite.run().await.into_result().map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms_and_is_left_empty() -> Result<(), Failed> {
    let memory = Memory::new();
    let clients = Arc::clone(&memory);
    let suite = Suite::new(move || {
        let client: Arc<dyn Backend> = clients.view();
        async { Ok(client) }
    });
    let report = suite.run().await.into_result()?;
    assert_eq!(report.passed().collect::<Vec<_>>(), suite.names());
    assert!(suite.names().len() >= 25, "{report}");
    assert_eq!(memory.dump().keys().collect::<Vec<_>>(), Vec::<&String>::new());
    Ok(())
}

/// A suite over storage with a bug.
fn suite(bug: Bug) -> Suite {
    let storage = Broken::new(bug);
    Suite::new(move || {
        let client: Arc<dyn Backend> = Arc::new(storage.client());
        async { Ok(client) }
    })
}

/// The bugs, each with the checks that must find it.
const FOUND: &[(Bug, &[&str])] = &[
    (
        Bug::CreateOverwrites,
        &["create_leaves_what_is_there", "a_writer_that_lost_its_lease_is_fenced"],
    ),
    (Bug::CreateLooksThenWrites, &["of_many_creates_one_wins"]),
    (Bug::CreateGivesAnEtagOfItsOwn, &["what_was_created_is_read"]),
    (Bug::CreateRemembersDeletedKeys, &["a_deleted_key_is_free_again"]),
    (Bug::CreateWritesInTwoSteps, &["a_list_during_writes_is_whole"]),
    (
        Bug::PutIgnoresTheEtag,
        &[
            "put_with_a_stale_etag_is_refused",
            "of_many_puts_one_wins",
            "a_counter_loses_no_step",
        ],
    ),
    (Bug::PutMakesMissingKeys, &["put_on_nothing_is_refused"]),
    (Bug::PutTakesAStar, &["put_with_a_strange_etag_is_refused"]),
    (
        Bug::PutLooksThenWrites,
        &["of_many_puts_one_wins", "a_counter_loses_no_step"],
    ),
    (
        Bug::PutBringsBackDeleted,
        &["a_put_does_not_bring_back_what_is_deleted"],
    ),
    (Bug::PutSaysDoneAndIsNot, &["put_replaces_what_is_expected"]),
    (
        Bug::PutWritesThenLooks,
        &["put_with_a_stale_etag_is_refused", "put_on_nothing_is_refused"],
    ),
    (Bug::PutWritesInTwoSteps, &["a_read_during_writes_is_whole"]),
    (
        Bug::EtagIsConstant,
        &["etags_tell_contents_apart", "put_with_a_stale_etag_is_refused"],
    ),
    (Bug::EtagIsTheLength, &["etags_tell_contents_apart"]),
    (Bug::EtagIsNewAtEachRead, &["etags_stay_while_contents_stay"]),
    (Bug::ValuesAreCutShort, &["values_may_be_large"]),
    (Bug::ValuesAreText, &["values_hold_any_bytes"]),
    (Bug::EmptyValuesAreNothing, &["values_hold_any_bytes"]),
    (Bug::ListIsUnsorted, &["a_list_has_its_prefix_and_order"]),
    (Bug::ListIsOnePage, &["a_list_is_complete"]),
    (Bug::ListMissesFreshKeys, &["a_list_sees_what_others_wrote"]),
    (Bug::ListHasDeletedKeys, &["deleted_keys_are_not_listed"]),
    (Bug::ListTakesFoldersOnly, &["a_list_has_its_prefix_and_order"]),
    (
        Bug::ListHasOneLevel,
        &["a_list_has_its_prefix_and_order", "keys_are_compared_byte_by_byte"],
    ),
    (Bug::ListIsOfThePathAsText, &["siblings_are_not_mixed_up"]),
    (Bug::DeleteFailsOnMissingKeys, &["delete_removes_and_may_be_repeated"]),
    (Bug::DeleteTakesAllBelow, &["delete_removes_and_may_be_repeated"]),
    (
        Bug::DeleteDoesNothing,
        &["delete_removes_and_may_be_repeated", "deleted_keys_are_not_listed"],
    ),
    (Bug::ReadsAreCached, &["a_list_sees_what_others_wrote"]),
    (Bug::ReadOfNothingFails, &["nothing_is_read_as_nothing"]),
    (Bug::KeysFoldCase, &["keys_are_compared_byte_by_byte"]),
    (Bug::KeysLoseTheirSlashes, &["keys_are_compared_byte_by_byte"]),
];

// One thread, so that tasks take turns in the same way each time.
#[tokio::test]
async fn each_broken_backend_is_found_by_the_check_of_its_rule() {
    for (bug, checks) in FOUND {
        let suite = suite(*bug).only(checks.iter().copied());
        assert_eq!(suite.names().len(), checks.len(), "{bug:?}: a check has another name");
        let report = suite.run().await;
        assert_eq!(report.passed().count(), 0, "{bug:?} is not found:\n{report}");
        for outcome in &report.outcomes {
            let what = outcome.result.as_ref().unwrap_err();
            assert!(
                what.contains("(the rule: ") && !what.contains("no end"),
                "{bug:?}: {what}"
            );
        }
    }
}

#[tokio::test]
async fn the_same_storage_without_a_bug_passes() -> Result<(), Failed> {
    suite(Bug::None).run().await.into_result().map(drop)
}

#[tokio::test]
async fn a_backend_that_hangs_fails_its_checks_and_not_the_suite() {
    let memory = Memory::new();
    let suite = Suite::new(move || {
        let faulty = Faulty::new(memory.view());
        faulty.rule(|call| match call.method {
            Method::Create => Some(Fault::Hang),
            _ => None,
        });
        async { Ok(faulty as Arc<dyn Backend>) }
    });
    let hangs = suite.clone().only(["what_was_created_is_read"]);
    let report = hangs.limit(Duration::from_millis(50)).run().await;
    let text = report.into_result().unwrap_err().to_string();
    assert!(text.contains("there was no end after 50 ms"), "{text}");

    let report = suite
        .only(["nothing_is_read_as_nothing", "a_list_of_nothing"])
        .run()
        .await;
    assert_eq!(report.passed().count(), 2, "{report}");
}

#[tokio::test]
async fn a_client_that_panics_fails_its_checks_and_not_the_suite() {
    let memory = Memory::new();
    let suite = Suite::new(move || {
        let faulty = Faulty::new(memory.view());
        faulty.rule(|call| match call.method {
            Method::Put => panic!("a bug of the client"),
            _ => None,
        });
        async { Ok(faulty as Arc<dyn Backend>) }
    });
    let report = suite
        .only(["what_was_created_is_read", "put_on_nothing", "of_many_puts"])
        .run()
        .await;
    assert_eq!(report.passed().collect::<Vec<_>>(), ["what_was_created_is_read"]);
    let text = report.into_result().unwrap_err().to_string();
    assert!(text.contains("the client panicked"), "{text}");
    assert!(text.contains("1 checks passed, 2 failed"), "{text}");
}

#[tokio::test]
async fn a_report_of_no_check_is_no_success() {
    let report = suite(Bug::None).only(["no such check"]).run().await;
    assert!(report.into_result().is_err());
}

#[tokio::test]
async fn faults_happen_where_they_are_wanted() {
    let memory = Memory::new();
    let faulty = Faulty::new(memory.view());
    faulty.fail_at(2, Fault::After(BackendErrorKind::Transient));
    assert!(matches!(faulty.create("s/a", vec![1]).await, Ok(Created::Created(_))));
    let error = faulty.create("s/b", vec![2]).await.unwrap_err();
    assert_eq!((error.operation, error.kind), ("create", BackendErrorKind::Transient));
    assert_eq!(memory.keys("s/"), ["s/a", "s/b"], "it happened");
    assert!(faulty.read("s/b").await.is_ok());
    faulty.fail_from(5, Fault::Before(BackendErrorKind::Full));
    assert!(faulty.delete("s/b").await.is_ok());
    for _ in 0..2 {
        assert_eq!(
            faulty.create("s/c", vec![3]).await.unwrap_err().kind,
            BackendErrorKind::Full
        );
    }
    assert_eq!(memory.keys("s/"), ["s/a"]);
    faulty.heal();
    assert!(faulty.list("s/").await.is_ok());
    assert_eq!(faulty.calls(), 7);
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_known_or_refused_but_never_written_twice() {
    let memory = Memory::new();
    let faulty = Faulty::new(memory.view());
    let store = Store::new(Arc::clone(&faulty) as Arc<dyn Backend>, "prod", no_keys());
    let writer = begin(&store).await;
    writer.put(record("a", json!(1))).await.unwrap();
    let lose = Arc::new(AtomicBool::new(true));
    faulty.rule(move |call| {
        (call.method == Method::Create && lose.swap(false, Ordering::Relaxed))
            .then_some(Fault::After(BackendErrorKind::Transient))
    });
    let result = writer.begin_op(operation(OpKind::Create, "b")).await;
    assert!(matches!(result, Ok(_) | Err(StateError::Write(_))), "{result:?}");
    let finished = writer.finish(summary()).await;
    assert_eq!(finished.is_ok(), result.is_ok());
    let next = store.begin(run(), Duration::ZERO).await.unwrap();
    assert_eq!(next.state().records.len(), 1);
    assert_eq!(next.state().pending.len(), 1, "the intent is there, and once");
    next.abandon().await;
}
