//! Things that a service needs and that containers of others hold: ports of the host, and the names of its own containers.

use bollard::models::{ContainerSummary, PortSummary};
use iac_core::provider::Problem;
use iac_core::value::FieldPath;

use super::connect::Engine;
use super::service::containers::listed_name;
use super::service::request::container_name;
use crate::inputs::ServiceInputs;
use crate::labels;
use crate::model::{Port, addresses_meet};

impl Engine {
    /// Returns the problems of things that the service cannot get, since somebody else's containers (of those around) hold
    /// them. `old` is the service as it was until now, which goes first where both want the same.
    pub(crate) fn held_by_others(
        &self,
        around: &[ContainerSummary],
        inputs: &ServiceInputs,
        old: Option<&ServiceInputs>,
    ) -> Vec<Problem> {
        let names: Vec<String> = (1..=inputs.spec.replicas())
            .map(|number| container_name(inputs, number))
            .collect();
        let mut problems = Vec::new();
        for container in around {
            let is_old = old.is_some_and(|old| is_of(container, old));
            if is_of(container, inputs) || is_old || self.goes_with_project(container, inputs) {
                continue;
            }
            let name = listed_name(container);
            if names.iter().any(|wanted| wanted == name) {
                problems.push(Problem {
                    hint: Some(format!("set container_name to another one, or remove {name}")),
                    ..Problem::new(
                        FieldPath::fields(["container_name"]),
                        format!("the container name {name} is taken{}", owner(container, inputs)),
                    )
                });
            }
            let held = container.ports.iter().flatten();
            let meets = |port: &&Port| held.clone().any(|held| meet(port, held));
            if let Some(published) = inputs.spec.ports.iter().find(meets).and_then(|port| port.published) {
                problems.push(Problem {
                    hint: Some(format!("publish another port, or stop {name}")),
                    ..Problem::new(
                        FieldPath::fields(["ports"]),
                        format!(
                            "port {published} of the host is held by the container {name}{}",
                            owner(container, inputs)
                        ),
                    )
                });
            }
        }
        problems
    }

    /// True if a container is of this stack and project, or was recreated there by docker compose: what it holds is freed by
    /// the same run, or reported with the service that keeps it.
    fn goes_with_project(&self, container: &ContainerSummary, inputs: &ServiceInputs) -> bool {
        let label = |name: &str| container.labels.as_ref().and_then(|labels| labels.get(name));
        let is_ours = label(labels::STACK).is_none() || self.owner.mark(container.labels.as_ref()).is_ours();
        is_ours && label(labels::PROJECT) == Some(&inputs.project)
    }
}

fn is_of(container: &ContainerSummary, inputs: &ServiceInputs) -> bool {
    let label = |name: &str| container.labels.as_ref().and_then(|labels| labels.get(name));
    label(labels::PROJECT) == Some(&inputs.project) && label(labels::SERVICE) == Some(&inputs.service)
}

/// Names the project of the container, as the end of a sentence, if it is another project.
fn owner(container: &ContainerSummary, inputs: &ServiceInputs) -> String {
    let project = container.labels.as_ref().and_then(|labels| labels.get(labels::PROJECT));
    project
        .filter(|project| **project != inputs.project)
        .map(|project| format!(", which is of the project {project}"))
        .unwrap_or_default()
}

/// True if a port that is to be published is one that is held: the same number and protocol, at an address of both.
fn meet(wanted: &Port, held: &PortSummary) -> bool {
    let protocol = held.typ.as_ref().map(ToString::to_string).unwrap_or_default();
    // Of a range the engine takes one that is free.
    wanted.published.is_some()
        && wanted.published_to.is_none()
        && wanted.published == held.public_port
        && wanted.protocol == protocol
        && addresses_meet(wanted.host_ip.as_deref(), held.ip.as_deref())
}
