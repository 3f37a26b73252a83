//! A provider of one's own, and a program that uses it: text files below a folder.
//!
//! Try it: `cargo run -p iac-core --example files -- preview --config files.folder=/tmp/greeting`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use async_trait::async_trait;
use iac_core::cli::Program;
use iac_core::declare::{Declared as _, Handle, NewResource, ResourceDecl};
use iac_core::provider::{
    Applied, ApplyRequest, Checked, ConnectRequest, Connecting, Context, DataItem, DeleteRequest, ErrorKind, Existence,
    ExternalRef, Intent, Live, Mark, ObserveRequest, Observed, PredictRequest, Prediction, Problem, Provider,
    ProviderError, Readiness, Recorded, Reference, Target, WaitRequest,
};
use iac_core::value::diff::{FieldChange, diff};
use iac_core::{FieldPath, Secret, Stack, Value};
use serde_json::json;

fn main() -> ExitCode {
    Program::new("files").provider(Files::default()).run(|stack| {
        let config = stack.config();
        let password = stack.random_password("db", 16);
        let greeting = file(
            stack,
            "greeting.txt",
            &format!("Hello, {}!\n", config.text("name", "world")?),
        );
        let _ = file(stack, "app.env", &format!("PASSWORD={}\n", password.result())).after(&greeting);
        if config.get_or("extra", false)? {
            let _ = file(stack, "extra/more.txt", "more\n").adopt();
        }
        stack.export("greeting", greeting.output("/path"));
        stack.export("password", password.result());
        Ok(())
    })
}

/// Declares a file; the handle's type stands for it.
#[track_caller]
fn file(stack: &Stack, name: &str, text: &str) -> Handle<Files> {
    stack.declare(NewResource::new(
        "files:core/File",
        name,
        json!({ "name": name, "text": text }),
    ))
}

/// Text files below the folder that the configuration names (`files.folder`).
#[derive(Debug, Default)]
struct Files {
    folder: OnceLock<PathBuf>,
}

impl Files {
    fn path(&self, identity: &str) -> PathBuf {
        let name = identity.strip_prefix("File ").unwrap_or(identity);
        self.folder.get().map_or_else(PathBuf::new, |folder| folder.join(name))
    }

    fn outputs(&self, identity: &str) -> Value {
        json!({ "path": self.path(identity).display().to_string() }).into()
    }

    /// Compares the file that is there with the text that was written.
    fn look(&self, request: &ObserveRequest) -> Observed {
        let path = self.path(&request.identity);
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            return Observed::Unknown("something is there that is no file".to_owned());
        }
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Observed::Absent,
            Err(error) => return Observed::Unknown(error.to_string()),
        };
        let written = request
            .recorded
            .as_ref()
            .and_then(|recorded| recorded.inputs.get("text"));
        let changed = written.is_some_and(|written| plain(written) != Some(text.as_str()));
        let now = match written {
            Some(Value::Secret(_)) => Value::Secret(Secret::from(text)),
            _ => Value::from(text),
        };
        let drift = FieldChange {
            path: FieldPath::fields(["text"]),
            before: written.cloned(),
            after: Some(now),
            origin: None,
        };
        Observed::Present(Live {
            uid: None,
            mark: mark(),
            outputs: self.outputs(&request.identity),
            drift: if changed { vec![drift] } else { Vec::new() },
            ignored: Vec::new(),
            readiness: Readiness::Ready,
            leaving: None,
            co_owners: Vec::new(),
            writes: Default::default(),
        })
    }
}

/// A file says nothing of who made it: only a record that the stack's key vouches for, or a person, can say that it may go.
fn mark() -> Mark {
    Mark::Missing("a file bears none".to_owned())
}

fn plain(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Secret(secret) => Some(secret.expose()),
        _ => None,
    }
}

fn failed(path: &Path, error: &std::io::Error) -> ProviderError {
    ProviderError::new(ErrorKind::Failed, format!("{}: {error}", path.display()))
}

