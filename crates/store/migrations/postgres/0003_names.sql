-- What a server is called at its cloud is its organisation's own matter: nobody learns by it what others have. The operator's
-- regions share one space of names, which a query looks after.
DROP INDEX servers_by_cloud_name;
CREATE UNIQUE INDEX servers_by_cloud_name ON servers (organisation_id, cloud_name) WHERE destroyed_at IS NULL;
CREATE INDEX servers_of_cloud_name ON servers (cloud_name) WHERE destroyed_at IS NULL;
