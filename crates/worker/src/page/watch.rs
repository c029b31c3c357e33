//! Finding out what the page shows.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use alloy_primitives::Address;
use canut_hub::{Hub, events::FollowConfig};
use canut_pool::{Idle, ranges::WorkerView, session::PATH};
use canut_protocol::benchmark::Benchmark;
use serde::Serialize;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{sleep, timeout},
};
use tracing::{debug, warn};
use url::Url;

use super::{Facts, Free, Money, Page};
use crate::{
    Pause,
    account::{Book, Earnings},
    activity::{Look, now},
    fetch::Web,
    machine::{Machine, available_memory, free_disk},
};

/// How often the pool and the chain are asked while nobody looks.
const EVERY: Duration = Duration::from_secs(30);
/// How often at most while somebody does.
const RARELY: Duration = Duration::from_secs(2);
/// Seconds that are looked back upon.
const BACK: u64 = 3_600;
/// Longest time that one look counts for, in seconds: the machine slept if the next is later.
const MOST: u64 = 60;
/// Largest answer of the pool that is read, in bytes.
const MAX_ANSWER: u64 = 256 << 10;
/// How long the agent may take to say what it does.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known, apart from what the agent is asked each time.
#[derive(Clone, Debug, Default)]
struct Known {
    money: Option<Money>,
    seen: Option<WorkerView>,
    hour: Hour,
    earnings: Earnings,
    read: Option<u64>,
}

/// What finds out. Clones look at the same.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) page: Page,
    pub(crate) hub: Hub,
    pub(crate) follow: FollowConfig,
    pub(crate) worker: Address,
    pub(crate) workerpool: Address,
    /// URL of the pool's sessions.
    pub(crate) pool: String,
    pub(crate) slots: usize,
    pub(crate) containers: bool,
    pub(crate) folder: PathBuf,
    pub(crate) machine: Machine,
    pub(crate) benchmark: Option<Benchmark>,
    pub(crate) pause: watch::Receiver<Option<Pause>>,
    pub(crate) looks: mpsc::Sender<Look>,
    /// Somebody looks at the page.
    pub(crate) wanted: Arc<Notify>,
}

/// What was found out, for whoever shows it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    about: Watch,
    known: watch::Receiver<Known>,
}

impl Watch {
    /// Finds out, until dropped; `Found` is for the page.
    pub(super) fn begin(self) -> (Found, impl Future<Output = ()> + Send) {
        let (tell, known) = watch::channel(Known::default());
        let about = self.clone();
        let work = async move {
            tokio::join!(self.ask(&tell), self.read(&tell));
        };
        (Found { about, known }, work)
    }

    /// Asks pool and chain again and again.
    async fn ask(&self, tell: &watch::Sender<Known>) {
        let web = Web::new(true).inspect_err(|error| warn!(%error, "the pool cannot be asked"));
        let url = standing(&self.pool, self.worker);
        loop {
            // A session takes a moment to open, so the first look is not at once either.
            sleep(RARELY).await;
            let seen = match (&web, &url) {
                (Ok(web), Some(url)) => ask(web, url).await,
                _ => None,
            };
            let money = self.money().await;
            tell.send_modify(|known| {
                let idle = seen.as_ref().map(|seen| seen.idle);
                known.hour.note(now(), idle);
                (known.seen, known.money) = (seen, money);
            });
            // It is no matter which of both it is.
            let _ = timeout(EVERY - RARELY, self.wanted.notified()).await;
        }
    }

    async fn money(&self) -> Option<Money> {
        let account = self.hub.account(self.worker).await.ok()?;
        let bond = self.hub.bond(self.workerpool, self.worker).await.ok()?;
        Some(Money {
            free: account.stake,
            locked: account.locked,
            bond: bond.whole(),
            score: bond.score,
        })
    }

    /// Reads what was earned and lost, and again from the start when the chain took something back.
    async fn read(&self, tell: &watch::Sender<Known>) {
        loop {
            let mut book = Book::open(&self.hub, self.worker, self.page.start_block, self.follow);
            while book.next().await.is_ok() {
                tell.send_modify(|known| {
                    known.read = book.read;
                    if known.earnings != book.earnings {
                        known.earnings = book.earnings.clone();
                    }
                });
            }
        }
    }
}

