//! Organisations, users, their tokens, and the one-time invitations that let somebody register.

use domain::account::{Organisation, User};
use domain::{OrganisationId, PublicId, Result, Role, Timestamp, UserId};

use crate::query::{Row, sql};
use crate::session::Session;

/// Adds an organisation. Its slug must be free: see [`slug_is_taken`].
pub async fn create_organisation(
    session: &mut Session,
    name: &str,
    slug: &str,
) -> Result<Organisation> {
    let (public_id, now) = (PublicId::random(), session.now());
    let row = session
        .one(
            sql!(
                "INSERT INTO organisations (public_id, name, slug, created_at) VALUES ($1, $2, $3, $4) \
                 RETURNING id, public_id, name, slug, created_at"
            )
            .arg(&public_id)
            .arg(name)
            .arg(slug)
            .arg(now),
        )
        .await?;
    organisation(&row)
}

/// Whether an organisation has that slug.
pub async fn slug_is_taken(session: &mut Session, slug: &str) -> Result<bool> {
    Ok(session
        .optional(sql!("SELECT 1 AS one FROM organisations WHERE slug = $1").arg(slug))
        .await?
        .is_some())
}

/// The organisation with that public id.
pub async fn organisation_by_public_id(
    session: &mut Session,
    id: &PublicId,
) -> Result<Option<Organisation>> {
    let query = sql!(
        "SELECT id, public_id, name, slug, created_at FROM organisations WHERE public_id = $1"
    );
    session
        .optional(query.arg(id))
        .await?
        .as_ref()
        .map(organisation)
        .transpose()
}

/// All organisations, for the operator.
pub async fn organisations(session: &mut Session) -> Result<Vec<Organisation>> {
    let query = sql!("SELECT id, public_id, name, slug, created_at FROM organisations ORDER BY id");
    session.all(query).await?.iter().map(organisation).collect()
}

/// Whether anybody has registered yet.
pub async fn is_empty(session: &mut Session) -> Result<bool> {
    Ok(session
        .optional(sql!("SELECT 1 AS one FROM users LIMIT 1"))
        .await?
        .is_none())
}

/// A user to be added.
pub struct NewUser<'a> {
    /// Whose member.
    pub organisation_id: OrganisationId,
    /// In lower case.
    pub email: &'a str,
    /// What it calls itself.
    pub user_name: &'a str,
    /// Argon2id, PHC format.
    pub password_hash: &'a str,
    /// What it may do.
    pub role: Role,
}

/// Adds a user. Errors: `Exists` when the email is taken.
pub async fn create_user(session: &mut Session, user: &NewUser<'_>) -> Result<UserId> {
    let now = session.now();
    session
        .one(
            sql!(
                "INSERT INTO users (organisation_id, email, user_name, password_hash, role, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING id"
            )
            .arg(user.organisation_id)
            .arg(user.email)
            .arg(user.user_name)
            .arg(user.password_hash)
            .arg(user.role.as_str())
            .arg(now),
        )
        .await?
        .get("id")
        .map(UserId)
}

/// The user with that email.
pub async fn user_by_email(session: &mut Session, email: &str) -> Result<Option<User>> {
    let query = sql!(
        "SELECT id, organisation_id, email, user_name, password_hash, role, created_at FROM users WHERE email = $1"
    );
    session
        .optional(query.arg(email))
        .await?
        .as_ref()
        .map(user)
        .transpose()
}

/// All users with the name of their organisation, for the operator.
pub async fn users(session: &mut Session) -> Result<Vec<(User, String)>> {
    let query = sql!(
        "SELECT u.id, u.organisation_id, u.email, u.user_name, u.password_hash, u.role, u.created_at, o.name \
         FROM users u JOIN organisations o ON o.id = u.organisation_id ORDER BY u.id"
    );
    session
        .all(query)
        .await?
        .iter()
        .map(|row| Ok((user(row)?, row.get("name")?)))
        .collect()
}

/// Changes a user's password hash.
pub async fn set_password_hash(session: &mut Session, user: UserId, hash: &str) -> Result<()> {
    session
        .execute(
            sql!("UPDATE users SET password_hash = $1 WHERE id = $2")
                .arg(hash)
                .arg(user),
        )
        .await
        .map(drop)
}

/// Stores a pair of tokens by their hashes.
pub async fn create_tokens(
    session: &mut Session,
    user: UserId,
    persistent: &str,
    refreshing: &str,
) -> Result<()> {
    let now = session.now();
    session
        .execute(
            sql!("INSERT INTO tokens (user_id, persistent_hash, refreshing_hash, created_at) VALUES ($1, $2, $3, $4)")
                .arg(user)
                .arg(persistent)
                .arg(refreshing)
                .arg(now),
        )
        .await
        .map(drop)
}

/// The user whose persistent token has that hash, with its organisation.
pub async fn user_by_token(
    session: &mut Session,
    hash: &str,
) -> Result<Option<(User, Organisation)>> {
    let query = sql!(
        "SELECT u.id, u.organisation_id, u.email, u.user_name, u.password_hash, u.role, u.created_at, \
                o.public_id, o.name, o.slug, o.created_at AS organisation_created_at \
         FROM tokens t JOIN users u ON u.id = t.user_id JOIN organisations o ON o.id = u.organisation_id \
         WHERE t.persistent_hash = $1 AND t.revoked_at IS NULL"
    );
    let row = session.optional(query.arg(hash)).await?;
    row.as_ref().map(user_and_organisation).transpose()
}

