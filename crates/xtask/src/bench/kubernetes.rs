//! The rows of Kubernetes: `manifests` beside kubectl on the same objects, and how each verb grows.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use iac_testbed::Progress;

use super::{Bar, Bench, Measured, Row};

/// A group of rows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rows {
    /// ConfigMaps in a namespace of their own
    ConfigMaps,
    /// Deployments without replicas, Services, ConfigMaps and Secrets, a quarter each
    Mix,
    /// Definitions of custom resources with large schemas, a tenth as many
    Definitions,
    /// ConfigMaps, a tenth, as many and ten times as many: each beside ten times the one before
    Growth,
}

/// The objects of a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Objects {
    ConfigMaps,
    Mix,
    Definitions,
}

/// The cost of our verbs.
struct Ours {
    up: Measured,
    preview: Measured,
    up_again: Measured,
    destroy: Measured,
}

/// The most memory that a verb may take for 10,000 objects, in MB.
const MOST_MEGABYTES: u64 = 200;

const APPLY: &str = "kubectl apply --server-side";
const DIFF: &str = "kubectl diff --server-side";

impl Bench {
    pub(super) fn kubernetes(
        &self,
        wanted: &[Rows],
        count: usize,
        progress: &Progress,
    ) -> Result<Vec<Row>, Box<dyn Error>> {
        let wanted = |rows| wanted.is_empty() || wanted.contains(&rows);
        let mut rows = Vec::new();
        if wanted(Rows::ConfigMaps) {
            rows.extend(self.beside_kubectl(Objects::ConfigMaps, count, progress)?);
        }
        if wanted(Rows::Mix) {
            rows.extend(self.beside_kubectl(Objects::Mix, count, progress)?);
        }
        if wanted(Rows::Definitions) {
            rows.extend(self.beside_kubectl(Objects::Definitions, count / 10, progress)?);
        }
        if wanted(Rows::Growth) {
            rows.extend(self.growth(count, progress)?);
        }
        Ok(rows)
    }

    /// Each verb beside the command of kubectl that does the same.
    fn beside_kubectl(&self, objects: Objects, count: usize, progress: &Progress) -> Result<Vec<Row>, Box<dyn Error>> {
        let what = |verb: &str| format!("{verb} {count} {}", objects.name());
        progress.say(what("ours:"));
        let ours = self.ours(objects, count)?;
        progress.say(what("kubectl:"));
        let theirs = self.folder_of("iac-bench-kubectl", objects, count)?;
        let kubectl = |verb: &str| self.kubectl(&[verb, "--server-side"], &[&theirs]);
        let apply = self.measure(kubectl("apply")?)?;
        let diff = self.measure(kubectl("diff")?)?;
        let apply_again = self.measure(kubectl("apply")?)?;
        let delete = self.measure(self.kubectl(&["delete"], &[&theirs.join(OBJECTS), &theirs.join(NAMESPACE)])?)?;
        progress.say(what("kubectl, with a look first:"));
        let checked = self.diff_and_apply(objects, count)?;
        let row = |verb: &str, ours: &Measured, reference_name, reference, most| Row {
            what: what(verb),
            ours: ours.clone(),
            reference_name,
            reference,
            // Of definitions nothing is asked: they are large, and few.
            bar: match objects {
                Objects::Definitions => Bar::default(),
                _ => Bar {
                    time: most,
                    ..Bar::default()
                },
            },
        };
        Ok(vec![
            row("up,", &ours.up, APPLY, apply, Some(1.0)),
            row("up,", &ours.up, "kubectl diff, then apply", checked, Some(1.0 / 3.0)),
            row("preview, no change:", &ours.preview, DIFF, diff, Some(1.0 / 30.0)),
            row("up, no change:", &ours.up_again, APPLY, apply_again, None),
            row("destroy,", &ours.destroy, "kubectl delete -f", delete, Some(1.5)),
        ])
    }

    /// Measures the commands of somebody who wants to see first what an apply would do. The namespace has to exist for
    /// that.
    fn diff_and_apply(&self, objects: Objects, count: usize) -> Result<Measured, Box<dyn Error>> {
        let namespace = "iac-bench-checked";
        let files = self.folder_of(namespace, objects, count)?;
        self.measure(self.command("kubectl", &["create", "namespace", namespace])?)?;
        // It ends with 1, since there is a difference.
        let diff = self.measure_ending(self.kubectl(&["diff", "--server-side"], &[&files])?, &[0, 1])?;
        let apply = self.measure(self.kubectl(&["apply", "--server-side"], &[&files])?)?;
        self.measure(self.command("kubectl", &["delete", "namespace", namespace])?)?;
        Ok(Measured {
            time: diff.time + apply.time,
            memory: diff.memory.max(apply.memory),
        })
    }

