//! Asking for a single server, from an image or from a snapshot, in one of the operator's regions.
//!
//! What must stay true: everything is validated before anything is written; the server, its operation and the line of the
//! audit trail are there together or not at all; a snapshot that a server is to be made from does not go meanwhile.

use clouds::Offer;
use domain::account::Actor;
use domain::credentials::Credentials;
use domain::environment::Provider;
use domain::operation::Operation;
use domain::server::Desired;
use domain::snapshot::{Snapshot, SnapshotState};
use domain::{Error, ErrorKind, Image, Plan, Result, ServerId, SnapshotId, names};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use store::Session;

use super::{Own, Wanted, change, tags};
use crate::app::{Account, App, HOUSE};
use crate::catalog::{house, images};
use crate::operations::lane;
use crate::{applications, providers, provision, ssh_keys};

/// The longest host name: a label of the domain name system.
const MAX_HOSTNAME: usize = 63;

/// A server as a request describes it.
#[derive(Debug, Default)]
pub struct NewServer {
    /// What people read.
    pub name: String,
    /// The region's slug.
    pub region: String,
    /// The plan's slug.
    pub plan: String,
    /// The image's slug.
    pub image: String,
    /// What everything that follows the two is about.
    pub extras: Extras,
}

/// A server that begins as a snapshot.
#[derive(Debug)]
pub struct NewFromSnapshot {
    /// What people read.
    pub name: String,
    /// The plan's slug.
    pub plan: String,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Whose snapshot it has to be, where that was said.
    pub server: Option<ServerId>,
    /// The rest.
    pub extras: Extras,
}

/// What may be said of a new server, and need not be.
#[derive(Debug, Default)]
pub struct Extras {
    /// What its system calls itself; by its name where empty.
    pub hostname: String,
    /// The fingerprints of the keys that it lets in.
    pub ssh_keys: Vec<String>,
    /// cloud-init user data.
    pub user_data: Option<SecretString>,
    /// Labels.
    pub tags: Map<String, Value>,
}

/// Asks for a server.
///
/// Errors: `Invalid` with the field that is wrong; `Payment`, `Quota`. Nothing is created in any of these cases.
pub async fn create(app: &App, actor: &Actor, new: &NewServer) -> Result<Operation> {
    names::title("a server", &new.name)?;
    let offer = offer(app).await?;
    let region = house::on_sale(&offer.regions, &new.region, "region")?;
    let plan = house::on_sale(&offer.plans, &new.plan, "package")?;
    let image = house::on_sale(&offer.images, &new.image, "image")?;
    images::fit(plan, image)?;
    let what = What {
        name: &new.name,
        region: &region.slug,
        plan,
        image,
        snapshot: None,
        extras: &new.extras,
    };
    write(app, actor, what, "server.create").await
}

/// Asks for a server that begins as a snapshot, in the snapshot's region. The snapshot's image may be closed: nothing is
/// made from it.
///
/// Errors: `Invalid` with the field that is wrong, and for a plan whose disk is smaller than the snapshot's; `NotFound` for
/// a snapshot that is not the organisation's, or another server's than was said; `Conflict` for one that is not there yet,
/// or not for long; `Payment`, `Quota`.
pub async fn create_from_snapshot(
    app: &App,
    actor: &Actor,
    new: &NewFromSnapshot,
) -> Result<Operation> {
    names::title("a server", &new.name)?;
    let mut session = app.store.read().await?;
    let organisation = actor.organisation.id;
    let snapshot = store::snapshots::by_id(&mut session, organisation, new.snapshot)
        .await?
        .filter(|snapshot| new.server.is_none_or(|server| server == snapshot.server_id))
        .ok_or_else(|| Error::not_found("snapshot"))?;
    drop(session);
    must_be_available(&snapshot)?;
    let offer = offer(app).await?;
    let region = house::on_sale(&offer.regions, &snapshot.region, "region")?;
    let plan = house::on_sale(&offer.plans, &new.plan, "package")?;
    if plan.disk_gib < snapshot.disk_gib {
        return Err(Error::invalid(format!(
            "The selected package disk size must be greater than or equal to the snapshot disk size. ( {}/{} GB ).",
            snapshot.disk_gib, plan.disk_gib
        )));
    }
    let image = house::choose(&offer.images, |image| &image.slug, &snapshot.image, "image")?;
    images::fit(plan, image)?;
    let what = What {
        name: &new.name,
        region: &region.slug,
        plan,
        image,
        snapshot: Some(&snapshot),
        extras: &new.extras,
    };
    write(app, actor, what, "server.create_from_snapshot").await
}

/// A server that was validated but for its extras.
struct What<'a> {
    name: &'a str,
    region: &'a str,
    plan: &'a Plan,
    image: &'a Image,
    snapshot: Option<&'a Snapshot>,
    extras: &'a Extras,
}

