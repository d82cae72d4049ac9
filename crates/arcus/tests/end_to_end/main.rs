//! From a request to a real server and back: the binary with the real Incus of this machine, as users meet the two.
//!
//! Where no Incus answers, or the image `debian/12` is missing there, each test says so and passes without having
//! tested anything (`scripts/lab.sh up incus image` brings both). `ARCUS_TEST_INCUS`, set to anything, is a promise that
//! they are there: a test that doesn't find them fails then. What must stay true: a test finds its instances by their
//! installation's id and leaves none behind, whether it passed or not; it has three servers at a time at most.

mod behind_our_back;
mod command_line;
mod crash;
mod naming;
mod one_click;
mod packages;
mod power;
mod rig;
mod single_server;
