//! What the rules foresee of orders: presigned, closed, matched.

use canut_protocol::matching::{Consumed, MatchError, MatchRefusal, Orders, Situation};
use canut_protocol::{Order, OrderHash, signature};
use canut_tests::abi::Hub;

use super::*;

impl Model {
    /// Presigns (0) or closes (1) an order for its owner; `event` makes the event of either from the order's hash.
    pub(super) fn manage<O: Order>(
        &mut self,
        order: &O,
        owner: Address,
        from: Address,
        operation: u8,
        event: impl Fn(B256) -> LogData,
    ) -> Foreseen {
        if from != owner {
            // Plays bring no signature for operations.
            return Err(Refused::Because("invalid-signature-format".into()));
        }
        let hash = order.hash(&self.domain);
        if operation == 0 {
            self.presigned.insert(hash, owner);
        } else {
            self.consumed.insert(hash, order.volume());
        }
        Ok(vec![event(hash.0)])
    }

    pub(super) fn make_deal(
        &mut self,
        four: &Orders,
        payer: Address,
        now: u64,
        sponsor: Option<Address>,
    ) -> Foreseen {
        let because = |refusal: MatchRefusal| Refused::Because(refusal.reason());
        four.check(n(5), |_, _| false).map_err(because)?;
        self.signed(four)?;
        let spent = |hash: OrderHash| self.consumed.get(&hash).copied().unwrap_or_default();
        let domain = self.domain;
        let consumed = Consumed {
            app: spent(four.app.hash(&domain)),
            dataset: spent(four.dataset.hash(&domain)),
            workerpool: spent(four.workerpool.hash(&domain)),
            request: spent(four.request.hash(&domain)),
        };
        let mut owners = self.owners;
        if four.dataset.is_none() {
            owners.dataset = Address::ZERO;
        }
        let situation = Situation {
            domain,
            categories: n(5),
            consumed,
            owners,
            policy: self.policy,
            payer,
            now,
        };
        let made = four
            .deal(&situation, |_, _| false)
            .map_err(|error| match error {
                MatchError::Refused(refusal) => because(refusal),
                other => Refused::Because(other.to_string()),
            })?;
        let volume = n(made.deal.bot_size);
        let mut events = Vec::new();
        for step in made.moves {
            self.move_money(step)?;
            events.extend(self.money_events(B256::ZERO, step));
        }
        let hashes = [
            (made.app, consumed.app),
            (made.dataset, consumed.dataset),
            (made.workerpool, consumed.workerpool),
            (made.request, consumed.request),
        ];
        for (hash, before) in hashes.into_iter().filter(|(hash, _)| !hash.0.is_zero()) {
            self.consumed.insert(hash, before + volume);
        }
        let notice = Hub::SchedulerNotice {
            workerpool: self.pool,
            dealid: made.id.0,
        };
        let matched = Hub::OrdersMatched {
            dealid: made.id.0,
            appHash: made.app.0,
            datasetHash: made.dataset.0,
            workerpoolHash: made.workerpool.0,
            requestHash: made.request.0,
            volume,
        };
        events.extend([notice.encode_log_data(), matched.encode_log_data()]);
        if let Some(sponsor) = sponsor {
            events.push(
                Hub::DealSponsored {
                    dealId: made.id.0,
                    sponsor,
                }
                .encode_log_data(),
            );
        }
        self.deals.insert(made.id.0, made.deal);
        Ok(events)
    }

    /// Every order is signed or presigned by whom it should be, in the order in which the hub looks.
    pub(super) fn signed(&self, four: &Orders) -> Result<(), Refused> {
        use MatchRefusal::{AppUnsigned, DatasetUnsigned, RequestUnsigned, WorkerpoolUnsigned};
        let check = |hash: OrderHash, owner, sign: &[u8], refusal: MatchRefusal| {
            let presigner = self.presigned.get(&hash).copied().unwrap_or_default();
            match signature::verify(owner, hash.0, sign) {
                _ if signature::is_presigned(owner, presigner) => Ok(()),
                Ok(true) => Ok(()),
                Ok(false) => Err(Refused::Because(refusal.reason())),
                Err(_) => Err(Refused::Because("invalid-signature-format".into())),
            }
        };
        let domain = &self.domain;
        check(
            four.app.hash(domain),
            self.owners.app,
            four.app.sign(),
            AppUnsigned,
        )?;
        if !four.dataset.is_none() {
            check(
                four.dataset.hash(domain),
                self.owners.dataset,
                four.dataset.sign(),
                DatasetUnsigned,
            )?;
        }
        let pool = &four.workerpool;
        check(
            pool.hash(domain),
            self.owners.workerpool,
            pool.sign(),
            WorkerpoolUnsigned,
        )?;
        let request = &four.request;
        check(
            request.hash(domain),
            request.requester,
            request.sign(),
            RequestUnsigned,
        )
    }
}
