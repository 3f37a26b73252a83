//! Where the cluster is and how to get in: kubeconfig, context, in-cluster account; and the cluster's own name.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::io::AsyncBufRead;
use http::Request;
use http_body_util::BodyExt as _;
use iac_core::answers::{self, TooLarge};
use iac_core::config::{Config, ConfigValue, Entry};
use iac_core::provider::{ErrorKind, LeadsTo, ProviderError};
use iac_core::{files, redact, with_causes};
use jiff::{SignedDuration, Timestamp};
use kube::config::Kubeconfig;
use tokio::sync::RwLock;
use tokio::time::{Instant, sleep, timeout};

use crate::object::DEFAULT_NAMESPACE;

use super::access::Access;
use super::call::{Answer, Call, CallError, Refusal, warning_text};
use super::kubeconfig;

/// The settings that lead to the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The kubeconfig file; `KUBECONFIG`, `~/.kube/config` or the account of the pod where none is given.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context in it; its current one where none is given.
    pub(crate) context: Option<String>,
    /// The namespace for what names none; that of the context where none is given.
    pub(crate) namespace: Option<String>,
}

/// The namespace for what names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    /// True if the configuration says so, not only the kubeconfig's context.
    pub(crate) asked: bool,
}

/// Where a pod finds the namespace that it runs in.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// The namespace for what names none, by this configuration.
pub(crate) fn chosen_namespace(config: &Config) -> String {
    let plain = |(key, entry): (&String, &Entry)| match &entry.value {
        ConfigValue::Plain(text) => Some((key.strip_prefix("kubernetes.")?.to_owned(), text.clone())),
        ConfigValue::Secret(_) => None,
    };
    let own: BTreeMap<String, String> = config.entries().iter().filter_map(plain).collect();
    // Problems of the configuration are reported when it is connected with.
    let settings = Settings::read(&own).unwrap_or_default();
    settings
        .chosen()
        .map_or_else(|| DEFAULT_NAMESPACE.to_owned(), |chosen| chosen.name)
}

/// Returns the targets of settings that a repository gives: the kubeconfig, and the programs that it runs for its users.
pub(super) fn leads_to(config: &BTreeMap<String, String>) -> LeadsTo {
    let Some(path) = config.get("kubeconfig").map(PathBuf::from) else {
        return LeadsTo::default();
    };
    // One that cannot be read is told when it is connected with.
    let read = kubeconfig::read(&path).unwrap_or_default();
    let clusters = read.clusters.into_iter().filter_map(|named| named.cluster);
    let authorities = clusters.filter_map(|cluster| cluster.certificate_authority);
    let mut files: Vec<PathBuf> = std::iter::once(path).chain(authorities.map(PathBuf::from)).collect();
    let mut runs = Vec::new();
    for user in read.auth_infos.into_iter().filter_map(|named| named.auth_info) {
        let own = [user.client_certificate, user.client_key, user.token_file];
        files.extend(own.into_iter().flatten().map(PathBuf::from));
        let Some(exec) = user.exec else { continue };
        let words: Vec<String> = exec
            .command
            .into_iter()
            .chain(exec.args.into_iter().flatten())
            .collect();
        let values = exec
            .env
            .into_iter()
            .flatten()
            .flat_map(|variable| variable.into_values());
        // Programs and scripts that lie in the repository are part of what is allowed, in whatever word they are named.
        let named = words.iter().cloned().chain(values).flat_map(|text| paths_in(&text));
        files.extend(named.collect::<Vec<_>>());
        runs.push(words.join(" "));
    }
    // Variables come in no order.
    files.sort();
    files.dedup();
    LeadsTo { files, runs }
}

/// The files that a word of a command names: as a whole, as in `--config=FILE`, or in a line of shell.
fn paths_in(word: &str) -> Vec<PathBuf> {
    let parts = word.split(|c: char| c.is_whitespace() || "=;&|()<>\"'`".contains(c));
    let mut paths: Vec<PathBuf> = std::iter::once(word).chain(parts).map(PathBuf::from).collect();
    paths.retain(|path| path.is_file());
    paths.dedup();
    paths
}

impl Settings {
    /// Reads the configuration's keys.
    pub(crate) fn read(config: &BTreeMap<String, String>) -> Result<Self, ProviderError> {
        if let Some(key) = config
            .keys()
            .find(|key| !["context", "kubeconfig", "namespace"].contains(&key.as_str()))
        {
            let message = format!("there is no configuration key kubernetes.{key}");
            let hint = "the keys are kubernetes.context, kubernetes.kubeconfig and kubernetes.namespace";
            return Err(ProviderError::new(ErrorKind::Invalid, message).with_hint(hint));
        }
        Ok(Self {
            kubeconfig: config.get("kubeconfig").map(PathBuf::from),
            context: config.get("context").cloned(),
            namespace: config.get("namespace").filter(|name| !name.is_empty()).cloned(),
        })
    }

