//! Which sets of manifests are compared, and which upgrades are planned.

use super::fetch::Files;

/// A set of manifests.
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) files: Files<'static>,
}

const fn set(
    name: &'static str,
    repository: &'static str,
    revision: &'static str,
    paths: &'static [&'static str],
) -> Set {
    Set {
        name,
        files: Files {
            repository,
            revision,
            paths,
        },
    }
}

/// The sets. `HEAD` is what the project publishes today.
#[rustfmt::skip]
pub(crate) const SETS: &[Set] = &[
    set("argo-cd", "argoproj/argo-cd", "HEAD", &["manifests/install.yaml"]),
    set("argo-cd-core", "argoproj/argo-cd", "HEAD", &["manifests/core-install.yaml"]),
    set("argo-cd-namespace", "argoproj/argo-cd", "HEAD", &["manifests/namespace-install.yaml"]),
    set("argo-cd-ha", "argoproj/argo-cd", "HEAD", &["manifests/ha/install.yaml"]),
    set("argo-events", "argoproj/argo-events", "HEAD", &["manifests/install.yaml"]),
    set("argo-events-namespace", "argoproj/argo-events", "HEAD", &["manifests/namespace-install.yaml"]),
    set("argo-rollouts", "argoproj/argo-rollouts", "HEAD", &["manifests/install.yaml"]),
    set("argo-rollouts-notifications", "argoproj/argo-rollouts", "HEAD", &["manifests/notifications-install.yaml"]),
    set("argo-workflows", "argoproj/argo-workflows", "HEAD", &["manifests/quick-start-minimal.yaml"]),
    set("argo-workflows-postgres", "argoproj/argo-workflows", "HEAD", &["manifests/quick-start-postgres.yaml"]),
    set("argo-workflows-mysql", "argoproj/argo-workflows", "HEAD", &["manifests/quick-start-mysql.yaml"]),
    set("ingress-nginx-cloud", "kubernetes/ingress-nginx", "HEAD", &["deploy/static/provider/cloud/deploy.yaml"]),
    set("ingress-nginx-baremetal", "kubernetes/ingress-nginx", "HEAD", &["deploy/static/provider/baremetal/deploy.yaml"]),
    set("ingress-nginx-kind", "kubernetes/ingress-nginx", "HEAD", &["deploy/static/provider/kind/deploy.yaml"]),
    set("ingress-nginx-aws", "kubernetes/ingress-nginx", "HEAD", &["deploy/static/provider/aws/deploy.yaml"]),
    set("metallb-native", "metallb/metallb", "HEAD", &["config/manifests/metallb-native.yaml"]),
    set("metallb-frr", "metallb/metallb", "HEAD", &["config/manifests/metallb-frr.yaml"]),
    set("metallb-prometheus", "metallb/metallb", "HEAD", &["config/manifests/metallb-native-prometheus.yaml"]),
    set("calico", "projectcalico/calico", "HEAD", &["manifests/calico.yaml"]),
    set("calico-typha", "projectcalico/calico", "HEAD", &["manifests/calico-typha.yaml"]),
    set("calico-etcd", "projectcalico/calico", "HEAD", &["manifests/calico-etcd.yaml"]),
    set("calico-canal", "projectcalico/calico", "HEAD", &["manifests/canal.yaml"]),
    set("tigera-operator", "projectcalico/calico", "HEAD", &["manifests/tigera-operator.yaml"]),
    set("calico-crds", "projectcalico/calico", "HEAD", &["manifests/crds.yaml"]),
    set("calico-operator-crds", "projectcalico/calico", "HEAD", &["manifests/operator-crds.yaml"]),
    set("istio-prometheus", "istio/istio", "HEAD", &["samples/addons/prometheus.yaml"]),
    set("istio-grafana", "istio/istio", "HEAD", &["samples/addons/grafana.yaml"]),
    set("istio-kiali", "istio/istio", "HEAD", &["samples/addons/kiali.yaml"]),
    set("istio-jaeger", "istio/istio", "HEAD", &["samples/addons/jaeger.yaml"]),
    set("istio-loki", "istio/istio", "HEAD", &["samples/addons/loki.yaml"]),
    set("istio-bookinfo", "istio/istio", "HEAD", &["samples/bookinfo/platform/kube/bookinfo.yaml"]),
    set("istio-httpbin", "istio/istio", "HEAD", &["samples/httpbin/httpbin.yaml"]),
    set("rook", "rook/rook", "HEAD", &["deploy/examples/common.yaml", "deploy/examples/crds.yaml", "deploy/examples/operator.yaml", "deploy/examples/csi-operator.yaml"]),
    set("longhorn", "longhorn/longhorn", "HEAD", &["deploy/longhorn.yaml"]),
    set("strimzi", "strimzi/strimzi-kafka-operator", "HEAD", &["install/cluster-operator/**/*.yaml"]),
    set("gatekeeper", "open-policy-agent/gatekeeper", "HEAD", &["deploy/gatekeeper.yaml"]),
    set("flannel", "flannel-io/flannel", "HEAD", &["Documentation/kube-flannel.yml"]),
    set("dashboard", "kubernetes/dashboard", "v2.7.0", &["aio/deploy/recommended.yaml"]),
    set("nvidia", "NVIDIA/k8s-device-plugin", "HEAD", &["deployments/static/nvidia-device-plugin.yml"]),
    set("nvidia-account", "NVIDIA/k8s-device-plugin", "HEAD", &["deployments/static/nvidia-device-plugin-privileged-with-service-account.yml"]),
    set("external-secrets", "external-secrets/external-secrets", "HEAD", &["deploy/crds/bundle.yaml"]),
    set("prometheus-operator", "prometheus-operator/prometheus-operator", "HEAD", &["bundle.yaml"]),
    set("kube-prometheus", "prometheus-operator/kube-prometheus", "HEAD", &["manifests/**/*.yaml"]),
    set("cloudnative-pg", "cloudnative-pg/cloudnative-pg", "HEAD", &["releases/cnpg-1.30.0.yaml"]),
    set("zalando-postgres", "zalando/postgres-operator", "HEAD", &["manifests/configmap.yaml", "manifests/operator-service-account-rbac.yaml", "manifests/postgres-operator.yaml", "manifests/api-service.yaml"]),
    set("boutique", "GoogleCloudPlatform/microservices-demo", "HEAD", &["release/kubernetes-manifests.yaml"]),
    set("local-path", "rancher/local-path-provisioner", "HEAD", &["deploy/local-path-storage.yaml"]),
    set("reloader", "stakater/Reloader", "HEAD", &["deployments/kubernetes/reloader.yaml"]),
    set("csi-nfs", "kubernetes-csi/csi-driver-nfs", "HEAD", &["deploy/*.yaml"]),
    set("external-snapshotter", "kubernetes-csi/external-snapshotter", "HEAD", &["client/config/crd/*.yaml", "deploy/kubernetes/snapshot-controller/*.yaml"]),
    set("gateway-api", "kubernetes-sigs/gateway-api", "HEAD", &["config/crd/standard/*.yaml"]),
    set("gateway-api-experimental", "kubernetes-sigs/gateway-api", "HEAD", &["config/crd/experimental/*.yaml"]),
    set("knative-serving", "knative/serving", "HEAD", &["config/core/**/*.yaml"]),
    set("knative-serving-crds", "knative/serving", "HEAD", &["config/core/300-resources/**/*.yaml"]),
    set("knative-eventing", "knative/eventing", "HEAD", &["config/core/**/*.yaml"]),
    set("cert-manager-crds", "cert-manager/cert-manager", "HEAD", &["deploy/crds/**/*.yaml"]),
    set("tekton", "tektoncd/pipeline", "HEAD", &["config/*.yaml"]),
    set("descheduler", "kubernetes-sigs/descheduler", "HEAD", &["kubernetes/base/*.yaml", "kubernetes/cronjob/*.yaml"]),
    set("aws-load-balancer", "kubernetes-sigs/aws-load-balancer-controller", "HEAD", &["docs/install/v2_2_4_full.yaml"]),
    set("elastic-crds", "elastic/cloud-on-k8s", "HEAD", &["config/crds/v1/all-crds.yaml"]),
    set("traefik", "traefik/traefik", "HEAD", &["docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml", "docs/content/reference/dynamic-configuration/kubernetes-crd-rbac.yml"]),
    set("crossplane-crds", "crossplane/crossplane", "HEAD", &["cluster/crds/**/*.yaml"]),
    set("keda-crds", "kedacore/keda", "HEAD", &["config/crd/bases/*.yaml"]),
    set("azuredisk", "kubernetes-sigs/azuredisk-csi-driver", "HEAD", &["deploy/*.yaml"]),
    set("secrets-store", "kubernetes-sigs/secrets-store-csi-driver", "HEAD", &["deploy/*.yaml"]),
    set("velero-crds", "vmware-tanzu/velero", "HEAD", &["config/crd/v1/bases/*.yaml"]),
    set("jaeger-crds", "jaegertracing/jaeger-operator", "HEAD", &["config/crd/bases/*.yaml"]),
    set("cinder-csi", "kubernetes/cloud-provider-openstack", "HEAD", &["manifests/cinder-csi-plugin/**/*.yaml"]),
    set("manila-csi", "kubernetes/cloud-provider-openstack", "HEAD", &["manifests/manila-csi-plugin/**/*.yaml"]),
    set("openstack-controller", "kubernetes/cloud-provider-openstack", "HEAD", &["manifests/controller-manager/**/*.yaml"]),
    set("guestbook", "kubernetes/examples", "HEAD", &["**/guestbook/**/*.yaml"]),
];

