//! The needs of every test: a connected provider, a namespace of its own, and somebody else who meddles.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use iac_core::config::Config;
use iac_core::declare::{Declaration, ResourceDecl};
use iac_core::provider::{
    Applied, ApplyRequest, Claim, ConnectRequest, Context, DeleteData, DeleteRequest, Intent, Live, ObserveRequest,
    Observed, PredictRequest, Prediction, Provider as _, ProviderError, Recorded, StackKey, WaitRequest,
};
use iac_core::state::{DataKey, Vault};
use iac_core::value::{Secret, Source, Value};
use iac_core::{Key, Stack};
use iac_k8s::{Kubernetes, KubernetesProvider, KubernetesState, Namespaced};
use iac_testbed::{Needs, TestBed};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

/// The stack's name in all tests; the field manager is `iac-tests`.
pub(crate) const STACK: &str = "tests";

/// The time that a single operation may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) provider: KubernetesProvider,
    pub(crate) client: kube::Client,
    pub(crate) namespace: String,
}

/// The kubeconfig of the test bed.
pub(crate) fn kubeconfig() -> String {
    let needs = Needs {
        kubernetes: true,
        ..Needs::default()
    };
    let bed = TestBed::ensure(needs).unwrap_or_else(|error| panic!("{error}"));
    bed.kubeconfig.display().to_string()
}

