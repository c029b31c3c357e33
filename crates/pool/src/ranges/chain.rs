//! Taking in what the hub says, and how orders went.

use canut_protocol::{Failure, range::Range};

use super::{
    Phase, RangeChain, RangeCommand, RangeDeal, RangeReport, Ranges, Voting, voting::Errand,
};

impl Ranges {
    pub(super) fn on_chain(
        &mut self,
        now: u64,
        event: RangeChain,
        commands: &mut Vec<RangeCommand>,
    ) {
        match event {
            RangeChain::Matched {
                id,
                deal,
                time_ref,
                promise,
                forgotten,
            } => {
                self.open_deal(
                    id,
                    RangeDeal {
                        deal: *deal,
                        time_ref,
                        promise,
                        forgotten,
                    },
                );
                if self.deals.contains_key(&id) {
                    self.new_deals.insert(id);
                }
            }
            RangeChain::Settled(range) => self.close(now, range, Phase::Settled, commands),
            RangeChain::Failed(range) => self.close(now, range, Phase::Failed, commands),
            RangeChain::Posted(range) => {
                self.take(range);
                if let Some(voting) = self.votings.get_mut(&range)
                    && !voting.phase.is_over()
                {
                    voting.phase = Phase::Posted;
                    voting.errand = None;
                    voting.retry_at = 0;
                    self.mark(range);
                }
            }
            RangeChain::Bonded(worker, bond, standing) => {
                self.crew.back(worker, bond, standing);
                self.touched.extend(self.crew.ranges(worker));
            }
        }
    }

    /// The chain says something of a range. If workers were never asked for it, or the pool forgot them, it is known from now on.
    fn take(&mut self, range: Range) {
        if let Some(open) = self.deals.get_mut(&range.deal()) {
            open.take(&range);
            self.votings
                .entry(range)
                .or_insert_with(|| Voting::new(range, open.contract.deal.start_time));
            self.reindex(range);
        }
    }

    /// A range is paid or refunded, and with it every vote on a range that overlaps it is worth nothing (§3.5).
    fn close(&mut self, now: u64, range: Range, phase: Phase, commands: &mut Vec<RangeCommand>) {
        let Some(open) = self.deals.get_mut(&range.deal()) else {
            return;
        };
        let was_open = self
            .votings
            .get(&range)
            .is_none_or(|voting| !voting.phase.is_over());
        if was_open {
            open.left = open.left.saturating_sub(range.count().into());
        }
        open.claiming.remove(&range);
        self.take(range);
        let mut seen = Vec::new();
        for other in self.index.overlapping(&range) {
            let Some(voting) = self.votings.get_mut(&other) else {
                continue;
            };
            let is_it = other == range;
            if is_it {
                voting.phase = phase.clone();
            } else if voting.phase != Phase::Split {
                tracing::warn!(%other, %range, "a range can never be settled: a part of it is");
                voting.phase = Phase::Failed;
            }
            voting.ended = voting.phase.is_over().then_some(now);
            voting.errand = None;
            for member in &voting.members {
                self.crew.absolve(member.worker, other);
                self.crew.release(member.worker, other);
                if is_it && member.stage.is_listed() {
                    seen.push(member.worker);
                    commands.push(RangeCommand::Settled {
                        range,
                        worker: member.worker,
                    });
                } else if member.stage.is_asked() {
                    self.stragglers.forget((other, member.worker));
                    commands.push(RangeCommand::Drop {
                        range: other,
                        worker: member.worker,
                    });
                }
            }
            self.mark(other);
        }
        // Scores grew, and perhaps somebody was slashed.
        if !seen.is_empty() {
            commands.push(RangeCommand::Look { workers: seen });
        }
    }

    /// An order of the scheduler came to an end.
    pub(super) fn on_errand(
        &mut self,
        now: u64,
        range: Range,
        report: RangeReport,
        commands: &mut Vec<RangeCommand>,
    ) {
        let again = now.saturating_add(self.settings.retry);
        let Some(voting) = self.votings.get_mut(&range) else {
            // Tasks that nobody voted on were not claimed after all.
            if let Some(open) = self.deals.get_mut(&range.deal())
                && open.claiming.remove(&range)
            {
                open.retry_at = again;
            }
            return;
        };
        match report {
            RangeReport::Delivered(delivery) if voting.errand == Some(Errand::Check) => {
                voting.errand = None;
                voting.delivery = Some(delivery);
            }
            RangeReport::Undelivered(failure) if voting.errand == Some(Errand::Check) => {
                voting.errand = None;
                voting.courier.wants_upload = failure != Failure::StoreUnreachable;
                if voting.courier.wants_upload {
                    voting.retry_at = now;
                    // Who says that they are there, and they are not, is not asked next.
                    let uploaded = voting.courier.uploaded.take();
                    voting.courier.failed.extend(uploaded);
                } else {
                    voting.retry_at = again;
                }
            }
            RangeReport::Thwarted => {
                // The chain may know better what the votes are worth.
                let workers = voting.listed().map(|member| member.worker).collect();
                if voting.errand.take() == Some(Errand::Settle) && voting.phase != Phase::Posted {
                    voting.phase = Phase::Open;
                    commands.push(RangeCommand::Look { workers });
                }
                voting.retry_at = again;
            }
            RangeReport::Delivered(_) | RangeReport::Undelivered(_) => return,
        }
        self.mark(range);
    }
}
