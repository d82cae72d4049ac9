//! `arcus admin`: users, organisations, the setup token, orphans.
//!
//! Called by `main`. What must stay true: a password is never an argument, which everybody may read, and never seen on
//! the screen.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use clap::Subcommand;
use control::accounts::{self, Form};
use domain::{Error, PublicId, Result, Role};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Place;
use crate::{context, orphans, table};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a one-time token that lets somebody register.
    SetupToken {
        /// The organisation that its user joins; founds a new one where absent.
        #[arg(long)]
        organisation: Option<PublicId>,
        /// What its user may do.
        #[arg(long, default_value = "owner")]
        role: Role,
        /// How long it is good for, in hours.
        #[arg(long, default_value_t = 24)]
        hours: u64,
    },
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// Organisations.
    #[command(subcommand)]
    Org(OrgCommand),
    /// Instances that bear our tag and that no server accounts for.
    #[command(subcommand)]
    Orphan(orphans::Command),
}

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add a user; the password is asked for on a terminal, or read from standard input.
    Add {
        /// The organisation's id.
        #[arg(long)]
        organisation: PublicId,
        /// The user's email.
        email: String,
        /// What the user is called; the email where absent.
        #[arg(long)]
        user_name: Option<String>,
        /// What it may do.
        #[arg(long, default_value = "member")]
        role: Role,
    },
    /// List the users.
    Ls,
    /// Set a user's password, asked for on a terminal or read from standard input, and revoke its tokens.
    Password {
        /// The user's email.
        email: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum OrgCommand {
    /// Add an organisation.
    Add {
        /// Its name.
        name: String,
    },
    /// List the organisations.
    Ls,
}

pub(crate) async fn run(place: &Place, command: Command) -> Result<()> {
    let app = context::app(place).await?;
    match command {
        Command::SetupToken {
            organisation,
            role,
            hours,
        } => {
            let lifetime = Duration::from_secs(hours.saturating_mul(3600));
            let token = accounts::invite(&app, organisation.as_ref(), role, lifetime).await?;
            table::line(token.expose_secret());
        }
        Command::User(UserCommand::Add {
            organisation,
            email,
            user_name,
            role,
        }) => {
            let password = password()?;
            let form = Form {
                email: email.clone(),
                password_confirm: password.clone(),
                password,
                user_name,
                ..Form::default()
            };
            accounts::add_user(&app, &organisation, form, role).await?;
            table::line(&format!("added {email} as {role}"));
        }
        Command::User(UserCommand::Ls) => {
            let users = store::accounts::users(&mut app.store.read().await?).await?;
            let rows = users.into_iter().map(|(user, organisation)| {
                vec![
                    user.email,
                    user.user_name,
                    user.role.to_string(),
                    organisation,
                    user.created_at.rfc3339(),
                ]
            });
            table::print(
                &["EMAIL", "NAME", "ROLE", "ORGANISATION", "CREATED"],
                rows.collect(),
            );
        }
        Command::User(UserCommand::Password { email }) => {
            accounts::set_password(&app, &email, password()?).await?;
            table::line(&format!(
                "the password of {email} was set, and its tokens were revoked"
            ));
        }
        Command::Org(OrgCommand::Add { name }) => {
            let organisation = accounts::add_organisation(&app, &name).await?;
            table::line(organisation.public_id.as_str());
        }
        Command::Org(OrgCommand::Ls) => {
            let organisations =
                store::accounts::organisations(&mut app.store.read().await?).await?;
            let rows = organisations.into_iter().map(|organisation| {
                vec![
                    organisation.public_id.to_string(),
                    organisation.name,
                    organisation.created_at.rfc3339(),
                ]
            });
            table::print(&["ID", "NAME", "CREATED"], rows.collect());
        }
        Command::Orphan(command) => orphans::run(&app, command).await?,
    }
    app.store.close().await;
    Ok(())
}

/// Asked for where somebody types; the whole of standard input otherwise.
fn password() -> Result<SecretString> {
    if std::io::stdin().is_terminal() {
        typed_password()
    } else {
        piped_password()
    }
}

/// Typed twice, since it is not seen.
fn typed_password() -> Result<SecretString> {
    let ask = |prompt| {
        rpassword::prompt_password(prompt)
            .map(SecretString::from)
            .map_err(|error| Error::invalid(format!("the password can't be asked for: {error}")))
    };
    let password = ask("Password: ")?;
    let again = ask("The same again: ")?;
    if password.expose_secret() == again.expose_secret() {
        Ok(password)
    } else {
        Err(Error::invalid(
            "the two passwords are not the same; nothing was changed",
        ))
    }
}

fn piped_password() -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            Error::invalid(format!(
                "the password can't be read from standard input: {error}"
            ))
        })?;
    Ok(SecretString::from(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}
