//! Time: moving the clock, making blocks, and going back.

use super::{
    super::{
        Api,
        errors::{RpcError, RpcResult},
        message::raw,
        params::Params,
        quantity,
    },
    Developer, Inner, Number, Snapshot,
};
use crate::solo::Sealer;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most blocks of one `hardhat_mine`.
const MINE_BLOCKS: u64 = 100_000;
/// Snapshots that are kept.
const SNAPSHOTS: usize = 10_000;

impl Api {
    pub(super) async fn time(
        &self,
        method: &str,
        name: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        match name {
            "increaseTime" => {
                let by = i64::try_from(params.get::<Number>(0)?.small()?);
                let by = by.map_err(|_| RpcError::params("number too large"))?;
                let total = self.clock.increase(by);
                // Hardhat answers a string, anvil a number; ethers and viem read neither.
                if method.starts_with("evm_") {
                    raw(&total.to_string())
                } else {
                    raw(&total)
                }
            }
            "setTime" => raw(&self.clock.set(params.get::<Number>(0)?.small()?)),
            "setNextBlockTimestamp" => {
                let (time, now) = (
                    params.get::<Number>(0)?.small()?,
                    self.head().head.header.timestamp,
                );
                if time < now {
                    return Err(RpcError::server(format!(
                        "Timestamp {time} is lower than the previous block's timestamp {now}"
                    )));
                }
                self.clock.set_next(time);
                raw(&quantity(time))
            }
            "setBlockTimestampInterval" => {
                self.clock
                    .set_interval(Some(params.get::<Number>(0)?.small()?));
                raw(&())
            }
            "removeBlockTimestampInterval" => {
                self.clock.set_interval(None);
                raw(&true)
            }
            _ => self.mine(method, params).await,
        }
    }

    /// `evm_mine(time | options)`, or `hardhat_mine(count, interval)`.
    async fn mine(&self, method: &str, params: &Params<'_>) -> RpcResult<Box<RawValue>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Options {
            Time(Number),
            Object {
                timestamp: Option<Number>,
                blocks: Option<Number>,
            },
        }
        let (count, time, interval) = if method.starts_with("evm_") {
            match params.opt::<Options>(0)? {
                None => (1, None, None),
                Some(Options::Time(time)) => (1, Some(time.small()?), None),
                Some(Options::Object { timestamp, blocks }) => {
                    let count = blocks.map(Number::small).transpose()?.unwrap_or(1);
                    (count, timestamp.map(Number::small).transpose()?, None)
                }
            }
        } else {
            let count = params
                .opt::<Number>(0)?
                .map(Number::small)
                .transpose()?
                .unwrap_or(1);
            (
                count,
                None,
                params.opt::<Number>(1)?.map(Number::small).transpose()?,
            )
        };
        if count > MINE_BLOCKS {
            return Err(RpcError::limit(format!(
                "too many blocks (limit {MINE_BLOCKS})"
            )));
        }
        if let Some(time) = time {
            self.clock.set_next(time);
        }
        for i in 0..count {
            let step = interval.filter(|_| i > 0);
            let sealed = self.solo.run(move |sealer: &mut Sealer| {
                if let Some(step) = step {
                    let last = sealer.core.store.head().head.header.timestamp;
                    sealer.clock.set_next(last.saturating_add(step));
                }
                sealer.seal_now()
            });
            sealed.await??;
        }
        if method.starts_with("evm_") {
            raw(&"0x0")
        } else {
            raw(&true)
        }
    }

    pub(super) async fn time_travel(
        &self,
        developer: &Developer,
        name: &str,
        params: &Params<'_>,
    ) -> RpcResult<Box<RawValue>> {
        match name {
            "snapshot" => {
                let mark = self
                    .solo
                    .run(|sealer| sealer.core.store.head().mark())
                    .await?;
                let mut inner = developer.inner.lock();
                inner.last_snapshot += 1;
                let (id, offset) = (inner.last_snapshot, self.clock.offset());
                inner.snapshots.push(Snapshot { id, mark, offset });
                if inner.snapshots.len() > SNAPSHOTS {
                    inner.snapshots.remove(0);
                }
                self.core
                    .store
                    .pin(inner.snapshots.first().map(|snapshot| snapshot.mark));
                raw(&quantity(id))
            }
            "revert" => {
                let id = params.get::<Number>(0)?.small()?;
                let snapshot = {
                    let mut inner = developer.inner.lock();
                    let at = inner
                        .snapshots
                        .iter()
                        .position(|snapshot| snapshot.id == id);
                    let Some(at) = at else { return raw(&false) };
                    let snapshot = inner.snapshots[at];
                    // A snapshot is used once, and those after it are gone with it.
                    inner.snapshots.truncate(at);
                    snapshot
                };
                self.go_back(snapshot.mark, snapshot.offset).await?;
                let oldest = developer
                    .inner
                    .lock()
                    .snapshots
                    .first()
                    .map(|snapshot| snapshot.mark);
                self.core.store.pin(oldest);
                raw(&true)
            }
            _ => {
                if params
                    .opt::<serde_json::Value>(0)?
                    .is_some_and(|options| options.get("forking").is_some())
                {
                    return Err(RpcError::params("forking another chain is not supported"));
                }
                *developer.inner.lock() = Inner::default();
                self.core.store.pin(None);
                self.go_back(0, 0).await?;
                raw(&true)
            }
        }
    }

    /// Back to a mark; 0 is the genesis.
    async fn go_back(&self, mark: u64, offset: i64) -> RpcResult<()> {
        self.solo
            .run(move |sealer: &mut Sealer| {
                sealer.clock.rewind(offset);
                if mark == 0 {
                    sealer.restart()
                } else {
                    sealer.revert(mark)
                }
            })
            .await??;
        Ok(())
    }
}
