//! What a store refuses to open.

use domain::{Clock, ErrorKind};
use store::{Schema, Sealer, Store};
use testkit::Database;

use crate::common::on_both;

on_both! {
    async fn a_key_file_that_is_not_this_databases_is_refused(world: World) {
        let location = world.location();
        let elsewhere = tempfile::tempdir().expect("a folder");
        let foreign = Sealer::open(&elsewhere.path().join("keys")).expect("keys");
        let opened = Store::open(&location, foreign, Clock::System, Schema::Migrate).await;
        let error = opened.err().expect("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("--key-file"), "{error}");
    }
}

#[tokio::test]
async fn a_postgres_without_a_schema_is_refused_where_none_is_to_be_made() {
    let database = Database::postgres().await;
    let location = database.url().expect("a URL").parse().expect("a URL");
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let keys = Sealer::open(&folder.path().join("keys")).expect("keys");
        let opened = Store::open(&location, keys, Clock::System, Schema::Current).await;
        let error = opened.err().expect("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("arcus serve"), "{error}");
    }
}
