//! The stack configuration of the test bed, which `IAC_CONFIG_FILE` names: the same programs, on a machine with two cores.

use std::io;
use std::path::Path;

use super::catalogue::reference;

/// Writes the configuration for the programs in `stacks/`.
///
/// Images are the test bed's; requests and sizes are small enough for a node with two cores that holds every pod and one
/// more during a rollout; hosts end in `.test`, which no name server knows. What is not set here keeps the guides' value.
///
/// # Errors
/// The system's own, when the file can't be written.
pub fn write_config(path: &Path) -> io::Result<()> {
    std::fs::write(path, text())
}

fn text() -> String {
    let images = [
        ("api", "codelab-core-service"),
        ("postgres", "postgres"),
        ("redis", "redis"),
        ("qdrant", "qdrant-standin"),
        ("prometheus", "prometheus"),
        ("grafana", "grafana-standin"),
        ("nginx", "nginx"),
    ];
    let images: String = images
        .iter()
        .map(|(key, name)| format!("{key} = \"{}\"\n", reference(name)))
        .collect();
    format!("# Written by the test bed: its images, and sizes that fit one small machine.\n\n[images]\n{images}{SIZES}")
}

/// Everything but the images. The API's memory request leaves what it needs idle (65 MiB) well below the 80 % at which its
/// autoscaler adds a replica.
const SIZES: &str = r#"
[replicas]
api = 2

[autoscale]
max = 4

[resources.api]
requests = { cpu = "50m", memory = "128Mi" }
limits = { cpu = "1000m", memory = "512Mi" }

[resources.postgres]
requests = { cpu = "10m", memory = "64Mi" }
limits = { cpu = "1000m", memory = "512Mi" }

[resources.redis]
requests = { cpu = "10m", memory = "32Mi" }
limits = { cpu = "500m", memory = "128Mi" }

[resources.qdrant]
requests = { cpu = "10m", memory = "32Mi" }
limits = { cpu = "500m", memory = "128Mi" }

[sizes]
postgres = "1Gi"
redis = "1Gi"
qdrant = "1Gi"
backup = "1Gi"

[ingress]
host = "api.codelab.test"

[monitoring]
enabled = false

[secrets]
openai_api_key = "sk-test-bed-not-a-real-key"
"#;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_configuration_is_toml_and_names_only_images_of_the_test_bed() {
        let read: toml::Table = text().parse().unwrap();
        let images = read["images"].as_table().unwrap();
        assert_eq!(images.len(), 7);
        for (key, image) in images {
            assert!(
                image.as_str().unwrap().starts_with("localhost/iac-test/"),
                "{key} = {image}"
            );
        }
        assert_eq!(images["qdrant"].as_str(), Some("localhost/iac-test/qdrant-standin:1"));
    }
}
