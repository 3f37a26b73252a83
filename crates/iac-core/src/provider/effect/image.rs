//! Names of container images.

/// The repositories of two images, where they differ: another tag is news, another repository is another program.
pub fn other_repository(before: &str, after: &str) -> Option<(String, String)> {
    let (before, after) = (repository(before), repository(after));
    (!before.is_empty() && !after.is_empty() && before != after).then(|| (before.to_owned(), after.to_owned()))
}

/// An image without its tag and digest. The last part alone may have a tag: before it, a colon is a registry's port.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let start = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[start..].find(':') {
        Some(colon) => &image[..start + colon],
        None => image,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_tag_is_the_same_repository() {
        for (before, after, expected) in [
            ("postgres:15", "postgres:16", None),
            ("postgres", "postgres@sha256:0", None),
            ("registry:5000/a:1", "registry:5000/a:2", None),
            ("registry:5000/a", "registry:5000/a:2", None),
            ("postgres:15", "busybox:1", Some(("postgres", "busybox"))),
            ("a/postgres:15", "b/postgres:15", Some(("a/postgres", "b/postgres"))),
            ("postgres:15", "", None),
        ] {
            let found = other_repository(before, after);
            let found = found.as_ref().map(|(before, after)| (before.as_str(), after.as_str()));
            assert_eq!(found, expected, "{before} {after}");
        }
    }
}
