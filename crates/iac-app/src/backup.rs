//! Scheduled backups with a retention.

use iac_core::declare::SourceLine;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::container::Then;
use crate::{App, Container, Name, Provides, Schedule, ScheduleError, Scheduled, Text, Upload, Volume, Web};

/// A backup that is made again and again, such as [`Postgres::dump`](crate::Postgres::dump) and [`Web::archive`]; for
/// [`App::backup`].
#[derive(Debug, Clone)]
pub struct Backup {
    source: Source,
    image: String,
    env: Vec<(String, Text)>,
    /// The prefix of the names of the files.
    name: String,
    schedule: Option<Result<Schedule, ScheduleError>>,
    keep_days: Option<u32>,
    volume: Option<Volume>,
    upload: Option<Upload>,
}

/// When a backup is made and how long it is kept, for [`Backup::times`]: a field of a program's settings, such as
/// `backup: BackupTimes = BackupTimes::new("0 2 * * *", 7)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupTimes {
    /// When it is made: five fields as cron has them, in UTC.
    #[serde(deserialize_with = "schedule")]
    pub schedule: String,
    /// After how many days it is deleted, once a newer one is there.
    pub keep_days: u32,
}

impl BackupTimes {
    /// Made at these times, and deleted after so many days. A schedule that cannot be read is reported with the backup.
    pub fn new(schedule: impl Into<String>, keep_days: u32) -> Self {
        Self {
            schedule: schedule.into(),
            keep_days,
        }
    }
}

/// A text that is a schedule.
fn schedule<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read: Result<Schedule, ScheduleError> = text.parse();
    read.map(|_| text).map_err(de::Error::custom)
}

/// The data that is backed up.
#[derive(Debug, Clone)]
enum Source {
    /// The database that the environment names.
    Postgres,
    /// A volume of another part, at the path that the environment names.
    Folder(Volume),
}

/// Where the backups are.
const FOLDER: &str = "/backups";

impl Backup {
    /// A dump of a PostgreSQL database, also of one that is not a part, with an image that has `pg_dump` in a version that is
    /// not older than the server.
    pub fn of_postgres(image: impl Into<String>, database: &impl Provides) -> Self {
        let binding = database.binding();
        let env = [
            ("PGHOST", binding.host()),
            ("PGPORT", binding.port()),
            ("PGUSER", binding.username()),
            ("PGDATABASE", binding.database()),
            ("PGPASSWORD", binding.password()),
        ];
        Self {
            source: Source::Postgres,
            image: image.into(),
            env: env.map(|(name, text)| (name.to_owned(), text)).into(),
            name: binding.database.clone().unwrap_or_default(),
            schedule: None,
            keep_days: None,
            volume: None,
            upload: None,
        }
    }

    /// When it is made.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(Ok(schedule));
        self
    }

    /// When it is made and how long it is kept, as settings say it.
    #[must_use]
    pub fn times(mut self, times: &BackupTimes) -> Self {
        self.schedule = Some(times.schedule.parse());
        self.keep_days(times.keep_days)
    }

    /// Deletes what is older than so many days, once a newer one is there.
    #[must_use]
    pub fn keep_days(mut self, days: u32) -> Self {
        self.keep_days = Some(days);
        self
    }

    /// Keeps it in a volume of this name and size, a Kubernetes quantity.
    #[must_use]
    pub fn on_volume(mut self, name: impl Into<String>, size: impl Into<String>) -> Self {
        self.volume = Some(Volume::new(FOLDER, size).named(name));
        self
    }

    /// Copies each backup to an object store once it is whole; nowhere if the settings name no place. A copy that failed is
    /// made up for: on Kubernetes the job is tried again, on Docker a service of its own tries again every minute.
    #[must_use]
    pub fn upload(mut self, upload: &Upload) -> Self {
        self.upload = upload.to.is_some().then(|| upload.clone());
        self
    }

    fn ending(&self) -> &'static str {
        match &self.source {
            Source::Postgres => "sql.gz",
            Source::Folder(_) => "tar.gz",
        }
    }

    /// Returns the container that copies the backups, after each one.
    fn then(&self) -> Option<Then> {
        let container = self.upload.as_ref()?.container(FOLDER, &self.name, self.ending());
        let volume = self.volume.iter().cloned().map(|volume| Volume {
            borrowed: true,
            ..volume
        });
        Some(Then {
            container: Box::new(volume.fold(container, Container::volume)),
            name: "upload",
            files: format!("{FOLDER}/\"$BACKUP_NAME\"_*.{}", self.ending()),
        })
    }

    /// Returns the script of the job: a backup counts once it is whole, so one that failed never takes the place of another.
    fn script(&self) -> String {
        let ending = self.ending();
        let (name, make) = match &self.source {
            Source::Postgres => (
                "${PGDATABASE}",
                "pg_dump --no-password --compress=6 --file=\"$file.part\"",
            ),
            Source::Folder(_) => (
                "${BACKUP_FOLDER##*/}",
                "tar -czf \"$file.part\" -C \"${BACKUP_FOLDER%/*}/\" \"${BACKUP_FOLDER##*/}\"",
            ),
        };
        let delete = self
            .keep_days
            .map(|days| format!("find {FOLDER} -name \"{name}_*.{ending}\" -mtime +{days} -delete\n"));
        format!(
            "set -eu\n\
             file={FOLDER}/{name}_$(date +%Y%m%d_%H%M%S).{ending}\n\
             trap 'rm -f \"$file.part\"' EXIT\n\
             {make}\n\
             mv \"$file.part\" \"$file\"\n\
             {}echo \"$file\"\n",
            delete.unwrap_or_default()
        )
    }
}

