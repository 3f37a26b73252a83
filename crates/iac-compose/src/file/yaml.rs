//! Reads a YAML file as trees, one for each document, with anchors and merge keys resolved.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::problem::Findings;
use super::scalar;
use super::tree::{At, Data, Map, Mark, Node, Path};

/// The most that the anchors of a file may stand for, in bytes: a small file cannot fill the memory.
const MOST_COPIED: usize = 64 << 20;

/// The room that a value takes besides its text.
const NODE: usize = 96;

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct YamlError {
    at: At,
    message: String,
}

/// The documents of a YAML text, whose file has this number. What is wrong goes to `found`.
pub(super) fn parse(text: &str, file: usize, found: &Findings) -> Option<Vec<Node>> {
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        file,
        anchors: HashMap::new(),
        copied: 0,
    };
    match composer.documents() {
        Ok(documents) => Some(documents),
        Err(error) => {
            found.problem(error.at, &Path::root(), error.message);
            None
        }
    }
}

struct Composer<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    file: usize,
    /// The value of each anchor; `None` while the value itself is being read.
    anchors: HashMap<usize, Option<Rc<Node>>>,
    copied: usize,
}

impl<'a> Composer<'a> {
    fn at(&self, mark: &Marker) -> At {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        At {
            file: self.file,
            line: number(mark.line()),
            column: number(mark.col() + 1),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        loop {
            let event = self
                .parser
                .next_event()
                .unwrap_or_else(|| Ok((Event::StreamEnd, Span::default())));
            match event {
                Ok((Event::Comment(..) | Event::Anchor(..), _)) => {}
                Ok(event) => return Ok(event),
                Err(error) => {
                    return Err(YamlError {
                        at: self.at(error.marker()),
                        message: format!("this is no YAML: {}", error.info()),
                    });
                }
            }
        }
    }

    fn documents(&mut self) -> Result<Vec<Node>, YamlError> {
        let mut documents = Vec::new();
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(documents),
                (Event::DocumentStart(..), _) => {
                    self.anchors.clear();
                    let (event, span) = self.next()?;
                    documents.push(self.node(event, span)?);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, YamlError> {
        let at = self.at(&span.start);
        match event {
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                let data = self.scalar(&text, style, tag.as_deref(), at)?;
                self.anchored(anchor, marked(data, at, tag.as_deref()))
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(anchor);
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span)?),
                    }
                }
                self.anchored(anchor, marked(Data::List(items), at, tag.as_deref()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.open(anchor);
                let map = self.mapping()?;
                self.anchored(anchor, marked(Data::Map(map), at, tag.as_deref()))
            }
            // An empty document.
            _ => Ok(Node::new(Data::Null, at)),
        }
    }

