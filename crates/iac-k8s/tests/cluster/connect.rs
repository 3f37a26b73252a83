//! Getting in, and being told why not.

use iac_core::provider::{ErrorKind, Existence, ExternalRef, Need, Provider as _};
use iac_k8s::KubernetesProvider;
use serde_json::json;

use crate::world::{World, connect_request, kubeconfig};

#[tokio::test]
async fn a_target_is_the_cluster_and_not_the_way_to_it() {
    let provider = KubernetesProvider::new();
    let path = kubeconfig();
    let target = provider
        .connect(&connect_request(&[("kubeconfig", &path)]))
        .await
        .unwrap();
    assert!(target.description.starts_with("context ") && target.description.contains(", server https://"));
    assert_eq!(target.id.len(), 36, "{}", target.id);
}

#[tokio::test]
async fn a_server_that_does_not_answer_and_one_that_refuses_are_told_apart() {
    let text = std::fs::read_to_string(kubeconfig()).unwrap();
    let config: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let write = |name: &str, pointer: &str, value: serde_json::Value| {
        let path = std::env::temp_dir().join(format!("iac-k8s-{}-{name}", std::process::id()));
        let mut config = config.clone();
        *config.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&path, config.to_string()).unwrap();
        path
    };
    let nowhere = write("nowhere", "/clusters/0/cluster/server", json!("https://127.0.0.1:9"));
    let stranger = write("stranger", "/users/0/user", json!({"token": "nobody"}));
    for (path, kind) in [(nowhere, ErrorKind::Unreachable), (stranger, ErrorKind::Denied)] {
        let path_text = path.to_str().unwrap();
        let error = KubernetesProvider::new()
            .connect(&connect_request(&[("kubeconfig", path_text)]))
            .await;
        std::fs::remove_file(&path).unwrap();
        let error = error.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.hint.is_some());
    }
}

#[tokio::test]
async fn a_context_that_is_not_there_is_named() {
    let path = kubeconfig();
    let request = connect_request(&[("kubeconfig", &path), ("context", "elsewhere")]);
    let error = KubernetesProvider::new().connect(&request).await.unwrap_err();
    assert!(error.message.contains("elsewhere"), "{error}");
}

#[tokio::test]
async fn external_names_are_looked_up() {
    let world = World::new().await;
    let name = |kind: &str, name: &str| ExternalRef {
        kind: kind.to_owned(),
        name: name.to_owned(),
        need: Need::Later,
    };
    let names = [
        name("core/Namespace", &world.namespace),
        name("core/Secret", &format!("{}/missing", world.namespace)),
        name("storage.k8s.io/StorageClass", "standard"),
        name("nowhere.example/Thing", "x"),
    ];
    let answers = world.provider.exists(&names).await.unwrap();
    assert_eq!(answers, [Existence::Yes, Existence::No, Existence::Yes, Existence::No]);
}
