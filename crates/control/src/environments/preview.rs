//! A change before it is made: the calls, the price, what can't be undone, and a hash by which it is agreed to.
//!
//! Called by `api` for `?plan=true`, and for `X-Plan`, which makes the change only where the same preview comes out again.
//! What must stay true: nothing is changed here, neither in the database, whose transaction is dropped, nor at a cloud,
//! which is only looked at.

use clouds::budget::on_behalf_of;
use clouds::{CloudError, ErrorClass, GroupRef, InstanceRef, PreviewedCall};
use domain::account::Actor;
use domain::server::{Power, Server};
use domain::{Error, Money, PublicId, Result};
use futures::future::try_join_all;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::create::NewEnvironment;
use super::delete::left_account;
use super::draft::{Draft, Drafted, Terms, no_longer};
use super::import::{Import, Importer};
use super::nodes::NewNode;
use super::scale::Selector;
use crate::app::{Account, App, HOUSE};
use crate::catalog::packages;
use crate::operations::request::{self, Beyond};
use crate::operations::retry;
use crate::providers;

/// What a change would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The servers that would be made.
    pub made: Vec<Server>,
    /// Those that are there, and would be taken under management.
    pub taken: Vec<Server>,
    /// Those that would be destroyed.
    pub going: Vec<Server>,
    /// Those that go and stay at their cloud as they are: they were not taken under management yet.
    pub given_back: Vec<Server>,
    /// The calls that would change something at the cloud. Looks are not among them.
    pub calls: Vec<PreviewedCall>,
    /// What it costs.
    pub price: Price,
    /// What can't be undone, a line each.
    pub irreversible: Vec<String>,
    /// The same for the same change while nothing that it depends on has changed.
    pub hash: String,
    terms: Terms,
}

/// What an environment costs, and by how much a change changes that.
#[derive(Debug, Clone)]
pub struct Price {
    /// The code of its currency; `None` where nobody asks for money.
    pub currency: Option<String>,
    /// The difference; negative where it will cost less.
    pub difference: Rate,
    /// What all of the environment will cost.
    pub afterwards: Rate,
    /// The plans whose price the cloud doesn't tell: they are not in the sums.
    pub unknown: Vec<String>,
}

/// An amount for a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// For an hour.
    pub hourly: Money,
    /// For a month, at the most.
    pub monthly: Money,
}

/// What [`create`](super::create()) would do. Errors: those of it.
pub async fn create(app: &App, actor: &Actor, new: &NewEnvironment) -> Result<Preview> {
    preview(app, Box::pin(super::create::draft(app, actor, new)).await?).await
}

/// What [`add`](super::add) would do. Errors: those of it.
pub async fn add(app: &App, actor: &Actor, id: &PublicId, new: &[NewNode]) -> Result<Preview> {
    preview(
        app,
        Box::pin(super::nodes::draft(app, actor, id, new)).await?,
    )
    .await
}

/// What [`scale_up`](super::scale_up) would do. Errors: those of it.
pub async fn scale_up(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    selector: &Selector,
    count: i64,
) -> Result<Preview> {
    preview(
        app,
        Box::pin(super::scale::draft_up(app, actor, id, selector, count)).await?,
    )
    .await
}

/// What [`scale_down`](super::scale_down) would do. Errors: those of it.
pub async fn scale_down(
    app: &App,
    actor: &Actor,
    id: &PublicId,
    selector: &Selector,
    count: i64,
) -> Result<Preview> {
    preview(
        app,
        Box::pin(super::scale::draft_down(app, actor, id, selector, count)).await?,
    )
    .await
}

/// What [`delete`](super::delete()) would do. Errors: those of it.
pub async fn delete(app: &App, actor: &Actor, id: &PublicId) -> Result<Preview> {
    let (drafted, _) = Box::pin(super::delete::draft(app, actor, id)).await?;
    preview(app, drafted).await
}

/// What [`delete_node`](super::delete_node) would do. Errors: those of it.
pub async fn delete_node(app: &App, actor: &Actor, id: &PublicId) -> Result<Preview> {
    preview(
        app,
        Box::pin(super::delete::draft_node(app, actor, id)).await?,
    )
    .await
}

/// What [`import`](super::import()) would do. Errors: those of it.
pub async fn import(
    app: &App,
    importer: &Importer,
    provider: &PublicId,
    wanted: &Import,
) -> Result<Preview> {
    preview(
        app,
        Box::pin(super::import::draft(app, importer, provider, wanted)).await?,
    )
    .await
}

/// Drops the transaction, and asks the cloud what it would be asked for.
async fn preview(app: &App, (session, draft): Drafted) -> Result<Preview> {
    drop(session);
    let (provider, region) = (&draft.provider, &draft.environment.region);
    let is_empty = draft.made.is_empty() && draft.taken.is_empty() && draft.going.is_empty();
    let account = if is_empty {
        left_account(app, provider, region).await?
    } else {
        Some(app.account(provider, region).await?)
    };
    let organisation = draft.environment.organisation_id.0;
    // Boxed, as the drafts are: a request's future would be large with them.
    let looked_at = Box::pin(looked_at(app, account, draft));
    on_behalf_of(organisation, looked_at).await
}

