//! The lines of a resource's fields in its compose files: from a path of the model to the node that it comes from.
//!
//! Where the file has no node for a field, that of the nearest key that holds it stands for it, but never the resource
//! itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use iac_core::declare::{FieldLines, SourceLine};
use iac_core::files;
use iac_core::value::{FieldPath, Segment};

use super::tree::{At, Data, Node, source_line};
use crate::parse::dotenv;

/// A service, network or volume as its files have it, once they are laid over one another.
pub(super) struct NodeLines {
    pub(super) node: Node,
    /// The names of the files, by their numbers.
    pub(super) files: Arc<[String]>,
    /// The contents that services name.
    pub(super) contents: Arc<Contents>,
}

/// Where the contents of configs and secrets stand: by the key of the service that names them, and their names.
#[derive(Default)]
pub(super) struct Contents(BTreeMap<(&'static str, String), SourceLine>);

impl Contents {
    /// Adds the configs or the secrets of a project; `line` gives a place in its files.
    pub(super) fn add<'a>(
        &mut self,
        key: &'static str,
        nodes: impl Iterator<Item = (&'a String, &'a Node)>,
        line: impl Fn(At) -> SourceLine,
    ) {
        let place = |node: &Node| match node.get("file").and_then(Node::as_text) {
            Some(file) => source_line(file, At::default()),
            None => line(
                node.get("content")
                    .or_else(|| node.get("environment"))
                    .unwrap_or(node)
                    .at,
            ),
        };
        self.0
            .extend(nodes.map(|(name, node)| ((key, name.clone()), place(node))));
    }
}

impl FieldLines for NodeLines {
    fn line(&self, path: &FieldPath) -> Option<SourceLine> {
        if let Some(line) = self
            .content(path.segments())
            .or_else(|| self.in_env_file(path.segments()))
        {
            return Some(line);
        }
        let at = find(&self.node, path.segments())?;
        Some(source_line(self.files.get(at.file)?, at))
    }
}

impl NodeLines {
    /// The place of the content of a config or secret that a service has as a file.
    fn content(&self, path: &[Segment]) -> Option<SourceLine> {
        let [Segment::Field(key), item, Segment::Field(last)] = path else {
            return None;
        };
        let key = FILES.into_iter().find(|file| file == key && last == "content")?;
        if let Segment::Element { field, value } = item
            && field == "source"
        {
            return self.contents.0.get(&(key, value.clone())).cloned();
        }
        let item = step(self.node.get(key).filter(|_| !has_other_items(&self.node, key))?, item)?;
        let name = item.as_text().or_else(|| item.get("source")?.as_text())?;
        self.contents.0.get(&(key, name.to_owned())).cloned()
    }

    /// The line of a variable that stands in a file of its own. The file is read for it.
    fn in_env_file(&self, path: &[Segment]) -> Option<SourceLine> {
        let [Segment::Field(key), variable @ Segment::Field(name)] = path else {
            return None;
        };
        let (_, named) = FROM_FILES.iter().find(|(of, _)| of == key)?;
        if self.node.get(key).is_some_and(|node| step(node, variable).is_some()) {
            return None;
        }
        let all = self.node.get(named)?;
        let files = all.as_list().unwrap_or(std::slice::from_ref(all));
        files.iter().rev().find_map(|file| {
            let path = file.as_text().or_else(|| file.get("path")?.as_text())?;
            let text = files::read_text(Path::new(path), files::SETTINGS).ok()?;
            let is_raw = file.get("format").and_then(Node::as_text) == Some("raw");
            let line = u32::try_from(dotenv::line_of(&text, name, is_raw)?).ok()?;
            Some(source_line(path, At { line, ..At::default() }))
        })
    }
}

/// Fields of the model whose values may come from files that another key names.
const FROM_FILES: [(&str, &str); 2] = [("environment", "env_file"), ("labels", "label_file")];
/// Lists of which an item may become several of the model, or none.
const OTHER_ITEMS: [&str; 2] = ["extra_hosts", "links"];
/// Files in a container; those of one that is read only are mounted instead.
const FILES: [&str; 2] = ["configs", "secrets"];

/// The place of a field.
fn find(resource: &Node, path: &[Segment]) -> Option<At> {
    let (Segment::Field(key), rest) = path.split_first()? else {
        return None;
    };
    match key.as_str() {
        // The name of an image that is built.
        "tag" => resource.get("image").map(|image| image.at),
        "device_requests" => {
            let devices = resource.find(&["deploy", "resources", "reservations", "devices"])?;
            Some(nearest(devices, rest))
        }
        key => {
            let node = resource.get(key);
            let files = FROM_FILES.iter().find(|(of, _)| *of == key);
            let files = files.and_then(|(_, files)| resource.get(files));
            match (node, files, rest.first()) {
                (Some(node), Some(files), Some(variable)) if step(node, variable).is_none() => Some(only(files)),
                (Some(node), ..) if has_other_items(resource, key) => Some(node.at),
                (Some(node), ..) => Some(nearest(node, rest)),
                (None, files, _) => files.map(only),
            }
        }
    }
}

/// The place of the only file of a list, or of the list.
fn only(files: &Node) -> At {
    match files.as_list() {
        Some([file]) => file.at,
        _ => files.at,
    }
}

/// True if the items of a list cannot be found by their positions in the model.
fn has_other_items(resource: &Node, key: &str) -> bool {
    let mounted = || matches!(resource.get("read_only").map(|node| &node.data), Some(Data::Flag(true)));
    OTHER_ITEMS.contains(&key) || FILES.contains(&key) && mounted()
}

/// The place of the node at a path, or of the last one on the way.
fn nearest(node: &Node, path: &[Segment]) -> At {
    let mut node = node;
    for segment in path {
        match step(node, segment) {
            Some(next) => node = next,
            None => break,
        }
    }
    node.at
}

/// The node below another one.
fn step<'a>(node: &'a Node, segment: &Segment) -> Option<&'a Node> {
    match (&node.data, segment) {
        (Data::Map(map), Segment::Field(name)) => map.get(name).or_else(|| option(node, name)),
        (Data::List(items), Segment::Field(name)) => items.iter().find(|item| is_pair_of(item, name)),
        (Data::List(items), Segment::Index(index)) => items.get(*index),
        (Data::List(items), Segment::Element { field, value }) => {
            let has = |item: &&Node| item.get(field).and_then(Node::scalar).as_ref() == Some(value);
            items.iter().find(has)
        }
        _ => None,
    }
}

