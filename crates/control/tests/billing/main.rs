//! Money: what is charged, what is refused, what happens to who owes. In this process, with a clock that stands still until
//! a test moves it; no runner works here, so that nothing happens but what a test does.

mod common;
mod crashes;
mod deposits;
mod histories;
mod invoices;
mod limits;
mod oracle;
mod payments;
mod rules;
mod suspension;
