//! Tags: what a run requires of a machine.

use std::{
    fmt,
    ops::{BitAnd, BitOr, Not},
    str::FromStr,
};

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};

/// A set of requirements, one per bit; bit 0 is the least significant bit of the last byte.
///
/// Only [`Tag::TEE`] has a meaning on chain. The others are conventions of the SDK and of the pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(pub B256);

const NAMES: [(&str, Tag); 6] = [
    ("tee", Tag::TEE),
    ("scone", Tag::SCONE),
    ("gramine", Tag::GRAMINE),
    ("tdx", Tag::TDX),
    ("gpu", Tag::GPU),
    ("container", Tag::CONTAINER),
];

impl Tag {
    /// No requirement.
    pub const NONE: Self = Self::bit(0, false);
    /// A trusted execution environment.
    pub const TEE: Self = Self::bit(0, true);
    /// Scone on Intel SGX.
    pub const SCONE: Self = Self::bit(1, true);
    /// Gramine on Intel SGX.
    pub const GRAMINE: Self = Self::bit(2, true);
    /// Intel TDX.
    pub const TDX: Self = Self::bit(3, true);
    /// A graphics processor.
    pub const GPU: Self = Self::bit(8, true);
    /// A runtime for container images. Pools ask it of workers when an app is one; no order need say it.
    pub const CONTAINER: Self = Self::bit(16, true);

    /// The bits naming a TEE framework. They are ignored in a dataset order, so that a dataset sealed for one framework is
    /// usable in another (PoCo 6.2.0, `matchOrders`).
    const FRAMEWORKS: Self = Self(B256::new(U256::from_limbs([0b1110, 0, 0, 0]).to_be_bytes()));

    const fn bit(position: usize, set: bool) -> Self {
        Self(B256::new(
            U256::from_limbs([(set as u64) << position, 0, 0, 0]).to_be_bytes(),
        ))
    }

    /// What a deal of these orders requires: the union, less the framework bits of the dataset (PoCo 6.2.0, `matchOrders`).
    pub fn of_deal(app: Self, dataset: Self, request: Self) -> Self {
        app | dataset.without_framework() | request
    }

    /// This tag as the hub reads it in a dataset order.
    pub fn without_framework(self) -> Self {
        self & !Self::FRAMEWORKS
    }

    /// Whether every requirement of `other` is in this tag.
    pub fn contains(self, other: Self) -> bool {
        self & other == other
    }

    /// Whether a trusted execution environment is required.
    pub fn is_tee(self) -> bool {
        self.contains(Self::TEE)
    }
}

impl BitOr for Tag {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Tag {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Tag {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl From<B256> for Tag {
    fn from(bits: B256) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Tag {
    /// The names of the requirements joined by commas, `none` for none, and 32 bytes of hex when one has no name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let known = NAMES.into_iter().filter(|(_, bit)| self.contains(*bit));
        if known.clone().fold(Self::NONE, |all, (_, bit)| all | bit) != *self {
            return self.0.fmt(f);
        }
        for (index, (name, _)) in known.enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A text that is not a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a tag: use tee, scone, gramine, tdx and gpu joined by commas, `none`, or 0x and 64 hex digits"
)]
pub struct ParseTagError(String);

impl FromStr for Tag {
    type Err = ParseTagError;

    fn from_str(text: &str) -> Result<Self, ParseTagError> {
        let refuse = || ParseTagError(text.to_owned());
        if text.starts_with("0x") {
            return text.parse().map(Self).map_err(|_| refuse());
        }
        if text.is_empty() || text == "none" {
            return Ok(Self::NONE);
        }
        text.split(',').try_fold(Self::NONE, |tag, name| {
            let known = NAMES
                .into_iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
            known.map(|(_, bit)| tag | bit).ok_or_else(refuse)
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_bits_are_those_of_the_sdk() {
        for (text, bits) in [
            (
                "tee,scone",
                b256!("0000000000000000000000000000000000000000000000000000000000000003"),
            ),
            (
                "tee, gramine",
                b256!("0000000000000000000000000000000000000000000000000000000000000005"),
            ),
            (
                "TEE,TDX",
                b256!("0000000000000000000000000000000000000000000000000000000000000009"),
            ),
            (
                "gpu",
                b256!("0000000000000000000000000000000000000000000000000000000000000100"),
            ),
            ("none", B256::ZERO),
        ] {
            assert_eq!(text.parse(), Ok(Tag(bits)), "{text}");
        }
    }

    #[test]
    fn a_misspelt_requirement_is_not_dropped() {
        for text in ["tee,gramin", "tee,", ",", "0x1", "0xzz", "tee gpu"] {
            assert!(text.parse::<Tag>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn a_dataset_sealed_for_sgx_runs_in_a_tdx_deal() {
        let deal = Tag::of_deal(Tag::TEE | Tag::TDX, Tag::TEE | Tag::SCONE, Tag::GPU);
        assert_eq!(deal.to_string(), "tee,tdx,gpu");
    }

    proptest! {
        #[test]
        fn a_tag_is_read_back_from_what_it_prints(low: u16, high: [u8; 32], named: bool) {
            let named_bits = Tag(B256::from(U256::from(low & 0b1_0000_1111)));
            let tag = if named { named_bits } else { Tag(B256::new(high)) };
            prop_assert_eq!(tag.to_string().parse::<Tag>().unwrap(), tag);
        }

        #[test]
        fn a_deal_requires_what_each_order_requires(app: [u8; 32], dataset: [u8; 32], request: [u8; 32]) {
            let [app, dataset, request] = [app, dataset, request].map(|bits| Tag(B256::new(bits)));
            let deal = Tag::of_deal(app, dataset, request);
            prop_assert!(deal.contains(app) && deal.contains(request) && deal.contains(dataset.without_framework()));
            prop_assert_eq!(deal.is_tee(), app.is_tee() || dataset.is_tee() || request.is_tee());
        }
    }
}
