//! Whether four orders fit together.

use alloy_primitives::{Address, U256};

use super::{MatchRefusal, Orders};
use crate::Tag;

/// One restriction of one order: `subject` must be `allowed`, or a member of the group contract at that address.
///
/// A group contract answers `keyHasPurpose(bytes32(uint160(subject)), 4)` (ERC-734) with true for its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// What the hub refuses with when it is not met.
    pub refusal: MatchRefusal,
    /// The address in the order; the zero address restricts nothing.
    pub allowed: Address,
    /// The address in the other order.
    pub subject: Address,
}

impl Restriction {
    /// Whether only a group contract can tell.
    pub fn needs_group(&self) -> bool {
        self.allowed != Address::ZERO && self.allowed != self.subject
    }
}

impl Orders {
    /// The restrictions, in the order in which the hub checks them.
    pub fn restrictions(&self) -> [Restriction; 10] {
        let Self {
            app,
            dataset,
            workerpool,
            request,
        } = self;
        let restriction = |refusal, allowed, subject| Restriction {
            refusal,
            allowed,
            subject,
        };
        [
            restriction(
                MatchRefusal::OtherWorkerpool,
                request.workerpool,
                workerpool.workerpool,
            ),
            restriction(
                MatchRefusal::AppRefusesDataset,
                app.datasetrestrict,
                dataset.dataset,
            ),
            restriction(
                MatchRefusal::AppRefusesWorkerpool,
                app.workerpoolrestrict,
                workerpool.workerpool,
            ),
            restriction(
                MatchRefusal::AppRefusesRequester,
                app.requesterrestrict,
                request.requester,
            ),
            restriction(
                MatchRefusal::DatasetRefusesApp,
                dataset.apprestrict,
                app.app,
            ),
            restriction(
                MatchRefusal::DatasetRefusesWorkerpool,
                dataset.workerpoolrestrict,
                workerpool.workerpool,
            ),
            restriction(
                MatchRefusal::DatasetRefusesRequester,
                dataset.requesterrestrict,
                request.requester,
            ),
            restriction(
                MatchRefusal::WorkerpoolRefusesApp,
                workerpool.apprestrict,
                app.app,
            ),
            restriction(
                MatchRefusal::WorkerpoolRefusesDataset,
                workerpool.datasetrestrict,
                dataset.dataset,
            ),
            restriction(
                MatchRefusal::WorkerpoolRefusesRequester,
                workerpool.requesterrestrict,
                request.requester,
            ),
        ]
    }

    /// What the deal will require of a machine (PoCo 6.2.0, `matchOrders`).
    pub fn tag(&self) -> Tag {
        Tag::of_deal(self.app.tag, self.dataset.tag, self.request.tag)
    }

    /// Checks that the orders fit together, in the order of the hub (PoCo 6.2.0, `matchOrders`, codes 0x00 to 0x1b), and
    /// returns the tag of the deal. A missing dataset's price, tag and restrictions count like any other.
    ///
    /// `categories` is the number of categories of the hub. `in_group` says whether a group contract (first) has an account
    /// (second) as a member; it is asked only for a [`Restriction`] that needs it.
    pub fn check(
        &self,
        categories: U256,
        in_group: impl Fn(Address, Address) -> bool,
    ) -> Result<Tag, MatchRefusal> {
        let Self {
            app,
            dataset,
            workerpool,
            request,
        } = self;
        let tag = self.tag();
        let rules = [
            (
                request.category == workerpool.category,
                MatchRefusal::OtherCategory,
            ),
            (request.category < categories, MatchRefusal::UnknownCategory),
            (
                request.trust <= workerpool.trust,
                MatchRefusal::TrustTooHigh,
            ),
            (
                request.appmaxprice >= app.appprice,
                MatchRefusal::AppTooExpensive,
            ),
            (
                request.datasetmaxprice >= dataset.datasetprice,
                MatchRefusal::DatasetTooExpensive,
            ),
            (
                request.workerpoolmaxprice >= workerpool.workerpoolprice,
                MatchRefusal::WorkerpoolTooExpensive,
            ),
            (
                workerpool.tag.contains(tag),
                MatchRefusal::WorkerpoolLacksTag,
            ),
            (app.tag.is_tee() == tag.is_tee(), MatchRefusal::AppIsNotTee),
            (request.app == app.app, MatchRefusal::OtherApp),
            (
                request.dataset == dataset.dataset,
                MatchRefusal::OtherDataset,
            ),
        ];
        if let Some((_, refusal)) = rules.into_iter().find(|(met, _)| !met) {
            return Err(refusal);
        }
        let unmet = self
            .restrictions()
            .into_iter()
            .find(|rule| rule.needs_group() && !in_group(rule.allowed, rule.subject));
        unmet.map_or(Ok(tag), |rule| Err(rule.refusal))
    }
}
