//! What a cloud is asked for when a server is made: its system's first words, its size, its group.
//!
//! Called by `create_server`, `rebuild`, and by who wants to know beforehand what would be asked for. What must stay true:
//! what stands here comes from the server's row and the operator's catalogue alone, so that it is the same at each try.

use clouds::{CreateInstance, SnapshotRef, Tag};
use domain::account::KeyPurpose;
use domain::server::Server;
use domain::{Image, PublicId, Result};
use secrecy::{ExposeSecret, SecretString};
use store::Session;

use crate::app::App;
use crate::catalog::house;
use crate::catalog::packages;
use crate::{provision, servers};

/// What a new system is told, and what it needs from outside.
pub(crate) struct FirstWords {
    pub(crate) user_data: String,
    pub(crate) public_keys: Vec<String>,
    pub(crate) nesting: bool,
}

/// What a server's system is told when it comes up for the first time from an image. `owners` is its owner's own user data.
pub(crate) async fn first_words(
    session: &mut Session,
    server: &Server,
    image: &Image,
    owners: Option<SecretString>,
) -> Result<FirstWords> {
    let purposes = [KeyPurpose::Control, KeyPurpose::Users];
    let organisation = server.organisation_id;
    let mut public_keys = store::key_pairs::public_keys(session, organisation, purposes).await?;
    public_keys.extend(server.public_keys.iter().cloned());
    let packages = packages::resolve(&server.packages, &image.distribution)?;
    let ours = provision::user_data(
        &public_keys,
        &server.login_user,
        &servers::hostname(server),
        &packages,
        &image.distribution,
    );
    let user_data = match owners {
        Some(owners) => provision::with_owners(&ours, owners.expose_secret()),
        None => ours,
    };
    Ok(FirstWords {
        user_data,
        public_keys,
        nesting: packages::nesting(&packages),
    })
}

/// What is said of a server beyond its row.
pub(crate) struct Beyond {
    /// What its neighbours bear as well.
    pub(crate) group: String,
    /// Whether nobody of its group was made before.
    pub(crate) is_first: bool,
    /// The ports of all of its group, so that whoever is made first makes what is before them as it has to be.
    pub(crate) ports: Vec<u16>,
    /// Its owner's own user data.
    pub(crate) owners: Option<SecretString>,
    /// The snapshot that it begins as.
    pub(crate) snapshot: Option<SnapshotRef>,
}

/// What its cloud is asked for, `region` being the account's word for its region.
pub(crate) async fn request(
    app: &App,
    session: &mut Session,
    server: &Server,
    region: &str,
    beyond: Beyond,
) -> Result<CreateInstance> {
    let image = house::image(session, &server.image).await?;
    let words = first_words(session, server, &image, beyond.owners).await?;
    Ok(CreateInstance {
        tag: tag(app, server),
        name: server.cloud_name.clone(),
        region: region.to_owned(),
        plan: server.agreed_plan(),
        image,
        user_data: words.user_data,
        public_keys: words.public_keys,
        ports: beyond.ports,
        group: beyond.group,
        is_first: beyond.is_first,
        nesting: words.nesting,
        snapshot: beyond.snapshot,
    })
}

/// The server's tag.
pub(crate) fn tag(app: &App, server: &Server) -> Tag {
    Tag {
        installation: app.installation.clone(),
        token: server.token.clone(),
    }
}

/// The group of an environment's servers at their cloud: by its public id. Keys would come again in a database that went
/// back to a backup, and lead into another's group.
pub(crate) fn group_of(environment: &PublicId) -> String {
    format!("environment-{environment}")
}
