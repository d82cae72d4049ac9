//! The example requests of the documentation, in its order and as they stand there.
//!
//! Only blanks after a line's last backslash are left out, which no shell would take, and one closing quotation mark is
//! added, which the page has cut off. The documentation prints the request for one server a second time where it is about
//! the snapshots of one.

pub(crate) const LOGIN: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/user/login" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "username={{test_user}}&password={{test_pass}}""#;

pub(crate) const CREATE: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "name=ubuntu-16-04-x64&region=ist2&package=eos2&image=ubuntu-16-04-x64&hostname=&ssh_keys=&user_data=""#;

pub(crate) const LIST: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/server/list" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;

pub(crate) const ONE: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/server/1515" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;

pub(crate) const DESTROY: &str = r#"curl --location --request DELETE "https://api.cloude.ro/v1/server/{{subscription_id}}/destroy" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data """#;

pub(crate) const START: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/start" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=1""#;

pub(crate) const STOP: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/stop" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data "id=1""#;

pub(crate) const REBOOT: &str = r#"curl --location --request POST "https://api.cloud.ro/v1/server/reboot" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data "id=1""#;

pub(crate) const CHANGE_PASSWORD: &str = r#"curl --location --request POST "https://api.cloud.ro/v1/server/{{subscription_id}}/change_password" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data "subscription_id=1520""#;

pub(crate) const CREATE_FROM_SNAPSHOT: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/create_from_snapshot" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "name=snaptovm%20-%20api2&package=eos1&snapshot_id=37&hostname=&ssh_keys=&user_data=""#;

pub(crate) const RESTORE: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/{{subscription_id}}/restore_from_snapshot" \
--header "Authorization: Bearer {{authToken}}" \
--header "Content-Type: application/x-www-form-urlencoded" \
--data "snapshot_id=1000""#;

pub(crate) const REINSTALL: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/{{subscription_id}}/refresh_install" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=&image=""#;

pub(crate) const UPGRADE: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/server/{{subscription_id}}/upgrade_package" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=&package=&type=""#;

pub(crate) const SNAPSHOTS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/snapshot/list" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;

pub(crate) const SNAPSHOT_CREATE: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/snapshot/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "id=1&name=SnapTest03""#;

pub(crate) const SNAPSHOT_DESTROY: &str = r#"curl --location --request DELETE "https://api.cloude.ro/v1/snapshot/destroy" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "id=1072""#;

pub(crate) const KEY_CREATE: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/sshkey/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "name=Test%20SSHKey&public_key=ssh-rsa%20AAAAAB3NzaC1yc2EAAAADAQABAAQAC06Jt7Pvc5GfUuHdwIZQo42ynRC1puBw9J9z3M3NTJ+1y/USxJcWRsaCPvzt/UCX9KU""#;

pub(crate) const KEYS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/sshkey/list" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;

pub(crate) const KEY_UPDATE: &str = r#"curl --location --request PUT "https://api.cloude.ro/v1/sshkey/update" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "fingerprint=c2%3A1b%3Afe%3Aa4%3A90%3A4f%3A6a%3A4f%3A11%3Aa4%3A07%3A26%3A78%3A3b%3Ad6%3Aee&name=SSTest2""#;

pub(crate) const KEY_DESTROY: &str = r#"curl --location --request DELETE "https://api.cloude.ro/v1/sshkey/destroy" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "fingerprint=c2%3A1b%3Afe%3Aa4%3A90%3A4f%3A6a%3A4f%3A11%3Aa4%3A07%3A26%3A78%3A3b%3Ad6%3Aee""#;

pub(crate) const TAGS_CREATE: &str = r#"curl --location --request POST "https://api.cloude.ro/v1/tags/create" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "sub_ids%5B%5D=1515&sub_ids%5B%5D=1520&tags%5B%5D=web1&tags%5B%5D=ftp1""#;

pub(crate) const TAGS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/tags/list" \
--header "Authorization: Bearer {{authToken}}" \
--data """#;

pub(crate) const TAGS_UPDATE: &str = r#"curl --location --request PUT "https://api.cloude.ro/v1/tags/update" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data "sub_id=79&tags=asdsa%20asd%20asd""#;

pub(crate) const TAGS_DESTROY: &str = r#"curl --location --request DELETE "https://api.cloud.ro/v1/tags/destroy" \
  --header "Authorization: Bearer {{authToken}}" \
  --data "tag=ftp1""#;

pub(crate) const IMAGES: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/image/list?type=all,application" \
--data """#;

pub(crate) const APPLICATIONS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/image/list?type=application" \
--data """#;

pub(crate) const PACKAGES: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/package/list" \
  --data """#;

pub(crate) const REGIONS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/region/list" \
--data """#;

pub(crate) const EVENTS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/event/list" \
--header "Authorization: Bearer {{authToken}}" \
--data """#;

pub(crate) const EVENT: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/event/%7Bevent_id%7D" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;

pub(crate) const INVOICES: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/invoice/list" \
  --header "Authorization: Bearer {{authToken}}" \
  --data """#;

pub(crate) const TRANSACTIONS: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/transaction/list" \
--header "Authorization: Bearer {{authToken}}" \
--data """#;

pub(crate) const USAGE: &str = r#"curl --location --request GET "https://api.cloude.ro/v1/usage/list?id=1" \
  --header "Authorization: Bearer {{authToken}}" \
  --header "Content-Type: application/x-www-form-urlencoded" \
  --data """#;
