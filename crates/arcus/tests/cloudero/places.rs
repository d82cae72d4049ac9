//! The places of a server's id: in the address, or in the body by either of its names, as a form or as JSON.

use serde_json::{Map, Value};
use testkit::{Answer, Builder, Method, Shop};

testkit::on_both_databases![a_servers_id_is_taken_from_all_of_its_places];

/// Where the id stands; `None`: in the address.
const PLACES: [Option<&str>; 3] = [None, Some("id"), Some("subscription_id")];

/// What a body is written as.
#[derive(Debug, Clone, Copy)]
enum Written {
    Form,
    Json,
}

/// How a request is sent.
struct Way<'a> {
    shop: &'a Shop,
    server: i64,
    place: Option<&'static str>,
    written: Written,
}

// === impl Way ===

impl Way<'_> {
    /// Sends a request about the server, and waits for its end; the event must be of that kind.
    async fn done(&self, verb: &str, fields: &[(&str, &str)], kind: &str) -> Value {
        let what = format!("{verb}, {:?} as {:?}", self.place, self.written);
        let answer = self.send(verb, fields).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.text);
        // A destroy says it beside its data.
        let event = match &answer.body["event_id"] {
            Value::Null => &answer.body["data"]["event_id"],
            event => event,
        };
        let ended = self.shop.done(event.as_i64().expect(&what)).await;
        assert_eq!(ended["event"], kind, "{what}");
        ended
    }

    async fn send(&self, verb: &str, fields: &[(&str, &str)]) -> Answer {
        let id = self.server.to_string();
        let method = if verb == "destroy" {
            Method::DELETE
        } else {
            Method::POST
        };
        let (path, name) = match self.place {
            None => (format!("/v1/server/{id}/{verb}"), None),
            name => (format!("/v1/server/{verb}"), name),
        };
        let named = name.map(|name| (name, &*id));
        let fields: Vec<_> = named.into_iter().chain(fields.iter().copied()).collect();
        let customer = &self.shop.customer;
        match self.written {
            Written::Form => customer.form(method, &path, &fields).await,
            Written::Json => {
                let fields = fields.iter().map(|(name, value)| {
                    // Ids are numbers there.
                    let value = value.parse::<i64>().map_or((*value).into(), Value::from);
                    ((*name).to_owned(), value)
                });
                let body: Map<_, _> = fields.collect();
                let request = customer.request(method, &path);
                customer.send(request.json(&body)).await
            }
        }
    }
}

async fn a_servers_id_is_taken_from_all_of_its_places(builder: Builder) {
    let shop = Shop::open(builder).await;
    for place in PLACES {
        for written in [Written::Form, Written::Json] {
            let server = shop.server("web").await;
            let way = Way {
                shop: &shop,
                server,
                place,
                written,
            };
            for (verb, kind) in [
                ("stop", "VM.STOP"),
                ("start", "VM.START"),
                ("reboot", "VM.REBOOT"),
                ("change_password", "VM.PASSWORD"),
            ] {
                let ended = way.done(verb, &[], kind).await;
                assert_eq!(ended["subscription_id"], server, "{verb}");
            }
            around_a_snapshot(&way).await;
            for (verb, field, kind) in [
                ("refresh_install", ("image", "debian-13"), "VM.REINSTALL"),
                ("upgrade_package", ("package", "eos3"), "VM.UPGRADE"),
            ] {
                let ended = way.done(verb, &[field], kind).await;
                assert_eq!(ended["subscription_id"], server, "{verb}");
            }
            let shown = shop.shown(server).await;
            assert_eq!(
                (&shown["image"], &shown["package"]),
                (&"debian-13".into(), &"eos3".into())
            );
            let ended = way.done("destroy", &[], "VM.DESTROY").await;
            assert_eq!(ended["subscription_id"], server);
        }
    }
}

/// Takes a snapshot, goes back to it, makes another server from it, and leaves neither behind.
async fn around_a_snapshot(way: &Way<'_>) {
    let (shop, server) = (way.shop, way.server.to_string());
    let form = [("id", &*server), ("name", "before")];
    let event = shop.asked("/v1/snapshot/create", &form).await;
    shop.done(event).await;
    let list = shop.customer.get("/v1/snapshot/list").await.data();
    let snapshot = list[0]["id"].to_string();
    let own = ("snapshot_id", &*snapshot);
    let ended = way
        .done("restore_from_snapshot", &[own], "VM.RESTORE")
        .await;
    assert_eq!(ended["subscription_id"], way.server);
    let new = [("name", "copy"), ("package", "eos2"), own];
    let made = way.done("create_from_snapshot", &new, "VM.CREATE").await;
    let made = made["subscription_id"].as_i64().expect("an id");
    assert_ne!(made, way.server);
    for (path, id) in [
        ("/v1/snapshot/destroy", &snapshot),
        ("/v1/server/destroy", &made.to_string()),
    ] {
        let form = [("id", &**id)];
        let answer = shop.customer.form(Method::DELETE, path, &form).await.ok();
        let event = answer["event_id"]
            .as_i64()
            .or(answer["data"]["event_id"].as_i64());
        shop.done(event.expect("an event")).await;
    }
}
