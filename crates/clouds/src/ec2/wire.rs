//! Amazon's XML: only the fields that the driver reads. Amazon adds elements and never removes any, so unknown ones are
//! ignored and missing ones are empty.

use serde::Deserialize;

/// A list: each entry is an `item`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Items<T> {
    #[serde(rename = "item", default = "Vec::new")]
    pub(super) all: Vec<T>,
}

// Not derived: no item needs a default for a list to be empty.
impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

/// An answer that says no.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(rename = "Errors", default)]
    errors: Errors,
}

#[derive(Debug, Default, Deserialize)]
struct Errors {
    #[serde(rename = "Error", default)]
    all: Vec<Reason>,
}

#[derive(Debug, Default, Deserialize)]
struct Reason {
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

/// `DescribeInstances`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reservations {
    #[serde(default)]
    pub(super) reservation_set: Items<Reservation>,
    pub(super) next_token: Option<String>,
}

/// `RunInstances`, and a part of `DescribeInstances`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reservation {
    #[serde(default)]
    pub(super) instances_set: Items<Instance>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    pub(super) instance_id: String,
    #[serde(default)]
    pub(super) instance_state: State,
    #[serde(default)]
    pub(super) instance_type: String,
    /// `spot` or `scheduled`; none where it runs until somebody ends it.
    pub(super) instance_lifecycle: Option<String>,
    /// Why it is in its state, where Amazon says so.
    pub(super) state_reason: Option<StateReason>,
    /// The public one.
    pub(super) ip_address: Option<String>,
    pub(super) private_ip_address: Option<String>,
    /// Of the last start.
    pub(super) launch_time: Option<String>,
    pub(super) root_device_name: Option<String>,
    #[serde(default)]
    pub(super) block_device_mapping: Items<Mapping>,
    #[serde(default)]
    pub(super) network_interface_set: Items<Interface>,
    #[serde(default)]
    pub(super) tag_set: Items<Tag>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct State {
    #[serde(default)]
    pub(super) code: u16,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct StateReason {
    #[serde(default)]
    pub(super) message: String,
}

/// A disk of an instance or of an image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mapping {
    #[serde(default)]
    pub(super) device_name: String,
    #[serde(default)]
    pub(super) ebs: Disk,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Disk {
    /// Of an instance.
    pub(super) volume_id: Option<String>,
    pub(super) attach_time: Option<String>,
    /// Of an image.
    pub(super) snapshot_id: Option<String>,
    /// In GiB.
    pub(super) volume_size: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Interface {
    #[serde(default, rename = "ipv6AddressesSet")]
    pub(super) ipv6: Items<Ipv6>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ipv6 {
    #[serde(default, rename = "ipv6Address")]
    pub(super) address: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// `DescribeInstanceAttribute`, of the one attribute that is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attribute {
    #[serde(default)]
    pub(super) disable_api_termination: Switch,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Switch {
    #[serde(default)]
    pub(super) value: bool,
}

/// `DescribeRegions`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Regions {
    #[serde(default)]
    pub(super) region_info: Items<Region>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) region_name: String,
    #[serde(default)]
    pub(super) region_endpoint: String,
}

/// `DescribeInstanceTypes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceTypes {
    #[serde(default)]
    pub(super) instance_type_set: Items<InstanceType>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceType {
    pub(super) instance_type: String,
    #[serde(default)]
    pub(super) current_generation: bool,
    #[serde(default)]
    pub(super) bare_metal: bool,
    #[serde(default)]
    pub(super) processor_info: Processor,
    #[serde(default)]
    pub(super) v_cpu_info: Cpus,
    #[serde(default)]
    pub(super) memory_info: Memory,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Processor {
    #[serde(default)]
    pub(super) supported_architectures: Items<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cpus {
    #[serde(default, rename = "defaultVCpus")]
    pub(super) default: u32,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Memory {
    #[serde(default, rename = "sizeInMiB")]
    pub(super) mib: u64,
}

/// `DescribeInstanceTypeOfferings`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offerings {
    #[serde(default)]
    pub(super) instance_type_offering_set: Items<Offering>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offering {
    #[serde(default)]
    pub(super) instance_type: String,
}

/// `DescribeImages`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Images {
    #[serde(default)]
    pub(super) images_set: Items<Image>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    pub(super) image_id: String,
    /// Unique among its owner's in its region.
    #[serde(default)]
    pub(super) name: String,
    /// `available`, `pending`, `failed`, among others.
    #[serde(default)]
    pub(super) image_state: String,
    #[serde(default)]
    pub(super) creation_date: String,
    #[serde(default)]
    pub(super) root_device_name: String,
    #[serde(default)]
    pub(super) block_device_mapping: Items<Mapping>,
    #[serde(default)]
    pub(super) tag_set: Items<Tag>,
}

/// `CreateImage`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Taken {
    pub(super) image_id: String,
}

/// `DescribeSnapshots`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiskSnapshots {
    #[serde(default)]
    pub(super) snapshot_set: Items<DiskSnapshot>,
}

/// What is kept of a disk.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiskSnapshot {
    pub(super) snapshot_id: String,
    /// `pending`, `completed`, `error`, among others.
    #[serde(default)]
    pub(super) status: String,
}

/// `DescribeVolumes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volumes {
    #[serde(default)]
    pub(super) volume_set: Items<Volume>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Volume {
    /// In GiB.
    #[serde(default)]
    pub(super) size: u64,
}

/// `DescribeVolumesModifications`: the last change of each volume.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Modifications {
    #[serde(default)]
    pub(super) volume_modification_set: Items<Modification>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Modification {
    /// `modifying`, `optimizing`, `completed`, or `failed`.
    #[serde(default)]
    pub(super) modification_state: String,
    /// In GiB.
    #[serde(default)]
    pub(super) target_size: u64,
}

/// `GetConsoleOutput`.
#[derive(Debug, Deserialize)]
pub(super) struct Console {
    /// In base64; absent before the first look of Amazon's.
    #[serde(default)]
    pub(super) output: String,
}

// === impl Disk ===

impl Disk {
    /// Whether an image has it; what is no EBS volume is a disk of the host's, which goes by itself.
    pub(super) fn is_there(&self) -> bool {
        self.snapshot_id.is_some() || self.volume_size.is_some()
    }
}

// === impl Refusal ===

impl Refusal {
    /// Code and message; empty where there are none.
    pub(super) fn reason(&self) -> (&str, &str) {
        self.errors
            .all
            .first()
            .map(|reason| (reason.code.as_str(), reason.message.as_str()))
            .unwrap_or_default()
    }
}

/// A tag's value, where it is there and not empty.
pub(super) fn tag<'a>(tags: &'a Items<Tag>, key: &str) -> Option<&'a str> {
    tags.all
        .iter()
        .find(|tag| tag.key == key)
        .map(|tag| tag.value.as_str())
        .filter(|value| !value.is_empty())
}
