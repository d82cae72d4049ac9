//! The sandbox: a simulated cloud, for trying Arcus where nothing can be installed and for tests of its faults.
//!
//! Its truth is an SQLite file of its own, so that it survives the control plane, as a real cloud would. Several
//! processes may have the file open: replicas of Arcus through the driver, `arcus sandbox` and the tests through
//! [`World`], which sees everything, changes things behind the control plane's back, and sets the [`Faults`].
//!
//! What must stay true: nothing that outlives a call is kept in memory; a state that takes time is derived from the
//! times in an instance's row whenever it is read, so that a restart at any moment changes nothing.
//!
//! | file | owns |
//! |---|---|
//! | `driver.rs` | the trait, verb by verb |
//! | `region.rs` | the driver's state, and the forms that its calls have |
//! | `call.rs` | what happens to every call on its way: the budget, latency, faults |
//! | `creation.rs` | a create: tokens, quota, addresses |
//! | `extras.rs` | snapshots, passwords, marks |
//! | `faults.rs` | the faults, their keys and their help |
//! | `guest.rs` | what the simulated systems say: cloud-init, console, counters |
//! | `machine.rs` | an instance's row and its states; pure |
//! | `truth.rs`, `schema.sql` | the file |
//! | `rows.rs` | the statements on instances |
//! | `wait.rs` | waiting for an instance |
//! | `world.rs` | the view from outside |

mod call;
mod creation;
mod driver;
mod extras;
mod faults;
mod guest;
mod machine;
mod region;
mod rows;
mod truth;
mod wait;
mod world;

use std::path::Path;
use std::sync::Arc;

use crate::cloud::{Cloud, CloudError, CloudResult, ErrorClass};
use crate::registry::{Kind, Settings};

pub use faults::Faults;
pub use world::{Details, InstanceRecord, World};

/// The sandbox in the list of clouds. It has no credentials; its option `path` is the file that holds its truth.
pub const KIND: Kind = Kind {
    name: "sandbox",
    description: "A simulated cloud to try Arcus with: its servers are rows in a file",
    fields: &[],
    options: &[],
    many_regions: false,
    calls_at_once: 32,
    policy: None,
    open,
};

fn open(settings: Settings) -> CloudResult<Arc<dyn Cloud>> {
    let path = settings.text("path").ok_or_else(|| {
        CloudError::new(
            ErrorClass::Rejected,
            "the sandbox needs the option `path`, its file",
        )
    })?;
    let truth = truth::Truth::at(Path::new(path))?;
    Ok(Arc::new(region::Sandbox::new(
        truth,
        settings.region,
        settings.budget,
    )))
}
