//! Plain manifests: files of one or many documents, and folders of them.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use serde_saphyr::Spanned;

/// One object of a manifest, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    /// The file.
    pub(crate) file: PathBuf,
    /// Which document of the file, from 1.
    pub(crate) document: usize,
    /// The line on which the document begins.
    pub(crate) line: u64,
    /// The object.
    pub(crate) object: Json,
}

/// What can be wrong with manifests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// A file or folder can not be read.
    #[error("{}: can not be read: {error}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A folder holds no manifests.
    #[error("{}: there is no .yaml, .yml or .json file in it", .0.display())]
    Empty(PathBuf),
    /// Something that is no YAML.
    #[error("{}:{line}: document {document}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Which document.
        document: usize,
        /// Which line.
        line: u64,
        /// What the parser says.
        message: String,
    },
    /// A document that is no Kubernetes object.
    #[error("{}:{line}: document {document}: {message}", path.display())]
    NoObject {
        /// The file.
        path: PathBuf,
        /// Which document.
        document: usize,
        /// On which line it begins.
        line: u64,
        /// What is missing.
        message: String,
    },
}

/// Reads a file, or all manifests in a folder and the folders in it, in the order of their names.
pub(crate) fn read(path: &Path) -> Result<Vec<Manifest>, ManifestError> {
    let mut files = Vec::new();
    if path.is_dir() {
        collect(path, &mut files)?;
        if files.is_empty() {
            return Err(ManifestError::Empty(path.to_owned()));
        }
    } else {
        files.push(path.to_owned());
    }
    let mut manifests = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| ManifestError::Read {
            path: file.clone(),
            error,
        })?;
        manifests.extend(parse(&file, &text)?);
    }
    Ok(manifests)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ManifestError> {
    let fail = |error| ManifestError::Read {
        path: folder.to_owned(),
        error,
    };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(fail)?;
    paths.sort();
    for path in paths {
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if is_hidden {
            continue;
        } else if path.is_dir() {
            collect(&path, files)?;
        } else if matches!(extension, Some("yaml" | "yml" | "json")) {
            files.push(path);
        }
    }
    Ok(())
}

/// Reads the documents of one file.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Vec<Manifest>, ManifestError> {
    let options = serde_saphyr::options! {
        // The files are the user's own, and bundles of definitions are large; aliases are still limited.
        budget: None,
        // Kubernetes reads YAML 1.1, where a file mode 0644 is octal.
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let documents: Vec<Spanned<Json>> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        ManifestError::Syntax {
            path: file.to_owned(),
            document: document_at(text, line),
            line,
            message: error.to_string(),
        }
    })?;
    let mut manifests = Vec::new();
    for document in documents {
        let line = document.referenced.line();
        let number = document_at(text, line);
        for object in unfold(document.value) {
            check(&object).map_err(|message| ManifestError::NoObject {
                path: file.to_owned(),
                document: number,
                line,
                message,
            })?;
            manifests.push(Manifest {
                file: file.to_owned(),
                document: number,
                line,
                object,
            });
        }
    }
    Ok(manifests)
}

/// Which document of the file a line belongs to, from 1. A separator before the first content opens no new one.
fn document_at(text: &str, line: u64) -> usize {
    let mut document = 1;
    let mut has_content = false;
    for (number, content) in (1..).zip(text.lines()) {
        if number > line {
            break;
        }
        if content == "---" || content.starts_with("--- ") {
            document += usize::from(has_content);
            has_content = false;
        }
        let content = content.trim_start_matches("---").trim();
        has_content |= !content.is_empty() && !content.starts_with(['#', '%']);
    }
    document
}

/// The objects of a document: a `List` holds several.
fn unfold(document: Json) -> Vec<Json> {
    let is_list = document["apiVersion"] == "v1" && document["kind"] == "List";
    match document {
        Json::Null => Vec::new(),
        Json::Object(mut list) if is_list => match list.remove("items") {
            Some(Json::Array(items)) => items.into_iter().flat_map(unfold).collect(),
            _ => Vec::new(),
        },
        object => vec![object],
    }
}

/// What makes a document a Kubernetes object.
fn check(object: &Json) -> Result<(), String> {
    if !object.is_object() {
        return Err(
            "this is no Kubernetes object: a mapping with apiVersion, kind and metadata is expected".to_owned(),
        );
    }
    for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
        let text = object.pointer(pointer).and_then(Json::as_str).unwrap_or("");
        if text.is_empty() {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Err(format!("{field} is missing, or no text"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<(String, usize, u64)>, String> {
        let manifests = parse(Path::new("a.yaml"), text).map_err(|error| error.to_string())?;
        let name = |manifest: &Manifest| {
            manifest
                .object
                .pointer("/metadata/name")
                .and_then(Json::as_str)
                .map(str::to_owned)
        };
        Ok(manifests
            .iter()
            .map(|manifest| (name(manifest).unwrap_or_default(), manifest.document, manifest.line))
            .collect())
    }

    #[test]
    fn documents_have_their_numbers_and_lines() {
        let text = "# first\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n- {apiVersion: v1, kind: Secret, metadata: {name: c}}\n";
        let expected = [("a".to_owned(), 1, 3), ("b".to_owned(), 2, 8), ("c".to_owned(), 2, 8)];
        assert_eq!(parsed(text).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn errors_name_file_document_and_line() {
        let good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n";
        let error = parsed(&format!("{good}kind: x\n  bad: [\n")).expect_err("no YAML");
        assert!(error.starts_with("a.yaml:") && error.contains("document 2"), "{error}");
        let error = parsed(&format!("{good}kind: x\n")).expect_err("no object");
        assert_eq!(error, "a.yaml:5: document 2: apiVersion is missing, or no text");
        let error = parsed("- 1\n").expect_err("no object");
        assert!(error.contains("no Kubernetes object"), "{error}");
    }

    #[test]
    fn a_file_mode_is_octal() {
        let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {mode: 0644, text: \"0644\"}\n";
        let manifests = parse(Path::new("a.yaml"), text).expect("valid");
        assert_eq!(
            manifests[0].object["spec"],
            serde_json::json!({"mode": 420, "text": "0644"})
        );
    }
}
