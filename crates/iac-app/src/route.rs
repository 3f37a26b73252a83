//! Ways in from outside: host names on Kubernetes, ports of the host on Docker.

/// A host name that leads to a web service, on Kubernetes: an Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) class: Option<String>,
    pub(crate) ingress: Option<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) annotations: Vec<(String, String)>,
}

/// The TLS settings of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) secret: String,
    pub(crate) issuer: Option<String>,
}

impl Route {
    /// All paths of a host.
    pub fn host(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            path: "/".to_owned(),
            class: None,
            ingress: None,
            tls: None,
            annotations: Vec::new(),
        }
    }

    /// Only what begins with this path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The ingress class; the cluster's default one otherwise.
    #[must_use]
    pub fn class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
        self
    }

    /// The name of the Ingress; `PART-ingress` otherwise.
    #[must_use]
    pub fn named(mut self, ingress: impl Into<String>) -> Self {
        self.ingress = Some(ingress.into());
        self
    }

    /// Encrypted with the certificate in a Secret that is there already.
    #[must_use]
    pub fn tls(mut self, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        self.tls = Some(Tls { secret, issuer: None });
        self
    }

    /// Encrypted with a certificate that cert-manager gets from a ClusterIssuer and keeps in the Secret.
    #[must_use]
    pub fn tls_from(mut self, issuer: impl Into<String>, secret: impl Into<String>) -> Self {
        self.tls = Some(Tls {
            secret: secret.into(),
            issuer: Some(issuer.into()),
        });
        self
    }

    /// An annotation of the Ingress, for what its controller offers.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "texts and numbers are given as they are")]
    pub fn annotation(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.annotations.push((name.into(), value.to_string()));
        self
    }
}

/// A port of the host that leads to a port of a part, on Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub(crate) address: Option<String>,
    pub(crate) published: Option<u16>,
    pub(crate) port: Option<String>,
}

impl Publish {
    /// Reachable from this machine only; 0 lets the engine choose the port.
    pub fn local(published: u16) -> Self {
        Self {
            address: Some("127.0.0.1".to_owned()),
            ..Self::everywhere(published)
        }
    }

    /// Reachable from wherever the machine is; 0 lets the engine choose the port.
    pub fn everywhere(published: u16) -> Self {
        Self {
            address: None,
            published: (published != 0).then_some(published),
            port: None,
        }
    }

    /// Leads to the part's port of this name; to its first one otherwise.
    #[must_use]
    pub fn to(mut self, port: impl Into<String>) -> Self {
        self.port = Some(port.into());
        self
    }
}
