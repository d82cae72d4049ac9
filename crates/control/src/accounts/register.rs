//! Registering: an organisation, its first user as owner, its SSH key pairs, its default application and its starting credit
//! at once; or a user of an organisation that invited it.

use std::time::Duration;

use domain::account::{KeyPair, KeyPurpose, Organisation};
use domain::{Error, ErrorKind, OrganisationId, PublicId, Result, Role, UserId, names, random};
use secrecy::{ExposeSecret, SecretString};
use store::Session;
use store::accounts::NewUser;

use crate::accounts::passwords;
use crate::accounts::tokens::{Tokens, digest, issue};
use crate::app::{App, Registration as Mode};
use crate::billing;

/// What a registration says. Absent fields are empty.
#[derive(Debug, Default)]
pub struct Registration {
    /// The user's email.
    pub email: String,
    /// The user's password.
    pub password: SecretString,
    /// The same again.
    pub password_confirm: SecretString,
    /// The organisation's name.
    pub name: String,
    /// What the user calls itself; the email where absent.
    pub user_name: Option<String>,
    /// An invitation or the setup token.
    pub invitation: Option<SecretString>,
}

/// Who has registered.
#[derive(Debug)]
pub struct Registered {
    /// The tokens of its first session.
    pub tokens: Tokens,
}

struct Keys {
    control: KeyPair,
    users: KeyPair,
}

/// Registers an organisation with its owner, or a user where an invitation says so.
///
/// Errors: `Invalid` with the wrong fields; `Forbidden` where registration is closed or wants an invitation.
pub async fn register(app: &App, form: Registration) -> Result<Registered> {
    validate(&form)?;
    let invited = invitation(app, &form)?;
    // Before the work that takes a processor a second, which a stranger could ask for again and again.
    if let Some(hash) = &invited
        && !store::accounts::has_invitation(&mut app.store.read().await?, hash).await?
    {
        return Err(not_invited());
    }
    let hash = passwords::hash(app, form.password.clone()).await?;
    let keys = passwords::work(passwords::turn(app).await?, generate_keys).await?;
    let mut session = app.store.write().await?;
    let (organisation, role) = match invited {
        None => (None, Role::Owner),
        Some(hash) => store::accounts::use_invitation(&mut session, &hash)
            .await?
            .ok_or_else(not_invited)?,
    };
    let organisation = match organisation {
        Some(id) => id,
        None => found(&mut session, app, form.name.trim(), keys).await?.id,
    };
    let user = create_user(&mut session, organisation, &form, &hash, role).await?;
    let tokens = issue(&mut session, user).await?;
    store::audit::record_account(&mut session, organisation, user, "account.register").await?;
    session.commit().await?;
    Ok(Registered { tokens })
}

/// The hash of the invitation that is needed here; `None` where none is.
fn invitation(app: &App, form: &Registration) -> Result<Option<String>> {
    match (&form.invitation, app.settings.registration) {
        (Some(token), _) => Ok(Some(digest(token))),
        (None, Mode::Open) => Ok(None),
        (None, Mode::Invite) => Err(not_invited()),
        (None, Mode::Closed) => Err(Error::new(
            ErrorKind::Forbidden,
            "registration is closed here; ask the operator for an account",
        )),
    }
}

fn not_invited() -> Error {
    Error::new(
        ErrorKind::Forbidden,
        "registration here needs a valid invitation; ask the operator for one and send it as \"invitation\"",
    )
}

fn validate(form: &Registration) -> Result<()> {
    let mut wrong = Vec::new();
    let mut blame = |field: &str, message: String| wrong.push((field.to_owned(), message));
    if let Err(message) = check_email(&form.email) {
        blame("email", message.to_owned());
    }
    let length = form.password.expose_secret().chars().count();
    if length < passwords::MIN_LENGTH {
        blame(
            "password",
            format!(
                "the password has fewer than {} characters",
                passwords::MIN_LENGTH
            ),
        );
    } else if length > passwords::MAX_LENGTH {
        blame(
            "password",
            format!(
                "the password has more than {} characters",
                passwords::MAX_LENGTH
            ),
        );
    }
    if form.password.expose_secret() != form.password_confirm.expose_secret() {
        blame("password_confirm", "the two passwords differ".to_owned());
    }
    if form.invitation.is_none() || !form.name.is_empty() {
        let name = names::title("an organisation", form.name.trim());
        if let Err(error) = name {
            blame("name", error.message().to_owned());
        }
    }
    if let Some(user_name) = &form.user_name
        && let Err(error) = names::title("a user", user_name.trim())
    {
        blame("user_name", error.message().to_owned());
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let message = wrong
        .iter()
        .map(|(_, message)| message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    Err(Error::invalid(message).fields(wrong))
}

fn check_email(email: &str) -> Result<(), &'static str> {
    let email = email.trim();
    let plausible = email.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && !host.is_empty()
            && !host.contains('@')
            && !host.starts_with('.')
            && !host.ends_with('.')
    });
    let harmless = email.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if email.is_empty() {
        Err("the email is missing")
    } else if email.len() > 254 || !plausible || !harmless {
        Err("that is no email address")
    } else {
        Ok(())
    }
}

/// The RSA pair takes a second or so.
fn generate_keys() -> Result<Keys> {
    let broken = |error: ssh::SshError| Error::internal(format!("no key could be made: {error}"));
    let pair = |purpose, name: &str, pair: ssh::keys::Pair| {
        Ok::<_, Error>(KeyPair {
            public_id: PublicId::random(),
            purpose,
            name: name.to_owned(),
            fingerprint: ssh::keys::md5_fingerprint(&pair.public_line).map_err(broken)?,
            public_key: pair.public_line,
            private_key: pair.private_pem,
        })
    };
    let control = ssh::keys::ed25519("arcus").map_err(broken)?;
    let users = ssh::keys::rsa_3072("arcus-users").map_err(broken)?;
    Ok(Keys {
        control: pair(KeyPurpose::Control, "control", control)?,
        users: pair(KeyPurpose::Users, "default", users)?,
    })
}

