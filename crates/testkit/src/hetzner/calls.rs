//! Which call leads where: the token, the faults, the pages, the limit of calls, and the list of what came in.
//!
//! What must stay true: a fault is used up by one call, and what it says about the effect is so.

use std::collections::HashMap;

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};

use super::world::World;
use super::{Call, Fault, StandIn, TOKEN, catalog};
use crate::serving;

const LIMIT: usize = 3600;

/// A status and its body; 204 has none.
pub(super) type Reply = (u16, Value);

/// What a call asks for.
pub(super) struct Asked {
    query: HashMap<String, String>,
    pub(super) body: Value,
}

pub(super) async fn answer(State(stand_in): State<StandIn>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let mut world = stand_in.world();
    let method = parts.method.clone();
    let full = parts.uri.path_and_query().map_or("", |path| path.as_str());
    world.calls.push(Call {
        method: method.to_string(),
        path: full.to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let count = world.calls.len();
    if !serving::knows(TOKEN, &parts.headers) {
        return response(error(401, "unauthorized", "unable to authenticate"), count);
    }
    let fits = |one: &(&str, &str, Fault)| method.as_str() == one.0 && full.contains(one.1);
    let at = world.faults.iter().position(fits);
    let fault = at.map(|at| world.faults.remove(at).2);
    match &fault {
        Some(Fault::Throttle(headers)) => {
            let refused = error(
                429,
                "rate_limit_exceeded",
                "limit of calls per hour reached",
            );
            let mut response = response(refused, count);
            for (name, value) in headers {
                let value = value.parse().expect("a header's value");
                response.headers_mut().insert(*name, value);
            }
            return response;
        }
        Some(Fault::Refuse(status, code)) => {
            return response(error(*status, code, "as the test wants it"), count);
        }
        Some(Fault::Answer(body)) => return response((200, body.clone()), count),
        _ => {}
    }
    let asked = Asked {
        query: query(full),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let fails = matches!(fault, Some(Fault::FailAction));
    let reply = route(&mut world, &method, parts.uri.path(), &asked, fails);
    match fault {
        Some(Fault::FailAfter(status)) => {
            response(error(status, "server_error", "an error occurred"), count)
        }
        Some(Fault::HangUpAfter) => serving::cut(201, None, Bytes::new()),
        _ => response(reply, count),
    }
}

fn route(world: &mut World, method: &Method, path: &str, asked: &Asked, fails: bool) -> Reply {
    let path: Vec<&str> = path.trim_matches('/').split('/').collect();
    let Some(path) = path.strip_prefix(&["v1"]) else {
        return not_found();
    };
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let body = &asked.body;
    match (method.as_str(), path) {
        ("GET", ["locations"]) => asked.page("locations", catalog::locations()),
        ("GET", ["server_types"]) => asked.page("server_types", catalog::server_types()),
        ("GET", ["pricing"]) => (200, catalog::pricing()),
        ("GET", ["images"]) => asked.page("images", world.all_images()),
        ("DELETE", ["images", id]) => world.delete_image(number(id)),
        ("GET", ["servers"]) => {
            let listed = world.listed_servers(|server| asked.fits(server));
            asked.page("servers", listed)
        }
        ("POST", ["servers"]) => world.create_server(body, fails),
        ("GET", ["servers", id]) => world.get_server(number(id)),
        ("PUT", ["servers", id]) => world.put_server(number(id), body),
        ("DELETE", ["servers", id]) => world.delete_server(number(id), fails),
        ("GET", ["servers", id, "actions"]) if !world.servers.contains_key(&number(id)) => {
            not_found()
        }
        ("GET", ["servers", id, "actions"]) => asked.page("actions", world.actions_of(number(id))),
        ("POST", ["servers", id, "actions", kind]) => world.act(number(id), kind, body, fails),
        ("GET", ["actions", id]) => world.get_action(number(id)),
        ("GET", ["ssh_keys"]) => asked.page("ssh_keys", world.keys.clone()),
        ("POST", ["ssh_keys"]) => world.add_key(body),
        ("GET", ["firewalls"]) => asked.page("firewalls", world.shown_firewalls()),
        ("POST", ["firewalls"]) => world.add_firewall(body),
        ("DELETE", ["firewalls", id]) => world.delete_firewall(number(id)),
        ("POST", ["firewalls", id, "actions", "set_rules"]) => world.set_rules(number(id), body),
        ("GET", ["networks"]) => asked.page("networks", world.shown_networks()),
        ("POST", ["networks"]) => world.add_network(body),
        ("DELETE", ["networks", id]) => world.delete_network(number(id)),
        ("POST", ["networks", id, "actions", "add_subnet"]) => world.add_subnet(number(id), body),
        _ => not_found(),
    }
}

// === impl Asked ===

impl Asked {
    /// A page of what fits the parameters: those that name a field, and the selector of labels.
    fn page(&self, key: &str, all: Vec<Value>) -> Reply {
        let number = |name: &str, usual: usize| {
            let given = self.query.get(name).and_then(|text| text.parse().ok());
            given.unwrap_or(usual).max(1)
        };
        let (page, size) = (number("page", 1), number("per_page", 25).min(50));
        let mut all: Vec<_> = all.into_iter().filter(|one| self.fits(one)).collect();
        if self.query.get("sort").is_some_and(|sort| sort == "id:desc") {
            all.reverse();
        }
        let total = all.len();
        let last = total.div_ceil(size).max(1);
        let items: Vec<_> = all.into_iter().skip((page - 1) * size).take(size).collect();
        let pagination = json!({
            "page": page, "per_page": size, "previous_page": (page > 1).then(|| page - 1),
            "next_page": (page < last).then_some(page + 1), "last_page": last, "total_entries": total,
        });
        (
            200,
            json!({ key: items, "meta": { "pagination": pagination } }),
        )
    }

    fn fits(&self, one: &Value) -> bool {
        let same = |name: &str| {
            self.query
                .get(name)
                .is_none_or(|wanted| one[name] == json!(wanted))
        };
        let selector = self.query.get("label_selector");
        let mut parts = selector.iter().flat_map(|selector| selector.split(','));
        ["name", "type", "architecture", "fingerprint"]
            .iter()
            .all(|name| same(name))
            && parts.all(|part| match part.split_once('=') {
                Some((label, value)) => one["labels"][label] == json!(value),
                None => !one["labels"][part].is_null(),
            })
    }
}

pub(super) fn not_found() -> Reply {
    error(404, "not_found", "the requested resource was not found")
}

pub(super) fn protected(what: &str) -> Reply {
    error(403, "protected", &format!("{what} is delete protected"))
}

pub(super) fn invalid(field: &str) -> Reply {
    let (status, mut body) = error(
        422,
        "invalid_input",
        &format!("invalid input in field '{field}'"),
    );
    body["error"]["details"] =
        json!({ "fields": [{ "name": field, "messages": ["is not valid"] }] });
    (status, body)
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let error = json!({ "code": code, "message": message, "details": null });
    (status, json!({ "error": error }))
}

fn response((status, body): Reply, count: usize) -> Response {
    serving::json(status, &body, LIMIT, count)
}

fn query(path: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://stand-in{path}"));
    let url = url.expect("an address");
    url.query_pairs().into_owned().collect()
}
