//! The environment of a project: that of the process, which counts most, and the variables of env files.

use std::collections::BTreeMap;

use super::problem::Findings;
use crate::parse::dotenv;

/// Why an env file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvironmentError {
    #[error("{path} cannot be read: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("{path}:{}: {}", .error.line, .error.message)]
    Form { path: String, error: dotenv::DotenvError },
}

/// The variables of env files; a later file counts more. `outer` is what their own variables mean first.
pub(super) fn read(
    files: &[String],
    outer: &BTreeMap<String, String>,
    found: &Findings,
) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let mut all = Vec::new();
    for path in files {
        let text = found.read_text(path).map_err(|error| EnvironmentError::Read {
            path: path.clone(),
            error,
        })?;
        let read = dotenv::parse_into(&text, &|name| outer.get(name).cloned(), &mut all);
        read.map_err(|error| EnvironmentError::Form {
            path: path.clone(),
            error,
        })?;
    }
    Ok(all.into_iter().collect())
}
