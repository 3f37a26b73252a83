//! Making a damaged state usable again without losing a byte of it: a new snapshot of what can be saved, and the damaged
//! files put aside.

use std::time::Duration;

use serde::Serialize;

use super::files::{Files, OTHER_KEYS};
use super::salvage::{Salvaged, salvage};
use super::{CheckReport, Finding, Severity};
use crate::state::keyring::{Keeping, key_remedy};
use crate::state::lease::{Heartbeat, check_form};
use crate::state::lines::{self, Chain};
use crate::state::marker::Marker;
use crate::state::paths::Paths;
use crate::state::{Created, RunInfo, StateError, Store, history, snapshot};

/// A repair, either done or only planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The damage.
    pub findings: Vec<Finding>,
    /// Files that are put aside, below `damaged/`.
    pub aside: Vec<String>,
    /// The snapshot that is written, if one is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// True if the marker is written again.
    pub marker: bool,
    /// The number of recorded resources afterwards.
    pub records: usize,
    /// The parts that cannot be saved.
    pub lost: Vec<String>,
}

impl Repair {
    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.aside.is_empty() && self.snapshot.is_none() && !self.marker
    }
}

impl Store {
    /// Plans a [`repair`](Self::repair); changes nothing.
    ///
    /// # Errors
    /// [`StateError::Newer`] when a newer release wrote any of the files; when the storage cannot be asked.
    pub async fn plan_repair(&self) -> Result<Repair, StateError> {
        Ok(self.look_for_repair().await?.0)
    }

    async fn look_for_repair(&self) -> Result<(Repair, Salvaged), StateError> {
        let files = Files::read(self).await?;
        files.foreign()?;
        if let Some(error) = files.unverified.as_ref().or(files.untrusted.as_ref()) {
            return Err(error.clone());
        }
        if files.has_other_keys() {
            return Err(StateError::Untrusted {
                file: files.paths.keys(),
                what: OTHER_KEYS.to_owned(),
                remedy: key_remedy(),
            });
        }
        let findings = files.findings();
        let mut saved = salvage(&files);
        if let Some(seen) = self.watched().await.filter(|seen| *seen > saved.highest) {
            let first = saved.highest + 1;
            saved.lost.push(format!(
                "batches {first} to {seen}, which this machine has seen, are missing: what they recorded is unknown"
            ));
            saved.highest = seen;
        }
        let damaged: Vec<Finding> = findings
            .into_iter()
            .filter(|finding| finding.severity == Severity::Damage)
            .collect();
        let unreadable = matches!(self.load_log().await, Err(StateError::Damaged { .. }));
        let aside = aside(&files);
        let of_the_log =
            |key: &String| key.starts_with(&files.paths.journal()) || key.starts_with(&files.paths.snapshots());
        let marker = files
            .content
            .get(&files.paths.marker())
            .is_none_or(|bytes| lines::read_json::<Marker>(&files.paths.marker(), bytes).is_err());
        let needed = unreadable || aside.iter().any(of_the_log);
        let repair = Repair {
            snapshot: needed.then(|| files.paths.snapshot(saved.highest + 1)),
            aside,
            marker: marker && files.count() > 0,
            records: saved.log.state.records.len(),
            lost: if needed { saved.lost.clone() } else { Vec::new() },
            findings: damaged,
        };
        Ok((repair, saved))
    }

    /// Repairs a damaged state. A new snapshot is written first, read back and compared: with it the state reads again, and
    /// what comes after only tidies up. Nothing is thrown away: damaged files are moved to keys below `damaged/`.
    ///
    /// Interrupted operations of which the outcome is lost are looked at by the next `up`, as after a kill.
    ///
    /// # Errors
    /// As [`plan_repair`](Self::plan_repair); [`StateError::Locked`].
    pub async fn repair(&self, run: RunInfo, lock_timeout: Duration) -> Result<Repair, StateError> {
        let (first, saved) = self.look_for_repair().await?;
        if first.is_empty() {
            return Ok(first);
        }
        let paths = Paths::new(self.stack())?;
        // A lease that cannot be read keeps everybody out; it says nothing that is not said by a new one.
        if first.aside.contains(&paths.lease()) {
            self.put_aside(&paths.lease()).await?;
        }
        let place = self.lease(&paths);
        let mut taken = place.take(&run, self.time_to_live(), lock_timeout).await?;
        place.raise(&mut taken, saved.log.term).await?;
        let term = taken.term;
        let heartbeat = Heartbeat::start(place.clone(), taken);
        let repaired = self.repair_under(first).await;
        heartbeat.stop().await;
        let released = place.release(term).await;
        let repaired = repaired?;
        released?;
        Ok(repaired)
    }