impl Found {
    /// Everything, as it is now.
    pub(super) async fn facts(&self) -> Facts {
        let about = &self.about;
        about.wanted.notify_one();
        let (ask, told) = oneshot::channel();
        let work = async {
            about.looks.send(ask).await.ok()?;
            told.await.ok()
        };
        let work = timeout(PATIENCE, work).await.ok().flatten();
        let disk = free_disk(&about.folder).map(|(free, _)| free);
        let pause = *about.pause.borrow();
        let known = self.known.borrow().clone();
        Facts {
            worker: about.worker,
            workerpool: about.workerpool,
            pool: about.pool.clone(),
            version: env!("CARGO_PKG_VERSION"),
            time: now(),
            slots: about.slots,
            pause,
            work: work.unwrap_or_default(),
            money: known.money,
            earnings: known.earnings,
            read: known.read,
            seen: known.seen,
            hour: known.hour,
            machine: about.machine.clone(),
            benchmark: about.benchmark.clone(),
            free: Free {
                memory: available_memory(),
                disk: disk.ok(),
            },
            containers: about.containers,
        }
    }
}

/// Where the pool tells what it sees of the worker; its sessions are on the same port.
fn standing(sessions: &str, worker: Address) -> Option<Url> {
    let port = sessions.strip_suffix(PATH).unwrap_or(sessions);
    let port = port.strip_prefix("ws").map(|rest| format!("http{rest}"))?;
    Url::parse(&format!("{port}/workers/{worker}")).ok()
}

async fn ask(web: &Web, url: &Url) -> Option<WorkerView> {
    let answer = web.document(url, MAX_ANSWER).await;
    let answer = answer.inspect_err(|error| debug!(%error, "the pool says nothing of the worker"));
    serde_json::from_slice(&answer.ok()?).ok()
}

/// Why a worker was not asked for more, looked at again and again for an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    looks: VecDeque<(u64, Option<Idle>)>,
}

/// A reason, and how long it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spell {
    /// Why; `None` while the pool did not say.
    pub idle: Option<Idle>,
    /// For so many seconds of the hour.
    pub seconds: u64,
}

impl Hour {
    /// It was so at `now`, in seconds since the epoch.
    fn note(&mut self, now: u64, idle: Option<Idle>) {
        let old = |(at, _): &(u64, _)| at.saturating_add(BACK) <= now || *at > now;
        while self.looks.front().is_some_and(old) {
            self.looks.pop_front();
        }
        self.looks.push_back((now, idle));
    }

    /// The reasons, the longest first.
    pub fn spells(&self) -> Vec<Spell> {
        let mut seconds = BTreeMap::<_, u64>::new();
        let next = self.looks.iter().skip(1);
        for ((from, idle), (to, _)) in self.looks.iter().zip(next) {
            *seconds.entry(*idle).or_default() += to.saturating_sub(*from).min(MOST);
        }
        let spells = seconds.into_iter();
        let mut spells: Vec<_> = spells
            .map(|(idle, seconds)| Spell { idle, seconds })
            .collect();
        spells.sort_by_key(|spell| std::cmp::Reverse(spell.seconds));
        spells
    }
}

impl Serialize for Hour {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.spells().serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_tells_what_held_for_how_long_and_forgets_the_hour_before() {
        let mut hour = Hour::default();
        let busy = Some(Idle::Busy);
        // Two hours of looks every fifteen seconds: busy in the first, then nothing to do, then no pool.
        for look in 0..480 {
            let idle = match look {
                ..240 => busy,
                240..440 => Some(Idle::NoWork),
                _ => None,
            };
            hour.note(look * 15, idle);
        }
        assert!(hour.looks.len() <= 241);
        let told = hour.spells();
        let spell = |idle, seconds| Spell { idle, seconds };
        assert_eq!(
            told,
            [spell(Some(Idle::NoWork), 3_000), spell(None, 585)],
            "the first hour is forgotten"
        );
    }

    #[test]
    fn a_machine_that_slept_or_whose_clock_was_set_is_not_thought_to_have_waited() {
        let mut hour = Hour::default();
        hour.note(1_000, Some(Idle::NoWork));
        hour.note(3_000, Some(Idle::Busy));
        assert_eq!(hour.spells().first().map(|spell| spell.seconds), Some(MOST));
        hour.note(500, Some(Idle::Busy));
        assert!(hour.spells().is_empty(), "what is to come never was");
    }

    #[test]
    fn the_pool_is_asked_on_the_port_of_its_sessions() {
        let worker = Address::repeat_byte(1);
        for (sessions, port) in [
            ("ws://pool:8548/session", "http://pool:8548"),
            (
                "wss://pool.example/canut/session",
                "https://pool.example/canut",
            ),
        ] {
            let url = standing(sessions, worker).unwrap();
            assert_eq!(url.as_str(), format!("{port}/workers/{worker}"));
        }
        assert_eq!(standing("ftp://pool", worker), None);
    }
}
