//! Where in a compose file each service, network and volume begins: what its author wants to be told.

use std::collections::BTreeMap;
use std::path::Path;

use iac_core::declare::SourceLine;

/// The lines of the entries of each section, in block style. What stands in flow style or comes from another file has the
/// line of its section, or the first.
#[derive(Debug, Default)]
pub(super) struct Places {
    file: String,
    lines: BTreeMap<(String, String), u32>,
    sections: BTreeMap<String, u32>,
}

impl Places {
    /// Of a file that was read before; one that can not be read again has no lines.
    pub(super) fn of(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Self {
            file: path.display().to_string(),
            ..Self::in_text(&text)
        }
    }

    fn in_text(text: &str) -> Self {
        let mut places = Self::default();
        let mut section = String::new();
        let mut indent = None;
        for (number, line) in (1..).zip(text.lines()) {
            let content = line.trim_start();
            if content.is_empty() || content.starts_with(['#', '-']) {
                continue;
            }
            let depth = line.len() - content.len();
            let Some((key, _)) = content.split_once(':') else {
                continue;
            };
            let key = key.trim().trim_matches(['"', '\'']).to_owned();
            if depth == 0 {
                places.sections.insert(key.clone(), number);
                (section, indent) = (key, None);
            } else if depth == *indent.get_or_insert(depth) {
                places.lines.insert((section.clone(), key), number);
            }
        }
        places
    }

    /// Where an entry of a section begins.
    pub(super) fn source(&self, section: &str, key: &str) -> SourceLine {
        let line = self.lines.get(&(section.to_owned(), key.to_owned()));
        SourceLine {
            file: self.file.clone(),
            line: line.or_else(|| self.sections.get(section)).copied().unwrap_or(1),
            column: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_their_depth() {
        let text = "# ours\nname: shop\nservices:\n\n    # the first\n    \"web\":\n        image: x\n        ports:\n        - 80:80\n    db: {image: y}\nvolumes: {data: }\n";
        let places = Places::in_text(text);
        let table = [
            ("services", "web", 6),
            ("services", "db", 10),
            ("services", "elsewhere", 3),
            ("volumes", "data", 11),
            ("networks", "default", 1),
        ];
        for (section, key, line) in table {
            assert_eq!(places.source(section, key).line, line, "{section}.{key}");
        }
    }
}
