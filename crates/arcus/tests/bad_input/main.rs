//! What is wrong is refused with a status and a sentence, and nothing comes of it.

mod bodies;
mod clouds;
mod guards;
mod http;
mod ids;
mod names;
mod sites;
mod sizes;
mod waits;