    async fn repair_under(&self, first: Repair) -> Result<Repair, StateError> {
        // Looked at once more, under the lease.
        let (mut repair, saved) = self.look_for_repair().await?;
        let paths = Paths::new(self.stack())?;
        if let Some(key) = &repair.snapshot {
            let mut log = saved.log;
            log.state.generation = saved.highest + 1;
            log.chain = Chain::start(&format!("iac repair {} {}", self.stack(), log.state.generation));
            let keeping = self.keeping().await?;
            log.keys = keeping.as_ref().map_or(0, |keeping| keeping.generation);
            let guard = keeping.as_ref().map(Keeping::guard).unwrap_or_default();
            let (bytes, _) = snapshot::encode(self.stack(), &log, guard)?;
            let created = self.backend().create(key, bytes).await.map_err(StateError::Write)?;
            if created == Created::Exists {
                return Err(StateError::Damaged {
                    file: key.clone(),
                    line: None,
                    what: "somebody else wrote it at this moment".to_owned(),
                });
            }
        }
        for key in &repair.aside {
            self.put_aside(key).await?;
        }
        if repair.marker {
            let marker = Marker::new(self.stack(), None);
            marker.write(self.backend(), &paths, None, None).await?;
        }
        // The lease was put aside before, if it had to be.
        repair
            .aside
            .extend(first.aside.into_iter().filter(|key| *key == paths.lease()));
        repair.findings = first.findings;
        Ok(repair)
    }

    /// Moves a file below `damaged/`, copy first.
    async fn put_aside(&self, key: &str) -> Result<(), StateError> {
        let backend = self.backend();
        let Some(object) = backend.read(key).await.map_err(StateError::Read)? else {
            return Ok(());
        };
        let paths = Paths::new(self.stack())?;
        for number in 1.. {
            let to = paths.aside(key, number);
            let copied = backend
                .create(&to, object.bytes.clone())
                .await
                .map_err(StateError::Write)?;
            let there = match copied {
                Created::Created(_) => break,
                Created::Exists => backend.read(&to).await.map_err(StateError::Read)?,
            };
            if there.is_some_and(|there| there.bytes == object.bytes) {
                break;
            }
        }
        backend.delete(key).await.map_err(StateError::Write)
    }
}

impl CheckReport {
    /// The damage alone.
    pub fn damage(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Damage)
    }
}

/// The files that are damaged, but for the keys, which nothing can replace.
fn aside(files: &Files) -> Vec<String> {
    let mut aside = Vec::new();
    for (number, (key, bytes)) in files.snapshots() {
        if !files.is_whole_snapshot(number, bytes) {
            aside.push(key.clone());
        }
    }
    for (number, (key, bytes)) in files.batches() {
        let batch = files.alone(number, bytes);
        if batch.fault.is_some() && !files.is_cut_off(number, &batch) {
            aside.push(key.clone());
        }
    }
    for (number, (key, bytes)) in files.versions() {
        if history::decode(&files.stack, number, bytes, files.access()).is_err() {
            aside.push(key.clone());
        }
    }
    let (marker, lease) = (files.paths.marker(), files.paths.lease());
    let marker_file = files.content.get(&marker);
    if marker_file.is_some_and(|bytes| lines::read_json::<Marker>(&marker, bytes).is_err()) {
        aside.push(marker);
    }
    if files
        .content
        .get(&lease)
        .is_some_and(|bytes| check_form(&lease, bytes).is_err())
    {
        aside.push(lease);
    }
    aside
}
