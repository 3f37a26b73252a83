//! The cases of the corpus, from its text files.

use std::collections::BTreeMap;
use std::path::Path;

/// A folder with compose files, and how it is read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) name: String,
    files: BTreeMap<String, String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// The file that is named instead of the folder.
    pub(crate) open: Option<String>,
    /// A part of our message, where we refuse what docker compose accepts.
    pub(crate) refused: Option<String>,
}

impl Case {
    /// Writes its files into a folder.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for (name, content) in &self.files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    fn variable(&mut self, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap();
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    fn file(&mut self, name: &str, content: impl Into<String>) {
        self.files.insert(name.to_owned(), content.into());
    }
}

/// All of them. Their names are unique.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = lines(include_str!("services.txt"));
    cases.extend(lines(include_str!("files.txt")));
    cases.extend(blocks(include_str!("folders.txt")));
    cases.extend(blocks(include_str!("wild.txt")));
    cases.push(anchored(100));
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "{twice:?}");
    cases
}

/// A file in which so many services use the same two anchors.
fn anchored(services: usize) -> Case {
    let mut text = "x-log: &log {driver: json-file, options: {max-size: 1m}}\n\
                    x-base: &base {image: x, restart: always, logging: *log, environment: {A: b, C: d}}\nservices:\n"
        .to_owned();
    for number in 0..services {
        text.push_str(&format!("  s{number}:\n    <<: *base\n    hostname: h{number}\n"));
    }
    let mut case = Case {
        name: format!("anchor-{services}"),
        ..Case::default()
    };
    case.file("compose.yml", text);
    case
}

/// Cases of one line: `s` for a service, `t` for a whole file.
fn lines(text: &str) -> Vec<Case> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(line).collect()
}

fn line(line: &str) -> Case {
    let (head, rest) = line.split_once('|').unwrap_or_else(|| panic!("{line}"));
    let (kind, name) = head.trim().split_once(' ').unwrap();
    let mut case = Case {
        name: name.to_owned(),
        ..Case::default()
    };
    let (rest, refused) = rest
        .split_once(" !! ")
        .map_or((rest, None), |(rest, text)| (rest, Some(text)));
    case.refused = refused.map(str::to_owned);
    let (rest, variables) = rest.split_once(" ~~ ").unwrap_or((rest, ""));
    variables.split_whitespace().for_each(|pair| case.variable(pair));
    let rest = rest.trim();
    match kind {
        "s" => {
            let inner = rest
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
                .unwrap_or(rest);
            let image = if inner.starts_with("image:") { "" } else { "image: x, " };
            case.file("compose.yml", SERVICES.replace("@", &format!("{image}{inner}")));
            case.file("key.txt", "a key");
            case.file("Dockerfile", "FROM x\n");
            for name in ["dir/Dockerfile", "dir/Dockerfile.dev", "Other"] {
                case.file(name, "FROM x\n");
            }
        }
        _ => case.file(
            "compose.yml",
            rest.replace("\\n", "\n").replace("\\t", "\t").replace("\\\n", "\\n"),
        ),
    }
    case
}

/// The file around the service of a case of one line.
const SERVICES: &str = "services:\n  a: {@ }\n  b: {image: y}\n  c: {image: z}\nvolumes: {data: , logs: }\n\
                        networks: {front: , back: }\nconfigs: {conf: {content: hi}}\nsecrets: {key: {file: ./key.txt}}\n";

/// Cases of several files.
fn blocks(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut file = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("case ") {
            cases.push(Case {
                name: name.to_owned(),
                ..Case::default()
            });
            continue;
        }
        let case = cases.last_mut().unwrap();
        match line.split_once(' ') {
            Some((">", name)) => {
                name.clone_into(&mut file);
                case.file(name, "");
            }
            Some(("env", pair)) => case.variable(pair),
            Some(("open", name)) => case.open = Some(name.to_owned()),
            Some(("refused", part)) => case.refused = Some(part.to_owned()),
            _ => {
                let content = line.strip_prefix('|').unwrap_or_else(|| panic!("{line}"));
                let text = case.files.get_mut(&file).unwrap();
                text.push_str(content);
                text.push('\n');
            }
        }
    }
    cases
}