    fn open(&mut self, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn anchored(&mut self, anchor: usize, node: Node) -> Result<Node, YamlError> {
        if anchor > 0 {
            let copy = self.copy(&node, node.at)?;
            self.anchors.insert(anchor, Some(Rc::new(copy)));
        }
        Ok(node)
    }

    /// A copy of a value, as long as there is room for it.
    fn copy(&mut self, node: &Node, at: At) -> Result<Node, YamlError> {
        self.copied = self.copied.saturating_add(size(node));
        match self.copied > MOST_COPIED {
            true => Err(YamlError {
                at,
                message: format!("the anchors of this file stand for more than {} MiB", MOST_COPIED >> 20),
            }),
            false => Ok(node.clone()),
        }
    }

    fn alias(&mut self, anchor: usize, at: At) -> Result<Node, YamlError> {
        let fail = |message: &str| YamlError {
            at,
            message: message.to_owned(),
        };
        let node = match self.anchors.get(&anchor) {
            Some(Some(node)) => node,
            Some(None) => return Err(fail("this anchor stands for something that it is itself a part of")),
            None => return Err(fail("there is no such anchor before this line")),
        };
        let node = Rc::clone(node);
        self.copy(&node, at)
    }

    fn mapping(&mut self) -> Result<Map, YamlError> {
        let mut map = Map::new();
        let mut merged: Vec<Node> = Vec::new();
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let at = self.at(&span.start);
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span)?;
            let key = self.key(&key, at)?;
            if let Some(line) = seen.insert(key.clone(), at.line) {
                let message = format!("the key {key:?} stands here a second time; the first is on line {line}");
                return Err(YamlError { at, message });
            }
            let (event, span) = self.next()?;
            let is_alias = matches!(event, Event::Alias(_));
            let mut value = self.node(event, span)?;
            if is_merge {
                merged.extend(self.merged(value, at)?);
            } else {
                // A single value of an alias is written at its anchor.
                if !is_alias || value.scalar().is_none() {
                    value.at = at;
                }
                map.insert(key, value);
            }
        }
        for node in merged {
            for (key, value) in node.as_map().into_iter().flatten() {
                if !map.contains_key(key) {
                    map.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(map)
    }

    /// The text of a map's key.
    fn key(&self, key: &Node, at: At) -> Result<String, YamlError> {
        let message = match &key.data {
            Data::Text(text) => return Ok(text.clone()),
            Data::List(_) | Data::Map(_) => "a key has to be a text".to_owned(),
            _ => format!(
                "the key {} is {}; put it into quotes",
                key.scalar().unwrap_or_else(|| "null".to_owned()),
                key.kind()
            ),
        };
        Err(YamlError { at, message })
    }

    /// The maps that a merge key names, the one that counts most first.
    fn merged(&self, value: Node, at: At) -> Result<Vec<Node>, YamlError> {
        let nodes = match value.data {
            Data::List(items) => items,
            _ => vec![value],
        };
        if nodes.iter().all(|node| node.as_map().is_some()) {
            return Ok(nodes);
        }
        Err(YamlError {
            at,
            message: "<< takes a map, or a list of maps".to_owned(),
        })
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: At) -> Result<Data, YamlError> {
        let fail = |message: String| YamlError { at, message };
        match tag.and_then(Tag::core_suffix) {
            Some("str") => Ok(Data::Text(text.to_owned())),
            Some(wanted @ ("int" | "float" | "bool" | "null")) => {
                let data = scalar::plain(text).map_err(fail)?;
                let fits = matches!(
                    (&data, wanted),
                    (Data::Int(_), "int" | "float")
                        | (Data::Float(_), "float")
                        | (Data::Flag(_), "bool")
                        | (Data::Null, "null")
                );
                fits.then_some(data)
                    .ok_or_else(|| fail(format!("{text:?} is not what !!{wanted} says")))
            }
            _ if style == ScalarStyle::Plain && tag.is_none_or(is_ours) => scalar::plain(text).map_err(fail),
            _ => Ok(Data::Text(text.to_owned())),
        }
    }
}

fn is_ours(tag: &Tag) -> bool {
    tag.handle() == "!" && matches!(tag.suffix(), "reset" | "override")
}

fn marked(data: Data, at: At, tag: Option<&Tag>) -> Node {
    let mark = match tag.filter(|tag| is_ours(tag)).map(Tag::suffix) {
        Some("reset") => Mark::Reset,
        Some(_) => Mark::Override,
        None => Mark::None,
    };
    Node { data, at, mark }
}

/// The room that a value takes in memory, about.
fn size(node: &Node) -> usize {
    let held = match &node.data {
        Data::List(items) => items.iter().map(size).sum::<usize>(),
        Data::Map(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>(),
        Data::Text(text) => text.len(),
        _ => 0,
    };
    NODE + held
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<serde_json::Value, String> {
        let found = Findings::default();
        let file = found.sources.add("compose.yml");
        let documents = parse(text, file, &found);
        documents.map(|documents| documents[0].to_json()).ok_or_else(|| {
            let problems = found.problems();
            format!("{}: {}", found.sources.line(problems[0].at), problems[0].message)
        })
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let text = "x-a: &a {A: 1, B: 1}\nx-b: &b {B: 2, C: 2}\nlist: &l [1, 2]\n\
                    one: {<<: *a, A: 3}\ntwo: {<<: [*b, *a]}\nthree: {x: *l, <<: {Z: 0}}\n";
        let tree = read(text).expect("valid");
        assert_eq!(tree["one"], json!({"A": 3, "B": 1}));
        assert_eq!(tree["two"], json!({"A": 1, "B": 2, "C": 2}));
        assert_eq!(tree["three"], json!({"x": [1, 2], "Z": 0}));
    }

    #[test]
    fn an_anchor_may_be_used_as_often_as_one_likes() {
        let mut text = "x-a: &a {one: [1, 2, 3], two: {a: b}}\nservices:\n".to_owned();
        for number in 0..400 {
            text.push_str(&format!("  s{number}: {{<<: *a}}\n"));
        }
        assert!(read(&text).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_once_with_its_place() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for number in 1..8 {
            let row = vec![format!("*a{}", number - 1); 10].join(", ");
            bomb.push_str(&format!("a{number}: &a{number} [{row}]\n"));
        }
        let texts = format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(1 << 20),
            vec!["*a"; 100_000].join(", ")
        );
        let table = [
            (
                "a: 1\nb: 2\na: 3\n",
                "compose.yml:3:1: the key \"a\" stands here a second time; the first is on line 1",
            ),
            (
                "a:\n  80: x\n",
                "compose.yml:2:3: the key 80 is a number; put it into quotes",
            ),
            ("a: {<<: 1}\n", "compose.yml:1:5: << takes a map, or a list of maps"),
            ("a: *x\n", "compose.yml:1:4: this is no YAML: "),
            (
                "a: &a [*a]\n",
                "compose.yml:1:8: this anchor stands for something that it is itself a part of",
            ),
            (
                "a: 2024-01-01\n",
                "compose.yml:1:4: 2024-01-01 is read as a date; put it into quotes",
            ),
            (
                "services:\n  a: [\n",
                "compose.yml:2:6: this is no YAML: unclosed bracket",
            ),
            (&bomb, "the anchors of this file stand for more than 64 MiB"),
            (&texts, "compose.yml:2:"),
            (&texts, "the anchors of this file stand for more than 64 MiB"),
        ];
        for (text, expected) in table {
            let message = read(text).expect_err(expected);
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }
}