    /// The namespace for what names none, where somebody chose one.
    pub(crate) fn chosen(&self) -> Option<Chosen> {
        if let Some(name) = &self.namespace {
            let name = name.clone();
            return Some(Chosen { name, asked: true });
        }
        let name = match self.file().ok()? {
            Some(file) => {
                let context = self.context.as_ref().or(file.current_context.as_ref())?;
                let context = file.contexts.iter().find(|named| named.name == *context)?;
                context.context.as_ref()?.namespace.clone()?
            }
            None => files::read_text(Path::new(OWN_NAMESPACE), files::SETTINGS)
                .ok()?
                .trim()
                .to_owned(),
        };
        (!name.is_empty()).then_some(Chosen { name, asked: false })
    }

    /// The kubeconfig to read, if there is one.
    pub(super) fn file(&self) -> Result<Option<Kubeconfig>, String> {
        if let Some(path) = &self.kubeconfig {
            return kubeconfig::read(path).map(Some);
        }
        let list = std::env::var_os("KUBECONFIG").unwrap_or_default();
        if let Some(config) = kubeconfig::read_all(&list)? {
            return Ok(Some(config));
        }
        // `KUBECONFIG` is not set. Inside a pod there is no such file, and that is no error.
        let usual = kubeconfig::usual().ok_or("there is no home directory to look for .kube/config in");
        match usual.map_err(str::to_owned).and_then(|path| kubeconfig::read(&path)) {
            Ok(config) => Ok(Some(config)),
            Err(_) if self.context.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The most that one answer may have: much more than an object can, and a page of a list that is larger is asked for in
/// smaller ones.
const LARGEST: u64 = 16 << 20;

/// The most memory that one may take once it is read.
const HEAVIEST: u64 = 256 << 20;

/// The namespace that every cluster has.
const SYSTEM: &str = "kube-system";

/// A connection to one cluster.
pub(crate) struct Connection {
    settings: Settings,
    client: RwLock<Current>,
    /// The identity of the server, if no stronger evidence is available.
    server: String,
    /// For people: `the API server at https://10.0.0.1:6443`.
    address: String,
    /// For people: `context prod, server https://10.0.0.1:6443, namespace shop`.
    pub(crate) description: String,
    /// The namespace for what names none.
    pub(crate) chosen: Chosen,
}

/// The client with the credentials of now.
struct Current {
    client: kube::Client,
    /// Until when they can be used.
    until: Option<Timestamp>,
    /// The number of times that they were fetched.
    times: usize,
}

impl Current {
    fn of(access: Access, times: usize) -> Result<(Self, Told), String> {
        let (description, server, until) = (access.description, access.server, access.until);
        let url = access.config.cluster_url.to_string();
        let address = format!("the API server at {}", redact::url(url.trim_end_matches('/')));
        let client = kube::Client::try_from(access.config).map_err(|error| with_causes(&error))?;
        let told = Told {
            description,
            address,
            server,
        };
        Ok((Self { client, until, times }, told))
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= Timestamp::now() + MARGIN)
    }
}

/// The facts about a connection that are known without asking the server.
struct Told {
    description: String,
    address: String,
    server: String,
}

/// The time before their end at which credentials are fetched again.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

impl Connection {
    /// Reads the configuration; asks nothing of the server yet.
    pub(crate) async fn open(settings: Settings) -> Result<Self, ProviderError> {
        let hint = "set KUBECONFIG, or the configuration keys kubernetes.kubeconfig and kubernetes.context; `preview --offline` needs no cluster";
        // Not "unreachable": nobody was asked, and a preview from the record would hide the mistake.
        let fail = |why: String| {
            ProviderError::new(ErrorKind::Invalid, format!("no cluster is configured: {why}")).with_hint(hint)
        };
        let access = Access::find(&settings).await.map_err(fail)?;
        let (current, told) = Current::of(access, 0).map_err(fail)?;
        let chosen = settings.chosen();
        let namespace = chosen.as_ref().map(|chosen| format!(", namespace {}", chosen.name));
        Ok(Self {
            settings,
            client: RwLock::new(current),
            server: told.server,
            address: told.address,
            description: told.description + &namespace.unwrap_or_default(),
            chosen: chosen.unwrap_or_else(|| Chosen {
                name: DEFAULT_NAMESPACE.to_owned(),
                asked: false,
            }),
        })
    }

    /// Makes one call. Credentials that are no longer valid are fetched again, once.
    pub(crate) async fn call(&self, call: &Call) -> Result<Answer, CallError> {
        let seen = self.times_fetched().await?;
        let first = self.call_once(call).await;
        if first.as_ref().err().and_then(CallError::code) != Some(401) {
            return first;
        }
        self.fetch_again(seen).await?;
        self.call_once(call).await
    }

    /// Returns the number of times that the credentials were fetched; those that are over are fetched again first.
    async fn times_fetched(&self) -> Result<usize, CallError> {
        let (times, is_over) = {
            let current = self.client.read().await;
            (current.times, current.is_over())
        };
        if is_over {
            self.fetch_again(times).await?;
        }
        Ok(times + usize::from(is_over))
    }

    /// Fetches the credentials, unless another call has done so since.
    async fn fetch_again(&self, seen: usize) -> Result<(), CallError> {
        let mut current = self.client.write().await;
        if current.times == seen {
            let access = Access::find(&self.settings).await.map_err(CallError::Credentials)?;
            (*current, _) = Current::of(access, seen + 1).map_err(CallError::Credentials)?;
        }
        Ok(())
    }

    async fn call_once(&self, call: &Call) -> Result<Answer, CallError> {
        let (head, bytes) = self.exchange(call).await?;
        let weight = answers::weight(&bytes);
        if weight > HEAVIEST {
            let (server, limit) = (self.address.clone(), HEAVIEST);
            return Err(TooLarge::Heavy { server, limit }.into());
        }
        let body = serde_json::from_slice(&bytes).map_err(|error| CallError::Unreadable(error.to_string()))?;
        let warnings = head.headers.get_all(http::header::WARNING).into_iter();
        Ok(Answer {
            created: head.status == http::StatusCode::CREATED,
            body,
            weight,
            warnings: warnings
                .filter_map(|value| warning_text(value.to_str().ok()?))
                .collect(),
        })
    }

    /// Reads something that is no JSON: a log.
    pub(crate) async fn text(&self, call: &Call) -> Result<String, CallError> {
        let (_, bytes) = self.exchange(call).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends the call and reads the whole answer; one that is no success is a refusal.
    async fn exchange(&self, call: &Call) -> Result<(http::response::Parts, Vec<u8>), CallError> {
        let request = Request::builder()
            .method(call.method.clone())
            .uri(call.target())
            .header(http::header::ACCEPT, call.accept)
            .header(http::header::CONTENT_TYPE, call.content_type)
            .body(kube::client::Body::from(call.body.clone().unwrap_or_default()))
            .map_err(|error| CallError::Unreadable(format!("{} is no request: {error}", call.path)))?;
        let client = self.client.read().await.client.clone();
        let exchange = async {
            let response = client.send(request).await.map_err(|error| transport(&error))?;
            let (head, body) = response.into_parts();
            Ok((head, self.collect(body).await?))
        };
        let (head, bytes) = self.in_time(call, exchange).await?;
        if !head.status.is_success() {
            return Err(CallError::Refused(Box::new(Refusal::read(
                head.status.as_u16(),
                &bytes,
            ))));
        }
        Ok((head, bytes))
    }

    /// Opens an answer that goes on: a watch.
    pub(crate) async fn stream(&self, call: &Call) -> Result<impl AsyncBufRead + use<>, CallError> {
        let request = Request::builder()
            .method(call.method.clone())
            .uri(call.target())
            .header(http::header::ACCEPT, call.accept)
            .body(Vec::new())
            .map_err(|error| CallError::Unreadable(format!("{} is no request: {error}", call.path)))?;
        let client = self.client.read().await.client.clone();
        let open = async {
            let response = client.send(request.map(kube::client::Body::from)).await;
            let (head, body) = response.map_err(|error| transport(&error))?.into_parts();
            if head.status.is_success() {
                return Ok(body);
            }
            let bytes = self.collect(body).await?;
            let refusal = Refusal::read(head.status.as_u16(), &bytes);
            Err(CallError::Refused(Box::new(refusal)))
        };
        let body = self.in_time(call, open).await?;
        Ok(body.into_data_stream().map_err(std::io::Error::other).into_async_read())
    }

    /// The whole of an answer that is no larger than one may be.
    async fn collect(&self, body: kube::client::Body) -> Result<Vec<u8>, CallError> {
        let mut body = std::pin::pin!(body);
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| transport(&error))?;
            bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
            if bytes.len() as u64 > LARGEST {
                let server = self.address.clone();
                return Err(TooLarge::Long { server, limit: LARGEST }.into());
            }
        }
        Ok(bytes)
    }

    /// Does something within the time that a call has.
    async fn in_time<T>(&self, call: &Call, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let limit = call.timeout;
        let late = |_| CallError::Timeout {
            server: self.address.clone(),
            limit,
        };
        timeout(limit, work).await.map_err(late)?
    }

    /// Makes a call that may be made twice, again and again until `deadline` as long as that can help; `waiting` is told
    /// why it is tried again.
    pub(crate) async fn call_patiently(
        &self,
        call: &Call,
        deadline: Instant,
        waiting: &(dyn Fn(&CallError) + Sync),
    ) -> Result<Answer, CallError> {
        self.call_while(call, deadline, &|error| {
            let again = error.may_pass();
            if again {
                waiting(error);
            }
            again
        })
        .await
    }

    /// Makes a call again and again until `deadline`, as long as `again` says so of its failure.
    pub(crate) async fn call_while(
        &self,
        call: &Call,
        deadline: Instant,
        again: &(dyn Fn(&CallError) -> bool + Sync),
    ) -> Result<Answer, CallError> {
        let mut pause = Duration::from_millis(200);
        loop {
            let error = match self.call(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = error.retry_after().unwrap_or(pause);
            if Instant::now() + wait >= deadline || !again(&error) {
                return Err(error);
            }
            sleep(wait).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    /// Returns evidence that tells the cluster from others, the strongest first: the UID of its `kube-system` namespace,
    /// which lives as long as the cluster; that of the namespace for objects that name none, for accounts that may see no
    /// other; its address and authority, for those that may see neither.
    pub(crate) async fn evidence(&self, limit: Duration) -> Result<Vec<(String, String)>, ProviderError> {
        let own = &self.chosen.name;
        let (system, namespace) = futures::join!(self.uid_of(SYSTEM, limit), self.uid_of(own, limit));
        let mut found = Vec::new();
        match system {
            Ok(Some(uid)) => found.push(("cluster".to_owned(), uid)),
            Ok(None) => {
                let message = format!(
                    "{}: namespace {SYSTEM} has no UID; is this a Kubernetes API server?",
                    self.description
                );
                return Err(ProviderError::new(ErrorKind::Internal, message));
            }
            Err(error) if error.code() == Some(403) => {}
            Err(error) => return Err(self.refused(error)),
        }
        // It need not be there, nor may everybody see it.
        if let Ok(Some(uid)) = namespace {
            found.push((format!("namespace {own}"), uid));
        }
        found.push(("server".to_owned(), self.server.clone()));
        Ok(found)
    }

    async fn uid_of(&self, namespace: &str, limit: Duration) -> Result<Option<String>, CallError> {
        let path = format!("/api/v1/namespaces/{namespace}");
        let call = Call::get_metadata(&path).within(limit.min(Duration::from_secs(10)));
        let patience = Instant::now() + limit.min(Duration::from_secs(5));
        let answer = self.call_patiently(&call, patience, &|_| ()).await?;
        let uid = answer.body.pointer("/metadata/uid").and_then(serde_json::Value::as_str);
        Ok(uid.map(str::to_owned))
    }

    fn refused(&self, error: CallError) -> ProviderError {
        let hint = match &error {
            CallError::Unreachable(_) | CallError::Timeout { .. } => {
                "check that the cluster runs and that the context is the right one (kubectl config get-contexts)"
            }
            _ => "check the credentials of the kubeconfig's user (kubectl auth whoami)",
        };
        let mut failure = ProviderError::from(error);
        if failure.kind == ErrorKind::Timeout {
            failure.kind = ErrorKind::Unreachable;
        }
        // Somebody answers, and it is not the server that the kubeconfig trusts.
        if failure.message.contains("peer certificate") {
            failure.kind = ErrorKind::Denied;
        }
        failure.message = format!("{}: {}", self.description, failure.message);
        failure.with_hint(hint)
    }
}

/// Returns the meaning of a failed exchange.
fn transport(error: &kube::Error) -> CallError {
    match error {
        kube::Error::Auth(error) => CallError::Credentials(with_causes(error)),
        other => CallError::Unreachable(with_causes(&Bare(other))),
    }
}

/// A `kube::Error` without the words that it puts before its cause.
#[derive(Debug)]
struct Bare<'a>(&'a kube::Error);

impl std::fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.source() {
            Some(cause) => write!(f, "{cause}"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl std::error::Error for Bare<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source().and_then(std::error::Error::source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_configuration_key_is_refused() {
        let config = BTreeMap::from([("contxt".to_owned(), "x".to_owned())]);
        let error = Settings::read(&config).expect_err("misspelt");
        assert!(error.message.contains("kubernetes.contxt"));
    }
}
