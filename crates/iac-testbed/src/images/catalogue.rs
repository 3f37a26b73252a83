//! Which images there are, on what each is built and from which files.

/// Where all names begin. Nothing of this name exists on any registry, so no image is taken for an official one.
pub(super) const PREFIX: &str = "localhost/iac-test";

/// Debian's release that everything runs on.
pub(super) const RELEASE: &str = "bookworm";

/// The Python of [`RELEASE`], for which packages are fetched whatever Python fetches them.
pub(super) const PYTHON: &str = "3.11";

/// The packages of the root file system beside Debian's minimum. One file system for all images: their layers are shared,
/// and mmdebstrap runs once.
pub(super) const BASE_PACKAGES: &[&str] = &[
    "busybox-static",
    "ca-certificates",
    "curl",
    "nginx-light",
    "node-pg",
    "node-redis",
    "nodejs",
    "postgresql-15",
    "prometheus",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
    "python3",
    "redis-server",
];

/// The files that no container of the test bed opens: 200 MB, most of it time zones of Prometheus' console and PostgreSQL's
/// JIT.
pub(super) const BASE_EXCLUDES: &[&str] = &[
    "/usr/lib/*/libLLVM-*",
    "/usr/lib/*/libz3*",
    "/usr/lib/llvm-*",
    "/usr/lib/postgresql/*/lib/bitcode/*",
    "/usr/lib/postgresql/*/lib/llvmjit*",
    "/usr/share/doc/*",
    "/usr/share/i18n/*",
    "/usr/share/info/*",
    "/usr/share/javascript/moment-timezone/data/unpacked/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];

/// An image that is built with a Dockerfile in `crates/iac-testbed/images/NAME`.
#[derive(Debug)]
pub(super) struct Recipe {
    /// The name after [`PREFIX`], and the folder of the Dockerfile.
    pub(super) name: &'static str,
    /// Its tags.
    pub(super) tags: Tags,
    /// The image that `ARG BASE` names: a recipe before this one, or [`BASE`].
    pub(super) parent: &'static str,
    /// The parts of the build context beside the folder of the Dockerfile.
    pub(super) parts: &'static [Part],
    /// The software that this is a stand-in for.
    pub(super) stand_in_for: Option<&'static str>,
}

/// The tags of an image. The first one is the one that the test bed's configuration uses.
#[derive(Debug)]
pub(super) enum Tags {
    /// One image under all these.
    Names(&'static [&'static str]),
    /// An image for each, built with it as `ARG VERSION`, so that an update and one that fails can be shown.
    Versions(&'static [&'static str]),
}

impl Tags {
    pub(super) fn all(&self) -> &'static [&'static str] {
        match self {
            Self::Names(tags) | Self::Versions(tags) => tags,
        }
    }
}

/// The versions of an application with a `/health`: in the last one it always fails.
const SERVICE: Tags = Tags::Versions(&["1", "2", "broken"]);

/// The versions of static files.
const PAGES: Tags = Tags::Versions(&["1", "2"]);

/// A folder of a build context.
#[derive(Debug)]
pub(super) enum Part {
    /// A folder of the repository.
    Folder { from: &'static str, to: &'static str },
    /// The Python packages of requirements files of the repository, every one pinned. A package that two of them pin
    /// differently is an error.
    PythonPackages {
        requirements: &'static [&'static str],
        to: &'static str,
    },
}

/// The name of the root file system's image, whose tag is [`RELEASE`].
pub(super) const BASE: &str = "debian";

/// The programs of all stand-ins.
const STAND_INS: &[Part] = &[Part::Folder {
    from: "stacks/app/standins",
    to: "standins",
}];

