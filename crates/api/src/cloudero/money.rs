//! `GET /v1/invoice/list`, `GET /v1/invoice/{number}`, `GET /v1/invoice/{number}/html`, `GET /v1/transaction/list`, and
//! paying: `POST /v1/account/topup`, and the payment provider's own call `POST /v1/payment/webhook`.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};
use control::App;
use control::billing::{self, MOST_LISTED, Page};
use domain::{Error, Money};
use serde::Deserialize;

use super::auth::Caller;
use super::wire::envelope::{Envelope, success};
use super::wire::money::{InvoiceResponse, TopUpRequest, TopUpResponse, TransactionResponse};
use super::wire::numbers::{Key, key_in_path};
use crate::http::body;
use crate::http::edge::Failure;
use crate::http::fields::{Asked, Fields};

/// An invoice that is opened in a browser runs nothing and loads nothing.
const NOTHING_ELSE: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'unsafe-inline'; sandbox",
);

/// The organisation's invoices, the newest first.
#[utoipa::path(get, path = "/invoice/list", tag = "billing",
    responses((status = 200, body = Envelope<Vec<InvoiceResponse>>)))]
pub(crate) async fn invoices(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Json<Envelope<Vec<InvoiceResponse>>>, Failure> {
    let all = billing::invoices(&app, &actor).await?;
    Ok(success(
        all.into_iter().map(InvoiceResponse::from).collect(),
    ))
}

/// One invoice.
#[utoipa::path(get, path = "/invoice/{number}", tag = "billing", params(("number" = i64, Path)),
    responses((status = 200, body = Envelope<InvoiceResponse>), (status = 404)))]
pub(crate) async fn invoice(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(number): Path<String>,
) -> Result<Json<Envelope<InvoiceResponse>>, Failure> {
    let number = key_in_path("invoice", &number)?;
    Ok(success(
        billing::invoice(&app, &actor, number).await?.into(),
    ))
}

/// One invoice as a page that can be printed.
#[utoipa::path(get, path = "/invoice/{number}/html", tag = "billing", params(("number" = i64, Path)),
    responses((status = 200, body = String, content_type = "text/html"), (status = 404)))]
pub(crate) async fn invoice_page(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Failure> {
    let number = key_in_path("invoice", &number)?;
    let invoice = billing::invoice(&app, &actor, number).await?;
    let page = billing::invoice_html(&invoice);
    Ok(([NOTHING_ELSE], Html(page)))
}

/// Which transactions are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Params {
    /// Those before the transaction with this id: the last one of the page before.
    #[param(value_type = Option<i64>)]
    before: Option<Key>,
    /// So many at the most, 1 to 1000; 1000 unless set.
    #[param(value_type = Option<i64>)]
    limit: Option<Key>,
}

/// The organisation's transactions, the newest first, 1000 at once. An empty list comes after the oldest.
#[utoipa::path(get, path = "/transaction/list", tag = "billing", params(Params),
    responses((status = 200, body = Envelope<Vec<TransactionResponse>>), (status = 400), (status = 404)))]
pub(crate) async fn transactions(
    State(app): State<App>,
    Caller(actor): Caller,
    Asked(params): Asked<Params>,
) -> Result<Json<Envelope<Vec<TransactionResponse>>>, Failure> {
    let page = Page {
        before: params.before.map(|key| key.0),
        limit: params.limit.map_or(MOST_LISTED, |key| key.0),
    };
    let some = billing::page_of_transactions(&app, actor.organisation.id, &page).await?;
    Ok(success(
        some.into_iter().map(TransactionResponse::from).collect(),
    ))
}

/// Begins a payment; its page is to be opened in a browser. The balance has it once the provider has said so.
#[utoipa::path(post, path = "/account/topup", tag = "billing",
    request_body(content = TopUpRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Envelope<TopUpResponse>), (status = 400)))]
pub(crate) async fn top_up(
    State(app): State<App>,
    Caller(actor): Caller,
    Fields(request): Fields<TopUpRequest>,
) -> Result<Json<Envelope<TopUpResponse>>, Failure> {
    let amount = Money::parse(&request.amount).ok_or_else(|| {
        Error::invalid("amount is a decimal such as 25.00; nothing was done").field("amount")
    })?;
    let url = billing::start_top_up(&app, &actor, amount).await?;
    Ok(success(TopUpResponse { url }))
}

/// What the payment provider tells, with its signature. For nobody else.
#[utoipa::path(post, path = "/payment/webhook", tag = "billing", security(()),
    responses((status = 200, body = Envelope<bool>), (status = 400), (status = 401), (status = 404)))]
pub(crate) async fn webhook(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Envelope<bool>>, Failure> {
    let name = billing::signature_header(&app).unwrap_or_default();
    let signature = request.headers().get(name);
    let signature = signature.and_then(|value| value.to_str().ok());
    let signature = signature.unwrap_or_default().to_owned();
    let told = body::all(request).await?;
    billing::webhook(&app, &signature, &told).await?;
    Ok(success(true))
}
