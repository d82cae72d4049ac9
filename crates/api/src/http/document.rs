//! What all operations of an OpenAPI document have in common, said once: who is refused, what a plan answers, what a status
//! is called.
//!
//! Called by each façade's `routes` with its authorisation table, so that the document can't say anything else than the table.

use axum::http::{Method, StatusCode};
use domain::Role;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{OpenApi, PathItem, Ref, RefOr, Response};

use super::access::{Access, Table, access};

/// The parameter that asks for a plan instead of a change.
const PLAN: &str = "plan";

/// Adds to a document what follows from the table, and from what the operations say themselves.
pub(crate) fn complete(document: &mut OpenApi, table: &Table) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            match access(table, &method, path) {
                Some(Access::Role(role)) => {
                    refuses(operation, role);
                    // Its cloud does not answer.
                    add(operation, StatusCode::BAD_GATEWAY);
                }
                Some(Access::Public) | None => {}
            }
            if operation.request_body.is_some() {
                add(operation, StatusCode::BAD_REQUEST);
            }
            add(operation, StatusCode::SERVICE_UNAVAILABLE);
            if takes_a_plan(operation) {
                // What asks for no plan in the right way, and what agrees to one that no longer holds.
                add(operation, StatusCode::BAD_REQUEST);
                add(operation, StatusCode::CONFLICT);
                answers_a_plan(operation);
            }
            describe(operation);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::OPTIONS, &mut item.options),
        (Method::HEAD, &mut item.head),
        (Method::PATCH, &mut item.patch),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn refuses(operation: &mut Operation, role: Role) {
    add(operation, StatusCode::UNAUTHORIZED);
    if role > Role::Member {
        add(operation, StatusCode::FORBIDDEN);
    }
}

fn add(operation: &mut Operation, status: StatusCode) {
    let responses = &mut operation.responses.responses;
    responses
        .entry(status.as_str().to_owned())
        .or_insert_with(|| RefOr::T(Response::new("")));
}

fn takes_a_plan(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == PLAN,
        RefOr::Ref(_) => false,
    })
}

/// What was asked for only to be planned is answered by the plan.
fn answers_a_plan(operation: &mut Operation) {
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else {
        return;
    };
    for content in response.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(done) = content.schema.take()
        {
            let plan = Ref::from_schema_name("PlanResponse");
            let either = OneOfBuilder::new().item(done).item(plan).build();
            content.schema = Some(RefOr::T(Schema::OneOf(either)));
        }
    }
}

/// The specification wants each answer described.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status.parse::<StatusCode>().ok();
            let reason = status.and_then(|status| status.canonical_reason());
            reason
                .unwrap_or("Answer")
                .clone_into(&mut response.description);
        }
    }
}
