//! A real file system of a test's own, small enough to be filled, which can be made read only. Takes Linux and root.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The least space that one file occupies.
const PAGE: u64 = 4096;

/// The scarce resource of a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "not every test needs both")]
pub(crate) enum Scarce {
    /// Room for content, in pages of 4 KiB.
    Pages,
    /// Room for further files and folders.
    Files,
}

/// The file system; unmounted when it is dropped.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// One of 1 MiB, with room for a hundred files or so.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=1m,nr_inodes=128,mode=700", "tmpfs"];
        command("mount", &options, folder.path());
        Self { folder }
    }

    /// A path on it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Takes all room but for this much.
    pub(crate) fn fill(&self, what: Scarce, but: u64) {
        let ballast = self.path("ballast");
        fs::create_dir_all(&ballast).unwrap();
        match what {
            Scarce::Pages => {
                let mut file = File::create(ballast.join("content")).unwrap();
                let page = vec![1; usize::try_from(PAGE).unwrap()];
                until_full(|_| file.write_all(&page));
                let length = file.metadata().unwrap().len();
                file.set_len(length - but * PAGE).unwrap();
            }
            Scarce::Files => {
                let name = |number: u64| ballast.join(number.to_string());
                let made = until_full(|number| File::create(name(number)).map(|_| ()));
                for number in made - but..made {
                    fs::remove_file(name(number)).unwrap();
                }
            }
        }
    }

    /// Gives back what [`fill`](Self::fill) took.
    pub(crate) fn clear(&self) {
        fs::remove_dir_all(self.path("ballast")).unwrap();
    }

    /// From now on nothing can be written.
    pub(crate) fn lock(&self) {
        command("mount", &["-o", "remount,ro"], self.folder.path());
    }

    /// From now on it can be written again.
    pub(crate) fn unlock(&self) {
        command("mount", &["-o", "remount,rw"], self.folder.path());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that a file which a failed test still has open does not keep the mount.
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// Does it again and again until there is no room; gives how often it went well.
fn until_full(mut act: impl FnMut(u64) -> io::Result<()>) -> u64 {
    for number in 0.. {
        match act(number) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return number,
            Err(error) => panic!("the disk cannot be filled: {error}"),
        }
    }
    u64::MAX
}

/// A fault that could not be made is a failed test: one that was passed over would look like one that went well.
fn command(name: &str, options: &[&str], at: &Path) {
    let output = Command::new(name).args(options).arg(at).output();
    let output = output.unwrap_or_else(|error| panic!("`{name}` cannot be run: {error}"));
    assert!(
        output.status.success(),
        "`{name} {}` at {} failed, and this test needs Linux and root: {}",
        options.join(" "),
        at.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}
