//! `.dockerignore`: which files of a build context are left out.
//!
//! One pattern a line, relative to the context; `*` and `?` stay within a folder, `**` spans folders, `[a-z]` is one of
//! several characters, `!` takes back. The last pattern that matches a file, or a folder above it, counts.

use iac_core::glob;

/// The patterns of a `.dockerignore`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignore {
    rules: Vec<(bool, Vec<Part>)>,
}

/// A part of a pattern's path.
#[derive(Debug, Clone)]
enum Part {
    /// Any number of folders.
    Folders,
    Name(Vec<Token>),
}

/// A part of a name's pattern.
#[derive(Debug, Clone)]
enum Token {
    /// Any text.
    Star,
    /// Any character.
    Any,
    Char(char),
    /// One of several characters, as they stand between the brackets.
    Class(Vec<char>),
    /// A bracket that is not closed fits nothing.
    Nothing,
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
            let mut parts: Vec<Part> = parts.map(part).collect();
            let is_pattern = !parts.is_empty();
            // A pattern for a folder takes everything below it as well.
            parts.push(Part::Folders);
            is_pattern.then_some((takes_back, parts))
        });
        Self { rules: rules.collect() }
    }

    /// True if a path (relative, with slashes) is left out.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<Vec<char>> = path.split('/').map(|part| part.chars().collect()).collect();
        let is_star = |part: &Part| matches!(part, Part::Folders);
        let last = self.rules.iter().rev().find(|(_, pattern)| {
            glob::fits(pattern, &parts, is_star, |part, name| match part {
                Part::Name(tokens) => is_name(tokens, name),
                Part::Folders => false,
            })
        });
        last.is_some_and(|(takes_back, _)| !takes_back)
    }

    /// True if nothing below a folder that is left out can be taken back.
    pub(crate) fn is_final(&self) -> bool {
        self.rules.iter().all(|(takes_back, _)| !takes_back)
    }
}

fn part(text: &str) -> Part {
    if text == "**" {
        return Part::Folders;
    }
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        let rest = &chars[at + 1..];
        let (token, length) = match (c, rest.first()) {
            ('*', _) => (Token::Star, 1),
            ('?', _) => (Token::Any, 1),
            ('\\', Some(c)) => (Token::Char(*c), 2),
            ('[', _) => match rest.iter().position(|c| *c == ']') {
                Some(end) if end > 0 => (Token::Class(rest[..end].to_vec()), end + 2),
                _ => (Token::Nothing, 1),
            },
            (c, _) => (Token::Char(*c), 1),
        };
        tokens.push(token);
        at += length;
    }
    Part::Name(tokens)
}

fn is_name(pattern: &[Token], name: &[char]) -> bool {
    let is_star = |token: &Token| matches!(token, Token::Star);
    glob::fits(pattern, name, is_star, |token, c| match token {
        Token::Star | Token::Nothing => false,
        Token::Any => true,
        Token::Char(wanted) => wanted == c,
        Token::Class(class) => in_class(class, *c),
    })
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
        let table: [(&str, &str, bool); 25] = [
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
            ("a\\*b", "a*b", true),
            ("a\\*b", "a-b", false),
            ("[a", "a", false),
            ("[]", "]", false),
            ("**", "any/thing", true),
            ("a/**/c", "a/c", true),
            ("a/**/c", "a/b/b/c/d", true),
            ("a/b", "a", false),
        ];
        for (patterns, path, out) in table {
            assert_eq!(Ignore::parse(patterns).leaves_out(path), out, "{patterns:?} {path}");
        }
    }

    #[test]
    fn no_pattern_takes_for_ever() {
        let name = "a".repeat(250);
        assert!(!Ignore::parse(&format!("{}b", "*a".repeat(120))).leaves_out(&name));
        let folders = ["a"; 1000].join("/");
        assert!(!Ignore::parse(&format!("{}b", "**/a/".repeat(300))).leaves_out(&folders));
    }
}
