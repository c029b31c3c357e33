//! Why an order is not in a plan.

use std::collections::HashSet;

use canut_protocol::{Nrlc, OrderHash, matching::MatchRefusal, order::OrderKind};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::order::kind_name;

/// Why an order fills nothing of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// The hub would refuse it.
    #[error("{0}")]
    Refused(MatchRefusal),
    /// Its owner's stake is spent on the cheaper orders of the plan, or does not cover a single run.
    #[error("the owner of the workerpool has {has} of free stake left, one run locks {needs}")]
    Stake {
        /// What one run locks.
        needs: Nrlc,
        /// What is free.
        has: Nrlc,
    },
    /// It fits the request, but no order of another kind fits both.
    #[error("no open order of the other kinds goes with it")]
    Alone,
    /// It would do; others are cheaper or were there before.
    #[error("it fits, but other orders are cheaper or were published before")]
    Unneeded,
}

impl WhyNot {
    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.remedy(),
            Self::Stake { .. } => {
                "ask for fewer runs, or ask the pool's operator to deposit more stake"
            }
            Self::Alone => {
                "loosen the request, or name a workerpool that the app and the dataset allow"
            }
            Self::Unneeded => "nothing: the plan is cheaper without it",
        }
    }

    const fn code(self) -> &'static str {
        use MatchRefusal as R;
        match self {
            Self::Refused(refusal) => match refusal {
                R::AppTooExpensive | R::DatasetTooExpensive | R::WorkerpoolTooExpensive => "price",
                R::TrustTooHigh => "trust",
                R::WorkerpoolLacksTag | R::AppIsNotTee => "tag",
                R::OtherCategory | R::UnknownCategory => "category",
                R::NothingLeft => "volume",
                _ => "restriction",
            },
            Self::Stake { .. } => "stake",
            Self::Alone => "restriction",
            Self::Unneeded => "unneeded",
        }
    }
}

/// An order that is not in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its kind.
    pub kind: OrderKind,
    /// Its hash.
    pub order: OrderHash,
    /// Why.
    pub why: WhyNot,
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Refusal", 5)?;
        object.serialize_field("kind", kind_name(self.kind))?;
        object.serialize_field("orderHash", &self.order)?;
        object.serialize_field("reason", self.why.code())?;
        object.serialize_field("why", &self.why.to_string())?;
        object.serialize_field("remedy", self.why.remedy())?;
        object.end()
    }
}

/// Refusals so far, at most as many as asked for.
#[derive(Debug)]
pub(super) struct Log {
    refusals: Vec<Refusal>,
    seen: HashSet<OrderHash>,
    limit: usize,
}

impl Log {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            refusals: Vec::new(),
            seen: HashSet::new(),
            limit,
        }
    }

    /// Whether enough is explained.
    pub(super) const fn is_full(&self) -> bool {
        self.refusals.len() >= self.limit
    }

    pub(super) fn add(&mut self, kind: OrderKind, order: OrderHash, why: WhyNot) {
        if !self.is_full() && self.seen.insert(order) {
            self.refusals.push(Refusal { kind, order, why });
        }
    }

    /// Notes the orders that fit and that the plan does not use.
    pub(super) fn unneeded(
        &mut self,
        kind: OrderKind,
        orders: impl Iterator<Item = OrderHash>,
        used: impl Fn(OrderHash) -> bool,
    ) {
        for order in orders {
            if self.is_full() {
                return;
            }
            if !used(order) {
                self.add(kind, order, WhyNot::Unneeded);
            }
        }
    }

    pub(super) fn into_refusals(self) -> Vec<Refusal> {
        self.refusals
    }
}
