//! Any Kubernetes manifests: `--config path=…` names a file, or a folder of files; `--config exclude=PATTERN,…` leaves
//! files of the folder out. What names no namespace goes to `kubernetes.namespace`, else to that of the context.
//!
//! The stack is named after the path unless `--stack` says otherwise, and belongs to that path from then on.

use std::path::PathBuf;
use std::process::ExitCode;

use iac_backends::{PostgresState, S3State};
use iac_core::config::Config;
use iac_core::{Program, Result, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider, KubernetesState, ManifestFiles};

/// The configuration that says where the manifests are.
const PATH: &str = "path";

/// The configuration that leaves files out: patterns with commas between them.
const EXCLUDE: &str = "exclude";

fn main() -> ExitCode {
    Program::new("manifests")
        .provider(KubernetesProvider::new())
        .backend(KubernetesState::SCHEME)
        .backend(PostgresState::SCHEME)
        .backend(S3State::SCHEME)
        .stack_named_by(name)
        .deploys(|config| config.get(PATH).ok()?)
        .run(manifests)
}

fn manifests(stack: &Stack) -> Result<()> {
    let path: PathBuf = stack.config().require(PATH)?;
    let exclude: Option<String> = stack.config().get(EXCLUDE)?;
    let patterns = exclude.iter().flat_map(|patterns| patterns.split(','));
    let patterns = patterns.map(str::trim).filter(|pattern| !pattern.is_empty());
    let files = patterns.fold(ManifestFiles::new(path), ManifestFiles::exclude);
    let _ = Kubernetes::new(stack).yaml(files);
    Ok(())
}

/// The folder's name, or the file's without what stands behind its last dot.
fn name(config: &Config) -> Option<String> {
    let path: PathBuf = config.get(PATH).ok()??;
    let path = path.canonicalize().ok()?;
    let name = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    Some(name?.to_string_lossy().into_owned())
}
