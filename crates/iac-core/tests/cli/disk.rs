//! The state lies on a disk that is full, or read only: what the user is told, and that the next run goes on.

use std::process::Output;

use super::desk::Desk;
use super::filesystem::{Disk, Scarce};

/// Says why it failed, what is safe and what to do.
fn assert_says(output: &Output, reason: &str, hint: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [reason, "all that was recorded before is safe", hint] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// The world is as declared, and the state knows it.
fn assert_settled(desk: &Desk, backend: &str) {
    for line in ["preview --detailed-exitcode", "state check"] {
        let output = desk.output(&format!("{line} {backend}"));
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
    assert_eq!(desk.read("world/greeting.txt"), "Hello, world!\n");
    let shown = desk.output(&format!("stack output password --show-secrets {backend}"));
    let password = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(desk.read("world/app.env"), format!("PASSWORD={password}"));
}

/// Deletes the files whose making found no room to be recorded, as the user is told to: this provider has no means to mark
/// a file as its own.
fn delete_unrecorded(desk: &Desk, backend: &str) {
    for name in ["greeting.txt", "app.env"] {
        let path = desk.path(&format!("world/{name}"));
        let recorded = desk.code(&format!("state show {name} {backend}")) == 0;
        if path.exists() && !recorded {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_run_that_a_full_disk_stops_anywhere_is_completed_by_the_next() {
    let mut stopped = 0;
    loop {
        let (desk, disk) = (Desk::new(), Disk::new());
        let backend = format!("--backend {}", disk.path("state").display());
        disk.fill(Scarce::Pages, stopped);
        let output = desk.output(&format!("up --yes {backend}"));
        let got_through = output.status.success();
        if !got_through {
            assert_says(&output, "No space left on device", "make room there");
        }
        disk.clear();
        delete_unrecorded(&desk, &backend);
        let next = desk.output(&format!("up --yes {backend}"));
        assert!(next.status.success(), "{next:?} after {output:?}");
        assert_settled(&desk, &backend);
        if got_through {
            break;
        }
        stopped += 1;
    }
    assert!(stopped > 5, "{stopped}");
}

#[test]
fn on_a_read_only_disk_there_are_previews_and_no_runs() {
    let (desk, disk) = (Desk::new(), Disk::new());
    let backend = format!("--backend {}", disk.path("state").display());
    assert_eq!(desk.code(&format!("up --yes {backend}")), 0);
    disk.lock();
    let change = "--config name=you";
    let output = desk.output(&format!("up --yes {change} {backend}"));
    assert_says(&output, "Read-only file system", "can be written there");
    assert_settled(&desk, &backend);
    for line in ["preview", "stack history", "stack output", "state list", "drift"] {
        let output = desk.output(&format!("{line} {backend}"));
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
    disk.unlock();
    assert_eq!(desk.code(&format!("up --yes {change} {backend}")), 0);
    assert_eq!(desk.read("world/greeting.txt"), "Hello, you!\n");
}