/// Reads the test bed's kubeconfig.
pub(crate) fn kubeconfig_json() -> serde_json::Value {
    let text = std::fs::read_to_string(kubeconfig()).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// A kubeconfig of a test's own; removed when dropped.
pub(crate) struct Kubeconfig(PathBuf);

impl Kubeconfig {
    pub(crate) fn write(config: &serde_json::Value, name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("iac-k8s-{}-{name}", std::process::id()));
        std::fs::write(&path, config.to_string()).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A connection of its own, beside the provider's.
async fn client() -> kube::Client {
    let file = kube::config::Kubeconfig::read_from(kubeconfig()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(file, &options).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

/// The id of the tests' stack.
pub(crate) const ID: &str = "5f0c7d2e9a4b4c1d8e6f3a2b1c0d9e8f";

/// The key of the tests' stack, the same in all of them.
fn stack_key() -> StackKey {
    static KEY: OnceLock<StackKey> = OnceLock::new();
    let key = || StackKey::of(Arc::new(Vault::new(&DataKey::generate().unwrap(), STACK)));
    KEY.get_or_init(key).clone()
}

pub(crate) fn connect_request(config: &[(&str, &str)]) -> ConnectRequest {
    let config = config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    ConnectRequest {
        stack: STACK.to_owned(),
        id: ID.parse().unwrap(),
        config: config.collect(),
        timeout: Duration::from_secs(20),
        key: stack_key(),
        own_files: Vec::new(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let provider = KubernetesProvider::new();
        let path = kubeconfig();
        provider
            .connect(&connect_request(&[("kubeconfig", &path)]))
            .await
            .unwrap();
        let client = client().await;
        let random = std::collections::hash_map::RandomState::new();
        let number = std::hash::BuildHasher::hash_one(&random, std::process::id());
        let namespace = format!("iac-k8s-{number:016x}");
        let object: Namespace = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        Api::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
        Self {
            provider,
            client,
            namespace,
        }
    }

    /// A provider that is connected to something else; nothing is removed afterwards.
    pub(crate) async fn elsewhere(provider: KubernetesProvider, namespace: &str) -> Self {
        Self {
            provider,
            client: client().await,
            namespace: namespace.to_owned(),
        }
    }

    /// State in the test's namespace.
    pub(crate) fn state(&self) -> KubernetesState {
        KubernetesState::open(&format!("kubernetes://{}?kubeconfig={}", self.namespace, kubeconfig())).unwrap()
    }

    /// Declares in the test's namespace.
    pub(crate) fn declare(&self, declare: impl FnOnce(&Namespaced)) -> Declared {
        self.declare_all(|stack| declare(&Kubernetes::new(stack).in_namespace(&self.namespace)))
    }

    /// Declares one object in the test's namespace.
    pub(crate) fn one(&self, name: &str, object: serde_json::Value) -> Resolved {
        let declared = self.declare(|k| {
            k.add_json(name, object);
        });
        declared.all().remove(0)
    }

    /// Declares anything, and shows it to the provider as the engine does.
    pub(crate) fn declare_all(&self, declare: impl FnOnce(&Stack)) -> Declared {
        let stack = Stack::new(STACK, Config::default());
        declare(&stack);
        let declaration = stack.finish().unwrap();
        self.provider
            .references(&declaration.resources.iter().collect::<Vec<_>>());
        Declared(declaration)
    }

    pub(crate) async fn apply(
        &self,
        resource: &Resolved,
        intent: Intent,
        recorded: Option<&Recorded>,
    ) -> Result<Recorded, ProviderError> {
        let request = ApplyRequest {
            ignored: Vec::new(),
            key: resource.key.clone(),
            identity: resource.identity.clone(),
            intent,
            inputs: resource.inputs.clone(),
            recorded: recorded.cloned(),
            adopt: false,
            claim: match intent {
                Intent::Adopt => Claim::Named,
                _ => Claim::Sealed,
            },
            uid: None,
            delete_data: DeleteData::None,
            timeout: PATIENCE,
        };
        let applied = self.provider.apply(&request, &Context::silent()).await?;
        Ok(resource.record(applied))
    }

    pub(crate) async fn wait(&self, recorded: &Recorded, timeout: Duration) -> Result<Recorded, ProviderError> {
        self.wait_for(recorded, timeout, false, &Context::silent()).await
    }

    /// Waits for what others need ready.
    pub(crate) async fn wait_needed(&self, recorded: &Recorded, timeout: Duration) -> Result<Recorded, ProviderError> {
        self.wait_for(recorded, timeout, true, &Context::silent()).await
    }

    /// Waits, and gives what was said meanwhile.
    pub(crate) async fn wait_telling(
        &self,
        recorded: &Recorded,
        timeout: Duration,
    ) -> (Result<Recorded, ProviderError>, Vec<String>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&said);
        let cx = Context::new(move |progress| sink.lock().unwrap().push(progress.message));
        let waited = self.wait_for(recorded, timeout, false, &cx).await;
        let said = said.lock().unwrap().clone();
        (waited, said)
    }

    async fn wait_for(
        &self,
        recorded: &Recorded,
        timeout: Duration,
        needed: bool,
        cx: &Context,
    ) -> Result<Recorded, ProviderError> {
        let request = WaitRequest {
            recorded: recorded.clone(),
            timeout,
            needed,
        };
        let applied = self.provider.wait_ready(&request, cx).await?;
        let Applied { uid, outputs, private } = applied;
        Ok(Recorded {
            uid,
            outputs: if outputs == Value::Null {
                recorded.outputs.clone()
            } else {
                outputs
            },
            private: if private.is_null() {
                recorded.private.clone()
            } else {
                private.into()
            },
            ready: true,
            ..recorded.clone()
        })
    }

    /// Creates and waits until it is ready.
    pub(crate) async fn up(&self, resource: &Resolved) -> Recorded {
        let recorded = self.apply(resource, Intent::Create, None).await.unwrap();
        self.wait(&recorded, PATIENCE)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{:#?}", error.details))
    }

    pub(crate) async fn observe(&self, resource: &Resolved, recorded: Option<&Recorded>) -> Observed {
        let requests = [resource.question(recorded)];
        self.provider.observe(&requests).await.unwrap().remove(0)
    }

    pub(crate) async fn live(&self, resource: &Resolved, recorded: Option<&Recorded>) -> Live {
        match self.observe(resource, recorded).await {
            Observed::Present(live) => live,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn predict(&self, resource: &Resolved, intent: Intent, recorded: Option<&Recorded>) -> Prediction {
        let request = PredictRequest {
            key: resource.key.clone(),
            intent,
            inputs: resource.inputs.clone(),
            recorded: recorded.cloned(),
            live: None,
            adopt: false,
        };
        self.provider.predict(&[request]).await.unwrap().remove(0)
    }

    pub(crate) async fn delete(&self, recorded: &Recorded, delete_data: bool) -> Result<(), ProviderError> {
        let request = DeleteRequest {
            recorded: recorded.clone(),
            delete_data: if delete_data { DeleteData::All } else { DeleteData::None },
            claim: Claim::MarkOnly,
            timeout: PATIENCE,
        };
        self.provider.delete(&request, &Context::silent()).await
    }

    pub(crate) fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
    }

    /// Somebody else changes an object.
    pub(crate) async fn meddle(&self, api: &Api<DynamicObject>, name: &str, patch: serde_json::Value) {
        let params = PatchParams {
            field_manager: Some("meddler".to_owned()),
            ..PatchParams::default()
        };
        api.patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    /// Somebody else makes an object.
    pub(crate) async fn make(&self, api: &Api<DynamicObject>, object: serde_json::Value) {
        let params = PostParams {
            field_manager: Some("meddler".to_owned()),
            ..PostParams::default()
        };
        let object = serde_json::from_value(object).unwrap();
        api.create(&params, &object).await.unwrap();
    }

    pub(crate) async fn read(&self, api: &Api<DynamicObject>, name: &str) -> serde_json::Value {
        serde_json::to_value(api.get(name).await.unwrap()).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Its own thread and connection: the runtime of a test that failed is going down.
        let namespace = std::mem::take(&mut self.namespace);
        if namespace == "default" {
            return;
        }
        let deletion = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let _ = Api::<Namespace>::all(client().await)
                    .delete(&namespace, &kube::api::DeleteParams::default())
                    .await;
            });
        });
        let _ = deletion.join();
    }
}

pub(crate) struct Declared(pub(crate) Declaration);

/// A declared resource whose inputs are known.
#[derive(Clone)]
pub(crate) struct Resolved {
    pub(crate) key: Key,
    pub(crate) identity: String,
    pub(crate) inputs: Value,
}

impl Declared {
    /// The only resource of that kind.
    pub(crate) fn of(&self, kind: &str) -> Resolved {
        let found = self
            .0
            .resources
            .iter()
            .find(|resource| resource.key.kind().ends_with(&format!("/{kind}")));
        self.resolve(found.unwrap())
    }

    pub(crate) fn all(&self) -> Vec<Resolved> {
        self.0.resources.iter().map(|resource| self.resolve(resource)).collect()
    }

    fn resolve(&self, resource: &ResourceDecl) -> Resolved {
        let secrets = &self.0.secrets;
        Resolved {
            key: resource.key.clone(),
            identity: KubernetesProvider::new().identity(resource).unwrap(),
            inputs: reveal(&resource.inputs, secrets),
        }
    }
}

/// Puts the program's own secrets into their places; outputs of other resources stay as they are.
fn reveal(inputs: &Value, secrets: &BTreeMap<Source, Secret>) -> Value {
    let replaced = inputs.try_map_leaves(&mut |_, leaf| {
        let secret = match leaf {
            Value::Expr(expr) => expr.outputs().next().and_then(|output| secrets.get(&output.source)),
            _ => None,
        };
        Ok::<_, ()>(secret.map_or_else(|| leaf.clone(), |secret| Value::Secret(secret.clone())))
    });
    replaced.unwrap()
}

impl Resolved {
    pub(crate) fn record(&self, applied: Applied) -> Recorded {
        Recorded {
            key: self.key.clone(),
            identity: self.identity.clone(),
            uid: applied.uid,
            inputs: self.inputs.clone(),
            outputs: applied.outputs,
            private: applied.private.into(),
            dependencies: Vec::new(),
            ready: false,
        }
    }

    pub(crate) fn question(&self, recorded: Option<&Recorded>) -> ObserveRequest {
        ObserveRequest {
            ignored: Vec::new(),
            key: self.key.clone(),
            identity: self.identity.clone(),
            inputs: Some(self.inputs.clone()),
            recorded: recorded.cloned(),
            full: false,
        }
    }
}

/// The paths of changes, with who causes them where that is not the program.
pub(crate) fn paths(changes: &[iac_core::value::diff::FieldChange]) -> Vec<String> {
    let text = |change: &iac_core::value::diff::FieldChange| match &change.origin {
        Some(origin) => format!("{} ({origin})", change.path),
        None => change.path.to_string(),
    };
    changes.iter().map(text).collect()
}

/// A Deployment or the like with one busybox container; `container` is merged into it.
pub(crate) fn workload(kind: &str, replicas: i64, container: serde_json::Value) -> serde_json::Value {
    let mut main = json!({
        "name": "main", "image": "localhost/iac-test/busybox:1", "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "3600"],
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}},
    });
    for (key, value) in container.as_object().into_iter().flatten() {
        main[key] = value.clone();
    }
    json!({
        "apiVersion": "apps/v1", "kind": kind,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [main]},
            },
        },
    })
}