async fn write(app: &App, actor: &Actor, what: What<'_>, action: &str) -> Result<Operation> {
    let extras = what.extras;
    check_hostname(&extras.hostname)?;
    if let Some(user_data) = &extras.user_data {
        provision::check_owners(user_data.expose_secret())?;
    }
    tags::check("a server", &extras.tags)?;
    let public_keys = ssh_keys::named(app, actor, &extras.ssh_keys).await?;
    // What a snapshot holds is installed already.
    let packages: &[String] = if what.snapshot.is_some() {
        &[]
    } else {
        &what.image.packages
    };
    let provider = house_provider(app, actor).await?;
    let account = house_account(app, what.region).await?;
    let application = applications::find(app, actor, None).await?;

    let mut session = app.store.write().await?;
    if !store::providers::hold(&mut session, actor.organisation.id, provider.id).await? {
        return Err(Error::conflict(
            "the organisation's provider for the operator's regions was just deleted; nothing was created: try again",
        ));
    }
    if let Some(snapshot) = what.snapshot {
        hold(&mut session, &provider, snapshot).await?;
    }
    let environment = store::environments::of_single_servers(
        &mut session,
        actor.organisation.id,
        application.id,
        provider.id,
        what.region,
    )
    .await?;
    let wanted = Wanted {
        environment: environment.id,
        provider: provider.id,
        region: what.region,
        lane: &lane(actor.organisation.id, &account),
        name: what.name,
        prefix: &super::name_prefix(actor, &application.name, &environment.name),
        plan: what.plan,
        image: what.image,
        packages,
        tags: &extras.tags,
        own: Own {
            hostname: &extras.hostname,
            public_keys: &public_keys,
            user_data: extras.user_data.as_ref(),
            snapshot: what.snapshot.map(|snapshot| snapshot.id),
        },
    };
    let admitted = super::admit(&mut session, app, &provider, what.region, &[what.plan]).await?;
    let (server, operation) = super::create(&mut session, actor, &admitted, &wanted).await?;
    store::audit::record(&mut session, actor, action, &server.id.to_string()).await?;
    session.commit().await?;
    Ok(operation)
}

/// Locks the server of a snapshot until the session ends, and looks at both once more. Who wants either of them gone locks
/// that server as well, and then sees the new one.
async fn hold(session: &mut Session, provider: &Provider, known: &Snapshot) -> Result<()> {
    let organisation = known.organisation_id;
    let gone = || Error::not_found("snapshot");
    let original = store::servers::living(session, organisation, known.server_id)
        .await?
        .ok_or_else(gone)?;
    if original.provider_id != provider.id {
        return Err(Error::invalid(
            "the snapshot is of a server on another cloud account, and servers are made in the operator's regions here; \
             nothing was created",
        )
        .field("snapshot_id"));
    }
    let original = change::lock(session, &original).await?.ok_or_else(gone)?;
    if original.desired == Desired::Destroyed {
        return Err(Error::conflict(
            "the snapshot's server is being destroyed, and the snapshot with it; nothing was created",
        ));
    }
    let snapshot = store::snapshots::by_id(session, organisation, known.id)
        .await?
        .ok_or_else(gone)?;
    must_be_available(&snapshot)
}

fn must_be_available(snapshot: &Snapshot) -> Result<()> {
    if snapshot.state == SnapshotState::Available {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "the snapshot is {}; nothing was created",
        snapshot.state.as_str()
    )))
}

/// What the operator sells.
async fn offer(app: &App) -> Result<Offer> {
    let mut session = app.store.read().await?;
    let regions = store::house::regions(&mut session).await?;
    Ok(Offer {
        regions: regions.iter().map(house::shown).collect(),
        plans: store::house::plans(&mut session).await?,
        images: store::house::images(&mut session).await?,
        ..Offer::default()
    })
}

async fn house_account(app: &App, region: &str) -> Result<Account> {
    let mut session = app.store.read().await?;
    let region = store::house::region_by_slug(&mut session, region)
        .await?
        .ok_or_else(|| {
            Error::invalid("that region is gone; nothing was created").field("region")
        })?;
    drop(session);
    app.house_account(&region)
}

/// The organisation's provider for the operator's regions, which it gets with its first server there.
async fn house_provider(app: &App, actor: &Actor) -> Result<Provider> {
    for name in [HOUSE, "arcus regions", "the operator's regions"] {
        let known = providers::list(app, actor).await?;
        if let Some(known) = known.into_iter().find(|provider| provider.kind == HOUSE) {
            return Ok(known);
        }
        let mut session = app.store.write().await?;
        let nothing = Credentials::default();
        let organisation = actor.organisation.id;
        let made =
            store::providers::create(&mut session, organisation, name, HOUSE, &nothing).await;
        match made {
            Ok(provider) => {
                let id = provider.public_id.as_str();
                store::audit::record(&mut session, actor, "provider.create", id).await?;
                session.commit().await?;
                return Ok(provider);
            }
            // Another request has made it, or something else has the name.
            Err(error) if error.kind() == ErrorKind::Exists => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::conflict(
        "the organisation has no provider for the operator's regions, and others have all of the names for it; add one of \
         the kind \"arcus\"",
    ))
}

/// User data as the API takes it, in Base64.
///
/// Errors: `Invalid` for what is no Base64, or no text.
pub fn decode_user_data(text: &str) -> Result<SecretString> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    // Line breaks are what command lines' base64 puts in.
    let one_line: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(one_line).ok();
    let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.map(SecretString::from).ok_or_else(|| {
        Error::invalid("user_data is no text in Base64; nothing was created").field("user_data")
    })
}

fn check_hostname(hostname: &str) -> Result<()> {
    let harmless = |part: &str| {
        let ends = |c: char| c.is_ascii_alphanumeric();
        !part.is_empty()
            && part.len() <= MAX_HOSTNAME
            && part.starts_with(ends)
            && part.ends_with(ends)
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if hostname.is_empty() || (hostname.len() <= 253 && hostname.split('.').all(harmless)) {
        return Ok(());
    }
    Err(Error::invalid(
        "a hostname holds letters, digits and -, in parts of 1 to 63 characters with dots between them; nothing was created",
    )
    .field("hostname"))
}