    /// Returns the cost of each verb for more objects, beside ten times its cost for a tenth of them.
    fn growth(&self, count: usize, progress: &Progress) -> Result<Vec<Row>, Box<dyn Error>> {
        let mut rows = Vec::new();
        let mut before: Option<Ours> = None;
        for count in [count / 10, count, count * 10] {
            progress.say(format!("growth: {count} ConfigMaps"));
            let ours = self.ours(Objects::ConfigMaps, count)?;
            if let Some(before) = &before {
                let mut row = |verb: &str, ours: &Measured, before: &Measured, most: Option<f64>| {
                    rows.push(Row {
                        what: format!("{verb} {count} ConfigMaps"),
                        ours: ours.clone(),
                        reference_name: "ten times that of a tenth",
                        reference: Measured {
                            time: before.time * 10,
                            memory: before.memory,
                        },
                        bar: Bar {
                            time: most,
                            megabytes: most.map(|_| MOST_MEGABYTES),
                            ..Bar::default()
                        },
                    });
                };
                row("up,", &ours.up, &before.up, Some(1.0));
                row("preview, no change:", &ours.preview, &before.preview, Some(1.2));
                row("destroy,", &ours.destroy, &before.destroy, None);
            }
            before = Some(ours);
        }
        Ok(rows)
    }

    /// Our verbs, one after the other.
    fn ours(&self, objects: Objects, count: usize) -> Result<Ours, Box<dyn Error>> {
        let files = self.folder_of("iac-bench-ours", objects, count)?;
        let run = |verb: &[&str]| self.measure(self.program("manifests", verb, &files)?);
        Ok(Ours {
            up: run(&["up", "--yes"])?,
            preview: run(&["preview"])?,
            up_again: run(&["up", "--yes"])?,
            destroy: run(&["destroy", "--yes", "--delete-data", "all"])?,
        })
    }

    fn kubectl(&self, verb: &[&str], files: &[&Path]) -> Result<Command, Box<dyn Error>> {
        let files: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        let files = files.iter().flat_map(|path| ["-f", path.as_str()]);
        let words: Vec<&str> = verb.iter().copied().chain(files).collect();
        self.command("kubectl", &words)
    }

    /// A folder with a namespace and so many objects in it.
    fn folder_of(&self, namespace: &str, objects: Objects, count: usize) -> Result<PathBuf, Box<dyn Error>> {
        let folder = self.folder.join(namespace);
        std::fs::create_dir_all(&folder)?;
        let head = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n");
        std::fs::write(folder.join(NAMESPACE), head)?;
        let text: String = (0..count).map(|number| objects.one(number, namespace)).collect();
        std::fs::write(folder.join(OBJECTS), text)?;
        Ok(folder)
    }
}

const NAMESPACE: &str = "0-namespace.yaml";
const OBJECTS: &str = "1-objects.yaml";

impl Objects {
    fn name(self) -> &'static str {
        match self {
            Self::ConfigMaps => "ConfigMaps",
            Self::Mix => "mixed objects",
            Self::Definitions => "definitions",
        }
    }

    /// The document of one object.
    fn one(self, number: usize, namespace: &str) -> String {
        if self == Self::Definitions {
            return definition(number, namespace);
        }
        let (kind, rest) = self.body(number);
        format!("---\n{kind}\nmetadata:\n  name: n{number}\n  namespace: {namespace}\n{rest}")
    }

    /// The type of an object, and all that follows its metadata.
    fn body(self, number: usize) -> (&'static str, String) {
        match (self, number % 4) {
            (Self::ConfigMaps, _) | (Self::Mix, 0) => (
                "apiVersion: v1\nkind: ConfigMap",
                format!("data:\n  number: \"{number}\"\n  text: |\n    some lines\n    of text\n"),
            ),
            (Self::Mix, 1) => (
                "apiVersion: apps/v1\nkind: Deployment",
                format!(
                    "spec:\n  replicas: 0\n  selector:\n    matchLabels:\n      app: n{number}\n  template:\n    metadata:\n      labels:\n        app: n{number}\n    spec:\n      containers:\n        - name: main\n          image: localhost/iac-test/busybox:1\n          command: [sleep, \"3600\"]\n          ports:\n            - containerPort: 8080\n"
                ),
            ),
            (Self::Mix, 2) => (
                "apiVersion: v1\nkind: Service",
                format!(
                    "spec:\n  selector:\n    app: n{}\n  ports:\n    - port: 80\n      targetPort: 8080\n",
                    number - 1
                ),
            ),
            _ => (
                "apiVersion: v1\nkind: Secret",
                format!("stringData:\n  number: \"n{number}\"\n"),
            ),
        }
    }
}

/// A definition with a schema of some 100 kB, as those of large operators are: groups of fields, each with its description.
fn definition(number: usize, namespace: &str) -> String {
    let group = format!("{namespace}.example.com");
    let field = |number: usize| {
        let indent = " ".repeat(20);
        format!(
            "{indent}field{number}:\n{indent}  description: Field {number} says how much there is to be of what the group is about, and is read by the controller each time that something changes in it.\n{indent}  type: string\n"
        )
    };
    let fields: String = (0..10).map(field).collect();
    let part = |number: usize| {
        format!(
            "                part{number}:\n                  type: object\n                  properties:\n{fields}"
        )
    };
    let parts: String = (0..40).map(part).collect();
    format!(
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: n{number}s.{group}\nspec:\n  group: {group}\n  scope: Namespaced\n  names:\n    kind: N{number}\n    plural: n{number}s\n  versions:\n    - name: v1\n      served: true\n      storage: true\n      schema:\n        openAPIV3Schema:\n          type: object\n          properties:\n            spec:\n              type: object\n              properties:\n{parts}"
    )
}