#[async_trait]
impl Provider for Files {
    fn name(&self) -> &str {
        "files"
    }

    fn connecting(&self) -> Connecting {
        // The world is a folder of the project itself.
        Connecting {
            free: &["folder"],
            ..Connecting::default()
        }
    }

    fn identity(&self, resource: &ResourceDecl) -> Result<String, Problem> {
        match resource.inputs.get("name").and_then(Value::as_str) {
            Some(name) => Ok(format!("File {name}")),
            None => Err(Problem::new(
                FieldPath::fields(["name"]),
                "a file's name has to be known when planning",
            )),
        }
    }

    fn references(&self, _: &[&ResourceDecl]) -> Vec<Reference> {
        Vec::new()
    }

    fn validate(&self, _: &ResourceDecl) -> Vec<Problem> {
        Vec::new()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Target, ProviderError> {
        let folder = request
            .config
            .get("folder")
            .map(PathBuf::from)
            .filter(|folder| folder.is_dir());
        let Some(folder) = folder else {
            let error = ProviderError::new(ErrorKind::Unreachable, "there is no such folder");
            return Err(error.with_hint("name one that is there: --config files.folder=PATH"));
        };
        let id = folder.canonicalize().map_err(|error| failed(&folder, &error))?;
        let description = format!("folder {}", folder.display());
        // Every connection of one process is to the same folder, so the first one counts.
        let _ = self.folder.set(folder);
        Ok(Target {
            description,
            id: id.display().to_string(),
            evidence: Vec::new(),
        })
    }

    async fn exists(&self, names: &[ExternalRef]) -> Result<Vec<Existence>, ProviderError> {
        Ok(vec![Existence::No; names.len()])
    }

    async fn observe(&self, requests: &[ObserveRequest]) -> Result<Vec<Observed>, ProviderError> {
        Ok(requests.iter().map(|request| self.look(request)).collect())
    }

    async fn predict(&self, requests: &[PredictRequest]) -> Result<Vec<Prediction>, ProviderError> {
        let predict = |request: &PredictRequest| {
            let mut before = request
                .recorded
                .as_ref()
                .map(|recorded| recorded.inputs.clone())
                .unwrap_or_default();
            for drift in request.live.iter().flat_map(|live| &live.drift) {
                before.set_at(&drift.path, drift.after.clone());
            }
            let changes = if request.intent == Intent::Create {
                Vec::new()
            } else {
                diff(&before, &request.inputs)
            };
            Prediction {
                changes,
                checked: Checked::ByServer,
                ..Prediction::default()
            }
        };
        Ok(requests.iter().map(predict).collect())
    }

    async fn data(&self, resources: &[Recorded]) -> Result<Vec<Vec<DataItem>>, ProviderError> {
        Ok(vec![Vec::new(); resources.len()])
    }

    async fn apply(&self, request: &ApplyRequest, cx: &Context) -> Result<Applied, ProviderError> {
        let path = self.path(&request.identity);
        cx.progress(&request.key, "writing");
        let text = request.inputs.get("text").and_then(plain).unwrap_or_default();
        let folder = path.parent().unwrap_or(Path::new("."));
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|error| failed(&path, &error))?;
        tokio::fs::write(&path, text)
            .await
            .map_err(|error| failed(&path, &error))?;
        Ok(Applied {
            outputs: self.outputs(&request.identity),
            ..Applied::default()
        })
    }

    async fn delete(&self, request: &DeleteRequest, _: &Context) -> Result<(), ProviderError> {
        let path = self.path(&request.recorded.identity);
        if path.exists() {
            mark().allow(&request.recorded.identity, request.claim)?;
        }
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(&path, &error)),
            _ => Ok(()),
        }
    }

    async fn wait_ready(&self, request: &WaitRequest, _: &Context) -> Result<Applied, ProviderError> {
        Ok(Applied {
            outputs: self.outputs(&request.recorded.identity),
            ..Applied::default()
        })
    }
}
