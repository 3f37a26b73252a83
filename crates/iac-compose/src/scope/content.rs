//! Reads what a program refers to when it declares a service: env files, and the contents of configs and secrets.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::Path;

use iac_core::environment::is_ours;
use iac_core::files;

use crate::model::{Config, Service};
use crate::parse::dotenv::DotenvError;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// An env file is not of the form.
    #[error("{path}: {error}")]
    Dotenv {
        /// Which.
        path: String,
        /// Where and why.
        error: DotenvError,
    },
    /// A variable is not set.
    #[error("the environment variable {name} is not set")]
    Unset {
        /// Which.
        name: String,
    },
    /// A variable is for this program alone.
    #[error("the variable {name} is this program's own and handed to no container; call what it needs by another name")]
    Ours {
        /// Which.
        name: String,
    },
    /// A profile of the kernel's filter is no JSON.
    #[error("security_opt: {path} is no JSON: {error}")]
    Profile {
        /// Which.
        path: String,
        /// Where and why.
        error: serde_json::Error,
    },
    /// It is not said where the content comes from.
    #[error("one of content, file and environment has to be given")]
    Nothing,
}

/// The content of a config or secret.
pub(crate) fn read(config: Config) -> Result<String, ContentError> {
    match config {
        Config {
            content: Some(content), ..
        } => Ok(content),
        Config { file: Some(path), .. } => text(&path),
        Config {
            environment: Some(name),
            ..
        } => variable(&name)?.ok_or(ContentError::Unset { name }),
        _ => Err(ContentError::Nothing),
    }
}

/// A variable of the process.
fn variable(name: &str) -> Result<Option<String>, ContentError> {
    match std::env::var(name) {
        Ok(_) if is_ours(OsStr::new(name)) => Err(ContentError::Ours { name: name.to_owned() }),
        found => Ok(found.ok()),
    }
}

fn text(path: &str) -> Result<String, ContentError> {
    files::read_text(Path::new(path), files::DOCUMENT).map_err(|error| ContentError::Read {
        path: path.to_owned(),
        error,
    })
}

/// Puts the contents of seccomp profiles where their paths are: the engine takes no paths, and a changed profile is a
/// changed service.
pub(crate) fn load_profiles(spec: &mut Service) -> Result<(), ContentError> {
    for option in &mut spec.security_opt {
        let Some(path) = option
            .strip_prefix("seccomp:")
            .or_else(|| option.strip_prefix("seccomp="))
        else {
            continue;
        };
        if matches!(path, "unconfined" | "builtin") || path.starts_with('{') {
            continue;
        }
        let profile = text(path)?;
        let read = serde_json::from_str::<serde_json::Value>(&profile);
        read.map_err(|error| ContentError::Profile {
            path: path.to_owned(),
            error,
        })?;
        *option = format!("seccomp={}", compact(&profile));
    }
    Ok(())
}

/// JSON without its white space, in the order that it has: what docker compose sends, so that the two are the same.
fn compact(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        let is_kept = in_text || !c.is_ascii_whitespace();
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = in_text,
            '"' => in_text = !in_text,
            _ => {}
        }
        is_kept
    };
    json.chars().filter(keep).collect()
}

/// Adds the variables of a service's env files to its own, which win.
pub(crate) fn load_environment(spec: &mut Service) -> Result<(), ContentError> {
    let mut all = Vec::new();
    for file in std::mem::take(&mut spec.env_file) {
        if !file.required && !Path::new(&file.path).exists() {
            continue;
        }
        let refused = RefCell::new(None);
        let process = |name: &str| {
            let found = variable(name);
            found.unwrap_or_else(|error| refused.replace(Some(error)).and(None))
        };
        let lookup = |name: &str| process(name).or_else(|| spec.environment.get(name).cloned());
        let read = file.read(&text(&file.path)?, &lookup, &mut all);
        if let Some(error) = refused.take() {
            return Err(error);
        }
        read.map_err(|error| ContentError::Dotenv {
            path: file.path.clone(),
            error,
        })?;
    }
    for (key, value) in all.into_iter().rev() {
        spec.environment.entry(key).or_insert(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_where_it_means_nothing() {
        let json = "{ \"b\" : [ 1,\n 2 ],\t\"a \\\" \\\\\": \" x \" }\n";
        assert_eq!(compact(json), "{\"b\":[1,2],\"a \\\" \\\\\":\" x \"}");
    }
}
