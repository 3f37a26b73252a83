//! From files to one tree: each is read, its variables are replaced, what it extends and includes is added, and it is laid
//! over the files before it.

use super::problem::Findings;
use super::tree::{At, Data, Map, Node, Path};
use super::variables::Variables;
use super::{canonical, extends, include, marks, merge, paths, schema, unique, yaml};

/// Where the value of a variable stands that a config or secret is made from.
pub(super) const CONTENT: &str = "#content";

/// The context in which a file is read.
#[derive(Debug, Clone)]
pub(super) struct Loader<'a> {
    pub(super) found: &'a Findings,
    pub(super) variables: Variables<'a>,
    /// The folder that paths of the files are relative to, as seen from where the program runs.
    pub(super) folder: String,
    /// The files that include this one, and it.
    pub(super) trail: Vec<String>,
}

impl Loader<'_> {
    /// The tree of these files, the later ones laid over the earlier ones. Paths in it are relative to `base`, which is
    /// seen from the folder of whoever asked.
    pub(super) fn files(&self, files: &[(String, At)], base: &str) -> Option<Node> {
        let mut tree = Node::new(Data::Map(Map::new()), At::default());
        for (file, at) in files {
            self.file(file, *at, &mut tree)?;
        }
        if tree.as_map().is_some_and(Map::is_empty) && self.found.is_fine() {
            let file = files.first().map(|(file, _)| self.found.sources.add(file));
            let at = At {
                file: file.unwrap_or_default(),
                line: 1,
                column: 1,
            };
            self.found.problem(at, &Path::root(), "there is nothing in this file");
        }
        defaults(&mut tree);
        paths::rebase(&mut tree, &Path::root(), base);
        self.environment(&mut tree);
        Some(tree)
    }

    /// The documents of a file, with their variables replaced, and what each of them forgets of the documents before.
    pub(super) fn documents(&self, file: &str, at: At) -> Option<Vec<(Node, Vec<Path>)>> {
        let limited = self.found.read();
        let read = limited.and_then(|()| {
            let read = self.found.read_text(file);
            read.map_err(|error| format!("{file} cannot be read: {error}"))
        });
        let text = match read {
            Ok(text) => text,
            Err(message) => {
                let number = self.found.sources.add(file);
                let at = if at == At::default() {
                    At { file: number, ..at }
                } else {
                    at
                };
                self.found.problem(at, &Path::root(), message);
                return None;
            }
        };
        let number = self.found.sources.add(file);
        let mut documents = Vec::new();
        for mut document in yaml::parse(&text, number, self.found)? {
            if document.as_map().is_none() {
                if !document.is_null() {
                    let message = format!("a compose file is a map with services; this is {}", document.kind());
                    self.found.problem(document.at, &Path::root(), message);
                }
                continue;
            }
            let forgotten = marks::take(&mut document);
            self.variables.replace(&mut document, &Path::root(), self.found);
            documents.push((document, forgotten));
        }
        Some(documents)
    }

    /// Lays a file over a tree.
    fn file(&self, file: &str, at: At, tree: &mut Node) -> Option<()> {
        for (mut document, forgotten) in self.documents(file, at)? {
            extends::apply(self, file, &mut document, &forgotten);
            marks::forget(tree, &forgotten);
            include::apply(self, file, &mut document);
            self.lay_over(tree, document);
        }
        Some(())
    }

    fn lay_over(&self, tree: &mut Node, document: Node) {
        let below = std::mem::replace(tree, Node::new(Data::Null, document.at));
        *tree = merge::over(below, document, &Path::root(), self.found);
        unique::enforce(tree, &Path::root(), self.found);
        schema::check(tree, self.found);
        if let Some(version) = tree.as_map_mut().and_then(|map| map.remove("version")) {
            let message = "the key version has no meaning any more and is ignored";
            self.found.note(version.at, message);
        }
        canonical::transform(tree, &Path::root(), self.found);
        // Ranges of ports, for one, only now show that they are about the same.
        unique::enforce(tree, &Path::root(), self.found);
    }

    /// Gives variables without a value in lists the one that they have here.
    fn environment(&self, tree: &mut Node) {
        let services = tree.get_mut("services").and_then(Node::as_map_mut);
        for service in services.into_iter().flat_map(Map::values_mut) {
            let environment = service.get_mut("environment").and_then(Node::as_list_mut);
            for item in environment.into_iter().flatten() {
                let value = item.as_text().filter(|text| !text.contains('=')).and_then(|name| {
                    let value = self.variables.get(name)?;
                    Some(format!("{name}={value}"))
                });
                if let Some(pair) = value {
                    item.data = Data::Text(pair);
                }
            }
        }
        for section in ["configs", "secrets"] {
            let files = tree.get_mut(section).and_then(Node::as_map_mut);
            for file in files.into_iter().flat_map(Map::values_mut) {
                let value = file
                    .get("environment")
                    .and_then(Node::as_text)
                    .and_then(|name| self.variables.values().get(name));
                if let (Some(value), Some(at)) = (value.cloned(), file.get("environment").map(|node| node.at))
                    && let Some(map) = file.as_map_mut()
                {
                    map.insert(CONTENT.to_owned(), Node::text(value, at));
                    map.remove("environment");
                }
            }
        }
    }
}

/// Fills in values that are left out and have a path as default.
fn defaults(tree: &mut Node) {
    let services = tree.get_mut("services").and_then(Node::as_map_mut);
    for service in services.into_iter().flat_map(Map::values_mut) {
        if let Some(build) = service.get_mut("build") {
            let at = build.at;
            if let Some(map) = build.as_map_mut() {
                map.entry("context".to_owned()).or_insert_with(|| Node::text(".", at));
            }
        }
    }
}
