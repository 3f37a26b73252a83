//! `--adopt`: what a run may take over, without a word in the program.

use super::args::Adopt;
use super::failure::Failure;
use crate::config::similar;
use crate::declare::Declaration;
use crate::saved::SavedPlan;
use crate::urn::Key;

/// The name that stands for every resource.
const ALL: &str = "all";

/// Lets the run take over what the command line names.
pub(super) fn named(declaration: &mut Declaration, adopt: &Adopt) -> Result<(), Failure> {
    for name in &adopt.names {
        let mut found = false;
        for resource in &mut declaration.resources {
            if name == ALL || is_called(&resource.key, name) {
                resource.options.adopt = true;
                found = true;
            }
        }
        if !found {
            return Err(unknown(declaration, name));
        }
    }
    Ok(())
}

/// Lets the run take over what a saved plan does: whoever approved the plan has seen that.
pub(super) fn saved(declaration: &mut Declaration, saved: &SavedPlan) {
    for resource in &mut declaration.resources {
        let step = saved.step(&resource.key);
        resource.options.adopt |= step.is_some_and(|step| step.options["adopt"] == true);
    }
}

/// True if a name means this resource: its whole key, `Kind/name`, or its name, with or without the folders before it (a
/// manifest's namespace).
fn is_called(key: &Key, name: &str) -> bool {
    let last = key.name().rsplit('/').next().unwrap_or_default();
    let kind = key.kind().rsplit(['/', ':']).next().unwrap_or_default();
    [key.as_str(), key.name(), last].contains(&name) || name == key.short() || name == format!("{kind}/{last}")
}

fn unknown(declaration: &Declaration, name: &str) -> Failure {
    let message = format!(
        "--adopt {name}: stack {} declares no resource of that name",
        declaration.stack
    );
    let shorts = declaration.resources.iter().map(|resource| resource.key.short());
    let names = declaration
        .resources
        .iter()
        .map(|resource| resource.key.name().to_owned());
    let all: Vec<String> = shorts.chain(names).collect();
    Failure::usage(message).hint(match similar(name, all.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => "`graph` lists what the program declares; --adopt all means all of it".to_owned(),
    })
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
            ("docker:core/Volume::data", "Network/data", false),
            ("docker:core/Volume::data", "dat", false),
            ("kubernetes:apps/Deployment::shop/web", "web", true),
            ("kubernetes:apps/Deployment::shop/web", "shop/web", true),
            ("kubernetes:apps/Deployment::shop/web", "Deployment/web", true),
            ("kubernetes:apps/Deployment::shop/web", "Deployment/shop/web", true),
            ("kubernetes:apps/Deployment::shop/web", "shop", false),
            ("api::kubernetes:core/Service::web", "Service/web", true),
        ];
        for (key, name, expected) in table {
            let key: Key = key.parse().expect(key);
            assert_eq!(is_called(&key, name), expected, "{key} {name}");
        }
    }
}
