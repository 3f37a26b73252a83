//! The calls, and what their failures mean for state.

use std::time::Duration;

use iac_core::state::{BackendError, BackendErrorKind};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value as Json, json};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::failure::{is_taken, kind_of, may_be_repeated};
use super::object::{Location, Version, WriteId, metadata_of, write_of};
use crate::provider::call::{Call, CallError};
use crate::provider::connect::{Connection, Settings};
use crate::provider::session::{LIST, MOST_KEPT};

/// For how long a call is tried again where that may help.
const PATIENCE: Duration = Duration::from_secs(15);

/// The number of objects that a list gives at a time.
const PAGE: &str = "500";

/// The number of times that a list begins again because it took too long for the server to remember.
const LISTS: usize = 5;

/// The result of writing a head.
#[derive(Debug)]
pub(super) enum Written {
    /// It is there.
    Done(Version),
    /// Another one is there, or none.
    Refused,
}

/// The Secrets of a namespace.
#[derive(Clone)]
pub(super) struct Api {
    settings: Settings,
    connection: std::sync::Arc<OnceCell<Connection>>,
    pub(super) namespace: String,
}

impl Api {
    pub(super) fn new(settings: Settings, namespace: String) -> Self {
        Self {
            settings,
            connection: std::sync::Arc::default(),
            namespace,
        }
    }

    fn path(&self, name: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        if name.is_empty() {
            path
        } else {
            format!("{path}/{name}")
        }
    }

    async fn connection(&self, operation: &'static str, key: &str) -> Result<&Connection, BackendError> {
        let open = || Connection::open(self.settings.clone());
        self.connection.get_or_try_init(open).await.map_err(|error| {
            let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            self.error(
                operation,
                key,
                format!("{}{hint}", error.message),
                BackendErrorKind::Other,
            )
        })
    }

    /// The API server's address; none where no cluster is configured.
    pub(super) async fn server(&self) -> Option<String> {
        let connection = self.connection("read", "").await.ok()?;
        let mut parts = connection.description.split(", ");
        parts.find_map(|part| part.strip_prefix("server ")).map(str::to_owned)
    }

