//! The encoding of keys and values in Secrets: names, labels, annotations, etags.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use iac_core::state::Etag;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::chunks::{CHUNK_SIZE, MOST_BYTES};

/// The type of our Secrets.
const SECRET_TYPE: &str = "iac.dev/state";

/// Label: what an object is.
const ROLE: &str = "iac.dev/state";
/// The object that stands for a key.
const HEAD: &str = "head";
/// A part of a large value.
pub(super) const CHUNK: &str = "chunk";
/// Label: the key's first part, which is the stack's name.
const STACK: &str = "iac.dev/stack";
/// Label: the key's second part, if it is a folder: `journal`.
const FOLDER: &str = "iac.dev/folder";

/// Annotation: the key itself.
const KEY: &str = "iac.dev/key";
/// Annotation: which write made the object.
pub(super) const WRITE: &str = "iac.dev/write";
/// Annotation: into how many chunks the value is cut.
const CHUNKS: &str = "iac.dev/chunks";
/// Annotation: the value's length in bytes.
const LENGTH: &str = "iac.dev/length";
/// Annotation: the SHA-256 of a value that is cut.
const SUM: &str = "iac.dev/sha256";

/// The most chunks that a value can have.
const MOST_CHUNKS: usize = MOST_BYTES.div_ceil(CHUNK_SIZE);

/// The entry of a Secret's data that holds the value.
const VALUE: &str = "value";

/// The number that tells one write from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WriteId(pub(super) u64);

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl WriteId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

/// A key and where it is.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) key: String,
    /// The head's name.
    pub(super) name: String,
}

impl Location {
    /// Where a key is; nothing if the text is no key.
    pub(super) fn of(key: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed);
        key.split('/').all(is_part).then(|| Self {
            key: key.to_owned(),
            name: format!("iac-state-{}", &sum(key.as_bytes())[..40]),
        })
    }

    /// The name of a chunk.
    pub(super) fn chunk(&self, write: WriteId, number: usize) -> String {
        format!("{}-{write}-{number}", self.name)
    }

    /// The metadata that heads and chunks share.
    fn metadata(&self, name: &str, role: &str, write: WriteId) -> Json {
        let mut labels = labels_of(&self.key, true);
        labels.insert("app.kubernetes.io/managed-by".to_owned(), json!("iac"));
        labels.insert(ROLE.to_owned(), json!(role));
        json!({
            "name": name,
            "labels": labels,
            "annotations": {KEY: self.key, WRITE: write.to_string()},
        })
    }

    /// The Secret of a chunk.
    pub(super) fn chunk_object(&self, write: WriteId, number: usize, bytes: &[u8]) -> Json {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": SECRET_TYPE,
            "immutable": true,
            "metadata": self.metadata(&self.chunk(write, number), CHUNK, write),
            "data": {VALUE: STANDARD.encode(bytes)},
        })
    }

    /// The Secret of a head; replaces that of `expected`, if there is to be one.
    pub(super) fn head_object(&self, write: WriteId, bytes: &[u8], chunks: usize, expected: Option<&Version>) -> Json {
        let mut metadata = self.metadata(&self.name, HEAD, write);
        metadata["annotations"][LENGTH] = json!(bytes.len().to_string());
        if let Some(expected) = expected {
            metadata["uid"] = json!(expected.uid);
            metadata["resourceVersion"] = json!(expected.resource);
        }
        let data = if chunks == 0 {
            json!({VALUE: STANDARD.encode(bytes)})
        } else {
            metadata["annotations"][CHUNKS] = json!(chunks.to_string());
            metadata["annotations"][SUM] = json!(sum(bytes));
            json!({})
        };
        json!({"apiVersion": "v1", "kind": "Secret", "type": SECRET_TYPE, "metadata": metadata, "data": data})
    }
}

/// The write whose chunks hold a value, and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    pub(super) write: WriteId,
    pub(super) count: usize,
}

