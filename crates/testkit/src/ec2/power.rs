//! What is done to an instance: accepted at once, done with time.

use std::time::Instant;

use super::asked::Asked;
use super::calls::{Refusal, Reply, refuse};
use super::catalog;
use super::instances::shown_state;
use super::world::{Instance, State, World, now};
use super::xml::{items, text};
use crate::body::Order;

// === impl World ===

impl World {
    pub(super) fn start(&mut self, asked: &Asked) -> Reply {
        let number = self.number();
        let pace = self.pace;
        self.switch(asked, |instance| match instance.state {
            State::Pending | State::Running => Ok(()),
            State::Stopped => {
                instance.state = State::Pending;
                instance.next = Some((Instant::now() + pace, State::Running));
                instance.tell(Order::PowerOn);
                let (high, low) = (number / 250 % 250, number % 250 + 4);
                instance.public_ip = Some(format!("54.211.{high}.{low}"));
                instance.launched_at = now();
                Ok(())
            }
            _ => Err(wrong_state(instance, "started")),
        })
    }

    pub(super) fn stop(&mut self, asked: &Asked) -> Reply {
        let pace = self.pace;
        self.switch(asked, |instance| match instance.state {
            State::Stopping | State::Stopped => Ok(()),
            State::Running => {
                instance.state = State::Stopping;
                instance.next = Some((Instant::now() + pace, State::Stopped));
                instance.tell(Order::ShutDown);
                Ok(())
            }
            _ => Err(wrong_state(instance, "stopped")),
        })
    }

    pub(super) fn reboot(&mut self, asked: &Asked) -> Reply {
        for id in asked.fields.list("InstanceId") {
            let instance = self.instance(&asked.region, &id)?;
            if instance.state != State::Running {
                return Err(wrong_state(instance, "rebooted"));
            }
            instance.tell(Order::Reboot);
        }
        Ok(text("return", true))
    }

    pub(super) fn terminate(&mut self, asked: &Asked) -> Reply {
        let pace = self.pace;
        self.switch(asked, |instance| {
            if !matches!(instance.state, State::ShuttingDown | State::Terminated) {
                if instance.is_protected {
                    return Err(protected(instance));
                }
                instance.state = State::ShuttingDown;
                instance.next = Some((Instant::now() + pace, State::Terminated));
                instance.tell(Order::Destroy);
            }
            Ok(())
        })
    }

    pub(super) fn modify(&mut self, asked: &Asked) -> Reply {
        let kind = asked.fields.must("InstanceType.Value")?.to_owned();
        if !catalog::has_type(&kind) {
            let message = format!("Invalid value '{kind}' for InstanceType.");
            return Err(refuse(400, "InvalidInstanceAttributeValue", message));
        }
        let instance = self.instance_mut(&asked.region, asked.fields.must("InstanceId")?)?;
        if instance.state != State::Stopped {
            let message = format!(
                "The instance '{}' is not in the 'stopped' state.",
                instance.id
            );
            return Err(refuse(400, "IncorrectInstanceState", message));
        }
        instance.kind = kind;
        Ok(text("return", true))
    }

    /// Does something to each of the instances, or to none where one of them is not there.
    fn switch(
        &mut self,
        asked: &Asked,
        change: impl Fn(&mut Instance) -> Result<(), Refusal>,
    ) -> Reply {
        let ids = asked.fields.list("InstanceId");
        for id in &ids {
            self.instance(&asked.region, id)?;
        }
        let mut shown = Vec::new();
        for id in &ids {
            let instance = self.instance_mut(&asked.region, id)?;
            let before = instance.state;
            change(instance)?;
            shown.push(
                [
                    text("instanceId", id),
                    shown_state("currentState", instance.state),
                    shown_state("previousState", before),
                ]
                .concat(),
            );
        }
        Ok(items("instancesSet", shown))
    }
}

fn protected(instance: &Instance) -> Refusal {
    let message = format!(
        "The instance '{}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
        instance.id
    );
    refuse(400, "OperationNotPermitted", message)
}

fn wrong_state(instance: &Instance, verb: &str) -> Refusal {
    let message = format!(
        "The instance '{}' is not in a state from which it can be {verb}.",
        instance.id
    );
    refuse(400, "IncorrectInstanceState", message)
}
