//! The folder of the user's own files: keys, and what the user decided about other people's files.

use std::path::PathBuf;

/// Below `XDG_CONFIG_HOME`, else `~/.config`; none where there is no home.
pub(crate) fn user_folder() -> Option<PathBuf> {
    let path = |name| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    };
    of(path("XDG_CONFIG_HOME"), path("HOME"))
}

fn of(config: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let folder = config
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".config")))?;
    Some(folder.join("iac"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_folder_is_none() {
        let path = |text: &str| Some(PathBuf::from(text));
        for (config, home, expected) in [
            (path("/c"), path("/h"), path("/c/iac")),
            (path("c"), path("/h"), path("/h/.config/iac")),
            (None, path("/h"), path("/h/.config/iac")),
            (None, None, None),
        ] {
            assert_eq!(of(config, home), expected);
        }
    }
}
