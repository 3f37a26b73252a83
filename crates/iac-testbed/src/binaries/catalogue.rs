//! Which programs are built here, and from what.

/// A Go module of ours: its name, and the files that pin what it builds.
pub(crate) struct Module {
    pub(super) name: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// A program: what it is called, the package it is built from, and what else decides its content.
pub(crate) struct Binary {
    pub(crate) name: &'static str,
    pub(super) module: &'static Module,
    pub(super) package: &'static str,
    /// Linker settings, such as the version that the program reports.
    pub(super) link: &'static str,
    /// The files of the module that end up in this program, besides go.mod and go.sum.
    pub(super) sources: &'static [&'static str],
    /// Definitions of custom resources that come with the program: the module that has them, and the folder in it.
    pub(super) definitions: Option<(&'static str, &'static str)>,
}

static KUBERNETES_MODULE: Module = Module {
    name: "kubernetes",
    files: &[
        ("go.mod", include_str!("../../go/kubernetes/go.mod")),
        ("go.sum", include_str!("../../go/kubernetes/go.sum")),
        ("main.go", include_str!("../../go/kubernetes/main.go")),
        ("pause/main.go", include_str!("../../go/kubernetes/pause/main.go")),
        ("agents/main.go", include_str!("../../go/kubernetes/agents/main.go")),
        (
            "agents/certificates.go",
            include_str!("../../go/kubernetes/agents/certificates.go"),
        ),
        (
            "agents/ingress.go",
            include_str!("../../go/kubernetes/agents/ingress.go"),
        ),
        ("agents/nginx.go", include_str!("../../go/kubernetes/agents/nginx.go")),
        (
            "agents/volumes.go",
            include_str!("../../go/kubernetes/agents/volumes.go"),
        ),
    ],
};

static COMPOSE_MODULE: Module = Module {
    name: "compose",
    files: &[
        ("go.mod", include_str!("../../go/compose/go.mod")),
        ("go.sum", include_str!("../../go/compose/go.sum")),
    ],
};

static CERT_MANAGER_MODULE: Module = Module {
    name: "cert-manager",
    files: &[
        ("go.mod", include_str!("../../go/cert-manager/go.mod")),
        ("go.sum", include_str!("../../go/cert-manager/go.sum")),
        ("main.go", include_str!("../../go/cert-manager/main.go")),
    ],
};

static PROMETHEUS_OPERATOR_MODULE: Module = Module {
    name: "prometheus-operator",
    files: &[
        ("go.mod", include_str!("../../go/prometheus-operator/go.mod")),
        ("go.sum", include_str!("../../go/prometheus-operator/go.sum")),
    ],
};

static S3_MODULE: Module = Module {
    name: "s3",
    files: &[
        ("go.mod", include_str!("../../go/s3/go.mod")),
        ("go.sum", include_str!("../../go/s3/go.sum")),
    ],
};

static WORKFLOWS_MODULE: Module = Module {
    name: "workflows",
    files: &[
        ("go.mod", include_str!("../../go/workflows/go.mod")),
        ("go.sum", include_str!("../../go/workflows/go.sum")),
    ],
};

/// The linter of workflow files for GitHub Actions.
pub(crate) static ACTIONLINT: Binary = Binary {
    name: "actionlint",
    module: &WORKFLOWS_MODULE,
    package: "github.com/rhysd/actionlint/cmd/actionlint",
    link: "",
    sources: &[],
    definitions: None,
};

/// The S3 server.
pub(crate) static S3: Binary = Binary {
    name: "versitygw",
    module: &S3_MODULE,
    package: "github.com/versity/versitygw/cmd/versitygw",
    link: "-X main.Version=v1.8.0",
    sources: &[],
    definitions: None,
};

/// The docker client's plugin `docker compose`.
pub(crate) static COMPOSE: Binary = Binary {
    name: "docker-compose",
    module: &COMPOSE_MODULE,
    package: "github.com/docker/compose/v2/cmd",
    link: "-X github.com/docker/compose/v2/internal.Version=v2.40.3",
    sources: &[],
    definitions: None,
};

/// All of Kubernetes; it runs as the component whose name it is called by.
pub(crate) static KUBERNETES: Binary = Binary {
    name: "iac-kubernetes",
    module: &KUBERNETES_MODULE,
    package: ".",
    link: "-X k8s.io/component-base/version.gitVersion=v1.36.3",
    sources: &["main.go"],
    definitions: None,
};

/// The process that holds a pod's namespaces.
pub(crate) static PAUSE: Binary = Binary {
    name: "pause",
    module: &KUBERNETES_MODULE,
    package: "./pause",
    link: "",
    sources: &["pause/main.go"],
    definitions: None,
};

/// The provisioner of volumes and the Ingress controller.
pub(crate) static AGENTS: Binary = Binary {
    name: "agents",
    module: &KUBERNETES_MODULE,
    package: "./agents",
    link: "",
    sources: &[
        "agents/main.go",
        "agents/certificates.go",
        "agents/ingress.go",
        "agents/nginx.go",
        "agents/volumes.go",
    ],
    definitions: None,
};

/// The cluster's DNS server.
pub(crate) static COREDNS: Binary = Binary {
    name: "coredns",
    module: &KUBERNETES_MODULE,
    package: "github.com/coredns/coredns",
    link: "",
    sources: &[],
    definitions: None,
};

/// The server that gives autoscalers the figures of pods.
pub(crate) static METRICS: Binary = Binary {
    name: "metrics-server",
    module: &KUBERNETES_MODULE,
    package: "sigs.k8s.io/metrics-server/cmd/metrics-server",
    link: "",
    sources: &[],
    definitions: None,
};

/// The controllers of cert-manager.
pub(crate) static CERT_MANAGER: Binary = Binary {
    name: "cert-manager",
    module: &CERT_MANAGER_MODULE,
    package: ".",
    link: "",
    sources: &["main.go"],
    definitions: Some(("github.com/cert-manager/cert-manager", "deploy/crds")),
};

/// The Prometheus Operator.
pub(crate) static PROMETHEUS_OPERATOR: Binary = Binary {
    name: "prometheus-operator",
    module: &PROMETHEUS_OPERATOR_MODULE,
    package: "github.com/prometheus-operator/prometheus-operator/cmd/operator",
    link: "",
    sources: &[],
    definitions: Some((
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd",
    )),
};
