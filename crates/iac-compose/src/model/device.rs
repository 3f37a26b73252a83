//! Devices that a container gets by what they can do, and limits of block devices.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::{Bytes, lenient};

/// Devices that the engine's driver chooses by what they can do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceRequest {
    /// The abilities that each device must have: `gpu`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub capabilities: Vec<String>,
    /// The number of devices; -1 for all, which is also the meaning of no count and no IDs.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub count: Option<i64>,
    /// Which ones.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::texts")]
    pub device_ids: Vec<String>,
    /// The driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The driver's options.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "lenient::pairs")]
    pub options: BTreeMap<String, String>,
}

fn count<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    match Json::deserialize(input)? {
        Json::Null => Ok(None),
        Json::String(text) if text.eq_ignore_ascii_case("all") => Ok(Some(-1)),
        json => {
            let count = lenient::text_of(&json).and_then(|text| text.parse().ok());
            count
                .map(Some)
                .ok_or_else(|| D::Error::custom("expected a number, or all"))
        }
    }
}

/// The share and the limits of reads from and writes to block devices.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blkio {
    /// Its share when others want a device as well, from 10 to 1000.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::number")]
    pub weight: Option<u16>,
    /// The same for single devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weight_device: Vec<DeviceWeight>,
    /// Bytes a second it may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_read_bps: Vec<DeviceRate>,
    /// Reads a second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_read_iops: Vec<DeviceRate>,
    /// Bytes a second it may write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_write_bps: Vec<DeviceRate>,
    /// Writes a second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_write_iops: Vec<DeviceRate>,
}

/// A container's share of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceWeight {
    /// The device.
    pub path: String,
    /// The share, from 10 to 1000.
    #[serde(deserialize_with = "lenient::number")]
    pub weight: Option<u16>,
}

/// A limit on the use of one device in a second.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceRate {
    /// The device.
    pub path: String,
    /// Bytes, or operations.
    pub rate: Bytes,
}
