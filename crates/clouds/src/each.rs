//! Deleting several things of which one may be kept: the others are tried all the same.
//!
//! Used by drivers that clear up after an instance. What must stay true: whatever stays is named in the error, since it costs
//! money; and a cloud that asks for a pause is not asked for the rest.

use crate::cloud::{CloudError, CloudResult, ErrorClass};

/// What has stayed so far, and why.
#[derive(Default)]
pub(crate) struct Each {
    stays: Vec<String>,
    class: Option<ErrorClass>,
}

// === impl Each ===

impl Each {
    /// Notes what deleting one came to. Errors: where the others are not worth a try now.
    pub(crate) fn note(&mut self, what: &str, deleted: CloudResult<()>) -> CloudResult<()> {
        let Err(error) = deleted else {
            return Ok(());
        };
        self.stays.push(format!("{what} ({})", error.message));
        let class = match error.class {
            ErrorClass::Throttled(_) | ErrorClass::OutcomeUnknown => {
                let all = std::mem::take(&mut self.stays);
                return Err(CloudError::new(error.class, all.join("; ")));
            }
            // One that is in use says nothing of the others, and may not be for long; one that these credentials may not
            // delete is one, or all are.
            ErrorClass::Unavailable | ErrorClass::Auth => error.class,
            _ => ErrorClass::Rejected,
        };
        let rank = |class| match class {
            ErrorClass::Unavailable => 2,
            ErrorClass::Auth => 1,
            _ => 0,
        };
        if self.class.is_none_or(|known| rank(known) < rank(class)) {
            self.class = Some(class);
        }
        Ok(())
    }

    /// An error that names all that stays; of a class to try again where that may help.
    pub(crate) fn end(self) -> CloudResult<()> {
        match self.class {
            Some(class) => Err(CloudError::new(class, self.stays.join("; "))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(class: ErrorClass) -> CloudResult<()> {
        Err(CloudError::new(class, "no"))
    }

    #[test]
    fn all_that_stays_is_named_and_tried_again_where_that_may_help() {
        let mut each = Each::default();
        each.note("one", refused(ErrorClass::Unavailable))
            .expect("goes on");
        each.note("two", Ok(())).expect("goes on");
        each.note("three", refused(ErrorClass::Rejected))
            .expect("goes on");
        each.note("four", refused(ErrorClass::Auth))
            .expect("goes on");
        let error = each.end().expect_err("three stay");
        assert_eq!(error.class, ErrorClass::Unavailable);
        assert_eq!(error.message, "one (no); three (no); four (no)");
    }

    #[test]
    fn a_cloud_that_wants_a_pause_is_not_asked_for_the_rest() {
        let pause = ErrorClass::Throttled(std::time::Duration::from_secs(1));
        let mut each = Each::default();
        each.note("one", refused(ErrorClass::Rejected))
            .expect("goes on");
        let error = each.note("two", refused(pause)).expect_err("stops");
        assert_eq!(error.class, pause);
        assert_eq!(error.message, "one (no); two (no)");
    }
}
