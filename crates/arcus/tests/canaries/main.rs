//! No secret gets out: each is a canary, the binary logs all that it can, and afterwards everything that it wrote, printed
//! and answered is searched for each of them in every form.
//!
//! | file | what it owns |
//! |---|---|
//! | `search` | finding a canary, in whatever form |
//! | `aviary` | the canaries, and what was heard of them |
//! | `parrot` | clouds that repeat what they are told, or say nothing |
//! | `tale` | what the canaries live through: one file each for `accounts`, `clouds`, `servers`, `operator` |
//!
//! What must stay true: a secret may be read in the one answer that is about handing it out or echoing it, and nowhere else;
//! in the key file there are no secrets but its own; the simulated cloud's file is a cloud, and clouds are told the owner's
//! user data.

#[path = "../seeds/incus_stand_in.rs"]
mod incus_stand_in;

mod aviary;
mod parrot;
mod search;
mod tale;

use testkit::Database;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_out_with_sqlite() {
    tale::tell(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_out_with_postgres() {
    tale::tell(Database::postgres().await).await;
}
