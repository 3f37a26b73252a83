//! `.dockerignore`: which files of a build context are left out.
//!
//! One pattern a line, relative to the context; `*` and `?` stay within a folder, `**` spans folders, `[a-z]` is one of
//! several characters, `!` takes back. The last pattern that matches a file, or a folder above it, counts.

/// The patterns of a `.dockerignore`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignore {
    rules: Vec<(bool, Vec<String>)>,
}

impl Ignore {
    /// Reads the patterns.
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rules = lines.filter_map(|line| {
            let (takes_back, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern.trim()),
                None => (false, line),
            };
            let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
            let parts: Vec<String> = parts.map(str::to_owned).collect();
            (!parts.is_empty()).then_some((takes_back, parts))
        });
        Self { rules: rules.collect() }
    }

    /// True if a path (relative, with slashes) is left out.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let mut out = false;
        for (takes_back, pattern) in &self.rules {
            let matches = (1..=parts.len()).any(|depth| match_parts(pattern, &parts[..depth]));
            if matches {
                out = !takes_back;
            }
        }
        out
    }

    /// True if nothing below a folder that is left out can be taken back.
    pub(crate) fn is_final(&self) -> bool {
        self.rules.iter().all(|(takes_back, _)| !takes_back)
    }
}

fn match_parts(pattern: &[String], parts: &[&str]) -> bool {
    match (pattern.first(), parts.first()) {
        (None, None) => true,
        (Some(first), _) if first == "**" => {
            (0..=parts.len()).any(|skipped| match_parts(&pattern[1..], &parts[skipped..]))
        }
        (Some(first), Some(part)) => {
            let (first, part): (Vec<char>, Vec<char>) = (first.chars().collect(), part.chars().collect());
            match_name(&first, &part) && match_parts(&pattern[1..], &parts[1..])
        }
        _ => false,
    }
}

fn match_name(pattern: &[char], name: &[char]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some('*'), _) => (0..=name.len()).any(|skipped| match_name(&pattern[1..], &name[skipped..])),
        (Some('?'), Some(_)) => match_name(&pattern[1..], &name[1..]),
        (Some('['), Some(c)) => match pattern.iter().position(|c| *c == ']') {
            Some(end) if end > 1 => in_class(&pattern[1..end], *c) && match_name(&pattern[end + 1..], &name[1..]),
            _ => false,
        },
        (Some('\\'), Some(c)) if pattern.len() > 1 => pattern[1] == *c && match_name(&pattern[2..], &name[1..]),
        (Some(wanted), Some(c)) => wanted == c && match_name(&pattern[1..], &name[1..]),
        _ => false,
    }
}

fn in_class(class: &[char], c: char) -> bool {
    let (negated, class) = match class.first() {
        Some('^') => (true, &class[1..]),
        _ => (false, class),
    };
    let mut found = false;
    let mut rest = class;
    while let Some(first) = rest.first() {
        if rest.len() > 2 && rest[1] == '-' {
            found |= (*first..=rest[2]).contains(&c);
            rest = &rest[3..];
        } else {
            found |= *first == c;
            rest = &rest[1..];
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_patterns() {
        let table: [(&str, &str, bool); 17] = [
            ("target", "target", true),
            ("target", "target/debug/x", true),
            ("target", "src/target", false),
            ("/target/", "target/x", true),
            ("*.log", "a.log", true),
            ("*.log", "sub/a.log", false),
            ("**/*.log", "sub/deep/a.log", true),
            ("**/*.log", "a.log", true),
            ("*/temp*", "one/temporary", true),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("[a-c].txt", "b.txt", true),
            ("[^a-c].txt", "b.txt", false),
            ("*\n!keep", "keep", false),
            ("*\n!keep", "other", true),
            ("docs\n!docs/README.md", "docs/README.md", false),
            ("# comment\n\n./x", "x", true),
        ];
        for (patterns, path, out) in table {
            assert_eq!(Ignore::parse(patterns).leaves_out(path), out, "{patterns:?} {path}");
        }
    }
}
