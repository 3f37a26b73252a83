//! Reads a YAML file as a tree, with anchors and merge keys resolved.

use std::path::Path;

use serde_json::Value as Json;

use super::FileError;

/// The tree of a YAML file.
pub(super) fn read(path: &Path) -> Result<Json, FileError> {
    let text = std::fs::read_to_string(path).map_err(|error| FileError::Read {
        path: path.display().to_string(),
        error,
    })?;
    parse(&text, &path.display().to_string())
}

/// The tree of a YAML text; `path` is for messages.
pub(super) fn parse(text: &str, path: &str) -> Result<Json, FileError> {
    let mut options = serde_saphyr::Options::default();
    // Compose reads a file mode as `0440` the way YAML 1.1 does, and `no` as a text where a text is expected.
    options.legacy_octal_numbers = true;
    options.strict_booleans = true;
    let tree: Option<Json> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        FileError::Yaml {
            path: path.to_owned(),
            line,
            message: first_line(&error.to_string()),
        }
    })?;
    Ok(tree.unwrap_or_default())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let text =
            "x-base: &base\n  restart: 'no'\n  environment: {A: 1}\nservices:\n  a:\n    <<: *base\n    image: x\n";
        let tree = parse(text, "f").expect("valid");
        assert_eq!(
            tree["services"]["a"],
            json!({"restart": "no", "environment": {"A": 1}, "image": "x"})
        );
    }

    #[test]
    fn an_error_names_the_line() {
        let error = parse("services:\n  a: [\n", "compose.yml").expect_err("invalid");
        assert!(error.to_string().starts_with("compose.yml:"), "{error}");
        assert!(matches!(
            parse("a: 1\na: 2\n", "f"),
            Err(FileError::Yaml { line: 2, .. })
        ));
    }
}