async fn found(session: &mut Session, app: &App, name: &str, keys: Keys) -> Result<Organisation> {
    // A setup token founds one too, and then the name was not looked at before.
    names::title("an organisation", name).map_err(|error| error.field("name"))?;
    let slug = free_slug(session, name).await?;
    let organisation = store::accounts::create_organisation(session, name, &slug).await?;
    store::key_pairs::create(session, organisation.id, &keys.control).await?;
    store::key_pairs::create(session, organisation.id, &keys.users).await?;
    store::applications::create(session, organisation.id, "default", "custom", true).await?;
    // Its starting credit is the first that it has.
    billing::open_account(session, app, organisation.id).await?;
    Ok(organisation)
}

async fn free_slug(session: &mut Session, name: &str) -> Result<String> {
    let slug = names::slug(name);
    let mut free = slug.clone();
    let mut number = 1;
    while store::accounts::slug_is_taken(session, &free).await? {
        number += 1;
        free = format!("{slug}-{number}");
    }
    Ok(free)
}

async fn create_user(
    session: &mut Session,
    organisation_id: OrganisationId,
    form: &Registration,
    password_hash: &str,
    role: Role,
) -> Result<UserId> {
    let email = form.email.trim().to_lowercase();
    let user_name = form.user_name.as_deref().unwrap_or(&form.email).trim();
    let user = NewUser {
        organisation_id,
        email: &email,
        user_name,
        password_hash,
        role,
    };
    store::accounts::create_user(session, &user)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Exists => {
                Error::invalid("a user with that email is registered already").field("email")
            }
            _ => error,
        })
}

/// Makes an invitation, for an organisation or, without one, for somebody who founds one.
pub async fn invite(
    app: &App,
    organisation: Option<&PublicId>,
    role: Role,
    lifetime: Duration,
) -> Result<SecretString> {
    let token = SecretString::from(random::hex::<16>());
    let mut session = app.store.write().await?;
    let organisation = match organisation {
        None => None,
        Some(id) => Some(
            store::accounts::organisation_by_public_id(&mut session, id)
                .await?
                .ok_or_else(|| Error::not_found("organisation"))?
                .id,
        ),
    };
    let expires_at = session.now().plus(lifetime);
    store::accounts::invite(
        &mut session,
        &digest(&token),
        organisation,
        role,
        expires_at,
    )
    .await?;
    store::audit::record_operator(&mut session, "cli", "invitation.create", role.as_str()).await?;
    session.commit().await?;
    Ok(token)
}

/// Adds an organisation without users, for the operator.
pub async fn add_organisation(app: &App, name: &str) -> Result<Organisation> {
    names::title("an organisation", name)?;
    let keys = passwords::work(passwords::turn(app).await?, generate_keys).await?;
    let mut session = app.store.write().await?;
    let organisation = found(&mut session, app, name, keys).await?;
    store::audit::record_operator(
        &mut session,
        "cli",
        "organisation.create",
        organisation.public_id.as_str(),
    )
    .await?;
    session.commit().await?;
    Ok(organisation)
}

/// Adds a user to an organisation, for the operator.
pub async fn add_user(
    app: &App,
    organisation: &PublicId,
    form: Registration,
    role: Role,
) -> Result<UserId> {
    validate(&Registration {
        invitation: Some(SecretString::default()),
        ..clone(&form)
    })?;
    let hash = passwords::hash(app, form.password.clone()).await?;
    let mut session = app.store.write().await?;
    let organisation = store::accounts::organisation_by_public_id(&mut session, organisation)
        .await?
        .ok_or_else(|| Error::not_found("organisation"))?;
    let user = create_user(&mut session, organisation.id, &form, &hash, role).await?;
    // The operator knows whom it adds.
    store::accounts::set_verified(&mut session, &form.email.trim().to_lowercase()).await?;
    store::audit::record_operator(&mut session, "cli", "user.create", &form.email).await?;
    session.commit().await?;
    Ok(user)
}

fn clone(form: &Registration) -> Registration {
    Registration {
        email: form.email.clone(),
        password: form.password.clone(),
        password_confirm: form.password_confirm.clone(),
        name: form.name.clone(),
        user_name: form.user_name.clone(),
        invitation: None,
    }
}

/// Sets a user's password and revokes all of its tokens, for the operator.
pub async fn set_password(app: &App, email: &str, password: SecretString) -> Result<()> {
    let length = password.expose_secret().chars().count();
    if !(passwords::MIN_LENGTH..=passwords::MAX_LENGTH).contains(&length) {
        return Err(Error::invalid(format!(
            "a password has {} to {} characters",
            passwords::MIN_LENGTH,
            passwords::MAX_LENGTH
        ))
        .field("password"));
    }
    let hash = passwords::hash(app, password).await?;
    let mut session = app.store.write().await?;
    let user = store::accounts::user_by_email(&mut session, &email.trim().to_lowercase())
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    store::accounts::set_password_hash(&mut session, user.id, &hash).await?;
    store::accounts::revoke_all(&mut session, user.id).await?;
    store::logins::revoke_all(&mut session, user.id).await?;
    store::audit::record_operator(&mut session, "cli", "user.password", email).await?;
    session.commit().await
}