    /// A call that may be made twice.
    async fn ask(&self, operation: &'static str, key: &str, call: &Call) -> Result<Option<Json>, BackendError> {
        let connection = self.connection(operation, key).await?;
        let deadline = Instant::now() + PATIENCE;
        match connection.call_patiently(call, deadline, &|_| ()).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(self.failed(operation, key, &error)),
        }
    }

    /// An object by its name.
    pub(super) async fn get(
        &self,
        operation: &'static str,
        key: &str,
        name: &str,
    ) -> Result<Option<Json>, BackendError> {
        self.ask(operation, key, &Call::get(self.path(name))).await
    }

    /// The metadata of a head.
    async fn metadata(&self, operation: &'static str, location: &Location) -> Result<Option<ObjectMeta>, BackendError> {
        let call = Call::get_metadata(self.path(&location.name));
        let object = self.ask(operation, &location.key, &call).await?;
        let metadata = object.as_ref().map(metadata_of).transpose();
        metadata.map_err(|what| self.error(operation, &location.key, what, BackendErrorKind::Other))
    }

    /// The version of a head.
    pub(super) async fn version(
        &self,
        operation: &'static str,
        location: &Location,
    ) -> Result<Option<Version>, BackendError> {
        let metadata = self.metadata(operation, location).await?;
        let version = metadata.as_ref().map(Version::of).transpose();
        version.map_err(|what| self.error(operation, &location.key, what, BackendErrorKind::Other))
    }

    /// The write that made the head that is there.
    pub(super) async fn write_of_head(&self, location: &Location) -> Result<Option<WriteId>, BackendError> {
        let metadata = self.metadata("sweep", location).await?;
        Ok(metadata.as_ref().and_then(write_of))
    }

    /// The metadata of all objects with these labels, as they were at one moment.
    pub(super) async fn list(
        &self,
        operation: &'static str,
        prefix: &str,
        selector: &str,
    ) -> Result<Vec<ObjectMeta>, BackendError> {
        let connection = self.connection(operation, prefix).await?;
        let mut pages = Vec::new();
        let mut next = String::new();
        let (mut lists, mut kept) = (0, 0);
        let began = Instant::now();
        let endless = |why: &str| {
            self.error(
                operation,
                prefix,
                format!("the list of keys: {why}"),
                BackendErrorKind::Other,
            )
        };
        loop {
            let mut call = Call::list_metadata(self.path(""))
                .with("labelSelector", selector)
                .with("limit", PAGE);
            if !next.is_empty() {
                call = call.with("continue", next.as_str());
            }
            let answer = connection
                .call_patiently(&call, Instant::now() + PATIENCE, &|_| ())
                .await;
            let body = match answer {
                Ok(answer) => {
                    kept += answer.weight;
                    answer.body
                }
                Err(error) if error.code() == Some(410) && lists < LISTS => {
                    (pages, next, lists, kept) = (Vec::new(), String::new(), lists + 1, 0);
                    continue;
                }
                Err(error) => return Err(self.failed(operation, prefix, &error)),
            };
            for item in body["items"].as_array().into_iter().flatten() {
                let metadata = metadata_of(item);
                pages.push(metadata.map_err(|what| self.error(operation, prefix, what, BackendErrorKind::Other))?);
            }
            match body["metadata"]["continue"].as_str() {
                Some(more) if more == next && !more.is_empty() => return Err(endless("it goes on where it was")),
                Some(more) if !more.is_empty() => more.clone_into(&mut next),
                _ => return Ok(pages),
            }
            if kept > MOST_KEPT || began.elapsed() > LIST {
                return Err(endless("it does not come to an end"));
            }
        }
    }

    /// Makes a chunk; gives when, by the server's clock, in seconds.
    pub(super) async fn create_chunk(
        &self,
        operation: &'static str,
        key: &str,
        object: &Json,
    ) -> Result<Option<i64>, BackendError> {
        let connection = self.connection(operation, key).await?;
        let call = Call::post(self.path(""), object);
        let answer = self.insist(connection, &call).await;
        match answer {
            Ok(answer) => Ok(metadata_of(&answer).ok().as_ref().and_then(made_at)),
            // From an attempt whose answer was lost: nobody else has this name.
            Err((error, _)) if is_taken(&error) => Ok(None),
            Err((error, _)) => Err(self.failed(operation, key, &error)),
        }
    }

    /// Creates or replaces a head.
    pub(super) async fn write_head(
        &self,
        operation: &'static str,
        location: &Location,
        write: WriteId,
        object: &Json,
        expected: Option<&Version>,
    ) -> Result<Written, BackendError> {
        let connection = self.connection(operation, &location.key).await?;
        let call = match expected {
            None => Call::post(self.path(""), object),
            Some(_) => Call::put(self.path(&location.name), object),
        };
        let metadata = match self.insist(connection, &call).await {
            Ok(answer) => metadata_of(&answer),
            Err((error, was_uncertain)) => {
                let refused = match expected {
                    None => is_taken(&error),
                    Some(_) => matches!(error.code(), Some(404 | 409)),
                };
                if !refused {
                    return Err(self.failed(operation, &location.key, &error));
                }
                if !was_uncertain {
                    return Ok(Written::Refused);
                }
                // An attempt whose answer was lost may have gone through; then what is there is ours.
                match self.metadata(operation, location).await? {
                    Some(metadata) if write_of(&metadata) == Some(write) => Ok(metadata),
                    _ => return Ok(Written::Refused),
                }
            }
        };
        let version = metadata.and_then(|metadata| Version::of(&metadata));
        let version = version.map_err(|what| self.error(operation, &location.key, what, BackendErrorKind::Other))?;
        Ok(Written::Done(version))
    }

    /// Makes a writing call again as long as that can help and is safe. With an error comes whether an earlier attempt
    /// may have gone through.
    async fn insist(&self, connection: &Connection, call: &Call) -> Result<Json, (CallError, bool)> {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(100);
        let mut was_uncertain = false;
        loop {
            let error = match connection.call(call).await {
                Ok(answer) => return Ok(answer.body),
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(pause);
            if !may_be_repeated(&error) || Instant::now() + wait >= deadline {
                return Err((error, was_uncertain));
            }
            was_uncertain |= error.code() != Some(429);
            sleep(wait).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Deletes a head if it still is of this version.
    pub(super) async fn delete_version(&self, location: &Location, version: &Version) -> Result<bool, BackendError> {
        let connection = self.connection("delete", &location.key).await?;
        let options = json!({"preconditions": {"uid": version.uid, "resourceVersion": version.resource}});
        let call = Call::delete(self.path(&location.name), &options);
        let deadline = Instant::now() + PATIENCE;
        match connection.call_patiently(&call, deadline, &|_| ()).await {
            Ok(_) => Ok(true),
            // Perhaps by ourselves, in an attempt whose answer was lost.
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) if error.code() == Some(409) => Ok(false),
            Err(error) => Err(self.failed("delete", &location.key, &error)),
        }
    }

    /// Deletes an object whatever it is.
    pub(super) async fn delete(&self, key: &str, name: &str) -> Result<(), BackendError> {
        let call = Call::delete(self.path(name), &json!({}));
        self.ask("delete", key, &call).await.map(drop)
    }

    /// An error at a key of this namespace.
    pub(super) fn error(
        &self,
        operation: &'static str,
        key: &str,
        message: String,
        kind: BackendErrorKind,
    ) -> BackendError {
        BackendError {
            operation,
            place: format!("kubernetes://{} {key:?}", self.namespace),
            message,
            kind,
        }
    }

    fn failed(&self, operation: &'static str, key: &str, error: &CallError) -> BackendError {
        let kind = kind_of(error);
        let namespace = &self.namespace;
        let hint = match error {
            CallError::Refused(refusal) if refusal.code == 404 && refusal.details.kind == "namespaces" => {
                format!("; make it first (`kubectl create namespace {namespace}`), since state makes none")
            }
            _ if error.code() == Some(403) && kind == BackendErrorKind::Denied => format!(
                "; the account needs the verbs get, list, create, update and delete on secrets in namespace {namespace}"
            ),
            _ => String::new(),
        };
        self.error(operation, key, format!("{error}{hint}"), kind)
    }
}

/// When an object was made, in seconds.
pub(super) fn made_at(metadata: &ObjectMeta) -> Option<i64> {
    Some(metadata.creation_timestamp.as_ref()?.0.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::call::Refusal;

    #[test]
    fn an_error_says_what_is_needed() {
        let api = Api::new(Settings::default(), "iac-state".to_owned());
        let refusal = Refusal::read(403, br#"{"message": "secrets is forbidden"}"#);
        let denied = CallError::Refused(Box::new(refusal));
        let denied = api.failed("list", "prod/", &denied).to_string();
        for part in ["get, list, create, update and delete", "secrets", "iac-state", "prod/"] {
            assert!(denied.contains(part), "{part} in {denied}");
        }
    }
}