/// Two releases of a set.
pub(crate) struct Upgrade {
    pub(crate) name: &'static str,
    pub(crate) from: Files<'static>,
    pub(crate) to: Files<'static>,
}

const fn upgrade(
    name: &'static str,
    repository: &'static str,
    from: (&'static str, &'static [&'static str]),
    to: (&'static str, &'static [&'static str]),
) -> Upgrade {
    Upgrade {
        name,
        from: set(name, repository, from.0, from.1).files,
        to: set(name, repository, to.0, to.1).files,
    }
}

/// The upgrades. What takes part in the admission of everybody's objects (webhooks, API services) is left out, since no pod
/// of these sets ever runs on the test bed; so are ingress classes, which the test bed has itself.
#[rustfmt::skip]
pub(crate) const UPGRADES: &[Upgrade] = &[
    upgrade("argo-cd", "argoproj/argo-cd", ("v3.4.7", &["manifests/install.yaml"]), ("v3.5.1", &["manifests/install.yaml"])),
    upgrade("argo-cd-major", "argoproj/argo-cd", ("v2.13.0", &["manifests/install.yaml"]), ("v3.5.1", &["manifests/install.yaml"])),
    upgrade("calico", "projectcalico/calico", ("v3.28.0", &["manifests/calico.yaml"]), ("v3.32.1", &["manifests/calico.yaml"])),
    upgrade("cloudnative-pg", "cloudnative-pg/cloudnative-pg", ("HEAD", &["releases/cnpg-1.29.1.yaml"]), ("HEAD", &["releases/cnpg-1.30.0.yaml"])),
    upgrade("gateway-api", "kubernetes-sigs/gateway-api", ("v1.1.0", &["config/crd/standard/*.yaml"]), ("v1.6.1", &["config/crd/standard/*.yaml"])),
    upgrade("ingress-nginx", "kubernetes/ingress-nginx", ("controller-v1.11.0", &["deploy/static/provider/cloud/deploy.yaml"]), ("controller-v1.15.1", &["deploy/static/provider/cloud/deploy.yaml"])),
    upgrade("kube-prometheus", "prometheus-operator/kube-prometheus", ("v0.17.0", &["manifests/**/*.yaml"]), ("v0.18.0", &["manifests/**/*.yaml"])),
    upgrade("metallb", "metallb/metallb", ("v0.13.12", &["config/manifests/metallb-native.yaml"]), ("v0.16.1", &["config/manifests/metallb-native.yaml"])),
    upgrade("strimzi", "strimzi/strimzi-kafka-operator", ("0.45.0", &["install/cluster-operator/*.yaml"]), ("0.51.0", &["install/cluster-operator/*.yaml"])),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = SETS.iter().map(|set| set.name).collect();
        assert_eq!(names.len(), SETS.len());
        let upgrades: BTreeSet<&str> = UPGRADES.iter().map(|upgrade| upgrade.name).collect();
        assert_eq!(upgrades.len(), UPGRADES.len());
    }
}
