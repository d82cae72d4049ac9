//! Credentials that are wrong, over, taken away or good for too little.

use clouds::ErrorClass;
use testkit::ec2::Access;

use super::rig::{REGION, Rig};

/// Nothing is done with them, nothing that they list counts, and all goes on when they are good again.
#[tokio::test]
async fn credentials_that_are_not_accepted_any_more_are_told_of_as_such() {
    let rig = Rig::stand_in();
    let request = rig.request("later");
    let first = rig.running(&rig.request("first")).await;
    for (access, words) in [
        (Access::Revoked, "AuthFailure"),
        (Access::Expired, "RequestExpired"),
        (Access::TokenExpired, "ExpiredToken"),
        (Access::Denied, "not authorized"),
    ] {
        rig.amazon().set_access(access);
        let failures = [
            rig.cloud.check().await.expect_err("fails"),
            rig.cloud.create(&request).await.expect_err("fails"),
            rig.cloud.get(&first.at).await.expect_err("fails"),
            rig.cloud.destroy(&first.at).await.expect_err("fails"),
            rig.cloud
                .list(REGION, &rig.installation)
                .await
                .expect_err("fails"),
        ];
        for failure in failures {
            assert_eq!(failure.class, ErrorClass::Auth, "{failure}");
            assert!(failure.message.contains(words), "{failure}");
            assert!(!failure.message.contains("AbCdEf"), "{failure}");
        }
    }
    rig.amazon().set_access(Access::Whole);
    assert_eq!(rig.amazon().living().len(), 1);
    rig.running(&request).await;
    assert_eq!(rig.amazon().living().len(), 2);
}

#[tokio::test]
async fn a_permission_that_is_missing_is_no_matter_of_the_other_calls() {
    let rig = Rig::stand_in();
    rig.amazon().set_access(Access::Without("RunInstances"));
    rig.cloud.check().await.expect("is accepted");
    let refused = rig.cloud.create(&rig.request("no")).await;
    assert_eq!(refused.expect_err("refused").class, ErrorClass::Auth);
    assert_eq!(rig.amazon().instances(), []);
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_refused() {
    let rig = Rig::stand_in();
    for (name, words) in [
        ("secretKey", "SignatureDoesNotMatch"),
        ("accessKey", "AuthFailure"),
    ] {
        let refused = rig.with(name, "something+else").check().await;
        let refused = refused.expect_err("is refused");
        assert_eq!(refused.class, ErrorClass::Auth, "{refused}");
        assert!(refused.message.contains(words), "{refused}");
    }
}

#[tokio::test]
async fn temporary_keys_are_good_with_their_token_alone() {
    let rig = Rig::stand_in();
    rig.amazon().set_session_token("a/session+token==");
    assert_eq!(
        rig.cloud.check().await.expect_err("is refused").class,
        ErrorClass::Auth
    );
    let with = rig.with("sessionToken", "a/session+token==");
    with.check().await.expect("is accepted");
    let other = rig.with("sessionToken", "another").check().await;
    assert_eq!(other.expect_err("is refused").class, ErrorClass::Auth);
}
