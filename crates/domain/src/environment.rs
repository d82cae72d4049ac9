//! Applications, and the environments in them: groups of servers on one cloud.

use crate::ids::{
    ApplicationId, EnvironmentId, IntegrationId, OrganisationId, ProviderId, PublicId,
};
use crate::time::Timestamp;

/// A group of environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its key.
    pub id: ApplicationId,
    /// The id that the API shows.
    pub public_id: PublicId,
    /// Unique within the organisation.
    pub name: String,
    /// `custom` is the only one.
    pub kind: String,
    /// Whether it takes the environments that name none.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A group of servers in one region of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its key.
    pub id: EnvironmentId,
    /// The id that the API shows.
    pub public_id: PublicId,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// In which application.
    pub application_id: ApplicationId,
    /// On which cloud account.
    pub provider_id: ProviderId,
    /// Unique within the application.
    pub name: String,
    /// In which region.
    pub region: String,
    /// The public ids of the integrations that its servers use.
    pub integrations: Vec<PublicId>,
    /// Whether its deletion was asked for; it goes when its last server has gone.
    pub deleting: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account elsewhere, such as a registry's.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Its key.
    pub id: IntegrationId,
    /// The id that the API shows.
    pub public_id: PublicId,
    /// `docker-hub`.
    pub kind: String,
    /// Unique within the organisation and kind.
    pub name: String,
    /// What is needed to use it; the password is secret.
    pub meta: crate::credentials::Credentials,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A cloud account that an organisation added; CloudHero's "provider".
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its key.
    pub id: ProviderId,
    /// The id that the API shows.
    pub public_id: PublicId,
    /// Whose.
    pub organisation_id: OrganisationId,
    /// Unique within the organisation.
    pub name: String,
    /// Which cloud: `incus`, `arcus`, `sandbox`.
    pub kind: String,
    /// What it is opened with.
    pub credentials: crate::credentials::Credentials,
    /// When it was added.
    pub created_at: Timestamp,
}
