//! What Hetzner counts of a server's traffic.
//!
//! It counts for the billing of a month, and begins anew with the next one; a restart changes nothing. So the counters are
//! of one epoch, and ones that are less than they were began at nothing. Every server's are asked for once a minute, which
//! would use up the limit of calls: so all servers are read at once, and their counters held for a moment.

use std::sync::Arc;

use super::wire::Server;
use super::{Hetzner, labels};
use crate::cloud::{CloudResult, InstanceRef, Traffic};

/// Bytes since the month began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters {
    received: u64,
    sent: u64,
}

// === impl Hetzner ===

impl Hetzner {
    pub(super) async fn read_traffic(&self, at: &InstanceRef) -> CloudResult<Traffic> {
        let id = labels::id(at)?;
        let all = async {
            let servers = self.selected(labels::selector_of_all()).await?;
            let counters = servers.iter().map(|server| (server.id, counters(server)));
            CloudResult::Ok(Arc::new(counters.collect()))
        };
        let seen = self.counters.get("all", all).await?.get(&id).copied();
        let Counters { received, sent } = match seen {
            Some(seen) => seen,
            // One that is newer.
            None => counters(&self.describe(at).await?),
        };
        Ok(Traffic {
            epoch: "billing".to_owned(),
            received_bytes: received,
            sent_bytes: sent,
        })
    }
}

fn counters(server: &Server) -> Counters {
    Counters {
        received: server.ingoing_traffic.unwrap_or(0),
        sent: server.outgoing_traffic.unwrap_or(0),
    }
}
