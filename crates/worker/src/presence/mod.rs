//! When a worker takes new tasks: not while it is stopping, outside its hours, or while its machine is needed otherwise.

mod hours;
mod machine;

use std::{fmt, time::Duration};

use jiff::Zoned;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use hours::{Hours, HoursError};
use machine::Machine;

/// How often clock and machine are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// When a worker takes new tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Within one of these only; at any time if there are none.
    pub hours: Vec<Hours>,
    /// While nobody else uses the machine only. The worker and what it runs then have the lowest priority.
    pub idle_only: bool,
}

/// Why a worker takes no new tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pause {
    /// It finishes what it has, and ends.
    Stopping,
    /// It is outside its hours.
    Hours,
    /// Somebody else uses the machine.
    InUse,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopping => "it is stopping",
            Self::Hours => "it is outside its hours",
            Self::InUse => "the machine is in use",
        })
    }
}

impl Presence {
    /// Tells why no new tasks are taken, as that changes; once `leave` is cancelled, for good.
    pub(crate) async fn run(self, tell: watch::Sender<Option<Pause>>, leave: CancellationToken) {
        let mut machine = self.idle_only.then(Machine::default);
        if self.idle_only
            && let Err(error) = machine::give_way()
        {
            warn!(%error, "the priority of the worker cannot be lowered: its own work may count as use of the machine");
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = leave.cancelled() => break,
                _ = looks.tick() => {}
            }
            let in_use = machine.as_mut().is_some_and(Machine::is_in_use);
            let pause = if !self.is_within(&Zoned::now()) {
                Some(Pause::Hours)
            } else {
                in_use.then_some(Pause::InUse)
            };
            let changed = tell.send_if_modified(|told| std::mem::replace(told, pause) != pause);
            match pause {
                Some(pause) if changed => info!(%pause, "no new tasks are taken"),
                None if changed => info!("tasks are taken"),
                _ => {}
            }
        }
        tell.send_replace(Some(Pause::Stopping));
    }

    fn is_within(&self, now: &Zoned) -> bool {
        let time = now.time();
        self.hours.is_empty() || self.hours.iter().any(|hours| hours.contains(time))
    }
}
