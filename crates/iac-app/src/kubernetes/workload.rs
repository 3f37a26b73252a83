//! The workloads that run the pods of a part: Deployments, StatefulSets, Jobs and CronJobs; and the autoscaler.

use iac_k8s::Object;
use iac_k8s::k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment, StatefulSet, StatefulSetSpec,
};
use iac_k8s::k8s_openapi::api::autoscaling::v2 as scaling;
use iac_k8s::k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobTemplateSpec};
use iac_k8s::k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodTemplateSpec, Volume};
use iac_k8s::k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use iac_k8s::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Edits, Lowering, labels, metadata, pod};
use crate::Schedule;
use crate::part::{Data, Kind};
use crate::scale::{Autoscale, Scale};

/// The number of times that a failed job is tried again.
const RETRIES: i32 = 3;

impl Lowering<'_> {
    /// Declares what runs the part's pods.
    pub(super) fn workload(&self, part: &Data, edits: &mut Edits) {
        let parts = self.environment(part);
        let name = &part.name.part;
        match &part.kind {
            Kind::Web | Kind::Worker => {
                let template = pod::template(part, parts, self.claims(part));
                let workload = self.add(part, edits, name, deployment(part, template), true);
                if let Scale::Auto { min, max, by } = &part.scale {
                    let scaler = autoscaler(part, &workload, [*min, *max], by);
                    self.add(part, edits, &format!("{name}-hpa"), scaler, false);
                }
            }
            Kind::Stateful => {
                let template = pod::template(part, parts, Vec::new());
                let class = self.app.0.storage_class.borrow().clone();
                let object = stateful_set(part, template, class.as_deref());
                self.add(part, edits, name, object, true);
            }
            Kind::Job => {
                let template = pod::template(part, parts, self.claims(part));
                let job = Job {
                    metadata: metadata(part),
                    spec: Some(job(template)),
                    ..Job::default()
                };
                self.add(part, edits, name, job, true);
            }
            Kind::Scheduled(schedule) => {
                let template = pod::template(part, parts, self.claims(part));
                self.add(part, edits, name, cron_job(part, schedule, template), true);
            }
        }
    }

    /// The claims of a part's volumes, where its workload has no templates for them.
    fn claims(&self, part: &Data) -> Vec<Volume> {
        let class = self.app.0.storage_class.borrow().clone();
        let declare = |volume: &crate::Volume| {
            let name = volume.name_in(&part.name.part);
            if volume.borrowed {
                return pod::borrowed(&name);
            }
            let claim = PersistentVolumeClaim {
                metadata: metadata(part),
                spec: Some(pod::claim(volume, class.as_deref())),
                ..PersistentVolumeClaim::default()
            };
            self.namespace.add(&name, claim).volume(&name)
        };
        part.container.volumes.iter().map(declare).collect()
    }
}

fn selector(part: &Data) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels(part)),
        ..LabelSelector::default()
    }
}

fn deployment(part: &Data, template: PodTemplateSpec) -> Deployment {
    let replicas = match part.scale {
        // The autoscaler owns the number from then on.
        Scale::Fixed(count) | Scale::Auto { min: count, .. } => count,
    };
    // A claim can be mounted on one node at a time.
    let alone = part.singleton || part.container.volumes.iter().any(|volume| !volume.shared);
    let strategy = match part.kind {
        _ if alone => Some(DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            ..DeploymentStrategy::default()
        }),
        Kind::Web => Some(DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(1)),
                max_unavailable: Some(IntOrString::Int(0)),
            }),
        }),
        _ => None,
    };
    Deployment {
        metadata: metadata(part),
        spec: Some(DeploymentSpec {
            replicas: Some(number(replicas)),
            selector: selector(part),
            strategy,
            template,
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn stateful_set(part: &Data, template: PodTemplateSpec, class: Option<&str>) -> StatefulSet {
    let claims = part.container.volumes.iter().map(|volume| PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(volume.name_in(&part.name.part)),
            ..ObjectMeta::default()
        },
        spec: Some(pod::claim(volume, class)),
        ..PersistentVolumeClaim::default()
    });
    let claims: Vec<PersistentVolumeClaim> = claims.collect();
    StatefulSet {
        metadata: metadata(part),
        spec: Some(StatefulSetSpec {
            service_name: Some(part.host(false).to_owned()),
            replicas: Some(1),
            selector: selector(part),
            template,
            volume_claim_templates: (!claims.is_empty()).then_some(claims),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

fn job(template: PodTemplateSpec) -> JobSpec {
    JobSpec {
        backoff_limit: Some(RETRIES),
        template,
        ..JobSpec::default()
    }
}

fn cron_job(part: &Data, schedule: &Schedule, template: PodTemplateSpec) -> CronJob {
    CronJob {
        metadata: metadata(part),
        spec: CronJobSpec {
            schedule: schedule.to_string(),
            time_zone: Some("Etc/UTC".to_owned()),
            concurrency_policy: Some("Forbid".to_owned()),
            job_template: JobTemplateSpec {
                metadata: Some(metadata(part)),
                spec: Some(job(template)),
            },
            ..CronJobSpec::default()
        },
        ..CronJob::default()
    }
}

fn autoscaler(
    part: &Data,
    workload: &Object<Deployment>,
    [min, max]: [u32; 2],
    by: &[Autoscale],
) -> scaling::HorizontalPodAutoscaler {
    let metric = |measure: &Autoscale| scaling::MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(scaling::ResourceMetricSource {
            name: measure.resource.to_owned(),
            target: scaling::MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(measure.percent.into()),
                ..scaling::MetricTarget::default()
            },
        }),
        ..scaling::MetricSpec::default()
    };
    scaling::HorizontalPodAutoscaler {
        metadata: metadata(part),
        spec: scaling::HorizontalPodAutoscalerSpec {
            scale_target_ref: workload.scale_target(),
            min_replicas: Some(number(min)),
            max_replicas: number(max),
            metrics: Some(by.iter().map(metric).collect()),
            ..scaling::HorizontalPodAutoscalerSpec::default()
        },
        ..scaling::HorizontalPodAutoscaler::default()
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