/// True for `KEY=value` of a key, and for the key alone.
fn is_pair_of(item: &Node, key: &str) -> bool {
    let text = item.as_text();
    text.is_some_and(|text| text.split_once('=').map_or(text, |(name, _)| name) == key)
}

/// An option of a mount, which the files have below its kind.
fn option<'a>(mount: &'a Node, name: &str) -> Option<&'a Node> {
    let name = if name == "no_copy" { "nocopy" } else { name };
    mount.get("target")?;
    let mut kinds = ["bind", "volume", "tmpfs"].iter();
    kinds.find_map(|kind| mount.find(&[kind, name]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::problem::Findings;
    use crate::file::{canonical, yaml};

    /// Where the fields of the service `a` stand in a file: the paths, each with its line, or `-`.
    fn lines(text: &str, paths: &[&str]) -> Vec<String> {
        let found = Findings::default();
        let file = found.sources.add("compose.yml");
        let mut tree = yaml::parse(text, file, &found).expect("valid").remove(0);
        canonical::transform(&mut tree, &crate::file::tree::Path::root(), &found);
        let lines = NodeLines {
            node: tree.find(&["services", "a"]).expect("there").clone(),
            files: found.sources.names(),
            contents: Arc::default(),
        };
        let line = |path: &&str| {
            let found = lines.line(&path.parse().expect("a path"));
            format!("{path} {}", found.map_or("-".to_owned(), |line| line.line.to_string()))
        };
        paths.iter().map(line).collect()
    }

    #[test]
    fn fields_are_found_in_every_form() {
        let long = "services:\n  a:\n    image: x\n    environment:\n      A: 1\n      B: 2\n    ports:\n      - target: 80\n        \
                    published: 8080\n    volumes:\n      - type: bind\n        source: /x\n        target: /data\n        bind:\n          \
                    create_host_path: true\n    deploy:\n      resources:\n        limits: {cpus: 1}\n    build: .\n    labels:\n      \
                    a.b/c: d\n";
        assert_eq!(
            lines(
                long,
                &[
                    "image",
                    "tag",
                    "environment.B",
                    "ports[target=80].published",
                    "ports[0].protocol",
                    "volumes[target=\"/data\"].create_host_path",
                    "volumes[target=\"/data\"].generation",
                    "volumes[target=\"/other\"]",
                    "deploy.resources.limits.cpus",
                    "build.context",
                    "build.args.X",
                    "labels[\"a.b/c\"]",
                    "context_hash",
                    "networks.default.network_id",
                ],
            ),
            [
                "image 3",
                "tag 3",
                "environment.B 6",
                "ports[target=80].published 9",
                "ports[0].protocol 8",
                "volumes[target=\"/data\"].create_host_path 15",
                "volumes[target=\"/data\"].generation 11",
                "volumes[target=\"/other\"] 10",
                "deploy.resources.limits.cpus 18",
                "build.context 19",
                "build.args.X 19",
                "labels[\"a.b/c\"] 21",
                "context_hash -",
                "networks.default.network_id -",
            ]
        );
        let short = "services:\n  a:\n    environment:\n      - A=1\n      - B\n    env_file: a.env\n    ports:\n      - '8080:80'\n      \
                     - '9000-9001:9000-9001'\n    volumes:\n      - data:/data:ro\n    networks:\n      - back\n    depends_on:\n      \
                     - db\n    command:\n      - run\n      - --fast\n    entrypoint: sh -c 'echo'\n    extra_hosts:\n      - a:1.1.1.1,2.2.2.2\n    \
                     read_only: true\n    configs:\n      - one\n      - two\n";
        assert_eq!(
            lines(
                short,
                &[
                    "environment.A",
                    "environment.B",
                    "environment.FROM_FILE",
                    "ports[target=80].published",
                    "ports[target=9001].published",
                    "volumes[target=\"/data\"].read_only",
                    "networks.back.network_id",
                    "depends_on.db.condition",
                    "command[1]",
                    "entrypoint[2]",
                    "extra_hosts[1]",
                    "configs[1].content",
                ],
            ),
            [
                "environment.A 4",
                "environment.B 5",
                "environment.FROM_FILE 6",
                "ports[target=80].published 8",
                "ports[target=9001].published 9",
                "volumes[target=\"/data\"].read_only 11",
                "networks.back.network_id 13",
                "depends_on.db.condition 15",
                "command[1] 18",
                "entrypoint[2] 19",
                "extra_hosts[1] 20",
                "configs[1].content 23",
            ]
        );
    }

    #[test]
    fn contents_and_variables_stand_in_the_files_that_hold_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let env = folder.path().join("a.env");
        std::fs::write(&env, "# first\nA=\"1\n2\"\nB=3\nC\n").expect("written");
        let found = Findings::default();
        let file = found.sources.add("compose.yml");
        let text = format!(
            "services:\n  a:\n    environment: {{C: x}}\n    env_file: {}\n    configs:\n      - pages\n      - {{source: other, target: \
             /x}}\n    secrets: [key]\nconfigs:\n  pages:\n    content: x\n  other: {{file: ./o.conf}}\nsecrets:\n  key: {{file: key.txt}}\n",
            env.display()
        );
        let mut tree = yaml::parse(&text, file, &found).expect("valid").remove(0);
        canonical::transform(&mut tree, &crate::file::tree::Path::root(), &found);
        let mut contents = Contents::default();
        for key in FILES {
            let nodes = tree.get(key).and_then(Node::as_map).into_iter().flatten();
            contents.add(key, nodes, |at| found.sources.line(at));
        }
        let lines = NodeLines {
            node: tree.find(&["services", "a"]).expect("there").clone(),
            files: found.sources.names(),
            contents: Arc::new(contents),
        };
        for (path, expected) in [
            ("environment.A", format!("{}:2:1", env.display())),
            ("environment.B", format!("{}:4:1", env.display())),
            ("environment.C", "compose.yml:3:19".to_owned()),
            ("configs[0].content", "compose.yml:11:5".to_owned()),
            ("configs[target=\"/x\"].content", "./o.conf:1:1".to_owned()),
            ("secrets[source=key].content", "key.txt:1:1".to_owned()),
        ] {
            let line = lines.line(&path.parse().expect("a path"));
            assert_eq!(line.map(|line| line.to_string()), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_value_stands_where_it_is_written() {
        let text = "x-image: &image x:2\nx-env: &env\n  A: 1\n  B: 2\nservices:\n  a:\n    image: *image\n    environment:\n      \
                    <<: *env\n      B: 3\n    labels: *env\n    command: >\n      run\n      fast\n    stop_signal: QUIT\n    \
                    ulimits: {nofile: {soft: 1,\n      hard: 2}}\n";
        assert_eq!(
            lines(
                text,
                &[
                    "image",
                    "environment.A",
                    "environment.B",
                    "labels",
                    "labels.B",
                    "command[1]",
                    "stop_signal",
                    "ulimits.nofile.hard",
                ],
            ),
            [
                "image 1",
                "environment.A 3",
                "environment.B 10",
                "labels 11",
                "labels.B 4",
                "command[1] 12",
                "stop_signal 15",
                "ulimits.nofile.hard 17",
            ]
        );
    }
}
