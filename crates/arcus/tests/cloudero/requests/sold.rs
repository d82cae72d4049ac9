//! What is sold: images, packages, regions. Nobody needs a token for these.

use serde_json::{Value, json};
use testkit::{Builder, Shop, assert_shape};

use crate::curls::{APPLICATIONS, IMAGES, PACKAGES, REGIONS};
use crate::printed::curl;

testkit::on_both_databases![
    images_are_listed_as_printed,
    applications_are_listed_as_printed,
    packages_are_listed_as_printed,
    regions_are_listed_as_printed,
];

fn found(list: &Value, slug: &str) -> Value {
    let mut all = list.as_array().expect("an array").iter();
    let found = all.find(|one| one["slug"] == slug);
    found.expect("it is listed").clone()
}

async fn images_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let images = curl(&shop.customer.anonymous(), IMAGES, &[]).ok();
    let printed = json!({
        "name": "Ubuntu 16.04.3", "slug": "ubuntu-16-04-x64", "type": "template", "distribution": "Ubuntu",
        "regions": ["ist2"], "min_disk_size": null,
    });
    let mut each = printed.clone();
    // What an image needs at least may be said, where the documentation says nothing.
    each.as_object_mut()
        .expect("an object")
        .remove("min_disk_size");
    let shape = json!({"status": "success", "message": null, "data": [each]});
    assert_shape(&images, &shape);
    let image = found(&images["data"], "ubuntu-16-04-x64");
    assert_shape(&image, &printed);
    for name in ["name", "type", "distribution"] {
        assert_eq!(image[name], printed[name]);
    }
    assert!(
        image["regions"]
            .as_array()
            .expect("an array")
            .contains(&json!("ist2"))
    );
}

async fn applications_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let add = ["image", "add", "blog", "--name=Wordpress", "--package=php"];
    let source = ["--distribution=ubuntu-24.04", "--alias=ubuntu/24.04"];
    shop.arcus.tell(&[&add[..], &source].concat(), "");
    let images = curl(&shop.customer.anonymous(), APPLICATIONS, &[]).data();
    for image in images.as_array().expect("an array") {
        assert_eq!(image["type"], "application", "{image}");
    }
    let image = found(&images, "blog");
    let printed = json!({
        "name": "Wordpress", "slug": "wordpress", "type": "application", "distribution": "Ubuntu",
        "regions": ["ist2"], "min_cpu": null, "min_ram": null, "min_disk_size": null,
    });
    assert_shape(&image, &printed);
    assert_eq!(image["distribution"], "Ubuntu");
}

async fn packages_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let answer = curl(&shop.customer.anonymous(), PACKAGES, &[]).ok();
    let package = |slug: &str, of: [u64; 4], hourly: &str, monthly: &str| {
        let [cpu, ram, disk, bandwidth] = of;
        json!({
            "slug": slug, "cpu": cpu, "ram": ram, "disk": disk, "bandwidth": bandwidth,
            "hourly_price": hourly, "monthly_price": monthly, "regions": ["ist1", "izml", "ist2"],
        })
    };
    let all = [
        package("eos1", [1, 1, 20, 1], "0.0074", "5.0000"),
        package("eos2", [1, 1, 40, 4], "0.0150", "10.0000"),
        package("eos3", [2, 2, 60, 6], "0.0300", "20.0000"),
    ];
    let printed = json!({"status": "success", "data": all, "message": null});
    assert_shape(&answer, &printed);
    // In their order, with their values; the regions are those of this shop.
    for (index, mut printed) in all.into_iter().enumerate() {
        let package = &answer["data"][index];
        let regions = package["regions"].as_array().expect("an array");
        assert!(regions.contains(&json!("ist2")), "{regions:?}");
        printed["regions"] = package["regions"].clone();
        assert_eq!(*package, printed);
    }
}

async fn regions_are_listed_as_printed(builder: Builder) {
    let shop = Shop::open(builder).await;
    let answer = curl(&shop.customer.anonymous(), REGIONS, &[]).ok();
    let regions = json!([
        {"slug": "ist1", "name": "Ist-01", "country": "TR", "status": false},
        {"slug": "ist2", "name": "Ist-02", "country": "TR", "status": true},
    ]);
    let printed = json!({"status": "success", "data": regions, "message": null});
    assert_shape(&answer, &printed);
    let all = answer["data"].as_array().expect("an array");
    assert_eq!(json!(all[..2]), regions);
}
