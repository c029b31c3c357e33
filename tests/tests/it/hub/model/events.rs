//! Effects as the hub logs them.

use alloy::primitives::{Address, B256, LogData};
use alloy::sol_types::SolEvent;
use canut_protocol::Nrlc;
use canut_protocol::ledger::Move;
use canut_protocol::task::Effect;
use canut_tests::abi::Hub;
use canut_tests::market::KITTY;

use super::Model;

impl Model {
    /// The events of an effect upon a task.
    pub(super) fn events(&self, taskid: B256, effect: Effect, results: &[u8]) -> Vec<LogData> {
        let event = match effect {
            Effect::Money(step) => return self.money_events(taskid, step),
            Effect::Callback { .. } => return Vec::new(),
            Effect::Initialized => Hub::TaskInitialize {
                taskid,
                workerpool: self.pool,
            }
            .encode_log_data(),
            Effect::Contributed {
                worker,
                result_hash: hash,
            } => Hub::TaskContribute {
                taskid,
                worker,
                hash,
            }
            .encode_log_data(),
            Effect::Certified {
                result_hash: consensus,
            } => Hub::TaskConsensus { taskid, consensus }.encode_log_data(),
            Effect::Revealed { worker, digest } => Hub::TaskReveal {
                taskid,
                worker,
                digest,
            }
            .encode_log_data(),
            Effect::Reopened => Hub::TaskReopen { taskid }.encode_log_data(),
            Effect::Accurate { worker } => {
                Hub::AccurateContribution { worker, taskid }.encode_log_data()
            }
            Effect::Faulty { worker } => {
                Hub::FaultyContribution { worker, taskid }.encode_log_data()
            }
            Effect::Finalized => {
                let results = results.to_vec().into();
                Hub::TaskFinalize { taskid, results }.encode_log_data()
            }
            Effect::Claimed => Hub::TaskClaimed { taskid }.encode_log_data(),
        };
        vec![event]
    }

    /// The events of one step of money.
    pub(super) fn money_events(&self, task: B256, step: Move) -> Vec<LogData> {
        let (owner, Nrlc(amount)) = step.parties();
        let transfer = |from: Address, to: Address| {
            Hub::Transfer {
                from,
                to,
                value: amount,
            }
            .encode_log_data()
        };
        let lock = Hub::Lock { owner, amount }.encode_log_data();
        let reward = Hub::Reward {
            owner,
            amount,
            r#ref: task,
        }
        .encode_log_data();
        match step {
            Move::Lock { .. } => vec![transfer(owner, self.hub), lock],
            Move::Unlock { .. } => {
                let unlock = Hub::Unlock { owner, amount }.encode_log_data();
                vec![transfer(self.hub, owner), unlock]
            }
            Move::Seize { .. } => vec![
                Hub::Seize {
                    owner,
                    amount,
                    r#ref: task,
                }
                .encode_log_data(),
            ],
            Move::Reward { .. } => vec![transfer(self.hub, owner), reward],
            // The money is with the hub already: no transfer.
            Move::FeedKitty { .. } => {
                debug_assert_eq!(owner, KITTY);
                vec![reward, lock]
            }
        }
    }
}
