//! Which call leads where: the token, the faults, the pages, the limit of calls, and the list of what came in.
//!
//! What must stay true: a fault is used up by one call, and what it says about the effect is so.

use std::collections::HashMap;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::world::World;
use super::{Call, Fault, StandIn, TOKEN};
use crate::serving;

const LIMIT: usize = 5000;

/// A status and its body; 204 has none.
pub(super) type Reply = (u16, Value);

/// What a call asks for.
pub(super) struct Asked {
    pub(super) query: HashMap<String, String>,
    pub(super) path: String,
    pub(super) body: Value,
}

pub(super) async fn answer(State(stand_in): State<StandIn>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let mut world = stand_in.world();
    let method = parts.method.clone();
    let full = parts.uri.path_and_query().map_or("", |path| path.as_str());
    world.calls.push(call(&method, full, &body));
    let count = world.calls.len();
    if !serving::knows(TOKEN, &parts.headers) {
        return response(error(401, "Unable to authenticate you"), count);
    }
    let fits = |one: &(&str, &str, Fault)| method.as_str() == one.0 && full.contains(one.1);
    let at = world.faults.iter().position(fits);
    let fault = at.map(|at| world.faults.remove(at).2);
    match &fault {
        Some(Fault::Throttle(headers)) => {
            let mut response = response(error(429, "API Rate limit exceeded."), count);
            for (name, value) in headers {
                let value = value.parse().expect("a header's value");
                response.headers_mut().insert(*name, value);
            }
            return response;
        }
        Some(Fault::Refuse(status, message)) => return response(error(*status, message), count),
        Some(Fault::Answer(body)) => return response((200, body.clone()), count),
        _ => {}
    }
    let query = parts.uri.query().unwrap_or_default();
    let query = form(query);
    let asked = Asked {
        query,
        path: parts.uri.path().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let fails = matches!(fault, Some(Fault::FailAction));
    let reply = route(&mut world, &method, &asked, fails);
    match fault {
        Some(Fault::FailAfter(status)) => response(error(status, "Server Error"), count),
        Some(Fault::HangUpAfter) => serving::cut(202, None, Bytes::new()),
        _ => response(reply, count),
    }
}

fn route(world: &mut World, method: &Method, asked: &Asked, fails: bool) -> Reply {
    let path = asked.path.trim_matches('/').to_owned();
    let path: Vec<&str> = path.split('/').collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    match (method.as_str(), path.as_slice()) {
        ("GET", ["v2", "account"]) => super::belongings::account(world),
        ("GET", ["v2", "account", "keys", key]) => world.key(key),
        ("POST", ["v2", "account", "keys"]) => world.add_key(&asked.body),
        ("GET", ["v2", "regions"]) => asked.page("regions", super::catalog::regions()),
        ("GET", ["v2", "sizes"]) => asked.page("sizes", super::catalog::sizes()),
        ("GET", ["v2", "droplets"]) => world.list_droplets(asked),
        ("POST", ["v2", "droplets"]) => world.create_droplet(&asked.body, fails),
        ("GET", ["v2", "droplets", id]) => world.get_droplet(number(id)),
        ("DELETE", ["v2", "droplets", id]) => world.destroy_droplet(number(id)),
        ("GET", ["v2", "droplets", id, "snapshots"]) => world.list_snapshots(number(id), asked),
        ("GET", ["v2", "droplets", id, "actions"]) => world.list_actions(number(id), asked),
        ("POST", ["v2", "droplets", id, "actions"]) => world.act(number(id), &asked.body, fails),
        ("GET", ["v2", "actions", id]) => world.get_action(number(id)),
        ("GET", ["v2", "snapshots"]) => world.list_all_snapshots(asked),
        ("DELETE", ["v2", "snapshots", id]) => world.delete_snapshot(number(id)),
        ("POST", ["v2", "tags"]) => world.add_tag(&asked.body),
        ("GET", ["v2", "tags", tag]) => world.show_tag(tag),
        ("DELETE", ["v2", "tags", tag]) => world.delete_tag(tag),
        ("POST", ["v2", "tags", tag, "resources"]) => world.put_tag(tag, &asked.body, true),
        ("DELETE", ["v2", "tags", tag, "resources"]) => world.put_tag(tag, &asked.body, false),
        ("GET", ["v2", "firewalls"]) => asked.page("firewalls", world.firewalls.clone()),
        ("POST", ["v2", "firewalls"]) => world.add_firewall(&asked.body),
        ("DELETE", ["v2", "firewalls", id]) => world.delete_firewall(id),
        ("POST", ["v2", "firewalls", id, "rules"]) => world.add_rules(id, &asked.body),
        _ => not_found(),
    }
}

// === impl Asked ===

impl Asked {
    /// A page of a list. The address of the next one is DigitalOcean's own, as it is behind a proxy.
    pub(super) fn page(&self, key: &str, all: Vec<Value>) -> Reply {
        let number = |name: &str, usual: usize| {
            let given = self.query.get(name).and_then(|text| text.parse().ok());
            given.unwrap_or(usual).max(1)
        };
        let (page, size) = (number("page", 1), number("per_page", 20).min(200));
        let total = all.len();
        let last = total.div_ceil(size).max(1);
        let address = |page: usize| {
            let path = &self.path;
            format!("https://api.digitalocean.com{path}?page={page}&per_page={size}")
        };
        let mut pages = Map::new();
        if page < last {
            pages.insert("next".to_owned(), json!(address(page + 1)));
            pages.insert("last".to_owned(), json!(address(last)));
        }
        if page > 1 {
            pages.insert("first".to_owned(), json!(address(1)));
            pages.insert("prev".to_owned(), json!(address(page - 1)));
        }
        let items: Vec<_> = all.into_iter().skip((page - 1) * size).take(size).collect();
        let links = if pages.is_empty() {
            json!({})
        } else {
            json!({ "pages": pages })
        };
        let body = json!({ key: items, "links": links, "meta": { "total": total } });
        (200, body)
    }
}

pub(super) fn not_found() -> Reply {
    error(404, "The resource you were accessing could not be found.")
}

pub(super) fn error(status: u16, message: &str) -> Reply {
    let id = match status {
        401 => "unauthorized",
        404 => "not_found",
        422 => "unprocessable_entity",
        429 => "too_many_requests",
        _ => "server_error",
    };
    (status, json!({ "id": id, "message": message }))
}

fn response((status, body): Reply, count: usize) -> Response {
    serving::json(status, &body, LIMIT, count)
}

fn call(method: &Method, path: &str, body: &Bytes) -> Call {
    Call {
        method: method.to_string(),
        path: path.to_owned(),
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

/// What is asked for here holds nothing that would be encoded.
fn form(query: &str) -> HashMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
