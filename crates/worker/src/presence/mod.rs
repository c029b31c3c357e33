//! When a worker takes new tasks: not while it is stopping, outside its hours, or while its machine is needed otherwise.

mod hours;
mod machine;

use std::{fmt, time::Duration};

use jiff::{Zoned, civil::Time};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use hours::{Hours, HoursError};
use machine::Machine;

/// How often clock and machine are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// When a worker takes new tasks.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    /// Within one of these only; at any time if there are none.
    pub hours: Vec<Hours>,
    /// While nobody else uses the machine only. The worker and what it runs then have the lowest priority.
    pub idle_only: bool,
    /// Who tells what is seen, instead of the clock and the kernel of this machine.
    pub told: Option<watch::Receiver<Seen>>,
}

/// What matters to whether tasks are taken, at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Time of the day.
    pub time: Time,
    /// Whether somebody else uses the machine.
    pub in_use: bool,
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
    /// Looks for the first time. Gives who goes on looking.
    pub(crate) fn begin(self) -> (Lookout, watch::Receiver<Option<Pause>>) {
        let mut eyes = match self.told {
            Some(told) => Eyes::Told(told),
            None => Eyes::here(self.idle_only),
        };
        let terms = Terms {
            hours: self.hours,
            idle_only: self.idle_only,
        };
        let (tell, pause) = watch::channel(terms.pause(eyes.look()));
        (Lookout { terms, eyes, tell }, pause)
    }
}

/// When tasks are taken.
#[derive(Debug)]
struct Terms {
    hours: Vec<Hours>,
    idle_only: bool,
}

impl Terms {
    fn pause(&self, seen: Seen) -> Option<Pause> {
        let is_within = |hours: &Hours| hours.contains(seen.time);
        if !self.hours.is_empty() && !self.hours.iter().any(is_within) {
            return Some(Pause::Hours);
        }
        (self.idle_only && seen.in_use).then_some(Pause::InUse)
    }
}

/// Looks again and again, and tells why no new tasks are taken.
#[derive(Debug)]
pub(crate) struct Lookout {
    terms: Terms,
    eyes: Eyes,
    tell: watch::Sender<Option<Pause>>,
}

impl Lookout {
    /// Tells it as it changes; once `leave` is cancelled, for good.
    pub(crate) async fn run(mut self, leave: CancellationToken) {
        if let Some(pause) = *self.tell.borrow() {
            info!(%pause, "no new tasks are taken yet");
        }
        loop {
            let seen = tokio::select! {
                () = leave.cancelled() => break,
                seen = self.eyes.next() => seen,
            };
            let pause = self.terms.pause(seen);
            let told = |told: &mut Option<Pause>| std::mem::replace(told, pause) != pause;
            let changed = self.tell.send_if_modified(told);
            match pause {
                Some(pause) if changed => info!(%pause, "no new tasks are taken"),
                None if changed => info!("tasks are taken"),
                _ => {}
            }
        }
        self.tell.send_replace(Some(Pause::Stopping));
    }
}

/// What looks.
#[derive(Debug)]
enum Eyes {
    Here {
        /// Looked at if it matters.
        machine: Option<Machine>,
        looks: Interval,
    },
    Told(watch::Receiver<Seen>),
}

impl Eyes {
    fn here(idle_only: bool) -> Self {
        if idle_only && let Err(error) = machine::give_way() {
            warn!(%error, "the priority of the worker cannot be lowered: its own work may count as use of the machine");
        }
        // The first look is taken at once, by whoever asks.
        let mut looks = interval_at(Instant::now() + LOOK, LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::Here {
            machine: idle_only.then(Machine::default),
            looks,
        }
    }

    fn look(&mut self) -> Seen {
        match self {
            Self::Here { machine, .. } => Seen {
                time: Zoned::now().time(),
                in_use: machine.as_mut().is_some_and(Machine::is_in_use),
            },
            Self::Told(told) => *told.borrow_and_update(),
        }
    }

    /// What is seen the next time.
    async fn next(&mut self) -> Seen {
        match self {
            Self::Here { looks, .. } => _ = looks.tick().await,
            Self::Told(told) => {
                if told.changed().await.is_err() {
                    // Nobody tells any more: it stays as it is.
                    std::future::pending::<()>().await;
                }
            }
        }
        self.look()
    }
}
