//! A server's traffic.

use std::time::Duration;

use serde_json::json;
use testkit::{Builder, Shop, assert_shape, wait};

use crate::curls::USAGE;
use crate::printed::curl;

testkit::on_both_databases![traffic_is_listed_as_printed];

async fn traffic_is_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder.flag("--sample-secs=0.2")).await;
    let id = shop.server("web").await;
    let own = [("id=1", &*format!("id={id}"))];
    let usage = wait::until("some traffic", Duration::from_secs(60), || async {
        let usage = curl(&shop.customer, USAGE, &own).ok();
        let went = usage["data"]["incoming"][0][0].as_f64();
        went.is_some_and(|went| went > 0.0).then_some(usage)
    })
    .await;
    let shape = json!({
        "status": "success", "message": null,
        "data": {"incoming": [[125.085_937_5, 1_515_678_960]], "outgoing": [[6.796_875, 1_515_678_960]]},
    });
    assert_shape(&usage, &shape);
    let began_at = usage["data"]["outgoing"][0][1].as_i64();
    assert_eq!(
        began_at.expect("a whole number") % 300,
        0,
        "samples begin at multiples of five minutes"
    );
}
