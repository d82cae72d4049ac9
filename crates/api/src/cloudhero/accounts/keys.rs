//! `GET /accounts/keys`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderName, header};
use control::{App, accounts};
use domain::Error;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::cloudhero::auth::Caller;
use crate::cloudhero::wire::accounts::KeyResponse;
use crate::http::edge::Failure;

/// What the query string may hold.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Params {
    /// `True` hands out the private key, to owners and admins.
    private: Option<String>,
}

/// The users' SSH key pair. Handing out the private half is audited.
#[utoipa::path(get, path = "/accounts/keys", tag = "accounts", params(Params),
    responses((status = 200, body = KeyResponse), (status = 403)))]
pub(crate) async fn keys(
    State(app): State<App>,
    Caller(actor): Caller,
    params: Result<Query<Params>, QueryRejection>,
) -> Result<([(HeaderName, &'static str); 1], Json<KeyResponse>), Failure> {
    let Query(params) = params.map_err(|_| Error::invalid("the query string can't be read"))?;
    let private = match params.private.as_deref() {
        None | Some("False" | "false" | "0" | "") => false,
        Some("True" | "true" | "1") => true,
        Some(_) => {
            return Err(Error::invalid("private is True or False")
                .field("private")
                .into());
        }
    };
    let key = accounts::user_key(&app, &actor, private).await?;
    let response = KeyResponse {
        name: key.name,
        fingerprint: key.fingerprint,
        public_key: key.public_key,
        content: key
            .private_key
            .map(|content| content.expose_secret().to_owned()),
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(response)))
}
