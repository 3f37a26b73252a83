//! `--report`: the page of a finished run. The file is made before the run begins, so that a folder that cannot be written
//! is known by then; it has its name once it is whole.

use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::apply::Report;
use crate::cli::failure::Failure;
use crate::plan::Plan;
use crate::review::RunView;

/// A page to be written.
pub(super) struct RunPage<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> RunPage<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let file = file.map_err(|error| failed(path, &error))?;
        Ok(Self { path, file })
    }

    pub(super) fn write(mut self, plan: &Plan, report: &Report, summary: &str) -> Result<(), Failure> {
        let page = RunView::of(plan, report, summary).to_html();
        let written = self.file.write_all(page.as_bytes());
        written.map_err(|error| failed(self.path, &error))?;
        let kept = self.file.persist(self.path);
        kept.map(drop).map_err(|error| failed(self.path, &error.error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("{} cannot be written: {error}", path.display()))
}