/// Which version of a head: its etag. Names the chunks as well, so that whoever replaces it knows what to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) uid: String,
    pub(super) resource: String,
    pub(super) chunks: Option<Chunks>,
}

impl Version {
    /// The version of a head with this metadata.
    pub(super) fn of(metadata: &ObjectMeta) -> Result<Self, String> {
        let missing = |what: &str| format!("it has no {what}");
        let chunks = match annotation(metadata, CHUNKS) {
            None => None,
            Some(count) => Some(Chunks {
                count: chunks_of(count).ok_or_else(|| missing("number of chunks that a value can have"))?,
                write: write_of(metadata).ok_or_else(|| missing(WRITE))?,
            }),
        };
        Ok(Self {
            uid: metadata.uid.clone().ok_or_else(|| missing("uid"))?,
            resource: metadata
                .resource_version
                .clone()
                .ok_or_else(|| missing("resourceVersion"))?,
            chunks,
        })
    }

    pub(super) fn etag(&self) -> Etag {
        let Self { uid, resource, chunks } = self;
        Etag(match chunks {
            None => format!("{uid}/{resource}"),
            Some(chunks) => format!("{uid}/{resource}/{}.{}", chunks.write, chunks.count),
        })
    }

    /// Reads an etag that we gave; any other text is none.
    pub(super) fn parse(etag: &Etag) -> Option<Self> {
        let mut parts = etag.0.split('/');
        let (uid, resource) = (parts.next()?, parts.next()?);
        let chunks = match parts.next() {
            None => None,
            Some(text) => {
                let (write, count) = text.split_once('.')?;
                Some(Chunks {
                    write: WriteId::parse(write)?,
                    count: chunks_of(count)?,
                })
            }
        };
        let is_ours = !uid.is_empty() && resource.parse::<u64>().is_ok() && parts.next().is_none();
        is_ours.then(|| Self {
            uid: uid.to_owned(),
            resource: resource.to_owned(),
            chunks,
        })
    }
}

/// Reads a number of chunks: no value has more of them.
fn chunks_of(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| *count <= MOST_CHUNKS)
}

/// A head as it was read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) version: Version,
    /// The value, if it is not in chunks.
    pub(super) value: Vec<u8>,
    pub(super) sum: String,
}

impl Head {
    /// Reads a Secret, or says what is wrong with it.
    pub(super) fn read(object: &Json, location: &Location) -> Result<Self, String> {
        let metadata = metadata_of(object)?;
        match annotation(&metadata, KEY) {
            Some(key) if key == location.key => {}
            other => return Err(format!("it is for another key: {other:?}")),
        }
        let version = Version::of(&metadata)?;
        let value = match version.chunks {
            None => value_of(object)?,
            Some(_) => Vec::new(),
        };
        Ok(Self {
            version,
            value,
            sum: annotation(&metadata, SUM).unwrap_or_default().to_owned(),
        })
    }
}

/// The bytes in a Secret.
pub(super) fn value_of(object: &Json) -> Result<Vec<u8>, String> {
    // An empty value is left out by the server.
    let text = object["data"][VALUE].as_str().unwrap_or_default();
    STANDARD
        .decode(text)
        .map_err(|error| format!("its data cannot be decoded: {error}"))
}

pub(super) fn metadata_of(object: &Json) -> Result<ObjectMeta, String> {
    serde_json::from_value(object["metadata"].clone()).map_err(|error| format!("its metadata cannot be read: {error}"))
}

fn annotation<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The key of an object.
pub(super) fn key_of(metadata: &ObjectMeta) -> Option<String> {
    annotation(metadata, KEY).map(str::to_owned)
}

/// The write that made an object.
pub(super) fn write_of(metadata: &ObjectMeta) -> Option<WriteId> {
    WriteId::parse(annotation(metadata, WRITE)?)
}

