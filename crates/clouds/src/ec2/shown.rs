//! What Amazon's description of an instance means in neutral terms.
//!
//! Used wherever an instance is read. What must stay true: a state that Amazon adds one day is never taken for "gone".

use domain::Timestamp;
use domain::server::Power;

use super::form::{INSTALLATION, NAME, TOKEN};
use super::wire;
use crate::cloud::{Instance, InstanceRef, Network, Tag};

/// The states in which an instance is there, or is on its way out: all but the last.
pub(super) const NOT_GONE: [&str; 5] =
    ["pending", "running", "shutting-down", "stopping", "stopped"];

/// Amazon's code for a state; the upper byte is for its own use.
pub(super) fn power(code: u16) -> Power {
    match code & 0xff {
        16 => Power::Running,
        32 => Power::ShuttingDown,
        48 => Power::Terminated,
        64 => Power::Stopping,
        80 => Power::Stopped,
        // 0, and what Amazon may add.
        _ => Power::Pending,
    }
}

/// A moment in RFC 3339's form.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_microsecond()))
}

// === impl Instance ===

impl wire::Instance {
    pub(super) fn power(&self) -> Power {
        power(self.instance_state.code)
    }

    /// The disk that it starts from.
    pub(super) fn root_disk(&self) -> Option<&wire::Disk> {
        let root = self.root_device_name.as_deref()?;
        let mut disks = self.block_device_mapping.all.iter();
        disks
            .find(|disk| disk.device_name == root)
            .map(|disk| &disk.ebs)
    }

    pub(super) fn shown(&self, region: &str) -> Instance {
        let power = self.power();
        let private_ip = given(self.private_ip_address.as_ref());
        // Without a public address it is in a private network, but for a moment at the start.
        let elsewhere = private_ip.clone().filter(|_| power == Power::Running);
        Instance {
            at: InstanceRef {
                region: region.to_owned(),
                id: self.instance_id.clone(),
            },
            name: wire::tag(&self.tag_set, NAME)
                .unwrap_or_default()
                .to_owned(),
            tag: self.tag(),
            power,
            public_ip: given(self.ip_address.as_ref()).or(elsewhere),
            private_ip,
            network: Network {
                ipv6: self.ipv6(),
                ..Network::default()
            },
            plan: Some(self.instance_type.clone()),
            created_at: self.created_at(),
        }
    }

    fn tag(&self) -> Option<Tag> {
        Some(Tag {
            installation: wire::tag(&self.tag_set, INSTALLATION)?.to_owned(),
            token: wire::tag(&self.tag_set, TOKEN)?.to_owned(),
        })
    }

    fn ipv6(&self) -> Option<String> {
        let interfaces = self.network_interface_set.all.iter();
        let mut addresses = interfaces.flat_map(|interface| &interface.ipv6.all);
        addresses.find_map(|ipv6| given(Some(&ipv6.address)))
    }

    /// When its root disk was attached, which happens once; the launch time is that of its last start.
    fn created_at(&self) -> Option<Timestamp> {
        let attached = self
            .root_disk()
            .and_then(|disk| disk.attach_time.as_deref());
        timestamp(attached.or(self.launch_time.as_deref())?)
    }
}

fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_by_their_codes_whatever_the_upper_byte_is() {
        for (code, expected) in [
            (0, Power::Pending),
            (16, Power::Running),
            (32, Power::ShuttingDown),
            (48, Power::Terminated),
            (64, Power::Stopping),
            (80, Power::Stopped),
            (272, Power::Running),
            (96, Power::Pending),
        ] {
            assert_eq!(power(code), expected, "{code}");
        }
    }

    #[test]
    fn a_description_of_amazons_is_read() {
        let xml = "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">
            <requestId>r</requestId>
            <reservationSet><item><instancesSet><item>
                <instanceId>i-1</instanceId>
                <instanceState><code>16</code><name>running</name></instanceState>
                <privateIpAddress>10.0.0.5</privateIpAddress>
                <ipAddress>54.1.2.3</ipAddress>
                <launchTime>2026-02-01T00:00:00.000Z</launchTime>
                <rootDeviceName>/dev/xvda</rootDeviceName>
                <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName>
                    <ebs><volumeId>vol-1</volumeId><attachTime>2026-01-01T00:00:00.000Z</attachTime></ebs>
                </item></blockDeviceMapping>
                <networkInterfaceSet><item><ipv6AddressesSet><item>
                    <ipv6Address>2600:1f18::1</ipv6Address>
                </item></ipv6AddressesSet></item></networkInterfaceSet>
                <tagSet>
                    <item><key>Name</key><value>web</value></item>
                    <item><key>arcus:installation</key><value>ours</value></item>
                    <item><key>arcus:token</key><value>t1</value></item>
                </tagSet>
            </item></instancesSet></item></reservationSet>
            <nextToken/>
        </DescribeInstancesResponse>";
        let read: wire::Reservations = quick_xml::de::from_str(xml).expect("is read");
        let instance = read.reservation_set.all[0].instances_set.all[0].shown("us-east-1");
        assert_eq!(instance.name, "web");
        assert_eq!(instance.power, Power::Running);
        assert_eq!(instance.public_ip.as_deref(), Some("54.1.2.3"));
        assert_eq!(instance.private_ip.as_deref(), Some("10.0.0.5"));
        assert_eq!(instance.network.ipv6.as_deref(), Some("2600:1f18::1"));
        assert_eq!(instance.created_at, timestamp("2026-01-01T00:00:00Z"));
        let tag = instance.tag.expect("is ours");
        assert_eq!(
            (tag.installation.as_str(), tag.token.as_str()),
            ("ours", "t1")
        );
    }
}
