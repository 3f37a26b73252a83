//! The URLs of state in a cluster.

use std::path::PathBuf;

use iac_core::state::url_parameters;

/// The parts of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) namespace: String,
    pub(super) context: Option<String>,
    pub(super) kubeconfig: Option<PathBuf>,
}

/// Reads `kubernetes://NAMESPACE?context=NAME&kubeconfig=FILE`, or says what is wrong.
pub(super) fn parse(url: &str) -> Result<Place, String> {
    let form = "write kubernetes://NAMESPACE, with ?context=NAME and &kubeconfig=FILE where they are needed";
    let rest = match url.split_once("://") {
        Some(("kubernetes" | "k8s", rest)) => rest,
        _ => return Err(form.to_owned()),
    };
    let (namespace, query) = rest.split_once('?').unwrap_or((rest, ""));
    let namespace = namespace.strip_suffix('/').unwrap_or(namespace);
    if !is_namespace(namespace) {
        return Err(format!("{namespace:?} is no name of a namespace; {form}"));
    }
    let mut place = Place {
        namespace: namespace.to_owned(),
        context: None,
        kubeconfig: None,
    };
    for parameter in url_parameters(query) {
        let value = parameter.value;
        match parameter.name {
            "context" if !value.is_empty() => place.context = Some(value),
            "kubeconfig" if !value.is_empty() => place.kubeconfig = Some(PathBuf::from(value)),
            _ => return Err(format!("{:?} is not understood; {form}", parameter.text)),
        }
    }
    Ok(place)
}

/// True if a text can name a namespace: an RFC 1123 label.
fn is_namespace(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_namespace_and_the_way_in() {
        let place = parse("kubernetes://iac-state").expect("valid");
        assert_eq!((place.namespace.as_str(), place.context), ("iac-state", None));
        let place = parse("k8s://a/?context=admin%40prod&kubeconfig=/etc/k%26s").expect("valid");
        assert_eq!(place.context.as_deref(), Some("admin@prod"));
        assert_eq!(place.kubeconfig, Some(PathBuf::from("/etc/k&s")));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_form() {
        for url in [
            "kubernetes://",
            "kubernetes://Upper",
            "kubernetes://a/b",
            "kubernetes://-a",
            "kubernetes://a?contxt=b",
            "kubernetes://a?context=",
            "kubernetes:a",
            "s3://a",
        ] {
            let error = parse(url).expect_err(url);
            assert!(error.contains("kubernetes://NAMESPACE"), "{error}");
        }
    }
}
