//! Looking without touching: the server itself, an instance's traffic, its console.

use domain::Region;

use super::wire::Interface;
use super::{Incus, names};
use crate::cloud::{CloudResult, InstanceRef, Offer, Traffic};

/// The end of a console's log that is worth showing.
const LONGEST_LOG: usize = 64 << 10;

// === impl Incus ===

impl Incus {
    pub(super) async fn check_trust(&self) -> CloudResult<()> {
        self.client.ask_server().await.map(drop)
    }

    /// The region itself. Sizes and images are the operator's own.
    pub(super) async fn read_offer(&self) -> CloudResult<Offer> {
        let server = self.client.ask_server().await?;
        let named = self
            .options
            .name
            .clone()
            .unwrap_or_else(|| server.environment.server_name.chars().take(100).collect());
        let region = Region {
            slug: self.options.region.clone(),
            name: if named.is_empty() {
                self.options.region.clone()
            } else {
                named
            },
            endpoint: self.options.endpoint.shown(),
            country: String::new(),
            open: true,
        };
        Ok(Offer {
            regions: vec![region],
            ..Offer::default()
        })
    }

    /// What went through the interfaces that Incus gave the instance; what its containers say among themselves is
    /// no traffic.
    pub(super) async fn read_traffic(&self, at: &InstanceRef) -> CloudResult<Traffic> {
        let state = self.state(at).await?;
        let given = || {
            let all = state.network.iter();
            all.filter(|(name, interface)| interface.is_given(name))
                .map(|(_, interface)| interface)
        };
        let sum = |count: fn(&Interface) -> u64| given().map(count).fold(0, u64::saturating_add);
        Ok(Traffic {
            epoch: String::new(),
            received_bytes: sum(|interface| interface.counters.bytes_received),
            sent_bytes: sum(|interface| interface.counters.bytes_sent),
        })
    }

    pub(super) async fn read_console_log(&self, at: &InstanceRef) -> CloudResult<String> {
        let log = self
            .client
            .text(&["instances", names::checked(at)?, "console"])
            .await?;
        let mut from = log.len().saturating_sub(LONGEST_LOG);
        while !log.is_char_boundary(from) {
            from += 1;
        }
        Ok(log[from..].to_owned())
    }
}
