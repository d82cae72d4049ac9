//! One history: an organisation, what becomes of its servers, and the oracle's idea of them.

use std::collections::BTreeMap;

use domain::server::{Desired, Setup};
use domain::{OrganisationId, ServerId};
use store::Session;

use super::met::Met;
use super::random::Random;
use crate::common::{Customer, House, asked_for, ended, made, plan};
use crate::oracle::{self, Oracle, Price};

/// What is more than any history costs.
const PLENTY: i64 = 1_000_000_000_000;

/// One history.
pub(super) struct History {
    customer: Customer,
    pub(super) oracle: Oracle,
    /// The minute of its next step; `None` once it is over.
    pub(super) next: Option<i64>,
    random: Random,
    servers: Vec<Known>,
    steps: i64,
}

/// A server as its owner knows it.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: ServerId,
    state: State,
    price: Price,
}

/// Where a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    There,
    Lost,
    Gone,
}

impl History {
    pub(super) fn new(customer: Customer, mut random: Random, minute: i64) -> Self {
        Self {
            customer,
            oracle: Oracle::new(minute),
            next: Some(minute + random.below(90)),
            steps: 3 + random.below(6),
            random,
            servers: Vec::new(),
        }
    }

    pub(super) fn organisation(&self) -> OrganisationId {
        self.customer.actor.organisation.id
    }

    /// Its next step, at the present minute.
    pub(super) async fn step(&mut self, house: &House, minute: i64, met: &mut Met) {
        self.oracle.wait_until(minute);
        let lost = |server: &Known| server.state == State::Lost;
        if self.servers.is_empty() {
            if !self.random.one_in(4) {
                self.pay(house, PLENTY).await;
            }
            self.create(house, met).await;
        } else if self.steps == 0 {
            self.destroy_all(house, met).await;
            self.next = None;
            return;
        } else if let Some(index) = self.servers.iter().position(lost) {
            self.find(house, index).await;
        } else {
            self.steps -= 1;
            self.act(house, met).await;
        }
        self.next = Some(minute + self.pause());
    }

    fn pause(&mut self) -> i64 {
        match self.random.below(10) {
            0 => 0,
            1 | 2 => self.random.below(60),
            3 => 60,
            4..=7 => self.random.below(6 * 60),
            8 => 60 * self.random.below(24),
            _ => self.random.below(4 * 24 * 60),
        }
    }

    async fn act(&mut self, house: &House, met: &mut Met) {
        let index = self.random.index(self.servers.len());
        let Known { id, state, .. } = self.servers[index];
        match self.random.below(11) {
            0 | 1 if self.servers.len() < 3 => self.create(house, met).await,
            2 | 3 => {
                met.top_ups += 1;
                let amount = 1 + self.random.below(2_000_000);
                self.pay(house, amount).await;
            }
            _ if state == State::Gone => {}
            0 | 1 | 4 | 5 => {
                met.upgrades += 1;
                let price = self.random.price();
                house.resize(id, &plan(price.0, price.1)).await;
                self.servers[index].price = price;
                self.oracle.set(index, Some(price));
            }
            6 | 7 => {
                met.stops += 1;
                self.switch(house, id).await;
            }
            8 | 9 => {
                met.losses += 1;
                self.lose(house, index).await;
            }
            _ => {
                met.destroys += 1;
                house.destroy(id).await;
                self.is(index, State::Gone);
            }
        }
    }

    /// A server that is not there costs nothing.
    fn is(&mut self, index: usize, state: State) {
        self.servers[index].state = state;
        self.oracle.set(index, None);
    }

    async fn create(&mut self, house: &House, met: &mut Met) {
        met.creates += 1;
        let price = self.random.price();
        let mut session = house.write().await;
        let server = asked_for(&mut session, &self.customer, &plan(price.0, price.1)).await;
        made(&mut session, server.id).await;
        session.commit().await.expect("commits");
        self.oracle.servers.push(oracle::Server::default());
        self.oracle.set(self.servers.len(), Some(price));
        self.servers.push(Known {
            id: server.id,
            state: State::There,
            price,
        });
    }

    async fn pay(&mut self, house: &House, amount: i64) {
        house.pay(&self.customer, amount).await;
        self.oracle.paid += amount;
    }

    /// A server that is off costs the same.
    async fn switch(&mut self, house: &House, server: ServerId) {
        let desired = if self.random.one_in(3) {
            Desired::Running
        } else {
            Desired::Stopped
        };
        let mut session = house.write().await;
        store::servers::want(&mut session, server, desired)
            .await
            .expect("writes");
        session.commit().await.expect("commits");
    }

    /// It vanishes at its cloud.
    async fn lose(&mut self, house: &House, index: usize) {
        let server = self.servers[index].id;
        let mut session = house.write().await;
        store::servers::set_setup(&mut session, server, Setup::Lost, Some("it is lost"))
            .await
            .expect("writes");
        store::billing::end(&mut session, server)
            .await
            .expect("ends");
        session.commit().await.expect("commits");
        self.is(index, State::Lost);
    }

    /// It is there again, at the price that it had.
    async fn find(&mut self, house: &House, index: usize) {
        let Known { id, price, .. } = self.servers[index];
        let mut session = house.write().await;
        store::servers::set_setup(&mut session, id, Setup::Ready, None)
            .await
            .expect("writes");
        store::billing::begin(&mut session, id)
            .await
            .expect("begins");
        session.commit().await.expect("commits");
        self.servers[index].state = State::There;
        self.oracle.set(index, Some(price));
    }

    /// What is lost and never found goes with the others.
    async fn destroy_all(&mut self, house: &House, met: &mut Met) {
        let mut session = house.write().await;
        for index in 0..self.servers.len() {
            let Known { id, state, .. } = self.servers[index];
            if state != State::Gone {
                met.destroys += 1;
                ended(&mut session, id).await;
                self.is(index, State::Gone);
            }
        }
        session.commit().await.expect("commits");
    }

    /// Whoever owes at the end pays, so that no season has the suspensions of those before it.
    pub(super) async fn settle(&mut self, house: &House) {
        let owed = self.oracle.cost() - self.oracle.paid;
        if owed > 0 {
            self.pay(house, owed).await;
        }
    }

    /// Panics unless the oracle's hours were charged, each at its moment and for its amount, and no others.
    pub(super) async fn assert_every_hour(&self, looking: &mut Session) {
        for (server, expected) in self.servers.iter().zip(&self.oracle.servers) {
            let charged = store::charges::of_server_for_test(looking, server.id).await;
            let charged = charged.expect("are known");
            let charged = charged.iter().map(|charge| {
                let due_at = charge.due_at.0 / 60_000_000;
                assert_eq!(charge.due_at.0 % 60_000_000, 0);
                (charge.hour, (due_at, charge.amount.0))
            });
            assert_eq!(charged.collect::<BTreeMap<_, _>>(), expected.charges);
        }
    }
}
