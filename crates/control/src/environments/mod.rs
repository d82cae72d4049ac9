//! Environments: groups of servers on one cloud, made, watched, switched, scaled and deleted together.

mod create;
mod delete;
mod draft;
mod import;
mod nodes;
pub mod preview;
mod query;
mod scale;
mod switch;
mod view;

pub use create::{NewEnvironment, create};
pub(crate) use delete::end;
pub use delete::{Deletion, delete, delete_node};
pub use draft::Terms;
pub use import::{Import, Importer, as_operator, import};
pub use nodes::{NewNode, add};
pub use query::{Queried, query};
pub use scale::{Selector, scale_down, scale_up};
pub use switch::{Outcome, Switched, reboot, start, stop};
pub use view::{EnvironmentView, find, list, wait_ready};
