//! Which storage a URL names.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::{Backend, BackendError, LocalBackend};

/// A sort of storage that URLs can name; [`Program::backend`](crate::cli::Program::backend) adds it to a program.
///
/// ```
/// use std::sync::Arc;
/// use iac_core::state::{BackendScheme, Backends, LocalBackend};
///
/// const SCRATCH: BackendScheme = BackendScheme {
///     names: &["scratch"],
///     example: "scratch://NAME",
///     open: |url| Ok(Arc::new(LocalBackend::new(format!("/tmp/{}", url.trim_start_matches("scratch://"))))),
/// };
/// let backends = Backends::new([SCRATCH]);
/// assert!(backends.open("scratch://a").is_ok() && backends.open("state").is_ok());
/// assert!(backends.open("tape://a").is_err());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BackendScheme {
    /// The names that stand before `://`.
    pub names: &'static [&'static str],
    /// An example of such a URL, for people.
    pub example: &'static str,
    /// Opens the storage of a URL. Connects to nothing yet: what is not there is told by the first operation.
    pub open: fn(&str) -> Result<Arc<dyn Backend>, BackendError>,
}

/// Sorts of storage that are there to be added, and what adds them.
const KNOWN: [(&[&str], &str); 3] = [
    (&["s3"], "iac_backends::S3State::SCHEME"),
    (&["postgres", "postgresql"], "iac_backends::PostgresState::SCHEME"),
    (&["kubernetes"], "iac_k8s::KubernetesState::SCHEME"),
];

/// The sorts of storage that a program knows; local files are always among them.
#[derive(Debug, Clone, Default)]
pub struct Backends(Vec<BackendScheme>);

impl Backends {
    /// Local files, and these.
    pub fn new(schemes: impl IntoIterator<Item = BackendScheme>) -> Self {
        Self(schemes.into_iter().collect())
    }

    /// Adds one.
    pub fn add(&mut self, scheme: BackendScheme) {
        self.0.push(scheme);
    }

    /// Returns examples of the URLs, of all sorts but local files.
    pub fn examples(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|scheme| scheme.example)
    }

    /// The storage that a URL names; what has no `://` is the path of a folder.
    ///
    /// # Errors
    /// When no scheme fits, or the URL is not as its scheme needs it.
    pub fn open(&self, url: &str) -> Result<Arc<dyn Backend>, BackendError> {
        let path = match url.split_once("://") {
            None => url,
            Some(("file", path)) if path.starts_with('/') => path,
            Some(("file", _)) => {
                return Err(BackendError::unusable(
                    url,
                    "a file URL has three slashes: file:///absolute/path",
                ));
            }
            Some((name, _)) => {
                return match self.0.iter().find(|scheme| scheme.names.contains(&name)) {
                    Some(scheme) => (scheme.open)(url),
                    None => Err(BackendError::unusable(url, self.unknown(name))),
                };
            }
        };
        if path.is_empty() {
            return Err(BackendError::unusable(url, "the path is empty"));
        }
        Ok(Arc::new(LocalBackend::new(path)))
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<&str> = self.examples().chain(["file:///absolute/path"]).collect();
        let known = known.join(", ");
        match KNOWN.iter().find(|(names, _)| names.contains(&name)) {
            Some((_, scheme)) => format!(
                "this program has no backend {name:?}; add it where the program is built: .backend({scheme}). It knows {known}, and plain paths"
            ),
            None => format!("there is no backend {name:?}; this program knows {known}, and plain paths"),
        }
    }
}

/// The folder in which a backend of this URL keeps its files, where it keeps them on this machine.
pub(crate) fn local_folder(url: &str) -> Option<&str> {
    match url.split_once("://") {
        None => Some(url),
        Some(("file", path)) => Some(path),
        Some(_) => None,
    }
}

/// The folder that a URL names: `file:///path`, or a path by itself.
///
/// # Errors
/// When it is a URL of another scheme, or the path is empty.
pub fn open_backend(url: &str) -> Result<Arc<dyn Backend>, BackendError> {
    Backends::default().open(url)
}

/// A parameter of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlParameter<'a> {
    /// As the URL has it.
    pub text: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The value that it is set to, decoded; empty where nothing is.
    pub value: String,
}

/// The parameters of what stands after the `?` of a URL: `a=b&c=d`.
pub fn url_parameters(query: &str) -> impl Iterator<Item = UrlParameter<'_>> {
    let pairs = query.split('&').filter(|text| !text.is_empty());
    pairs.map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        UrlParameter { text, name, value }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_backends() {
        for (url, works) in [
            ("state", true),
            ("./a/b", true),
            ("file:///tmp/state", true),
            ("file://tmp/state", false),
            ("s3://bucket/prefix", false),
            ("", false),
        ] {
            assert_eq!(open_backend(url).is_ok(), works, "{url}");
        }
        let error = open_backend("s3://bucket").err().map(|error| error.to_string());
        let line = ".backend(iac_backends::S3State::SCHEME)";
        assert!(error.is_some_and(|text| text.contains(line) && text.contains("file:///")));
    }

    #[test]
    fn what_is_said_of_a_url_quotes_no_password() {
        for url in [
            "nowhere://me:s3cret@host",
            "file://me:s3cret@host",
            "s3://me:s3cret@host?token=s3cret",
        ] {
            let error = open_backend(url).err().map(|error| error.to_string());
            assert!(error.is_some_and(|text| !text.contains("s3cret")), "{url}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let told = |query| {
            url_parameters(query)
                .map(|one| (one.name.to_owned(), one.value))
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(told(""), []);
        assert_eq!(
            told("a=b%2Fc&&d&e=f=g"),
            [pair("a", "b/c"), pair("d", ""), pair("e", "f=g")]
        );
    }
}