/// The labels by which the keys of a stack, and of a folder of it, are listed.
fn labels_of(key: &str, is_whole: bool) -> Map<String, Json> {
    let parts: Vec<&str> = key.split('/').collect();
    // The last part of a prefix may be cut off anywhere.
    let folders = parts.len().saturating_sub(1);
    let mut labels = Map::new();
    if folders >= 1 || is_whole {
        labels.insert(STACK.to_owned(), json!(label(parts[0])));
    }
    if folders >= 2 {
        labels.insert(FOLDER.to_owned(), json!(label(parts[1])));
    }
    labels
}

/// A part of a key as a label; one that cannot be a label is told by its hash.
fn label(part: &str) -> String {
    let ends = |c: char| c.is_ascii_alphanumeric();
    if part.len() <= 63 && part.starts_with(ends) && part.ends_with(ends) {
        return part.to_owned();
    }
    format!("sha256-{}", &sum(part.as_bytes())[..40])
}

/// The label selector of the heads whose keys may begin with a prefix.
pub(super) fn selector(prefix: &str) -> String {
    let labels = labels_of(prefix, false);
    let own = labels
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
    std::iter::once(format!("{ROLE}={HEAD}"))
        .chain(own)
        .collect::<Vec<_>>()
        .join(",")
}

/// The label selector of all chunks.
pub(super) fn chunk_selector() -> String {
    format!("{ROLE}={CHUNK}")
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sum(bytes: &[u8]) -> String {
    use fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_come_back_and_strange_ones_do_not() {
        let plain = Version {
            uid: "4a-b".into(),
            resource: "17".into(),
            chunks: None,
        };
        let cut = Version {
            chunks: Some(Chunks {
                write: WriteId(0xab),
                count: 6,
            }),
            ..plain.clone()
        };
        for version in [plain, cut] {
            assert_eq!(Version::parse(&version.etag()), Some(version));
        }
        for text in [
            "",
            "*",
            "a",
            "/1",
            "a/",
            "a/x",
            "a/1/",
            "a/1/x",
            "a/1/1.2/3",
            "a/-1",
            "a/1/1.1000000000000000000",
        ] {
            assert_eq!(Version::parse(&Etag(text.into())), None, "{text:?}");
        }
    }

    #[test]
    fn a_value_has_no_more_chunks_than_fit_into_the_largest() {
        let of = |count: &str| {
            let metadata = json!({"uid": "u", "resourceVersion": "1", "annotations": {CHUNKS: count, WRITE: "ab"}});
            Version::of(&serde_json::from_value(metadata).expect("metadata"))
        };
        assert_eq!(
            of("512").map(|version| version.chunks.map(|chunks| chunks.count)),
            Ok(Some(512))
        );
        for count in ["513", "1000000000000000000", "-1", ""] {
            let error = of(count).expect_err(count);
            assert!(error.contains("number of chunks"), "{error}");
        }
    }

    #[test]
    fn prefixes_select_by_whole_parts_only() {
        for (prefix, expected) in [
            ("", "iac.dev/state=head"),
            ("pro", "iac.dev/state=head"),
            ("prod/", "iac.dev/state=head,iac.dev/stack=prod"),
            ("prod/jour", "iac.dev/state=head,iac.dev/stack=prod"),
        ] {
            assert_eq!(selector(prefix), expected, "{prefix:?}");
        }
        let selected = selector("prod/journal/0000");
        assert!(selected.contains("iac.dev/stack=prod") && selected.contains("iac.dev/folder=journal"));
        assert!(selector("prod-/x").contains("iac.dev/stack=sha256-"));
    }

    #[test]
    fn only_keys_have_a_place() {
        for key in ["", "/a", "a/", "a//b", "../a", ".a", "a b", "ä"] {
            assert!(Location::of(key).is_none(), "{key:?}");
        }
        let name = Location::of("prod/stack.json").map(|location| location.name);
        assert_eq!(name.map(|name| name.len()), Some(50));
    }
}
