//! Servers of other organisations, put straight into a database that nobody has open.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// Adds `count` servers, a hundred to an organisation, on a region that this Arcus does not have.
pub(crate) async fn add(folder: &Path, count: usize) {
    let options = SqliteConnectOptions::new().filename(folder.join("arcus.db"));
    let mut connection = options.connect().await.expect("the database opens");
    let organisations = count.div_ceil(100);
    let statements = format!(
        "BEGIN;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {organisations})
         INSERT INTO organisations (public_id, name, slug, created_at)
         SELECT lower(hex(randomblob(12))), 'other ' || i, 'other-' || i, 0 FROM n;
         INSERT INTO users (organisation_id, email, user_name, password_hash, role, created_at)
         SELECT id, slug || '@example.com', slug, 'x', 'owner', 0 FROM organisations WHERE slug LIKE 'other-%';
         INSERT INTO applications (public_id, organisation_id, name, kind, is_default, created_at)
         SELECT lower(hex(randomblob(12))), id, 'default', 'custom', TRUE, 0
         FROM organisations WHERE slug LIKE 'other-%';
         INSERT INTO providers (public_id, organisation_id, name, kind, sealed_credentials, created_at)
         SELECT p.public_id || o.id, o.id, 'house', 'arcus', p.sealed_credentials, 0
         FROM organisations o, (SELECT * FROM providers LIMIT 1) p WHERE o.slug LIKE 'other-%';
         INSERT INTO environments (public_id, organisation_id, application_id, provider_id, name, region,
                                   integrations, deleting, created_at)
         SELECT lower(hex(randomblob(12))), a.organisation_id, a.id, p.id, 'e', 'elsewhere', '[]', FALSE, 0
         FROM applications a JOIN providers p ON p.organisation_id = a.organisation_id AND p.name = 'house';
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO servers (public_id, organisation_id, environment_id, provider_id, region, name, cloud_name,
                              token, cloud_id, plan, image, login_user, packages, tags, desired, power, setup,
                              created_by, created_at, changed_at)
         SELECT lower(hex(randomblob(12))), e.organisation_id, e.id, e.provider_id, e.region, 'web-' || n.i,
                'other-' || e.id || '-web-' || n.i, lower(hex(randomblob(16))), 'i-' || e.id || '-' || n.i, 'eos1',
                'debian-12', 'root', '[\"nginx\"]', '{{}}', 'running', 'running', 'ready',
                (SELECT MIN(u.id) FROM users u WHERE u.organisation_id = e.organisation_id), 0, 0
         FROM environments e, n WHERE e.region = 'elsewhere' LIMIT {count};
         COMMIT;
         ANALYZE;"
    );
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut connection)
        .await
        .expect("the rows are written");
    connection.close().await.expect("closes");
}
