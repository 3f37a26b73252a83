//! A scheduled job as a service: a shell that waits for the minutes of the schedule.

use iac_compose::model::Service;

use crate::Schedule;

/// Puts the shell in front of the service's program. The image has to have `/bin/sh`, `date` and `sleep`.
pub(super) fn wrap(service: &mut Service, schedule: &Schedule) {
    // Without a program of its own, what the image would run is not known here; that is refused beforehand.
    let program = service.entrypoint.take().unwrap_or_default();
    let args = service.command.take().unwrap_or_default();
    let script = SCRIPT.replace("TEST", &schedule.shell_test());
    let words = ["/bin/sh", "-c", &script, "schedule"].map(str::to_owned);
    service.entrypoint = Some(words.into());
    service.command = Some(program.into_iter().chain(args).collect());
}

/// Looks at the clock once a minute, in UTC. A run that takes longer than until the next one leaves that out. A failed run is
/// tried three more times, after 10, 20 and 40 seconds, as a CronJob's is. The container ends at once when it is stopped;
/// `docker kill --signal USR1 CONTAINER` starts the job now.
const SCRIPT: &str = r#"job= now= last=
trap 'kill $job 2>/dev/null; exit 0' TERM INT
trap 'now=1' USR1
say() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $*"; }
# A signal ends a wait, and not what is waited for.
await() { "$@" & job=$!; while wait "$job"; code=$?; kill -0 "$job" 2>/dev/null; do :; done; }
run() {
  for pause in 10 20 40 no; do
    say "runs"; await "$@"; say "ended with $code"
    [ "$code" = 0 ] || [ "$pause" = no ] || { await sleep "$pause"; continue; }
    return
  done
}
time_is() { at=$1 m=${2#0} h=${3#0} d=${4#0} n=${5#0} w=$6; }
while :; do
  time_is $(date -u +'%Y%m%d%H%M %M %H %d %m %w')
  if [ -n "$now" ] || { [ "$at" != "$last" ] && TEST; }; then now= last=$at; run "$@"; fi
  second=$(date -u +%S); sleep "$((60 - ${second#0}))" & job=$!; wait "$job"
done"#;

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// Waits for a text in a file.
    fn until(path: &std::path::Path, lines: usize) -> String {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.lines().count() >= lines {
                return text;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_job_is_started_when_it_is_asked_for_tried_again_and_ended_at_once() {
        let path = std::env::temp_dir().join(format!("iac-app-schedule-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        // A day that never comes.
        let schedule: Schedule = "0 0 31 2 *".parse().expect("a schedule");
        let mut service = Service {
            entrypoint: Some(["/bin/sh".to_owned(), "-c".to_owned()].into()),
            command: Some(vec![
                format!("echo \"$0 $1\" >> {}; exit 3", path.display()),
                "a b".to_owned(),
                "$c".to_owned(),
            ]),
            ..Service::default()
        };
        wrap(&mut service, &schedule);
        let words: Vec<String> = service
            .entrypoint
            .into_iter()
            .chain(service.command)
            .flatten()
            .collect();
        // The shell's own sleep, so that the test does not wait for the pauses.
        let script = words[2].replace("await sleep \"$pause\"", "await sleep 0");
        let shell = Command::new(&words[0])
            .args([words[1].as_str(), &script])
            .args(&words[3..])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let signal = |name: &str| {
            let pid = shell.id().to_string();
            let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill");
            assert!(status.success());
        };
        // It sleeps until the next minute by now, or is about to.
        std::thread::sleep(Duration::from_millis(300));
        signal("USR1");
        assert_eq!(until(&path, 4), "a b $c\n".repeat(4));
        signal("TERM");
        let output = shell.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        assert_eq!(said.matches("ended with 3").count(), 4, "{said}");
        std::fs::remove_file(&path).expect("the file");
    }
}
