//! The keys of a compose file: what each may hold, and what we do with it. No key is ignored without a word.
//!
//! `docs/compose.md` lists those that have no effect or are refused; a test holds the two together.

/// The form that a value may have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Anything.
    Any,
    Null,
    Text,
    Number,
    Whole,
    Flag,
    /// One of these texts.
    Word(&'static [&'static str]),
    /// One of these shapes.
    OneOf(&'static [Self]),
    List(&'static Self),
    /// A list without equal items.
    Set(&'static Self),
    /// A map with keys of the author's own.
    Map(&'static Self),
    /// The same with keys that can be names: letters, digits, `.`, `_` and `-`.
    Named(&'static Self),
    /// A map with these keys, and `x-…`.
    Keys(&'static [Key]),
    /// The same, of which these keys have to be there.
    Needs(&'static [&'static str], &'static [Key]),
}

/// A key of a map.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) support: Support,
}

/// The way in which we treat a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Support {
    /// We do with it as the specification says.
    Yes,
    /// Nothing, since it only concerns commands of docker compose itself.
    Aside,
    /// Nothing, as docker compose does nothing with it on one engine; the reason is noted.
    Idle(&'static str),
    /// It is refused, with the way out.
    No(&'static str),
}

use Shape::{Any, Flag, Keys, List, Map, Named, Needs, Null, Number, OneOf, Set, Text, Whole, Word};

const fn yes(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::Yes,
    }
}

const fn aside(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        support: Support::Aside,
    }
}

const fn idle(name: &'static str, shape: Shape, why: &'static str) -> Key {
    Key {
        name,
        shape,
        support: Support::Idle(why),
    }
}

const fn no(name: &'static str, shape: Shape, way_out: &'static str) -> Key {
    Key {
        name,
        shape,
        support: Support::No(way_out),
    }
}

/// Several engines are needed for what it means.
const SWARM: &str = "it needs a cluster of engines";
/// The engine's own builder, which images are built with, does not know it.
const BUILDKIT: &str = "the engine's own builder cannot do that; build the image beforehand and name it with image";
/// Only engines on Windows know it.
const WINDOWS: &str = "only an engine on Windows knows it; leave it out";

const FLAG: Shape = OneOf(&[Flag, Text]);
const NUMBER: Shape = OneOf(&[Number, Text]);
const WHOLE: Shape = OneOf(&[Whole, Text]);
const TEXTS: Shape = List(&Text);
const NAMES: Shape = Set(&Text);
const TEXT_OR_LIST: Shape = OneOf(&[Text, NAMES]);
const COMMAND: Shape = OneOf(&[Null, Text, TEXTS]);
const PAIRS: Shape = OneOf(&[Map(&OneOf(&[Text, Number, Flag, Null])), NAMES]);
const OPTIONS: Shape = Map(&OneOf(&[Text, Number]));
const HOSTS: Shape = OneOf(&[Map(&OneOf(&[Text, TEXTS])), NAMES]);
const ULIMITS: Shape = Named(&OneOf(&[
    Whole,
    Text,
    Needs(&["soft", "hard"], &[yes("hard", WHOLE), yes("soft", WHOLE)]),
]));
const FILES: Shape = List(&OneOf(&[
    Text,
    Keys(&[
        yes("gid", Text),
        yes("mode", NUMBER),
        yes("source", Text),
        yes("target", Text),
        yes("uid", Text),
    ]),
]));

/// A file.
pub(super) const TOP: Shape = Keys(&[
    yes("configs", Named(&CONFIG)),
    yes("include", List(&OneOf(&[Text, INCLUDE]))),
    no("models", Any, "run the model as a service of its own"),
    yes("name", Text),
    yes("networks", Named(&OneOf(&[Null, NETWORK]))),
    yes("secrets", Named(&SECRET)),
    yes("services", Named(&SERVICE)),
    yes("version", Text),
    yes("volumes", Named(&OneOf(&[Null, VOLUME]))),
]);

const INCLUDE: Shape = Keys(&[
    yes("env_file", TEXT_OR_LIST),
    yes("path", TEXT_OR_LIST),
    yes("project_directory", Text),
]);

const SERVICE: Shape = Keys(&[
    yes("annotations", PAIRS),
    aside("attach", FLAG),
    yes("blkio_config", BLKIO),
    yes("build", OneOf(&[Text, BUILD])),
    yes("cap_add", NAMES),
    yes("cap_drop", NAMES),
    yes("cgroup", Word(&["host", "private"])),
    yes("cgroup_parent", Text),
    yes("command", COMMAND),
    yes("configs", FILES),
    yes("container_name", Text),
    no("cpu_count", WHOLE, WINDOWS),
    no("cpu_percent", NUMBER, WINDOWS),
    yes("cpu_period", NUMBER),
    yes("cpu_quota", NUMBER),
    yes("cpu_rt_period", NUMBER),
    yes("cpu_rt_runtime", NUMBER),
    yes("cpu_shares", NUMBER),
    yes("cpus", NUMBER),
    yes("cpuset", Text),
    no("credential_spec", Any, WINDOWS),
    yes("depends_on", DEPENDS_ON),
    yes("deploy", OneOf(&[Null, DEPLOY])),
    aside("develop", Any),
    yes("device_cgroup_rules", NAMES),
    yes("devices", List(&OneOf(&[Text, DEVICE]))),
    yes("dns", TEXT_OR_LIST),
    yes("dns_opt", NAMES),
    yes("dns_search", TEXT_OR_LIST),
    yes("domainname", Text),
    yes("entrypoint", COMMAND),
    yes("env_file", OneOf(&[Text, List(&OneOf(&[Text, ENV_FILE]))])),
    yes("environment", PAIRS),
    yes("expose", Set(&NUMBER)),
    yes("extends", Any),
    yes("external_links", NAMES),
    yes("extra_hosts", HOSTS),
    yes("gpus", OneOf(&[Word(&["all"]), List(&Keys(DEVICE_REQUEST))])),
    yes("group_add", Set(&NUMBER)),
    yes("healthcheck", HEALTHCHECK),
    yes("hostname", Text),
    yes("image", Text),
    yes("init", FLAG),
    yes("ipc", Text),
    no("isolation", Text, WINDOWS),
    yes("label_file", OneOf(&[Text, TEXTS])),
    yes("labels", PAIRS),
    yes("links", NAMES),
    yes("logging", LOGGING),
    yes("mac_address", Text),
    yes("mem_limit", NUMBER),
    yes("mem_reservation", WHOLE),
    yes("mem_swappiness", WHOLE),
    yes("memswap_limit", NUMBER),
    no(
        "models",
        Any,
        "run the model as a service of its own, and give its address in environment",
    ),
    yes("network_mode", Text),
    yes("networks", OneOf(&[NAMES, Named(&OneOf(&[Null, ATTACHMENT]))])),
    yes("oom_kill_disable", FLAG),
    yes("oom_score_adj", WHOLE),
    yes("pid", OneOf(&[Text, Null])),
    yes("pids_limit", NUMBER),
    yes("platform", Text),
    yes("ports", Set(&OneOf(&[Number, Text, PORT]))),
    no(
        "post_start",
        Any,
        "use a service of its own that depends on this one, and ends",
    ),
    no(
        "pre_stop",
        Any,
        "do it when the program gets stop_signal, and give it time with stop_grace_period",
    ),
    yes("privileged", FLAG),
    yes("profiles", NAMES),
    no(
        "provider",
        Any,
        "docker compose starts programs of its own for it; declare what they make in a typed program",
    ),
    yes("pull_policy", Text),
    no("pull_refresh_after", Text, "use pull_policy: always"),
    yes("read_only", FLAG),
    yes("restart", Text),
    yes("runtime", Text),
    yes("scale", WHOLE),
    yes("secrets", FILES),
    yes("security_opt", NAMES),
    yes("shm_size", NUMBER),
    yes("stdin_open", FLAG),
    yes("stop_grace_period", Text),
    yes("stop_signal", Text),
    yes("storage_opt", Map(&OneOf(&[Text, Number]))),
    yes("sysctls", PAIRS),
    yes("tmpfs", TEXT_OR_LIST),
    yes("tty", FLAG),
    yes("ulimits", ULIMITS),
    no(
        "use_api_socket",
        Flag,
        "mount the engine's socket: volumes: [/var/run/docker.sock:/var/run/docker.sock]",
    ),
    yes("user", Text),
    yes("userns_mode", Text),
    yes("uts", Text),
    yes("volumes", Set(&OneOf(&[Text, MOUNT]))),
    yes("volumes_from", NAMES),
    yes("working_dir", Text),
    yes(
        "x-iac",
        Keys(&[yes("ignore_changes", TEXT_OR_LIST), yes("wait", OneOf(&[Flag, Text]))]),
    ),
]);

const BLKIO: Shape = Keys(&[
    yes("device_read_bps", List(&BLKIO_RATE)),
    yes("device_read_iops", List(&BLKIO_RATE)),
    yes("device_write_bps", List(&BLKIO_RATE)),
    yes("device_write_iops", List(&BLKIO_RATE)),
    yes("weight", WHOLE),
    yes("weight_device", List(&Keys(&[yes("path", Text), yes("weight", WHOLE)]))),
]);

const BLKIO_RATE: Shape = Keys(&[yes("path", Text), yes("rate", WHOLE)]);

const BUILD: Shape = Keys(&[
    no("additional_contexts", PAIRS, BUILDKIT),
    yes("args", PAIRS),
    yes("cache_from", TEXTS),
    no("cache_to", TEXTS, BUILDKIT),
    yes("context", Text),
    yes("dockerfile", Text),
    yes("dockerfile_inline", Text),
    no("entitlements", TEXTS, BUILDKIT),
    yes("extra_hosts", HOSTS),
    no("isolation", Text, WINDOWS),
    yes("labels", PAIRS),
    yes("network", Text),
    yes("no_cache", FLAG),
    no("platforms", TEXTS, "use the service's platform"),
    no("privileged", FLAG, BUILDKIT),
    no("provenance", OneOf(&[Text, Flag]), BUILDKIT),
    yes("pull", FLAG),
    no("sbom", OneOf(&[Text, Flag]), BUILDKIT),
    no("secrets", FILES, BUILDKIT),
    yes("shm_size", WHOLE),
    no("ssh", PAIRS, BUILDKIT),
    yes("tags", TEXTS),
    yes("target", Text),
    no("ulimits", ULIMITS, BUILDKIT),
]);

const DEPENDS_ON: Shape = OneOf(&[
    NAMES,
    Named(&Needs(
        &["condition"],
        &[
            yes(
                "condition",
                Word(&["service_started", "service_healthy", "service_completed_successfully"]),
            ),
            yes("required", Flag),
            yes("restart", FLAG),
        ],
    )),
]);

const DEPLOY: Shape = Keys(&[
    idle("endpoint_mode", Text, SWARM),
    idle(
        "labels",
        PAIRS,
        "they are labels of a service of such a cluster, not of its containers; for those use labels",
    ),
    yes("mode", Text),
    idle("placement", PLACEMENT, SWARM),
    yes("replicas", WHOLE),
    yes(
        "resources",
        Keys(&[
            yes(
                "limits",
                Keys(&[yes("cpus", NUMBER), yes("memory", Text), yes("pids", WHOLE)]),
            ),
            yes(
                "reservations",
                Keys(&[
                    idle("cpus", NUMBER, SWARM),
                    yes("devices", List(&Needs(&["capabilities"], DEVICE_REQUEST))),
                    idle("generic_resources", Any, SWARM),
                    yes("memory", Text),
                ]),
            ),
        ]),
    ),
    yes(
        "restart_policy",
        Keys(&[
            yes("condition", Text),
            idle("delay", Text, "the engine waits by a rule of its own"),
            yes("max_attempts", WHOLE),
            idle("window", Text, "the engine judges by a rule of its own"),
        ]),
    ),
    idle("rollback_config", UPDATE, SWARM),
    yes("update_config", UPDATE),
]);

const UPDATE: Shape = Keys(&[
    idle(
        "delay",
        Text,
        "the next container is replaced as soon as the one before is healthy",
    ),
    idle(
        "failure_action",
        Text,
        "a container that does not become healthy gives way to the one before",
    ),
    idle(
        "max_failure_ratio",
        NUMBER,
        "the first container that does not become healthy ends the update",
    ),
    yes("monitor", Text),
    yes("order", Word(&["start-first", "stop-first"])),
    idle("parallelism", WHOLE, "containers are replaced one after the other"),
]);

const PLACEMENT: Shape = Keys(&[
    aside("constraints", TEXTS),
    aside("max_replicas_per_node", WHOLE),
    aside("preferences", List(&Keys(&[aside("spread", Text)]))),
]);

const DEVICE: Shape = Needs(
    &["source"],
    &[yes("permissions", Text), yes("source", Text), yes("target", Text)],
);

const DEVICE_REQUEST: &[Key] = &[
    yes("capabilities", NAMES),
    yes("count", WHOLE),
    yes("device_ids", NAMES),
    yes("driver", Text),
    yes("options", PAIRS),
];

const ENV_FILE: Shape = Needs(
    &["path"],
    &[yes("format", Text), yes("path", Text), yes("required", FLAG)],
);

const HEALTHCHECK: Shape = Keys(&[
    yes("disable", FLAG),
    yes("interval", Text),
    yes("retries", NUMBER),
    yes("start_interval", Text),
    yes("start_period", Text),
    yes("test", OneOf(&[Text, TEXTS])),
    yes("timeout", Text),
]);

const LOGGING: Shape = Keys(&[yes("driver", Text), yes("options", Map(&OneOf(&[Text, Number, Null])))]);

const ATTACHMENT: Shape = Keys(&[
    yes("aliases", NAMES),
    yes("driver_opts", OPTIONS),
    yes("gw_priority", Number),
    yes("interface_name", Text),
    yes("ipv4_address", Text),
    yes("ipv6_address", Text),
    yes("link_local_ips", NAMES),
    yes("mac_address", Text),
    yes("priority", Number),
]);

const PORT: Shape = Keys(&[
    aside("app_protocol", Text),
    yes("host_ip", Text),
    aside("mode", Text),
    aside("name", Text),
    yes("protocol", Text),
    yes("published", WHOLE),
    yes("target", WHOLE),
]);

const MOUNT: Shape = Needs(
    &["type"],
    &[
        yes(
            "bind",
            Keys(&[
                yes("create_host_path", FLAG),
                yes("propagation", Text),
                yes("recursive", Word(&["enabled", "disabled", "writable", "readonly"])),
                yes("selinux", Word(&["z", "Z"])),
            ]),
        ),
        aside("consistency", Text),
        no(
            "image",
            Any,
            "copy what is needed from the image into one that is built",
        ),
        yes("read_only", FLAG),
        yes("source", Text),
        yes("target", Text),
        yes("tmpfs", Keys(&[yes("mode", NUMBER), yes("size", WHOLE)])),
        yes("type", Word(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"])),
        yes(
            "volume",
            Keys(&[yes("labels", PAIRS), yes("nocopy", FLAG), yes("subpath", Text)]),
        ),
    ],
);

const EXTERNAL: Shape = OneOf(&[Flag, Text, Keys(&[yes("name", Text)])]);

const NETWORK: Shape = Keys(&[
    yes("attachable", FLAG),
    yes("driver", Text),
    yes("driver_opts", OPTIONS),
    yes("enable_ipv4", FLAG),
    yes("enable_ipv6", FLAG),
    yes("external", EXTERNAL),
    yes("internal", FLAG),
    yes(
        "ipam",
        Keys(&[
            yes(
                "config",
                List(&Keys(&[
                    yes("aux_addresses", Map(&Text)),
                    yes("gateway", Text),
                    yes("ip_range", Text),
                    yes("subnet", Text),
                ])),
            ),
            yes("driver", Text),
            yes("options", Map(&Text)),
        ]),
    ),
    yes("labels", PAIRS),
    yes("name", Text),
]);

const VOLUME: Shape = Keys(&[
    yes("driver", Text),
    yes("driver_opts", OPTIONS),
    yes("external", EXTERNAL),
    yes("labels", PAIRS),
    yes("name", Text),
]);

/// Both of these live in a cluster of engines, which would have to hand them out.
const FROM_CLUSTER: &str =
    "one engine keeps no configs and secrets; give its content with file, environment or content";

const CONFIG: Shape = Keys(&[
    yes("content", Text),
    yes("environment", Text),
    no("external", EXTERNAL, FROM_CLUSTER),
    yes("file", Text),
    idle("labels", PAIRS, SWARM),
    yes("name", Text),
    no("template_driver", Text, FROM_CLUSTER),
]);

const SECRET: Shape = Keys(&[
    no("driver", Text, FROM_CLUSTER),
    no("driver_opts", OPTIONS, FROM_CLUSTER),
    yes("environment", Text),
    no("external", EXTERNAL, FROM_CLUSTER),
    yes("file", Text),
    idle("labels", PAIRS, SWARM),
    yes("name", Text),
    no("template_driver", Text, FROM_CLUSTER),
]);
