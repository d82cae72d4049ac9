//! A change of an environment that is written and not committed yet: it can be looked at, and dropped as if nothing had
//! been.
//!
//! Every change of this folder is drafted first, by the one who makes it and by the one who previews it: so that what is
//! shown is what is done. What must stay true: a draft that is dropped with its session leaves nothing.

use domain::environment::{Environment, Provider};
use domain::operation::Operation;
use domain::server::{Desired, Server};
use domain::{Error, Result, ServerId};
use serde_json::{Value, json};
use store::Session;

use crate::servers;

/// What a change does, as its transaction says.
pub(super) struct Draft {
    /// The environment.
    pub(super) environment: Environment,
    /// Whether the change makes it.
    pub(super) is_new: bool,
    /// Its cloud account.
    pub(super) provider: Provider,
    /// The servers that it gets.
    pub(super) made: Vec<Server>,
    /// Those that are there already, and are taken under management.
    pub(super) taken: Vec<Server>,
    /// Those that go.
    pub(super) going: Vec<Server>,
    /// Which of those are given back to their cloud instead of being destroyed there.
    pub(super) given_back: Vec<ServerId>,
    /// Whether the environment goes with them.
    pub(super) ends: bool,
    /// Those that stay as they are.
    pub(super) staying: Vec<Server>,
}

/// A draft, and the transaction that it is written in.
pub(super) type Drafted = (Session, Draft);

/// What a change has to be so that it is made at all.
#[derive(Debug, Clone, Default)]
pub struct Terms(Option<Value>);

// === impl Terms ===

impl Terms {
    /// It is made, whatever it turns out to be.
    pub fn any() -> Self {
        Self(None)
    }

    /// It has to do just what this draft does.
    pub(super) fn of(draft: &Draft) -> Self {
        Self(Some(draft.in_words()))
    }

    /// Errors: `Conflict` where the change would do something else than was agreed on.
    pub(super) fn hold(&self, draft: &Draft) -> Result<()> {
        match &self.0 {
            Some(agreed) if *agreed != draft.in_words() => Err(no_longer()),
            _ => Ok(()),
        }
    }
}

/// The refusal of a change whose plan is old.
pub(super) fn no_longer() -> Error {
    Error::conflict(
        "the plan in X-Plan no longer holds, and nothing was done: ask for a new one with plan=true, and look at it",
    )
}

// === impl Draft ===

impl Draft {
    /// A change of an environment that is there, and has these servers.
    pub(super) fn of(environment: Environment, provider: Provider, servers: Vec<Server>) -> Self {
        let mut staying = servers;
        staying.retain(|server| server.desired != Desired::Destroyed);
        Self {
            environment,
            is_new: false,
            provider,
            made: Vec::new(),
            taken: Vec::new(),
            going: Vec::new(),
            given_back: Vec::new(),
            ends: false,
            staying,
        }
    }

    /// These go, each by its operation, and don't stay.
    pub(super) fn destroys(mut self, begun: &[(Server, Operation)]) -> Self {
        let given_back = begun.iter().filter(|(_, end)| servers::is_given_back(end));
        self.given_back = given_back.map(|(server, _)| server.id).collect();
        let going: Vec<Server> = begun.iter().map(|(server, _)| server.clone()).collect();
        let goes = |server: &Server| going.iter().any(|one| one.id == server.id);
        self.staying.retain(|server| !goes(server));
        self.going = going;
        self
    }

    /// Whether one of those that go stays at its cloud.
    pub(super) fn is_given_back(&self, server: &Server) -> bool {
        self.given_back.contains(&server.id)
    }

    /// These go, and their environment with the last of them where it is that of single servers.
    pub(super) async fn destroys_some(
        self,
        session: &mut Session,
        begun: &[(Server, Operation)],
    ) -> Result<Self> {
        let is_of_singles =
            store::environments::is_of_singles(session, self.environment.id).await?;
        let mut draft = self.destroys(begun);
        draft.ends = is_of_singles && draft.staying.is_empty();
        Ok(draft)
    }

    /// All that can be known of it before it is made: no id that is new, and no token.
    pub(super) fn in_words(&self) -> Value {
        let made = self.made.iter().map(|server| {
            json!({
                "name": server.name, "cloud_name": server.cloud_name, "plan": server.plan,
                "hourly": server.hourly, "monthly": server.monthly, "image": server.image,
                "packages": server.packages, "tags": server.tags,
            })
        });
        let taken = self
            .taken
            .iter()
            .map(|server| json!([server.name, server.cloud_id, server.plan]));
        let known = |server: &Server| json!([server.public_id, server.cloud_id, server.plan]);
        let id = (!self.is_new).then_some(&self.environment.public_id);
        json!({
            "environment": id,
            "application": self.environment.application_id.0,
            "name": self.environment.name,
            "region": self.environment.region,
            "provider": self.provider.public_id,
            "integrations": self.environment.integrations,
            "made": made.collect::<Vec<_>>(),
            "taken": taken.collect::<Vec<_>>(),
            "going": self.going.iter().map(known).collect::<Vec<_>>(),
            "given_back": self.given_back.iter().map(|id| id.0).collect::<Vec<_>>(),
            "staying": self.staying.iter().map(known).collect::<Vec<_>>(),
        })
    }
}
