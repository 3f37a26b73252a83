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
