//! Situations on a cluster: a small shop, and one change to it after the other.

use std::fs;
use std::time::Duration;

use super::Review;
use crate::support::{KUBERNETES, Kubectl, Namespace, Project, unique};

/// The shop. Each file is a part of it.
const FILES: [(&str, &str); 13] = [
    (
        "settings",
        "apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  COLOR: blue
",
    ),
    (
        "pages",
        "apiVersion: v1
kind: ConfigMap
metadata: {name: pages}
data:
  index.html: |
    <h1>Shop</h1>
    <p>open</p>
",
    ),
    (
        "keys",
        "apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData:
  API_KEY: first-of-all
",
    ),
    (
        "web",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: web
          image: localhost/iac-test/busybox:1
          command: [sh, -c, exec sleep 1000]
          readinessProbe: {exec: {command: ['true']}, periodSeconds: 1}
          env:
            - {name: LEVEL, value: '1'}
            - {name: DB_HOST, value: db}
            - name: API_KEY
              valueFrom: {secretKeyRef: {name: keys, key: API_KEY}}
          envFrom: [{configMapRef: {name: settings}}]
          volumeMounts: [{name: pages, mountPath: /pages}]
      volumes: [{name: pages, configMap: {name: pages}}]
",
    ),
    (
        "web-service",
        "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
",
    ),
    (
        "worker",
        "apiVersion: apps/v1
kind: Deployment
metadata: {name: worker}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: worker
          image: localhost/iac-test/busybox:1
          command: [sh, -c, exec sleep 1000]
          env:
            - {name: SHOP_URL, value: 'http://web:80/'}
          volumeMounts: [{name: media, mountPath: /media}]
      volumes: [{name: media, persistentVolumeClaim: {claimName: media}}]
",
    ),
    (
        "media",
        "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: media}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 64Mi}}
",
    ),
    (
        "db",
        "apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: db
          image: localhost/iac-test/busybox:1
          command: [sh, -c, exec sleep 1000]
          volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: 64Mi}}
",
    ),
    (
        "db-service",
        "apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{port: 5432}]
",
    ),
    (
        "migrate",
        "apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      containers:
        - name: migrate
          image: localhost/iac-test/busybox:1
          command: [sh, -c, echo migrated]
",
    ),
    (
        "report",
        "apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: '0 3 * * *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: report
              image: localhost/iac-test/busybox:1
              command: [sh, -c, echo reported]
",
    ),
    (
        "policy",
        "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 5432}]
",
    ),
    (
        "ingress",
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
    - host: shop.test
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
",
    ),
];

/// The shop on the test bed.
struct Shop {
    // Dropped in this order: the stack is destroyed before its namespace is removed.
    project: Project,
    kubectl: Kubectl,
    namespace: Namespace,
    review: Review,
}

impl Shop {
    fn new() -> Self {
        let project = Project::new(env!("CARGO_BIN_EXE_manifests"), KUBERNETES);
        let namespace = Namespace::create(&project.bed);
        let setting = format!("kubernetes.namespace={}", namespace.name);
        let shop = Self {
            kubectl: Kubectl::new(&project.bed),
            project: project.with(["--config", "path=shop", "--config", &setting]),
            namespace,
            review: Review::default(),
        };
        shop.as_it_was();
        shop
    }

    /// All files as they are in [`FILES`].
    fn as_it_was(&self) {
        let _ = fs::remove_dir_all(self.project.path("shop"));
        for (name, text) in FILES {
            self.file(name, text);
        }
    }

    fn file(&self, name: &str, text: &str) {
        self.project.write(&format!("shop/{name}.yaml"), text);
    }

