//! Single values: the installation's id, which keys are its own, the mark of the last health check, and what `arcus serve`
//! goes by that its operator's commands have to go by as well.

use domain::{Error, Result, random};
use secrecy::{ExposeSecret, SecretString};

use crate::query::sql;
use crate::session::Session;

/// The id of this installation, written into every instance's tag; made at the first call.
pub async fn installation(session: &mut Session) -> Result<String> {
    session
        .execute(
            sql!("INSERT INTO settings (name, value) VALUES ('installation', $1) ON CONFLICT (name) DO NOTHING")
                .arg(random::hex::<8>()),
        )
        .await?;
    session
        .one(sql!(
            "SELECT value FROM settings WHERE name = 'installation'"
        ))
        .await?
        .get("value")
}

/// What is sealed for [`keys_are_known`].
const KNOWN: &str = "these are the keys";

/// The name of the row, and the place that it is sealed for.
const KEYS: &str = "settings.keys";

/// Whether the keys were noted before.
///
/// Errors: `Invalid` where others were.
pub(crate) async fn keys_are_known(session: &mut Session) -> Result<bool> {
    let query = sql!("SELECT value FROM settings WHERE name = $1");
    let Some(row) = session.optional(query.arg(KEYS)).await? else {
        return Ok(false);
    };
    let sealed = hex::decode(row.get::<String>("value")?).unwrap_or_default();
    match session.sealer().unseal(KEYS, &sealed) {
        Ok(known) if known.expose_secret() == KNOWN => Ok(true),
        _ => Err(Error::invalid(
            "the key file is not the one that this database's secrets were sealed with; every replica and every command \
             needs that very file: name it with --key-file; nothing was changed",
        )),
    }
}

/// Notes which keys are this database's; those that were noted first stay.
pub(crate) async fn note_keys(session: &mut Session) -> Result<()> {
    let sealed = session.sealer().seal(KEYS, &SecretString::from(KNOWN))?;
    let query =
        sql!("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
    session
        .execute(query.arg(KEYS).arg(hex::encode(sealed)))
        .await
        .map(drop)
}

/// The key that tokens are signed with; made at the first call, sealed, the same at every replica.
pub async fn signing_key(session: &mut Session) -> Result<SecretString> {
    const NAME: &str = "signing-key";
    let fresh = SecretString::from(random::hex::<32>());
    let sealed = session.sealer().seal(SIGNING, &fresh)?;
    let query =
        sql!("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
    session
        .execute(query.arg(NAME).arg(hex::encode(sealed)))
        .await?;
    let query = sql!("SELECT value FROM settings WHERE name = $1");
    let row = session.one(query.arg(NAME)).await?;
    let sealed = hex::decode(row.get::<String>("value")?).unwrap_or_default();
    session.sealer().unseal(SIGNING, &sealed)
}

/// What was kept under that name.
pub async fn kept(session: &mut Session, name: &str) -> Result<Option<String>> {
    let query = sql!("SELECT value FROM settings WHERE name = $1");
    let row = session.optional(query.arg(format!("kept:{name}"))).await?;
    row.map(|row| row.get("value")).transpose()
}

/// Keeps something under a name, in place of what was kept there.
pub async fn keep(session: &mut Session, name: &str, value: &str) -> Result<()> {
    let query = sql!(
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    );
    session
        .execute(query.arg(format!("kept:{name}")).arg(value))
        .await
        .map(drop)
}

/// The place that it is sealed for.
const SIGNING: &str = "settings.signing-key";

/// Writes something harmless, to see whether writing works.
pub(crate) async fn touch(session: &mut Session) -> Result<()> {
    let now = session.now().0.to_string();
    session
        .execute(
            sql!(
                "INSERT INTO settings (name, value) VALUES ('checked_at', $1) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            )
            .arg(now),
        )
        .await
        .map(drop)
}

/// True at the first call with that name in the life of this installation.
pub async fn first_time(session: &mut Session, name: &str) -> Result<bool> {
    let query = sql!(
        "INSERT INTO settings (name, value) VALUES ($1, 'done') ON CONFLICT (name) DO NOTHING"
    );
    Ok(session.execute(query.arg(format!("first:{name}"))).await? == 1)
}
