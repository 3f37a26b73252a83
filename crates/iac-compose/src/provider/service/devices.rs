//! A container's access to the host's devices, and its limits in the kernel, as the engine is told.

use bollard::models::{DeviceMapping, DeviceRequest, HostConfig, ResourcesBlkioWeightDevice, ThrottleDevice};

use super::request::{some_list, some_map};
use crate::model::Service;

/// Returns a container's access to the host's devices, and its limits in the kernel.
pub(super) fn limits(spec: &Service) -> HostConfig {
    let blkio = spec.blkio_config.clone().unwrap_or_default();
    let weights = blkio
        .weight_device
        .into_iter()
        .map(|device| ResourcesBlkioWeightDevice {
            path: Some(device.path),
            weight: device.weight.map(usize::from),
        });
    let rates = |rates: Vec<crate::model::DeviceRate>| {
        let rates = rates.into_iter().map(|device| ThrottleDevice {
            path: Some(device.path),
            rate: Some(device.rate.as_i64()),
        });
        some_list(rates.collect())
    };
    HostConfig {
        devices: some_list(
            spec.devices
                .iter()
                .filter(|device| !is_named(device))
                .map(|device| device_mapping(device))
                .collect(),
        ),
        device_cgroup_rules: some_list(spec.device_cgroup_rules.clone()),
        device_requests: some_list(device_requests(spec)),
        cpu_period: spec.cpu_period,
        cpu_quota: spec.cpu_quota,
        cpu_realtime_period: spec.cpu_rt_period,
        cpu_realtime_runtime: spec.cpu_rt_runtime,
        memory_swap: spec.memswap_limit,
        memory_swappiness: spec.mem_swappiness,
        oom_kill_disable: spec.oom_kill_disable.then_some(true),
        blkio_weight: blkio.weight,
        blkio_weight_device: some_list(weights.collect()),
        blkio_device_read_bps: rates(blkio.device_read_bps),
        blkio_device_read_iops: rates(blkio.device_read_iops),
        blkio_device_write_bps: rates(blkio.device_write_bps),
        blkio_device_write_iops: rates(blkio.device_write_iops),
        ..HostConfig::default()
    }
}

/// True if a device is named by its vendor (`vendor.com/class=name`) and not by its path.
fn is_named(device: &str) -> bool {
    let name = device.split(':').next().unwrap_or_default();
    !name.starts_with('/') && name.contains('/') && name.contains('=')
}

/// Devices that the engine chooses, or knows by their vendors' names.
fn device_requests(spec: &Service) -> Vec<DeviceRequest> {
    let named = spec.devices.iter().filter(|device| is_named(device));
    let named: Vec<String> = named
        .map(|device| device.split(':').next().unwrap_or_default().to_owned())
        .collect();
    let named = (!named.is_empty()).then(|| DeviceRequest {
        driver: Some("cdi".to_owned()),
        device_ids: Some(named),
        ..DeviceRequest::default()
    });
    let request = |request: &crate::model::DeviceRequest, more: Option<&str>| {
        let capabilities = request.capabilities.iter().cloned().chain(more.map(str::to_owned));
        DeviceRequest {
            driver: request.driver.clone(),
            count: request.count.or(request.device_ids.is_empty().then_some(-1)),
            device_ids: some_list(request.device_ids.clone()),
            capabilities: some_list(vec![capabilities.collect()]),
            options: some_map(&request.options),
        }
    };
    let reserved = spec.device_requests.iter().map(|device| request(device, None));
    let gpus = spec.gpus.iter().map(|device| request(device, Some("gpu")));
    named.into_iter().chain(reserved).chain(gpus).collect()
}

fn device_mapping(device: &str) -> DeviceMapping {
    let mut parts = device.splitn(3, ':');
    let host = parts.next().unwrap_or_default().to_owned();
    let container = parts.next().map_or_else(|| host.clone(), str::to_owned);
    DeviceMapping {
        path_on_host: Some(host),
        path_in_container: Some(container),
        cgroup_permissions: Some(parts.next().unwrap_or("rwm").to_owned()),
    }
}
