//! URLs of S3 state.

use http::Uri;
use iac_core::state::url_parameters;
use iac_core::{redact, transport};

/// Where state lies, as the URL says; what it does not say is the environment's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: String,
    /// The prefix of all keys; empty, or without a slash at either end.
    pub(super) prefix: String,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
}

/// Reads `s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME]`.
pub(super) fn parse(url: &str) -> Result<Place, String> {
    let rest = url.strip_prefix("s3://").ok_or("it does not begin with s3://")?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() {
        return Err("the bucket is missing: s3://BUCKET/PREFIX".to_owned());
    }
    let prefix = prefix.trim_matches('/');
    let plain = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(known)
    };
    if !prefix.is_empty() && !prefix.split('/').all(plain) {
        return Err(
            "the prefix may have letters, digits, `.`, `_`, `-` and `/`, and no part that begins with a dot".to_owned(),
        );
    }
    let mut place = Place {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        ..Place::default()
    };
    for parameter in url_parameters(query) {
        match parameter.name {
            "endpoint" => place.endpoint = Some(parameter.value),
            "region" => place.region = Some(parameter.value),
            other => return Err(format!("there is no {other:?}; there are endpoint and region")),
        }
    }
    Ok(place)
}

/// Whether an endpoint is spoken to in clear; an error where it may not be, or is no endpoint at all.
pub(super) fn is_in_clear(endpoint: &str) -> Result<bool, String> {
    let wrong = || {
        let shown = redact::url(endpoint);
        format!("{shown} is no endpoint of S3; it looks like https://HOST:PORT")
    };
    let url: Uri = endpoint.parse().map_err(|_| wrong())?;
    let host = url.host().ok_or_else(wrong)?;
    match url.scheme_str() {
        Some("https") => Ok(false),
        Some("http") => transport::in_clear("the S3 server", host)
            .map(|()| true)
            .map_err(|refused| format!("{refused}; {}", refused.hint("use an https:// endpoint"))),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_on_another_machine_is_encrypted() {
        for (endpoint, expected) in [
            ("https://s3.example.com", Ok(false)),
            ("HTTPS://s3.example.com:9000/base", Ok(false)),
            ("http://localhost:9000", Ok(true)),
            ("http://127.0.0.1", Ok(true)),
            ("http://[::1]:9000", Ok(true)),
            ("http://s3.example.com", Err("IAC_CLEAR_TEXT=s3.example.com")),
            ("HTTP://10.0.0.1:9000", Err("IAC_CLEAR_TEXT=10.0.0.1")),
            ("http://localhost@10.0.0.1", Err("IAC_CLEAR_TEXT=10.0.0.1")),
            ("http://me:s3cret@s3.example.com", Err("IAC_CLEAR_TEXT=s3.example.com")),
            ("ftp://localhost", Err("https://HOST:PORT")),
            ("localhost:9000", Err("https://HOST:PORT")),
            ("/path", Err("https://HOST:PORT")),
            ("http://me:s3cret@", Err("https://HOST:PORT")),
        ] {
            match (is_in_clear(endpoint), expected) {
                (Ok(clear), Ok(expected)) => assert_eq!(clear, expected, "{endpoint}"),
                (Err(error), Err(part)) => {
                    assert!(error.contains(part) && !error.contains("s3cret"), "{endpoint}: {error}");
                }
                (other, _) => assert!(other.is_err() && expected.is_err(), "{endpoint}: {other:?}"),
            }
        }
    }

    #[test]
    fn urls_are_read() {
        let plain = parse("s3://state").unwrap_or_default();
        assert_eq!((plain.bucket.as_str(), plain.prefix.as_str()), ("state", ""));
        let full = parse("s3://state/team/shop/?endpoint=http%3A%2F%2Flocalhost:9000&region=eu-1").unwrap_or_default();
        assert_eq!(
            full,
            Place {
                bucket: "state".into(),
                prefix: "team/shop".into(),
                endpoint: Some("http://localhost:9000".into()),
                region: Some("eu-1".into()),
            }
        );
        for (url, part) in [
            ("s3:///a", "bucket"),
            ("s3://b/a//c", "prefix"),
            ("s3://b/../c", "prefix"),
            ("s3://b?profile=x", "\"profile\""),
            ("http://b", "s3://"),
        ] {
            let error = parse(url).err().unwrap_or_default();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
