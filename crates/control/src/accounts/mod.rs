//! Organisations, users and their tokens: registering, logging in, recognising a caller, handing out the users' key.

mod authenticate;
mod keys;
pub mod passwords;
mod register;
pub(crate) mod throttle;
mod tokens;

pub use authenticate::authenticate;
pub use keys::{UserKey, user_key};
pub use register::{
    Registered, Registration as Form, add_organisation, add_user, invite, register, set_password,
};
pub use tokens::{Login, Tokens, login};
