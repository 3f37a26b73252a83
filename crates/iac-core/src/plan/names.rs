//! The names that people give resources on the command line.

use std::collections::BTreeSet;

use crate::config::similar;
use crate::glob;
use crate::urn::Key;

/// A name that no resource has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownName {
    /// The name.
    pub(crate) name: String,
    /// The name that was probably meant.
    pub(crate) meant: Option<String>,
}

/// True if a name means this resource: its whole key, with or without the stack before it, `Kind/name`, or its name, with or
/// without the folders before it (a manifest's namespace). A `*` stands for any text.
pub(crate) fn is_called(key: &Key, name: &str, stack: &str) -> bool {
    let name = without_stack(name, stack);
    let last = key.name().rsplit('/').next().unwrap_or_default();
    let kind = key.kind().rsplit(['/', ':']).next().unwrap_or_default();
    let names = [key.as_str(), key.name(), last, &key.short(), &format!("{kind}/{last}")];
    match name.contains('*') {
        true => names.into_iter().any(|own| glob::text(name, own)),
        false => names.contains(&name),
    }
}

/// All resources of these names. The first name without any is the error.
pub(crate) fn find_all(names: &[String], stack: &str, keys: &BTreeSet<&Key>) -> Result<BTreeSet<Key>, UnknownName> {
    let mut all = BTreeSet::new();
    for name in names {
        let mut found = keys.iter().filter(|key| is_called(key, name, stack)).peekable();
        if found.peek().is_none() {
            return Err(unknown(name, keys.iter().copied()));
        }
        all.extend(found.map(|key| (*key).clone()));
    }
    Ok(all)
}

/// The error of a name that none of these resources has.
pub(crate) fn unknown<'k>(name: &str, keys: impl Iterator<Item = &'k Key> + Clone) -> UnknownName {
    let shorts = keys.clone().map(Key::short);
    let all: Vec<String> = shorts.chain(keys.map(|key| key.name().to_owned())).collect();
    UnknownName {
        name: name.to_owned(),
        meant: similar(name, all.iter().map(String::as_str)).map(str::to_owned),
    }
}

/// The first few of some texts, and how many more there are: `a, b, 3 more`.
pub(crate) fn first_few(texts: impl ExactSizeIterator<Item = String>, shown: usize) -> String {
    let count = texts.len();
    let mut few: Vec<String> = texts.take(shown).collect();
    if count > shown {
        few.push(format!("{} more", count - shown));
    }
    few.join(", ")
}

fn without_stack<'n>(name: &'n str, stack: &str) -> &'n str {
    let rest = name.strip_prefix(stack).and_then(|rest| rest.strip_prefix("::"));
    rest.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_a_resource() {
        let table = [
            ("docker:core/Volume::data", "data", true),
            ("docker:core/Volume::data", "Volume/data", true),
            ("docker:core/Volume::data", "docker:core/Volume::data", true),
            ("docker:core/Volume::data", "shop::docker:core/Volume::data", true),
            ("docker:core/Volume::data", "other::docker:core/Volume::data", false),
            ("docker:core/Volume::data", "Network/data", false),
            ("docker:core/Volume::data", "dat", false),
            ("docker:core/Volume::data", "dat*", true),
            ("docker:core/Volume::data", "Volume/*", true),
            ("docker:core/Volume::data", "*", true),
            ("docker:core/Volume::data", "", false),
            ("kubernetes:apps/Deployment::shop/web", "web", true),
            ("kubernetes:apps/Deployment::shop/web", "shop/web", true),
            ("kubernetes:apps/Deployment::shop/web", "Deployment/web", true),
            ("kubernetes:apps/Deployment::shop/web", "Deployment/shop/web", true),
            ("kubernetes:apps/Deployment::shop/web", "Deployment/shop/*", true),
            ("kubernetes:apps/Deployment::shop/web", "shop", false),
            ("kubernetes:apps/Deployment::shop/web", "shop/*", true),
            ("api::kubernetes:core/Service::web", "Service/web", true),
            ("api::kubernetes:core/Service::web", "api::*", true),
            ("api::kubernetes:core/Service::web", "ap::*", false),
        ];
        for (key, name, expected) in table {
            let key: Key = key.parse().expect(key);
            assert_eq!(is_called(&key, name, "shop"), expected, "{key} {name}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_what_was_meant() {
        let keys: Vec<Key> = ["docker:core/Volume::data", "docker:core/Volume::files"]
            .into_iter()
            .map(|key| key.parse().expect(key))
            .collect();
        let keys: BTreeSet<&Key> = keys.iter().collect();
        let names = ["data".to_owned(), "Volume/fles".to_owned()];
        let error = find_all(&names, "shop", &keys).expect_err("no such volume");
        assert_eq!(error.name, "Volume/fles");
        assert_eq!(error.meant.as_deref(), Some("Volume/files"));
    }
}