/// All images in the order in which they can be built.
pub(super) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "busybox",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "postgres",
        tags: Tags::Names(&["15"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "redis",
        tags: Tags::Names(&["7"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "nginx",
        tags: Tags::Names(&["1.22"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "prometheus",
        tags: Tags::Names(&["2.42"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "qdrant-standin",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: STAND_INS,
        stand_in_for: Some("Qdrant"),
    },
    Recipe {
        name: "grafana-standin",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: STAND_INS,
        stand_in_for: Some("Grafana"),
    },
    Recipe {
        name: "telegram-standin",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: STAND_INS,
        stand_in_for: Some("Telegram"),
    },
    Recipe {
        name: "fluentd-standin",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: STAND_INS,
        stand_in_for: Some("Fluentd"),
    },
    Recipe {
        name: "elasticsearch-standin",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: STAND_INS,
        stand_in_for: Some("Elasticsearch"),
    },
    Recipe {
        name: "loki-standin",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: STAND_INS,
        stand_in_for: Some("Loki"),
    },
    Recipe {
        name: "postgres-exporter",
        tags: Tags::Names(&["0.11"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "redis-exporter",
        tags: Tags::Names(&["1.45"]),
        parent: BASE,
        parts: &[],
        stand_in_for: None,
    },
    Recipe {
        name: "aws-cli",
        tags: Tags::Names(&["1.46"]),
        parent: BASE,
        parts: &[Part::PythonPackages {
            requirements: &["crates/iac-testbed/images/aws-cli/requirements.txt"],
            to: "site-packages",
        }],
        stand_in_for: None,
    },
    Recipe {
        name: "chroma",
        tags: Tags::Names(&["1.5.9"]),
        parent: BASE,
        parts: &[Part::PythonPackages {
            requirements: &["crates/iac-testbed/images/chroma/requirements.txt"],
            to: "site-packages",
        }],
        stand_in_for: None,
    },
    // Apart from the applications, so that all of them share it, and a change of one does not fetch packages again.
    Recipe {
        name: "python-packages",
        tags: Tags::Names(&["1"]),
        parent: BASE,
        parts: &[Part::PythonPackages {
            requirements: &[
                "stacks/app/codelab/requirements.txt",
                "stacks/app/easyflow/requirements.txt",
                "stacks/app/lang-agent/backend/requirements.txt",
            ],
            to: "site-packages",
        }],
        stand_in_for: None,
    },
    // None is called `latest`, as in the guides: Kubernetes pulls that at every start of a pod, which fails without a registry.
    Recipe {
        name: "codelab-core-service",
        tags: Tags::Versions(&["1.0.0", "2.0.0", "broken"]),
        parent: "python-packages",
        parts: &[Part::Folder {
            from: "stacks/app/codelab",
            to: "app",
        }],
        stand_in_for: None,
    },
    Recipe {
        name: "easyflow",
        tags: SERVICE,
        parent: "python-packages",
        parts: &[Part::Folder {
            from: "stacks/app/easyflow",
            to: "app",
        }],
        stand_in_for: None,
    },
    Recipe {
        name: "lang-agent-backend",
        tags: SERVICE,
        parent: "python-packages",
        parts: &[Part::Folder {
            from: "stacks/app/lang-agent/backend",
            to: "app",
        }],
        stand_in_for: None,
    },
    Recipe {
        name: "lang-agent-frontend",
        tags: PAGES,
        parent: "nginx",
        parts: &[Part::Folder {
            from: "stacks/app/lang-agent/frontend/dist",
            to: "dist",
        }],
        stand_in_for: None,
    },
    Recipe {
        name: "estimate-service",
        tags: SERVICE,
        parent: BASE,
        parts: &[Part::Folder {
            from: "stacks/app/estimate/backend",
            to: "app",
        }],
        stand_in_for: None,
    },
    Recipe {
        name: "estimate-frontend",
        tags: PAGES,
        parent: "nginx",
        parts: &[Part::Folder {
            from: "stacks/app/estimate/frontend/dist",
            to: "dist",
        }],
        stand_in_for: None,
    },
];

impl Recipe {
    /// The full names of the image, one per tag.
    pub(super) fn references(&self) -> impl Iterator<Item = String> + '_ {
        self.tags.all().iter().map(|tag| self.tagged(tag))
    }

    /// The full name with a tag.
    pub(super) fn tagged(&self, tag: &str) -> String {
        format!("{PREFIX}/{}:{tag}", self.name)
    }

    /// The full name with the first tag.
    pub(super) fn reference(&self) -> String {
        self.references()
            .next()
            .unwrap_or_else(|| format!("{PREFIX}/{}", self.name))
    }
}

/// The full name of the root file system's image.
pub(super) fn base_reference() -> String {
    format!("{PREFIX}/{BASE}:{RELEASE}")
}

/// The full name of the image called `name`, as the test bed's configuration gives it.
pub(super) fn reference(name: &str) -> String {
    RECIPES
        .iter()
        .find(|recipe| recipe.name == name)
        .map_or_else(base_reference, Recipe::reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_built_before_what_is_built_on_it() {
        for (index, recipe) in RECIPES.iter().enumerate() {
            let earlier = RECIPES.iter().take(index).any(|other| other.name == recipe.parent);
            assert!(recipe.parent == BASE || earlier, "{} on {}", recipe.name, recipe.parent);
        }
    }

    #[test]
    fn every_image_that_stands_for_another_program_says_so_in_its_name() {
        for recipe in RECIPES {
            assert_eq!(
                recipe.stand_in_for.is_some(),
                recipe.name.ends_with("-standin"),
                "{}",
                recipe.name
            );
        }
    }
}