    /// One text of a file becomes another one.
    #[track_caller]
    fn edit(&self, name: &str, from: &str, to: &str) -> &Self {
        let path = self.project.path(&format!("shop/{name}.yaml"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name}.yaml has no {from:?}:\n{text}");
        fs::write(path, text.replace(from, to)).unwrap();
        self
    }

    fn without(&self, name: &str) -> &Self {
        fs::remove_file(self.project.path(&format!("shop/{name}.yaml"))).unwrap();
        self
    }

    /// The plan of the edited files tells these facts; then the files are as they were.
    fn tells<const N: usize>(&self, situation: &str, facts: [&str; N]) {
        self.tells_with(situation, &[], facts);
        self.as_it_was();
    }

    fn tells_with<const N: usize>(&self, situation: &str, arguments: &[&str], facts: [&str; N]) {
        let names = [(self.namespace.name.as_str(), "shop")];
        let situation = format!("kubernetes-{situation}");
        self.review.tells(&self.project, &situation, arguments, &names, &facts);
    }

    fn up(&self) {
        self.project.run(["up", "--yes"]).exits(0);
    }

    fn kubectl(&self, line: &str) {
        self.kubectl.run(&format!("-n {} {line}", self.namespace.name)).exits(0);
    }
}

#[test]
fn a_reviewer_is_told_what_a_change_does_to_a_shop() {
    let shop = Shop::new();
    shop.tells(
        "first-deploy",
        [
            "13 to create",
            "StatefulSet shop/db: create",
            "storage: \"64Mi\"",
            "runs: sh -c echo migrated",
            "image: localhost/iac-test/busybox:1",
            "shop.test",
            "(secret)",
        ],
    );
    shop.up();
    shop.tells_with("no-change", &[], []);
    workloads(&shop);
    configuration(&shop);
    data(&shop);
    names(&shop);
    ways_in(&shop);
    shop.tells_with(
        "destroy",
        &["--destroy"],
        [
            "12 to delete",
            "1 kept",
            "data kept in 2 places",
            "the whole stack: stops 4 pods (up to 5 s each)",
            "PersistentVolumeClaim shop/media, 64Mi",
            "PersistentVolumeClaim shop/data-db-0, 64Mi",
        ],
    );
    shop.review.ends();
}

fn workloads(shop: &Shop) {
    shop.edit("web", "value: '1'", "value: '2'").tells(
        "one-field",
        [
            "1 to update",
            "\"1\" -> \"2\"",
            "replaces 2 pods, with up to 1 more at a time and none missing; no gap expected",
            "if the new ones do not become ready, the old ones go on",
        ],
    );
    shop.edit("web", "busybox:1", "busybox:2")
        .edit("migrate", "busybox:1", "busybox:2")
        .tells(
            "image-behind-migration",
            [
                "localhost/iac-test/busybox:1",
                "localhost/iac-test/busybox:2",
                "Job shop/migrate: replace",
                "runs again: sh -c echo migrated",
                "the last run completed",
                "not undone by a rollback",
                "replaces 2 pods",
                "Deployment shop/web does not wait for it, and is changed also if it fails",
            ],
        );
    shop.edit("worker", "exec sleep 1000", "exec sleep 2000").tells(
        "recreate",
        ["downtime", "stops 1 pod (up to 5 s), then starts the new one"],
    );
    shop.edit("web", "matchLabels: {app: web}", "matchLabels: {app: web, tier: front}")
        .edit("web", "labels: {app: web}", "labels: {app: web, tier: front}")
        .tells(
            "selector",
            [
                "Deployment shop/web: replace",
                "spec.selector",
                "cannot be changed in place",
            ],
        );
    shop.edit("web", "replicas: 2", "replicas: 0").tells(
        "scaled-to-nothing",
        ["stops 2 pods (up to 5 s), and nothing takes the place", "downtime"],
    );
    shop.edit("migrate", "echo migrated", "echo migrated again").tells(
        "job",
        [
            "runs again: sh -c echo migrated again",
            "up to 3 tries",
            "the last run completed",
        ],
    );
    shop.edit("report", "0 3 * * *", "0 4 * * *")
        .tells("schedule", ["0 3 * * *", "0 4 * * *"]);
    shop.edit("db", "exec sleep 1000", "exec sleep 2000").tells(
        "stateful-restart",
        [
            "stops 1 pod (up to 5 s), then starts the new one",
            "downtime",
            "nothing serves",
        ],
    );
}

fn configuration(shop: &Shop) {
    shop.edit("settings", "blue", "red").tells(
        "configuration-as-environment",
        [
            "\"blue\" -> \"red\"",
            "Deployment shop/web reads it as environment variables: it keeps the value that it started with until it is restarted",
        ],
    );
    shop.edit("pages", "open", "closed").tells(
        "configuration-as-files",
        [
            "- <p>open</p>",
            "+ <p>closed</p>",
            "Deployment shop/web reads it as files",
        ],
    );
    shop.edit("keys", "first-of-all", "second-of-all").tells(
        "secret",
        [
            "(secret, changed)",
            "Deployment shop/web reads it as environment variables: it keeps the value that it started with until it is restarted",
        ],
    );
    shop.without("settings").tells(
        "configuration-removed",
        [
            "ConfigMap shop/settings: delete",
            "Deployment shop/web",
            "names ConfigMap shop/settings",
        ],
    );
}

fn data(shop: &Shop) {
    shop.edit("db", "64Mi", "128Mi").tells(
        "claim-template-grown",
        [
            "StatefulSet shop/db: update",
            "64Mi",
            "128Mi",
            "its pods go on running",
            "the claim data-db-0 grows from 64Mi to 128Mi, and cannot shrink again: the server took it in a trial",
            "if the new one cannot be made, they run on with nobody to replace them until the next up makes it",
        ],
    );
    shop.edit("db", "64Mi", "32Mi").tells(
        "claim-template-shrunk",
        [
            "64Mi",
            "32Mi",
            "a claim cannot shrink",
            "use a template of another name, and copy the data",
        ],
    );
    shop.without("media")
        .edit("worker", "persistentVolumeClaim: {claimName: media}", "emptyDir: {}")
        .tells(
            "claim-removed",
            [
                "PersistentVolumeClaim shop/media (64Mi)",
                "it holds data and is kept",
                "--delete-data shop/media deletes it",
                "data-loss: /media: in an emptyDir from now on, which is empty, and lost with each pod; the data stays in claim shop/media (64Mi)",
                "1 data-loss",
                "stops 1 pod (up to 5 s), then starts the new one",
            ],
        );
    shop.without("media").tells_with(
        "claim-deleted-that-is-used",
        &["--delete-data", &format!("{}/media", shop.namespace.name)],
        [
            "PersistentVolumeClaim shop/media: delete",
            "data-loss",
            "Deployment shop/worker names PersistentVolumeClaim shop/media",
            "its data would be kept, but --delete-data shop/media lets it go",
            "unless the reclaim policy of its volume is Retain",
        ],
    );
    shop.as_it_was();
    shop.edit("db", "{name: db}", "{name: database}")
        .edit("db", "serviceName: db", "serviceName: db")
        .tells(
            "stateful-set-renamed",
            [
                "StatefulSet shop/database: create",
                "StatefulSet shop/db: delete",
                "under another name",
                "claim shop/data-database-0 (64Mi): new and empty; the data stays in claim shop/data-db-0",
                "PersistentVolumeClaim shop/data-db-0, 64Mi",
                "kept",
            ],
        );
    shop.edit("media", "name: media", "name: pictures")
        .edit("worker", "claimName: media", "claimName: pictures")
        .tells(
            "claim-renamed",
            [
                "claim shop/pictures (64Mi): new and empty; the data stays in claim shop/media (64Mi)",
                "PersistentVolumeClaim shop/media (64Mi)",
                "under another name",
                "stops 1 pod",
            ],
        );
}

fn names(shop: &Shop) {
    shop.edit("web", "metadata: {name: web}", "metadata: {name: front}")
        .tells(
            "deployment-renamed",
            [
                "Deployment shop/front: create",
                "Deployment shop/web: delete",
                "under another name",
                "stops 2 pods (up to 5 s); only once the pods of Deployment shop/front are ready, which Service shop/web finds as well (app=web)",
                "if these do not become ready, the old ones go on",
            ],
        );
    shop.without("db-service").tells(
        "service-removed-that-others-name",
        [
            "Service shop/db: delete",
            "broken reference",
            "StatefulSet shop/db names Service shop/db in spec.serviceName",
            "Deployment shop/web names Service shop/db in spec.template.spec.containers",
        ],
    );
    shop.edit("web-service", "{name: web}", "{name: front}").tells(
        "service-renamed",
        [
            "Service shop/front: create",
            "Ingress shop/shop names Service shop/web",
            "Deployment shop/worker names Service shop/web",
        ],
    );
    shop.edit("web-service", "port: 80,", "port: 81,").tells(
        "service-port",
        ["port: 81", "Deployment shop/worker names port 80 of Service shop/web"],
    );
}

fn ways_in(shop: &Shop) {
    shop.edit("policy", "[{podSelector: {matchLabels: {app: web}}}]", "[]")
        .tells("network-policy-opened", ["exposure", "NetworkPolicy shop/db"]);
    shop.without("policy")
        .tells("network-policy-removed", ["exposure", "NetworkPolicy shop/db: delete"]);
    shop.edit("web-service", "spec:\n", "spec:\n  type: LoadBalancer\n")
        .tells("load-balancer", ["exposure: a Service of type LoadBalancer"]);
    shop.edit("ingress", "host: shop.test", "host: other.test").tells(
        "ingress-host",
        [
            "exposure: a way in from outside for other.test",
            "downtime: requests for shop.test no longer get in",
        ],
    );
    shop.file(
        "agent",
        "apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      containers:
        - name: agent
          image: localhost/iac-test/busybox:1
          securityContext: {privileged: true}
          volumeMounts: [{name: host, mountPath: /host}]
      volumes: [{name: host, hostPath: {path: /}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:authenticated'}]
",
    );
    shop.tells(
        "privilege",
        [
            "privilege",
            "privileged",
            "the network of the node",
            "/ of the node",
            "system:authenticated",
            "admin",
        ],
    );
}

#[test]
fn a_reviewer_is_told_what_others_did_to_a_shop() {
    let shop = Shop::new();
    shop.up();
    shop.kubectl("scale deployment/web --replicas=3");
    shop.tells(
        "scaled-by-hand",
        [
            "undo",
            "kubectl",
            "spec.replicas",
            "3 -> 2",
            "takes back what kubectl changed (when is not known): spec.replicas",
            "to keep it, change the program",
        ],
    );
    shop.up();
    shop.kubectl("set image deployment/worker worker=localhost/iac-test/busybox:1-glibc");
    shop.tells(
        "image-set-by-hand",
        [
            "undo",
            "kubectl-set",
            "localhost/iac-test/busybox:1-glibc",
            "stops 1 pod",
        ],
    );
    shop.up();
    shop.kubectl("label deployment/web team=blue");
    shop.kubectl("delete configmap/pages");
    shop.tells(
        "deleted-by-hand",
        [
            "ConfigMap shop/pages: create",
            "it is recorded and no longer exists",
            "until it is there again, pods of Deployment shop/web that run go on, and none that starts meanwhile",
        ],
    );
    shop.up();
    shop.kubectl("autoscale deployment/web --min=3 --max=5 --cpu=90%");
    shop.kubectl("wait deployment/web --for=jsonpath={.spec.replicas}=3 --timeout=120s");
    shop.edit("web", "value: '1'", "value: '2'").tells(
        "autoscaler",
        [
            "3 -> 2",
            "HorizontalPodAutoscaler shop/web sets spec.replicas, from 3 to 5, of which 2 is none",
            "takes back what kube-controller-manager changed (when is not known): spec.replicas",
        ],
    );
    shop.kubectl("delete hpa/web");
    shop.up();

    // Another tool takes a field over.
    shop.project.write(
        "other.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {COLOR: green}\n",
    );
    let file = shop.project.path("other.yaml");
    shop.kubectl(&format!(
        "apply --server-side --field-manager=argocd --force-conflicts -f {}",
        file.display()
    ));
    shop.tells(
        "conflict",
        [
            "argocd",
            "data.COLOR",
            "\"green\" -> \"blue\"",
            "two owners: argocd will set data.COLOR again when it applies next",
            "it keeps the value that it started with until it is restarted",
        ],
    );
    shop.up();

    // A run that failed, and one that was killed.
    shop.edit("migrate", "echo migrated", "exit 1");
    shop.project.run(["up", "--yes"]).exits(1);
    shop.tells("failed-last-run", ["Job shop/migrate: replace", "the last run failed"]);
    shop.up();
    shop.edit("web", "value: '1'", "value: '3'")
        .edit("settings", "blue", "yellow")
        .edit("worker", "sleep 1000", "sleep 3000");
    if shop.project.up_killed_after(Duration::from_millis(1_200)) {
        let reviewed = shop.project.run(["preview"]).exits(0);
        reviewed.shows(["Plan: "]);
    }
    shop.review.ends();
}

#[test]
fn a_reviewer_is_told_what_a_namespace_and_a_definition_take_along() {
    let shop = Shop::new();
    let archive = Namespace::named(&shop.project.bed, unique("archive"));
    let group = format!("{}.example.com", shop.namespace.name);
    for (name, _) in FILES {
        shop.without(name);
    }
    shop.file(
        "archive",
        &format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {0}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: \
             old, namespace: {0}}}\ndata: {{a: b}}\n",
            archive.name
        ),
    );
    shop.file(
        "widgets",
        &format!(
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: widgets, singular: widget, kind: Widget}}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"
        ),
    );
    let widget = format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: first}}\nspec: {{size: 3}}\n");
    shop.file("widget", &widget);
    let tells = |situation: &str, facts: &[&str]| {
        let names = [
            (shop.namespace.name.as_str(), "shop"),
            (archive.name.as_str(), "archive"),
        ];
        let situation = format!("kubernetes-{situation}");
        shop.review.tells(&shop.project, &situation, &[], &names, facts);
    };
    tells(
        "definition-with-its-resource",
        &[
            "CustomResourceDefinition widgets.shop.example.com: create",
            "Widget shop/first: create",
            "size: 3",
        ],
    );
    shop.up();
    shop.kubectl
        .run(&format!(
            "-n {} create configmap theirs --from-literal=a=b",
            archive.name
        ))
        .exits(0);
    shop.project.write("second.yaml", &widget.replace("first", "second"));
    let second = shop.project.path("second.yaml");
    shop.kubectl(&format!("apply -f {}", second.display()));
    shop.without("archive");
    tells(
        "namespace-removed",
        &["Namespace archive", "ConfigMap", "theirs", "--delete-data"],
    );
    shop.file(
        "archive",
        &format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {0}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: \
             old, namespace: {0}}}\ndata: {{a: b}}\n",
            archive.name
        ),
    );
    shop.without("widgets").without("widget");
    tells(
        "definition-removed",
        &[
            "CustomResourceDefinition widgets.shop.example.com",
            "second",
            "--delete-data",
        ],
    );
    shop.review.ends();
}
