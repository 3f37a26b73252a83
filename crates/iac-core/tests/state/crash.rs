//! Replay is pure, and a write that was cut off at any byte leaves what was written before.

use futures::future::join_all;
use iac_core::Key;
use iac_core::state::{BackendErrorKind, OpId, OpKind, State, StateError, Store, Writer};
use proptest::prelude::*;
use serde_json::json;

use super::script::{STEPS, step, timeless};
use super::support::{Memory, Verdict, begin, content, key, operation, record, store, summary};

/// Something that a run may do.
#[derive(Clone, Debug)]
enum Act {
    Begin(OpKind, u8),
    Apply(usize, u8),
    Fail(usize, bool),
    Delete(usize),
    Ready(u8),
    Put(u8, u8),
    Forget(u8),
    Finish,
    Drop,
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![
        Just(OpKind::Create),
        Just(OpKind::Update),
        Just(OpKind::Adopt),
        Just(OpKind::Delete)
    ];
    prop_oneof![
        4 => (kind, 0..4_u8).prop_map(|(kind, name)| Act::Begin(kind, name)),
        4 => (0..3_usize, any::<u8>()).prop_map(|(op, value)| Act::Apply(op, value)),
        1 => (0..3_usize, any::<bool>()).prop_map(|(op, partial)| Act::Fail(op, partial)),
        1 => (0..3_usize).prop_map(Act::Delete),
        1 => (0..4_u8).prop_map(Act::Ready),
        1 => (0..4_u8, any::<u8>()).prop_map(|(name, value)| Act::Put(name, value)),
        1 => (0..4_u8).prop_map(Act::Forget),
        1 => Just(Act::Finish),
        1 => Just(Act::Drop),
    ]
}

/// Does it, if it makes sense; mistaken calls are refused and change nothing.
async fn perform(writer: &Writer, open: &mut Vec<(OpId, Key)>, act: &Act) -> Result<(), StateError> {
    let name = |number: &u8| format!("r{number}");
    let mut take = |index: &usize| (*index < open.len()).then(|| open.remove(*index));
    match act {
        Act::Begin(kind, number) => {
            let op = writer.begin_op(operation(*kind, &name(number))).await?;
            open.push((op, key(&name(number))));
            Ok(())
        }
        Act::Apply(index, value) => match take(index) {
            Some((op, key)) => writer.applied(op, record(key.name(), json!({ "v": value }))).await,
            None => Ok(()),
        },
        Act::Fail(index, partial) => match take(index) {
            Some((op, key)) => {
                let partial = partial.then(|| record(key.name(), json!({"v": "partial"})));
                writer.failed(op, "no", partial).await
            }
            None => Ok(()),
        },
        Act::Delete(index) => match take(index) {
            Some((op, _)) => writer.deleted(op).await,
            None => Ok(()),
        },
        Act::Ready(number) => writer.ready(&key(&name(number)), None, Some(json!(1))).await,
        Act::Put(number, value) => writer.put(record(&name(number), json!({ "v": value }))).await,
        Act::Forget(number) => writer.forget(&key(&name(number))).await,
        Act::Finish | Act::Drop => Ok(()),
    }
}

/// Performs acts one after the other; gives the state after each one that wrote a batch.
async fn perform_all(backend: &std::sync::Arc<Memory>, acts: &[Act]) -> Vec<State> {
    let store = store(backend);
    let mut writer = begin(&store).await;
    let mut open = Vec::new();
    let mut states = vec![store.load().await.unwrap()];
    for act in acts {
        match act {
            Act::Finish => {
                writer.finish(summary()).await.unwrap();
                writer = begin(&store).await;
            }
            Act::Drop => {
                writer.abandon().await;
                writer = begin(&store).await;
                open.clear();
            }
            act => match perform(&writer, &mut open, act).await {
                Ok(()) | Err(StateError::UnknownKey(_)) => {}
                Err(error) => panic!("{error}"),
            },
        }
        let state = store.load().await.unwrap();
        if states.last().map(|last| last.generation) != Some(state.generation) {
            states.push(state);
        }
    }
    writer.abandon().await;
    states
}

