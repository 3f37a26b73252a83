//! Lowers an application to objects of a namespace.

mod environment;
mod isolation;
mod network;
mod observe;
mod pod;
mod workload;

use std::collections::BTreeMap;

use iac_core::Stack;
use iac_core::declare::{Declared as _, Dependency};
use iac_core::provider::Phase;
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use iac_k8s::k8s_openapi::{NamespaceResourceScope, api};
use iac_k8s::{Namespaced, Object};

use crate::App;
use crate::isolation::{Edge, edges};
use crate::part::{Data, Kind, KubernetesEdit, Lowered};

/// Declares the application's objects.
pub(crate) fn lower(app: &App, namespace: &Namespaced) {
    let shared = environment::Shared::declare(app, namespace);
    let parts = std::mem::take(&mut *app.0.parts.borrow_mut());
    let order: BTreeMap<String, Dependency> = parts
        .iter()
        .filter_map(|part| Some((part.name.part.clone(), dependency(part)?)))
        .collect();
    let edges = app.0.isolated.borrow().clone().map(|at| {
        isolation::deny(&namespace.in_stack(&app.0.stack.at(at)));
        edges(&parts)
    });
    for part in parts {
        let lowering = Lowering {
            app,
            namespace: namespace.in_stack(&part.stack),
            shared: &shared,
            order: &order,
            edges: edges.as_deref(),
        };
        lowering.part(part);
    }
    // The application's own Prometheus has them in its files.
    if app.0.prometheus.get().is_none() {
        for alerts in app.0.alerts.borrow().iter() {
            observe::alerts(&namespace.in_stack(&app.0.stack.at(alerts.source.clone())), alerts);
        }
    }
}

/// The context for the lowering of one part.
struct Lowering<'a> {
    app: &'a App,
    /// The namespace, in the part's component.
    namespace: Namespaced,
    shared: &'a environment::Shared,
    /// The dependency by which others wait for each part.
    order: &'a BTreeMap<String, Dependency>,
    /// The allowed connections, where the application is isolated.
    edges: Option<&'a [Edge]>,
}

/// Returns the dependency by which others wait for a part.
fn dependency(part: &Data) -> Option<Dependency> {
    use api::apps::v1::{Deployment, StatefulSet};
    use api::batch::v1::{CronJob, Job};
    let (stack, name) = (&part.stack, &part.name.part);
    let key = match part.kind {
        Kind::Web | Kind::Worker => iac_k8s::key_of::<Deployment>(stack, name),
        Kind::Stateful => iac_k8s::key_of::<StatefulSet>(stack, name),
        Kind::Job => iac_k8s::key_of::<Job>(stack, name),
        Kind::Scheduled(_) => iac_k8s::key_of::<CronJob>(stack, name),
    };
    // A name that cannot be used is reported when the object is declared.
    let on = key.ok()?;
    Some(Dependency {
        on,
        phase: Phase::Ready,
    })
}

impl Lowering<'_> {
    fn part(&self, mut part: Data) {
        let edits = std::mem::take(&mut part.on_kubernetes);
        for edit in &part.on_docker {
            let message = "on_docker: this program puts the application on Kubernetes".to_owned();
            self.app.report(&part.name.part, message, edit.at.clone());
        }
        let mut edits = Edits {
            stack: part.stack.clone(),
            edits,
        };
        self.workload(&part, &mut edits);
        self.network(&part, &mut edits);
        if let Some(edges) = self.edges {
            self.isolation(&part, &mut edits, edges);
        }
        if let Some(scrape) = &part.scrape {
            observe::scrape(&self.namespace, &part, scrape, self.app.0.prometheus.get().is_some());
        }
        for edit in edits.edits {
            let kind = edit.kind;
            let message = format!("on_kubernetes: this part is lowered to no {kind}");
            self.app.report(&part.name.part, message, edit.at);
        }
    }

    /// Declares an object of the part, as its escapes change it, behind all that the part waits for.
    fn add<K>(&self, part: &Data, edits: &mut Edits, name: &str, mut object: K, waits: bool) -> Object<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Lowered,
    {
        edits.apply(name, &mut object);
        let mut declared = self.namespace.add(name, object);
        if waits {
            for dependency in part.container.needs().iter().filter_map(|need| self.order.get(need)) {
                declared = declared.after(dependency.clone());
            }
            for dependency in part.container.resources_before() {
                declared = declared.after(dependency.clone());
            }
        }
        declared
    }
}

/// The escapes of a part that have not found their object yet.
struct Edits {
    stack: Stack,
    edits: Vec<KubernetesEdit>,
}

impl Edits {
    fn apply<K: Lowered>(&mut self, name: &str, object: &mut K) {
        let (of_this, others) = std::mem::take(&mut self.edits)
            .into_iter()
            .partition(KubernetesEdit::is_of::<K>);
        self.edits = others;
        let of_this: Vec<KubernetesEdit> = of_this;
        for edit in of_this {
            let at = edit.at.clone();
            let fields = edit.apply(object);
            note_fields(
                &self.stack.at(at),
                "on_kubernetes",
                &format!("{} {name}", K::KIND),
                &fields,
            );
        }
    }
}

/// Says which fields were set around the model.
pub(crate) fn note_fields(stack: &Stack, by: &str, what: &str, fields: &[String]) {
    if !fields.is_empty() {
        stack.note(format!("{what}: set by {by}: {}", fields.join(", ")));
    }
}

/// The labels of all objects of a part, by which its pods are found.
fn labels(part: &Data) -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), part.name.part.clone())])
}

/// Metadata of an object of a part.
fn metadata(part: &Data) -> ObjectMeta {
    ObjectMeta {
        labels: Some(labels(part)),
        ..ObjectMeta::default()
    }
}
