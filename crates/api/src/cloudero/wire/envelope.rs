//! What every answer that is no error is wrapped in.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// An answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Envelope<T> {
    /// `success`.
    status: &'static str,
    /// What was asked for.
    data: T,
    /// Always null.
    message: Option<String>,
}

/// Work has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventId {
    /// The event that tells how it goes.
    pub(crate) event_id: i64,
}

/// Work has begun, in the form in which a destroy says so.
#[derive(Serialize, ToSchema)]
pub(crate) struct Destroyed {
    status: &'static str,
    /// `true`.
    data: bool,
    message: Option<String>,
    /// The event that tells how it goes.
    event_id: i64,
}

const SUCCESS: &str = "success";

/// An answer that is no error.
pub(crate) fn success<T: Serialize>(data: T) -> Json<Envelope<T>> {
    Json(Envelope {
        status: SUCCESS,
        data,
        message: None,
    })
}

/// Work has begun.
pub(crate) fn event(operation: &domain::operation::Operation) -> Json<Envelope<EventId>> {
    success(EventId {
        event_id: operation.id.0,
    })
}

/// A server is on its way out.
pub(crate) fn destroyed(operation: &domain::operation::Operation) -> Json<Destroyed> {
    Json(Destroyed {
        status: SUCCESS,
        data: true,
        message: None,
        event_id: operation.id.0,
    })
}