fn last_batch(backend: &Memory) -> Option<String> {
    backend.keys("/journal/").pop()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cut_last_batch_leaves_the_state_before(acts in prop::collection::vec(act(), 1..25), cut in any::<prop::sample::Index>()) {
        block_on(async {
            let backend = Memory::new();
            let states = perform_all(&backend, &acts).await;
            prop_assert_eq!(&store(&backend).load().await.unwrap(), states.last().unwrap());
            let Some(file) = last_batch(&backend) else { return Ok(()) };
            backend.edit(&file, |bytes| bytes.truncate(cut.index(bytes.len())));
            let reread = store(&backend).load().await.unwrap();
            prop_assert_eq!(content(&reread), content(&states[states.len() - 2]));
            // Whoever writes next goes on from there, and the torn file stays where it is.
            let writer = begin(&store(&backend)).await;
            writer.put(record("after", json!({}))).await.unwrap();
            writer.finish(summary()).await.unwrap();
            let mut after = store(&backend).load().await.unwrap();
            prop_assert!(after.records.remove(&key("after")).is_some());
            prop_assert_eq!(after.records, reread.records);
            prop_assert_eq!(after.pending, reread.pending);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_kill_at_any_storage_operation_loses_nothing_that_was_acknowledged() {
    let mut states = vec![State::default()];
    let backend = Memory::new();
    let (mut writer, mut op) = (None, None);
    for number in 0..STEPS {
        step(number, &store(&backend), &mut writer, &mut op).await.unwrap();
        states.push(timeless(&store(&backend).load().await.unwrap()));
    }
    for last in [
        Verdict::Fail(BackendErrorKind::Other),
        Verdict::LoseAnswer(BackendErrorKind::Other),
    ] {
        for kill in 0.. {
            let backend = Memory::new();
            let view = backend.view();
            let mut asked = 0;
            // The operation that is under way at the kill happens or not; none comes after it.
            view.rule(move |_, _| {
                asked += 1;
                match asked.cmp(&(kill + 1)) {
                    std::cmp::Ordering::Less => Verdict::Pass,
                    std::cmp::Ordering::Equal => last,
                    std::cmp::Ordering::Greater => Verdict::Fail(BackendErrorKind::Other),
                }
            });
            let (mut writer, mut op) = (None, None);
            let mut done = 0;
            while done < STEPS && step(done, &store(&view), &mut writer, &mut op).await.is_ok() {
                done += 1;
            }
            let found = timeless(&store(&backend).load().await.unwrap());
            let next = states.get(done + 1).unwrap_or(&states[done]);
            assert!(
                found == states[done] || found == *next,
                "killed at {kill}, after step {done}"
            );
            if done == STEPS {
                break;
            }
            // The dead run's lease stands in the way of nobody.
            store(&backend).unlock().await.unwrap();
            let writer = begin(&store(&backend)).await;
            assert_eq!(timeless(writer.state()), found);
            writer.put(record("after", json!({}))).await.unwrap();
            let version = writer.finish(summary()).await.unwrap();
            assert_eq!(version, found.version + 1);
            let history = store(&backend).history().await.unwrap();
            assert_eq!(
                history.iter().map(|version| version.version).collect::<Vec<_>>(),
                (1..=version).collect::<Vec<_>>()
            );
        }
    }
}

#[tokio::test]
async fn a_cut_batch_of_many_keeps_the_whole_lines() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    writer.put(record("first", json!({}))).await.unwrap();
    let puts = (0..5).map(|number| writer.put(record(&format!("r{number}"), json!({}))));
    for result in join_all(puts).await {
        result.unwrap();
    }
    let file = last_batch(&backend).unwrap();
    let whole = backend.dump()[&file].clone();
    assert_eq!(
        whole.iter().filter(|byte| **byte == b'\n').count(),
        6,
        "a header and five entries in one batch"
    );
    for cut in 0..whole.len() {
        let backend = backend.fork();
        backend.edit(&file, |bytes| bytes.truncate(cut));
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        let state = super::support::store(&backend).load().await.unwrap();
        assert_eq!(state.records.len(), 1 + lines.saturating_sub(1), "cut at {cut}");
    }
    // Blocks that were never filled are no damage either, at the end.
    backend.edit(&file, |bytes| {
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
    });
    assert!(store.load().await.unwrap().records.len() < 6);
    assert!(store.notices().iter().any(|notice| notice.contains("torn tail")));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_failure() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    let mut left = 3;
    backend.rule(move |operation, key| match (operation, key.contains("/journal/")) {
        ("create", true) if left > 0 => {
            left -= 1;
            Verdict::LoseAnswer(BackendErrorKind::Transient)
        }
        _ => Verdict::Pass,
    });
    writer.put(record("a", json!({}))).await.unwrap();
    writer.put(record("b", json!({}))).await.unwrap();
    writer.finish(summary()).await.unwrap();
    assert_eq!(store.load().await.unwrap().records.len(), 2);
    assert_eq!(backend.keys("/journal/").len(), 3, "nothing is written twice");
}

#[tokio::test]
async fn when_there_is_no_room_the_error_says_what_is_safe() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    writer.put(record("a", json!({}))).await.unwrap();
    backend.rule(|operation, key| match (operation, key.contains("/journal/")) {
        ("create", true) => Verdict::Fail(BackendErrorKind::Full),
        _ => Verdict::Pass,
    });
    let error = writer.begin_op(operation(OpKind::Create, "b")).await.unwrap_err();
    assert!(matches!(error, StateError::Write(_)));
    assert!(
        error.to_string().contains("all that was recorded before is safe"),
        "{error}"
    );
    backend.rule(|_, _| Verdict::Pass);
    let again = writer.begin_op(operation(OpKind::Create, "b")).await;
    assert!(
        matches!(again, Err(StateError::Write(_))),
        "nothing more is started by this run"
    );
    assert!(writer.finish(summary()).await.is_err());
    let state = store.load().await.unwrap();
    assert_eq!((state.records.len(), state.pending.len(), state.version), (1, 0, 0));
    begin(&store).await.abandon().await;
}

#[tokio::test]
async fn a_run_that_dies_while_it_finishes_leaves_no_version() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    writer.put(record("a", json!({}))).await.unwrap();
    backend.rule(|operation, key| match (operation, key.contains("/journal/")) {
        ("create", true) => Verdict::Fail(BackendErrorKind::Other),
        _ => Verdict::Pass,
    });
    assert!(writer.finish(summary()).await.is_err());
    backend.rule(|_, _| Verdict::Pass);
    assert_eq!(backend.keys("/history/").len(), 1, "its entry is there");
    assert!(store.history().await.unwrap().is_empty(), "and does not count");
    let writer = begin(&store).await;
    writer.put(record("b", json!({}))).await.unwrap();
    assert_eq!(writer.finish(summary()).await.unwrap(), 1);
    let history = store.history().await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(
        history[0].changed,
        [key("a"), key("b")],
        "what the dead run did belongs to the next version"
    );
}

#[tokio::test]
async fn a_run_that_can_not_tidy_up_is_complete_all_the_same() {
    let backend = Memory::new();
    let store = store(&backend);
    let writer = begin(&store).await;
    writer
        .put(record("a", json!({"text": "x".repeat(100_000)})))
        .await
        .unwrap();
    backend.rule(|_, key| {
        if key.contains("/snapshot/") {
            Verdict::Fail(BackendErrorKind::Full)
        } else {
            Verdict::Pass
        }
    });
    assert_eq!(writer.finish(summary()).await.unwrap(), 1);
    assert!(store.notices().iter().any(|notice| notice.contains("not tidied up")));
    backend.rule(|_, _| Verdict::Pass);
    assert_eq!(store.load().await.unwrap().version, 1);
    assert!(Store::stacks(&*backend).await.unwrap().contains(&"prod".to_owned()));
}
