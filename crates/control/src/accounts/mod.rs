//! Organisations, users and their tokens: registering, logging in, recognising a caller, handing out the users' key.

mod authenticate;
mod jwt;
mod keys;
pub mod passwords;
mod profile;
mod register;
mod somebody;
pub(crate) mod throttle;
mod tokens;

pub use authenticate::authenticate;
pub(crate) use jwt::TokenHash;
pub use jwt::{Signed, Signer, authenticate_signed, log_in, refresh};
pub use keys::{UserKey, user_key};
pub use profile::{Profile, profile, verify};
pub use register::{
    Registered, Registration as Form, add_organisation, add_user, invite, register, set_password,
};
pub(crate) use somebody::somebody;
pub use tokens::{Login, Tokens, login};
