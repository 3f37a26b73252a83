//! The container that follows on a scheduled job, as a service of its own: a shell that runs it whenever the job has left a
//! newer file.

use crate::name;
use crate::part::{Data, Kind};

/// The service beside that of a job, if something follows on it.
pub(super) fn follower(job: &mut Data) -> Option<Data> {
    let then = job.container.then.take()?;
    let mut container = *then.container;
    let script = SCRIPT.replace("FILES", &then.files);
    let words = ["/bin/sh", "-c", &script, then.name].map(str::to_owned);
    container.command = words.into_iter().chain(container.command).collect();
    let name = name(format!("{}-{}", job.host(true), then.name));
    Some(Data::new(
        Kind::Worker,
        name,
        container,
        job.source.clone(),
        job.stack.clone(),
    ))
}

/// Looks every few seconds whether there is a newer file. What failed is tried again after a minute. The container ends at
/// once when it is stopped.
const SCRIPT: &str = r#"job= done=
trap 'kill $job 2>/dev/null; exit 0' TERM INT
while :; do
  newest= pause=5
  for file in FILES; do [ ! -e "$file" ] || newest=$file; done
  if [ "$newest" != "$done" ]; then
    "$@" & job=$!
    if wait "$job"; then done=$newest; else echo "$0 failed; it is tried again in a minute"; pause=60; fi
  fi
  sleep "$pause" & job=$!; wait "$job"
done"#;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// Waits for a number of lines in a file.
    fn until(path: &Path, lines: usize) -> String {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.lines().count() >= lines {
                return text;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn each_newer_file_is_followed_by_a_run_and_a_failed_one_by_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("fails"), "").expect("a file");
        std::fs::write(at("shop_1.sql.gz"), "").expect("a file");
        let files = format!("{}/\"$BACKUP_NAME\"_*.sql.gz", folder.path().display());
        // Without the pauses, so that the test does not wait for them.
        let script = SCRIPT
            .replace("FILES", &files)
            .replace("sleep \"$pause\"", "sleep 0.05");
        let run = format!(
            "cd {}; ls shop_*.sql.gz | tail -n 1 >> runs; rm fails 2>/dev/null; [ $? = 1 ]",
            folder.path().display()
        );
        let mut shell = Command::new("sh");
        let shell = shell
            .args(["-c", &script, "upload", "sh", "-c", &run])
            .env("BACKUP_NAME", "shop");
        let shell = shell.stdout(Stdio::piped()).spawn().expect("a shell");
        assert_eq!(until(&at("runs"), 2), "shop_1.sql.gz\n".repeat(2));
        // Of something else.
        std::fs::write(at("shop_2.sql.gz.part"), "").expect("a file");
        std::fs::write(at("shop_3.sql.gz"), "").expect("a file");
        assert_eq!(until(&at("runs"), 3), "shop_1.sql.gz\nshop_1.sql.gz\nshop_3.sql.gz\n");
        let status = Command::new("kill").arg(shell.id().to_string()).status().expect("kill");
        assert!(status.success());
        let output = shell.wait_with_output().expect("its end");
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, "upload failed; it is tried again in a minute\n");
        assert_eq!(until(&at("runs"), 3).lines().count(), 3);
    }
}
