//! `GET /v1/image/list`.

use axum::Json;
use axum::extract::State;
use control::App;
use control::catalog::on_sale;
use domain::Error;
use serde::Deserialize;

use super::wire::catalog::ImageResponse;
use super::wire::envelope::{Envelope, success};
use super::wire::numbers::Texts;
use crate::http::edge::Failure;
use crate::http::fields::Asked;

/// Which images are meant.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Params {
    /// `all`, `application`, `template`, or several with commas between them; `all` where absent.
    #[serde(rename = "type")]
    #[param(value_type = Option<String>)]
    kinds: Option<Texts>,
}

/// The systems, and the systems with applications, that servers are made from.
#[utoipa::path(get, path = "/image/list", tag = "image", security(()), params(Params),
    responses((status = 200, body = Envelope<Vec<ImageResponse>>), (status = 400)))]
pub(crate) async fn list(
    State(app): State<App>,
    Asked(params): Asked<Params>,
) -> Result<Json<Envelope<Vec<ImageResponse>>>, Failure> {
    let kinds = params.kinds.unwrap_or_default().0;
    let known = ["all", "application", "template"];
    if !kinds.iter().all(|kind| known.contains(&kind.as_str())) {
        let wrong = Error::invalid("type is all, application or template, or several of these");
        return Err(wrong.field("type").into());
    }
    let has = |kind: &str| kinds.iter().any(|asked| asked == kind);
    let all = kinds.is_empty() || has("all");
    let sold = on_sale(&app).await?;
    let regions = sold.region_slugs();
    let images = sold.images.into_iter().filter(|image| {
        all || has(if image.packages.is_empty() {
            "template"
        } else {
            "application"
        })
    });
    let shown = images.map(|image| ImageResponse::new(image, &regions));
    Ok(success(shown.collect()))
}