/// A server of which something is destroyed at the cloud.
struct Ended<'a> {
    server: &'a Server,
    /// Whether it is there itself, or its snapshots alone.
    is_there: bool,
}

/// The calls, and the servers of which they destroy something.
async fn calls<'a>(
    app: &App,
    account: &Account,
    draft: &'a Draft,
) -> Result<(Vec<PreviewedCall>, Vec<Ended<'a>>)> {
    let group = GroupRef {
        region: account.region.clone(),
        name: request::group_of(&draft.environment.public_id),
    };
    let mut calls = making(app, account, &group, draft).await?;
    for at in draft.taken.iter().filter_map(|server| at(account, server)) {
        let its = account.cloud.preview_adopt(&at).await;
        calls.extend(its.map_err(retry::as_error)?);
    }
    let (ended, its) = ending(app, account, &group, draft).await?;
    calls.extend(its);
    Ok((calls, ended))
}

async fn looked_at(app: &App, account: Option<Account>, draft: Draft) -> Result<Preview> {
    let (mut calls, ended) = match &account {
        Some(account) => calls(app, account, &draft).await?,
        None => (Vec::new(), Vec::new()),
    };
    if draft.is_new {
        // It will have another id.
        let id = draft.environment.public_id.as_str();
        for call in &mut calls {
            call.call = call.call.replace(id, "NEW");
            call.does = call.does.replace(id, "NEW");
        }
    }
    let currency = providers::of_provider(app, &draft.provider)
        .await?
        .offer
        .currency;
    let price = price(currency, &draft)?;
    let irreversible = irreversible(app, &price, &draft, &ended).await?;
    let calls_in_words: Vec<_> = calls.iter().map(|call| [&call.call, &call.does]).collect();
    let in_words = json!({
        "draft": draft.in_words(), "calls": calls_in_words, "irreversible": irreversible,
        "currency": price.currency,
        "price": [price.afterwards.hourly, price.afterwards.monthly],
    });
    let terms = Terms::of(&draft);
    let (given_back, going) = draft
        .going
        .iter()
        .cloned()
        .partition(|server| draft.is_given_back(server));
    Ok(Preview {
        hash: hex::encode(Sha256::digest(in_words.to_string())),
        terms,
        made: draft.made,
        taken: draft.taken,
        going,
        given_back,
        calls,
        price,
        irreversible,
    })
}

async fn making(
    app: &App,
    account: &Account,
    group: &GroupRef,
    draft: &Draft,
) -> Result<Vec<PreviewedCall>> {
    let all = draft.staying.iter().chain(&draft.made);
    let ports = packages::ports_of(all.map(|server| &server.packages));
    let mut requests = Vec::with_capacity(draft.made.len());
    let mut session = app.store.read().await?;
    for server in &draft.made {
        let beyond = Beyond {
            group: group.name.clone(),
            is_first: draft.is_new,
            ports: ports.clone(),
            owners: None,
            snapshot: None,
        };
        let request = request::request(app, &mut session, server, &account.region, beyond).await?;
        requests.push(request);
    }
    drop(session);
    let calls = account.cloud.preview_create(&requests).await;
    calls.map_err(retry::as_error)
}

/// The servers of which something is destroyed at the cloud, and the calls that do it. All are looked at at once: the
/// account's budget says how many calls that are.
async fn ending<'a>(
    app: &App,
    account: &Account,
    group: &GroupRef,
    draft: &'a Draft,
) -> Result<(Vec<Ended<'a>>, Vec<PreviewedCall>)> {
    let ends = draft.going.iter().map(|server| async move {
        if draft.is_given_back(server) {
            let calls = giving_back(app, account, server).await?;
            return Ok::<_, Error>((None, calls));
        }
        let (is_there, calls) = destroying(app, account, server).await?;
        let ended = Ended { server, is_there };
        let ends = is_there || !calls.is_empty();
        Ok((ends.then_some(ended), calls))
    });
    let (ended, calls): (Vec<_>, Vec<_>) = try_join_all(ends).await?.into_iter().unzip();
    let mut calls = calls.concat();
    if draft.ends {
        let its = account.cloud.preview_destroy(&[], Some(group)).await;
        calls.extend(its.map_err(retry::as_error)?);
    }
    Ok((ended.into_iter().flatten().collect(), calls))
}