impl App {
    /// A scheduled backup: a CronJob on Kubernetes, a service that runs it when it is due on Docker. The files of a dump are
    /// `DATABASE_YYYYMMDD_HHMMSS.sql.gz`, plain SQL that `gunzip --stdout FILE | psql DATABASE` reads back; those of an archive
    /// `FOLDER_YYYYMMDD_HHMMSS.tar.gz`.
    #[track_caller]
    pub fn backup(&self, name: impl Into<Name>, backup: Backup) -> Scheduled {
        let name = name.into();
        let source = self.0.stack.source();
        let mut container = Container::image(&backup.image)
            .envs(backup.env.iter().map(|(name, text)| (name, text)))
            .command(["/bin/sh", "-c", &backup.script()]);
        if let Source::Folder(volume) = &backup.source {
            container = container.volume(volume.clone());
        }
        container.then = backup.then();
        if let Some(problem) = backup
            .upload
            .as_ref()
            .and_then(|upload| upload.problem(backup.keep_days))
        {
            self.report(&name.part, problem, source.clone());
        }
        match backup.volume {
            Some(volume) => container = container.volume(volume),
            None => {
                let message = "a backup needs a place: .on_volume(\"backup\", \"20Gi\")";
                self.report(&name.part, message.to_owned(), source.clone());
            }
        }
        let missing = || "a backup needs a time: .schedule(\"0 2 * * *\".parse()?)".to_owned();
        let schedule = backup.schedule.ok_or_else(missing);
        let schedule = schedule.and_then(|read| read.map_err(|error| error.to_string()));
        let schedule = schedule.unwrap_or_else(|problem| {
            self.report(&name.part, problem, source);
            Schedule::never()
        });
        self.scheduled(name, schedule, container)
    }
}

impl Web {
    /// An archive of the volume at this folder of its containers, for [`App::backup`]. The volume has to be a
    /// [shared](Volume::shared) one. The image has to have `tar` and `gzip`.
    #[track_caller]
    pub fn archive(&self, folder: &str) -> Backup {
        let at = SourceLine::caller();
        let (image, found) = self.0.read(|part| {
            let mut volumes = part.container.volumes.iter();
            let found = volumes.find(|volume| volume.path == folder && volume.shared);
            let name = |volume: &Volume| volume.clone().named(volume.name_in(&part.name.part));
            (part.container.image.clone(), found.map(name))
        });
        let volume = found.unwrap_or_else(|| {
            let message = format!(
                "archive: it has no shared volume at {folder:?}: .volume(Volume::new({folder:?}, \"20Gi\").shared())"
            );
            self.0.refuse(&message, at);
            Volume::new(folder, "")
        });
        Backup {
            source: Source::Folder(Volume {
                borrowed: true,
                ..volume
            }),
            image,
            name: folder.rsplit('/').next().unwrap_or_default().to_owned(),
            env: vec![("BACKUP_FOLDER".to_owned(), folder.into())],
            schedule: None,
            keep_days: None,
            volume: None,
            upload: None,
        }
    }
}
