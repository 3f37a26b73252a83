//! Patterns of paths: `*` stands for anything within a name, `**` for any folders.

/// True if a path is as the pattern says.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    matches_parts(&pattern, &path)
}

fn matches_parts(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((&"**", rest)) => (0..=path.len()).any(|skipped| matches_parts(rest, &path[skipped..])),
        Some((name, rest)) => path
            .split_first()
            .is_some_and(|(part, path)| matches_name(name, part) && matches_parts(rest, path)),
    }
}

fn matches_name(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(after) = name.strip_prefix(start) else {
        return false;
    };
    let places = after.char_indices().map(|(place, _)| place).chain([after.len()]);
    places.into_iter().any(|place| matches_name(rest, &after[place..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_paths() {
        for (pattern, path, expected) in [
            ("a/install.yaml", "a/install.yaml", true),
            ("a/*.yaml", "a/b.yaml", true),
            ("a/*.yaml", "a/b/c.yaml", false),
            ("a/**/*.yaml", "a/b/c/d.yaml", true),
            ("a/**/*.yaml", "a/d.yaml", true),
            ("a/v*_full.yaml", "a/v2_full.yaml", true),
            ("a/v*_full.yaml", "a/v2_ingclass.yaml", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
