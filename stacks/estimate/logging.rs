//! Logs on Kubernetes: Fluentd on each node sends those of estimate-service to Elasticsearch. It reads files of the node, which
//! the Pod Security level of the application's namespace forbids, so it has a namespace of its own.

use iac_app::{App, Container, Peer, Probe, Volume};
use iac_k8s::k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec};
use iac_k8s::k8s_openapi::api::core::v1 as core;
use iac_k8s::k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicySpec};
use iac_k8s::k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule};
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use iac_k8s::{Kubernetes, k8s, restart_on};

use super::settings::Logs;

/// Declares Elasticsearch and Fluentd.
pub fn ship(cluster: &Kubernetes, s: &Logs) {
    let logging = cluster.namespace(&s.namespace, [("pod-security.kubernetes.io/enforce", "privileged")]);
    let app = App::on(&logging);
    app.isolate();
    app.stateful(
        "elasticsearch",
        Container::image(&s.elasticsearch)
            .port("http", 9200)
            .env("discovery.type", "single-node")
            .env("xpack.security.enabled", false)
            .ready(Probe::http("/_cluster/health").timed(s.probe))
            .volume(Volume::new("/usr/share/elasticsearch/data", &s.size))
            .user(1000)
            .group(1000)
            .restricted(),
    )
    .open_to(Peer::namespace(&s.namespace).pods("app", "fluentd"));

    let labels = [("app", "fluentd")];
    let selector = || k8s! { LabelSelector { match_labels: labels } };
    let account = logging.add("fluentd", core::ServiceAccount::default());
    let pods =
        k8s! { PolicyRule { api_groups: [""], resources: ["pods", "namespaces"], verbs: ["get", "list", "watch"] } };
    let role = cluster.add("estimate-fluentd", k8s! { ClusterRole { rules: [pods] } });
    let binding = k8s! { ClusterRoleBinding { role_ref: role.role_ref(), subjects: [account.subject()] } };
    cluster.add("estimate-fluentd", binding);
    let anywhere = NetworkPolicyEgressRule::default();
    let policy = k8s! { NetworkPolicySpec { pod_selector: selector(), policy_types: ["Egress"], egress: [anywhere] } };
    logging.add("fluentd", k8s! { NetworkPolicy { spec: policy } });
    let config = logging.add(
        "fluentd-config",
        k8s! { core::ConfigMap { data: [("fluent.conf", include_str!("fluent.conf"))] } },
    );
    let path = |name: &str, path: &str| {
        let source = k8s! { core::HostPathVolumeSource { path: path } };
        k8s! { core::Volume { name: name, host_path: source } }
    };
    let mount = |name: &str, path: &str, read_only: bool| {
        k8s! { core::VolumeMount { name: name, mount_path: path, read_only: read_only } }
    };
    let template = k8s! {
        core::PodTemplateSpec {
            metadata: ObjectMeta { labels: labels, annotations: restart_on([config.content_hash()]) },
            spec: core::PodSpec {
                service_account_name: account.name(),
                containers: [core::Container {
                    name: "fluentd",
                    image: &s.fluentd,
                    security_context: core::SecurityContext {
                        // The files of the node are root's.
                        run_as_user: 0,
                        allow_privilege_escalation: false,
                        capabilities: core::Capabilities { drop: ["ALL"] },
                    },
                    volume_mounts: [
                        mount("logs", "/var/log", false),
                        mount("pods", &s.pods, true),
                        mount("config", "/fluentd/etc", true),
                    ],
                }],
                volumes: [path("logs", "/var/log"), path("pods", &s.pods), config.volume("config")],
            },
        }
    };
    let set = k8s! { DaemonSetSpec { selector: selector(), template: template } };
    logging.add("fluentd", k8s! { DaemonSet { spec: set } });
}
