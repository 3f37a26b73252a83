//! Snapshot, journal, history, lease and keys of a stack, and what mends them.

use std::future::Future;
use std::time::Duration;

use iac_core::state::{ImportOptions, RunInfo, Severity, State, Summary};

use super::folder;
use super::storage::Memory;

/// A state that reads is written as one document, and read back the same.
pub fn snapshot(bytes: &[u8]) {
    let storage = folder::read(bytes);
    run(async {
        let store = folder::store(&storage);
        let Ok(state) = store.load().await else {
            return;
        };
        // State that reads, but is no record that anybody could have written, is named by a check.
        let whole = store.check().await.is_ok_and(|report| report.is_whole());
        let Ok(document) = store.export().await else {
            return;
        };
        let elsewhere = Memory::new();
        if let Some(keys) = storage.dump().remove("prod/key.json") {
            elsewhere.set("prod/key.json", keys);
        }
        let copy = folder::store(&elsewhere);
        let imported = copy
            .import(document.as_bytes(), who(), Duration::ZERO, ImportOptions::default())
            .await;
        match imported {
            Ok(_) => {
                let copied = copy.load().await.expect("what was imported reads");
                assert_eq!(copied.records, state.records);
                assert_eq!(copied.exports, state.exports);
            }
            Err(error) => assert!(!whole, "a whole state can be brought elsewhere: {error}"),
        }
    });
}

/// A run goes on from what reads, and the next one sees what it did.
pub fn journal(bytes: &[u8]) {
    let storage = folder::read(bytes);
    run(async {
        let store = folder::store(&storage);
        let _ = store.history().await;
        let _ = store.version(1).await;
        let _ = store.holder().await;
        let Ok(before) = store.load().await else {
            return;
        };
        let _ = store.unlock().await;
        let Ok(writer) = store.begin(who(), Duration::ZERO).await else {
            return;
        };
        assert!(same(writer.state(), &before), "what was read is what a run begins with");
        let Ok(version) = writer.finish(Summary::default()).await else {
            return;
        };
        let after = store.load().await.expect("what a run has written reads");
        assert_eq!(after.version, version);
        assert!(same(&after, &before), "a run that changes nothing changes nothing");
    });
}

/// A check names what is wrong, and one repair mends it.
pub fn check(bytes: &[u8]) {
    let storage = folder::read(bytes);
    run(async {
        let store = folder::store(&storage);
        let Ok(report) = store.check().await else {
            return;
        };
        let Ok(planned) = store.plan_repair().await else {
            return;
        };
        let _ = store.unlock().await;
        let Ok(done) = store.repair(who(), Duration::ZERO).await else {
            return;
        };
        assert_eq!(planned.snapshot, done.snapshot, "the plan tells what is done");
        let again = store.plan_repair().await.expect("a repaired state can be looked at");
        assert!(again.is_empty(), "one repair is enough: {done:?}, then {again:?}");
        let after = store.check().await.expect("a repaired state can be checked");
        for finding in after
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Damage)
        {
            // A fault in a state that reads is for a person to decide, and nothing replaces keys.
            let beyond = finding.file.as_deref().is_none_or(|file| file.ends_with("key.json"));
            assert!(beyond, "{report:?}\nbecame {after:?}\nby {done:?}");
        }
    });
}

fn same(one: &State, other: &State) -> bool {
    one.records == other.records
        && one.pending == other.pending
        && one.exports == other.exports
        && one.targets == other.targets
        && one.binding == other.binding
}

fn who() -> RunInfo {
    RunInfo::current("fuzz", "0")
}

/// Runs on a clock that jumps ahead whenever all wait, so that no lease is waited for.
pub(super) fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}
