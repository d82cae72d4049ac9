//! The one error type of Arcus.
//!
//! A message is public: it says what happened, what was not done and what to do next. The context is private
//! and goes to the log only, once, at the edge. Each façade maps [`ErrorKind`] to its own status and envelope.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::ids::PublicId;

/// What went wrong, in the terms that decide how a caller is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; sending it again will not help.
    Invalid,
    /// No valid credentials came with the request.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or it belongs to another organisation: the two are never told apart.
    NotFound,
    /// Something of that name is there already.
    Exists,
    /// The state of the thing does not allow this now.
    Conflict,
    /// The balance does not cover it.
    Payment,
    /// A quota does not allow it.
    Quota,
    /// Too many requests.
    RateLimited,
    /// The cloud understood and said no.
    CloudRejected,
    /// The cloud can't be reached or can't answer.
    CloudUnavailable,
    /// Arcus can't do it now: its database is full, read-only or away. Nothing was started.
    Unavailable,
    /// A fault in Arcus.
    Internal,
}

/// An error with a public message, and a private context for the log.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    fields: Vec<(String, String)>,
    existing: Option<PublicId>,
    context: Vec<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The result that use cases and the store return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

// === impl Error ===

impl Error {
    /// An error of `kind` with a public `message`.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            fields: Vec::new(),
            existing: None,
            context: Vec::new(),
            source: None,
        }
    }

    /// The request is wrong.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// There is no such thing. Used alike for what is missing and for what is another organisation's.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("no such {what}"))
    }

    /// The state of things does not allow it.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// Something of that name exists; `existing` is its public id.
    pub fn exists(message: impl Into<Cow<'static, str>>, existing: Option<PublicId>) -> Self {
        let mut error = Self::new(ErrorKind::Exists, message);
        error.existing = existing;
        error
    }

    /// Names the object that stands in the way, by its public id.
    #[must_use]
    pub fn about(mut self, id: PublicId) -> Self {
        self.existing = Some(id);
        self
    }

    /// A fault of our own. `context` is for the log; the public message says only that it was logged.
    pub fn internal(context: impl Into<String>) -> Self {
        Self::new(
            ErrorKind::Internal,
            "Arcus met a fault of its own; it is in the server's log under this request's id",
        )
        .context(context)
    }

    /// Adds private context for the log.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.context.push(context.into());
        self
    }

    /// Names the field of the request that is wrong; façades that report by field use it.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        let message = self.message.to_string();
        self.fields.push((field.into(), message));
        self
    }

    /// Several wrong fields at once, as `(field, message)`.
    #[must_use]
    pub fn fields(mut self, fields: Vec<(String, String)>) -> Self {
        self.fields = fields;
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a user may read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The wrong fields, as `(field, message)`; empty where no field is to blame.
    pub fn wrong_fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The public id of the object that stands in the way.
    pub fn existing(&self) -> Option<&PublicId> {
        self.existing.as_ref()
    }

    /// Context and causes in one line, for the log and never for an answer.
    pub fn private(&self) -> String {
        let mut parts = self.context.clone();
        let mut cause: Option<&(dyn std::error::Error + 'static)> =
            self.source.as_ref().map(|source| source.as_ref() as _);
        while let Some(error) = cause {
            parts.push(error.to_string());
            cause = error.source();
        }
        parts.join(": ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)?;
        let private = self.private();
        if private.is_empty() {
            Ok(())
        } else {
            write!(f, " [{private}]")
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}