/// Reads a row that joins a user and its organisation.
pub(crate) fn user_and_organisation(row: &Row) -> Result<(User, Organisation)> {
    let user = user(row)?;
    let organisation = Organisation {
        id: user.organisation_id,
        public_id: row.word("public_id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        created_at: row.time("organisation_created_at")?,
    };
    Ok((user, organisation))
}

/// What a user reads about itself.
#[derive(Debug, Clone)]
pub struct Profile {
    /// What it calls itself.
    pub user_name: String,
    /// Its email.
    pub email: String,
    /// When it registered.
    pub created_at: Timestamp,
    /// When it logged in last.
    pub last_login_at: Option<Timestamp>,
    /// Whether somebody has made sure that the email is its own.
    pub verified: bool,
}

/// What the user of that key reads about itself.
pub async fn profile(session: &mut Session, user: UserId) -> Result<Profile> {
    let query = sql!(
        "SELECT user_name, email, created_at, last_login_at, verified FROM users WHERE id = $1"
    );
    let row = session.one(query.arg(user)).await?;
    Ok(Profile {
        user_name: row.get("user_name")?,
        email: row.get("email")?,
        created_at: row.time("created_at")?,
        last_login_at: row.get::<Option<i64>>("last_login_at")?.map(Timestamp),
        verified: row.get("verified")?,
    })
}

/// Notes that a user has logged in.
pub async fn note_login(session: &mut Session, user: UserId) -> Result<()> {
    let now = session.now();
    let query = sql!("UPDATE users SET last_login_at = $1 WHERE id = $2");
    session.execute(query.arg(now).arg(user)).await.map(drop)
}

/// Notes that somebody has made sure that the email is the user's own; false when there is no such user.
pub async fn set_verified(session: &mut Session, email: &str) -> Result<bool> {
    let query = sql!("UPDATE users SET verified = TRUE WHERE email = $1");
    Ok(session.execute(query.arg(email)).await? > 0)
}

/// Revokes the pair whose refreshing token has that hash and says whose it was; `None` when there is none or it was
/// revoked before, so that of two requests with one token only one succeeds.
pub async fn revoke_by_refreshing(session: &mut Session, hash: &str) -> Result<Option<UserId>> {
    let now = session.now();
    let query = sql!(
        "UPDATE tokens SET revoked_at = $1 WHERE refreshing_hash = $2 AND revoked_at IS NULL RETURNING user_id"
    );
    session
        .optional(query.arg(now).arg(hash))
        .await?
        .map(|row| row.get("user_id").map(UserId))
        .transpose()
}

/// Revokes all tokens of a user.
pub async fn revoke_all(session: &mut Session, user: UserId) -> Result<()> {
    let now = session.now();
    let query = sql!("UPDATE tokens SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL");
    session.execute(query.arg(now).arg(user)).await.map(drop)
}

/// Stores an invitation by its token's hash; without an organisation its user founds one.
pub async fn invite(
    session: &mut Session,
    hash: &str,
    organisation: Option<OrganisationId>,
    role: Role,
    expires_at: Timestamp,
) -> Result<()> {
    let now = session.now();
    session
        .execute(
            sql!(
                "INSERT INTO invitations (token_hash, organisation_id, role, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)"
            )
            .arg(hash)
            .arg(organisation)
            .arg(role.as_str())
            .arg(now)
            .arg(expires_at),
        )
        .await
        .map(drop)
}

/// Whether there is an invitation that can be used.
pub async fn has_invitation(session: &mut Session, hash: &str) -> Result<bool> {
    let now = session.now();
    let query = sql!(
        "SELECT 1 AS one FROM invitations WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2"
    );
    Ok(session.optional(query.arg(hash).arg(now)).await?.is_some())
}

/// Uses an invitation up. `None`: there is none, it was used, or it has expired.
pub async fn use_invitation(
    session: &mut Session,
    hash: &str,
) -> Result<Option<(Option<OrganisationId>, Role)>> {
    let now = session.now();
    let query = sql!(
        "UPDATE invitations SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $1 \
         RETURNING organisation_id, role"
    );
    let row = session.optional(query.arg(now).arg(hash)).await?;
    row.map(|row| {
        Ok((
            row.get::<Option<i64>>("organisation_id")?
                .map(OrganisationId),
            row.word("role")?,
        ))
    })
    .transpose()
}

fn organisation(row: &Row) -> Result<Organisation> {
    Ok(Organisation {
        id: OrganisationId(row.get("id")?),
        public_id: row.word("public_id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        created_at: row.time("created_at")?,
    })
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: UserId(row.get("id")?),
        organisation_id: OrganisationId(row.get("organisation_id")?),
        email: row.get("email")?,
        user_name: row.get("user_name")?,
        password_hash: row.get("password_hash")?,
        role: row.word("role")?,
        created_at: row.time("created_at")?,
    })
}