/// Whether a server is there to be destroyed, and the calls that destroy it, or what outlived it.
async fn destroying(
    app: &App,
    account: &Account,
    server: &Server,
) -> Result<(bool, Vec<PreviewedCall>)> {
    let Some(at) = at(account, server) else {
        return Ok((false, Vec::new()));
    };
    let calls = match account.cloud.get(&at).await {
        // It has ended, and may have lost its tags for that.
        Ok(seen) if seen.power == Power::Terminated => Err(CloudError::not_found(&at)),
        // Not ours any more.
        Ok(seen) if seen.tag != Some(request::tag(app, server)) => {
            return Ok((false, Vec::new()));
        }
        Ok(_) => {
            let it = std::slice::from_ref(&at);
            account.cloud.preview_destroy(it, None).await
        }
        Err(error) => Err(error),
    };
    let (is_there, mut calls) = match calls {
        Ok(calls) => (true, calls),
        Err(error) if error.class == ErrorClass::NotFound => (false, Vec::new()),
        Err(error) => return Err(retry::as_error(error)),
    };
    let outlives = account.cloud.preview_clear_gone(&at).await;
    calls.extend(outlives.map_err(retry::as_error)?);
    Ok((is_there, calls))
}

/// The calls that give a server back whose import never ended.
async fn giving_back(app: &App, account: &Account, server: &Server) -> Result<Vec<PreviewedCall>> {
    let Some(at) = at(account, server) else {
        return Ok(Vec::new());
    };
    let mut session = app.store.read().await?;
    let was_sent = store::operations::adoption_was_sent(&mut session, server.id).await?;
    drop(session);
    let calls = match account.cloud.get(&at).await {
        Ok(seen)
            if seen.tag == Some(request::tag(app, server)) || (was_sent && seen.tag.is_none()) =>
        {
            account.cloud.preview_release(&at).await
        }
        Ok(_) => return Ok(Vec::new()),
        Err(error) => Err(error),
    };
    match calls {
        Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
        calls => calls.map_err(retry::as_error),
    }
}

/// Where a server is that is there.
fn at(account: &Account, server: &Server) -> Option<InstanceRef> {
    let id = server.cloud_id.clone()?;
    Some(InstanceRef {
        region: account.region.clone(),
        id,
    })
}

fn price(currency: Option<String>, draft: &Draft) -> Result<Price> {
    let mut unknown: Vec<String> = Vec::new();
    let mut sum = |servers: Vec<&Server>| {
        servers
            .into_iter()
            .try_fold(Rate::default(), |sum, server| {
                if currency.is_none() {
                    return Ok(sum);
                }
                let may_lack = draft.provider.kind != HOUSE;
                if may_lack && server.hourly == Money(0) && server.monthly == Money(0) {
                    unknown.push(server.plan.clone());
                }
                sum.plus(server)
            })
    };
    let (given_back, going): (Vec<_>, Vec<_>) =
        (draft.going.iter()).partition(|server| draft.is_given_back(server));
    let (going, given_back) = (sum(going)?, sum(given_back)?);
    let made = sum(draft.made.iter().collect())?;
    let taken = sum(draft.taken.iter().collect())?;
    let staying = sum(draft.staying.iter().collect())?;
    // Elsewhere the owner pays for what is imported already, and goes on to where it is given back.
    let is_sold = draft.provider.kind == HOUSE;
    let (new, old) = if is_sold {
        (made.and(taken)?, going.and(given_back)?)
    } else {
        (made, going)
    };
    unknown.sort();
    unknown.dedup();
    Ok(Price {
        currency,
        difference: Rate {
            hourly: new.hourly.minus(old.hourly)?,
            monthly: new.monthly.minus(old.monthly)?,
        },
        afterwards: staying.and(made)?.and(taken)?,
        unknown,
    })
}

async fn irreversible(
    app: &App,
    price: &Price,
    draft: &Draft,
    ended: &[Ended<'_>],
) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if !draft.made.is_empty() && price.currency.is_some() {
        lines.push("what the new servers cost until they are deleted is to be paid".to_owned());
    }
    let mut session = app.store.read().await?;
    for Ended { server, is_there } in ended {
        let name = &server.name;
        if *is_there {
            lines.push(format!(
                "the disk of {name} and all that is on it are destroyed"
            ));
        }
        if let Some(ip) = server.public_ip.as_ref().filter(|_| *is_there) {
            lines.push(format!("the address {ip} of {name} is given back"));
        }
        let organisation = server.organisation_id;
        for snapshot in store::snapshots::of_server(&mut session, organisation, server.id).await? {
            lines.push(format!(
                "the snapshot {} of {name} goes with it",
                snapshot.name
            ));
        }
    }
    Ok(lines)
}

// === impl Preview ===

impl Preview {
    /// The terms on which the change is made by who agrees to the preview of that hash.
    ///
    /// Errors: `Conflict` where that is not this one.
    pub fn agreed(self, hash: &str) -> Result<Terms> {
        if self.hash == hash {
            Ok(self.terms)
        } else {
            Err(no_longer())
        }
    }
}

// === impl Rate ===

impl Rate {
    fn and(self, other: Self) -> Result<Self> {
        Ok(Self {
            hourly: self.hourly.plus(other.hourly)?,
            monthly: self.monthly.plus(other.monthly)?,
        })
    }

    fn plus(self, server: &Server) -> Result<Self> {
        Ok(Self {
            hourly: self.hourly.plus(server.hourly)?,
            monthly: self.monthly.plus(server.monthly)?,
        })
    }
}
