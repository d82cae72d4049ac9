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

#[tokio::test]
async fn a_new_database_is_for_its_owner_alone_in_a_folder_that_is_open_to_all() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).expect("is set");
    let keys = Sealer::open(&folder.path().join("keys")).expect("keys");
    let location = store::dialect::Location::Sqlite(folder.path().join("arcus.db"));
    let store = Store::open(&location, keys, Clock::System, Schema::Migrate).await;
    let store = store.expect("opens");
    let files = std::fs::read_dir(folder.path()).expect("a folder");
    for file in files.map(|file| file.expect("an entry")) {
        let mode = file.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", file.path().display());
    }
    store.close().await;
}
