//! Amounts of the token.

use std::{fmt, str::FromStr};

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::json;

/// An integer does not fit 256 bits, or a subtraction would go below zero. The contracts panic (0x11) where this is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the arithmetic leaves 256 bits: a price, a volume or a trust level is absurdly large, or an account is short"
)]
pub struct Overflow;

/// An amount of RLC, or of the staked RLC that mirrors it one to one, in nRLC: 10⁻⁹ RLC, the smallest unit of the token.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nrlc(#[serde(with = "json::uint")] pub U256);

/// nRLC in one RLC: the token has nine decimals.
pub const NRLC_PER_RLC: u64 = 1_000_000_000;

impl Nrlc {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// `amount` nRLC.
    pub const fn new(amount: u64) -> Self {
        Self(U256::from_limbs([amount, 0, 0, 0]))
    }

    /// `amount` whole RLC.
    pub fn rlc(amount: u64) -> Self {
        Self(U256::from(amount) * U256::from(NRLC_PER_RLC))
    }

    /// Whether this is nothing.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// `self + other`.
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// `self − other`.
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }

    /// `self × count`.
    pub fn times(self, count: U256) -> Result<Self, Overflow> {
        self.0.checked_mul(count).map(Self).ok_or(Overflow)
    }

    /// `floor(self × part / whole)`; the product must fit 256 bits, as on chain. A zero `whole` is an overflow too.
    pub fn share(self, part: U256, whole: U256) -> Result<Self, Overflow> {
        self.times(part)?
            .0
            .checked_div(whole)
            .map(Self)
            .ok_or(Overflow)
    }

    /// `floor(self × percent / 100)`.
    pub fn percent(self, percent: U256) -> Result<Self, Overflow> {
        self.share(percent, U256::from(100))
    }

    /// The sum of `amounts`.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, Overflow> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }
}

impl From<u64> for Nrlc {
    fn from(amount: u64) -> Self {
        Self::new(amount)
    }
}

impl fmt::Display for Nrlc {
    /// Prints RLC without trailing zeros, `1.5 RLC`, and amounts below 0.000001 RLC in nRLC, `250 nRLC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = U256::from(NRLC_PER_RLC);
        let (whole, rest) = self.0.div_rem(unit);
        if whole.is_zero() && !rest.is_zero() && rest < U256::from(1_000) {
            return write!(f, "{rest} nRLC");
        }
        if rest.is_zero() {
            return write!(f, "{whole} RLC");
        }
        let digits = format!("{:09}", rest.to::<u64>());
        write!(f, "{whole}.{} RLC", digits.trim_end_matches('0'))
    }
}

/// A text that is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an amount: write for instance `2 RLC`, `0.25 RLC` or `1500 nRLC`; a bare number is nRLC"
)]
pub struct ParseAmountError(String);

impl FromStr for Nrlc {
    type Err = ParseAmountError;

    fn from_str(text: &str) -> Result<Self, ParseAmountError> {
        parse(text.trim()).ok_or_else(|| ParseAmountError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Nrlc> {
    if let Some(number) = strip_unit(text, "nrlc") {
        return digits(number).map(Nrlc);
    }
    let Some(number) = strip_unit(text, "rlc") else {
        return digits(text).map(Nrlc);
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if decimals.len() > 9 {
        return None;
    }
    let nano = digits(decimals)? * U256::from(10u64.pow(9 - u32::try_from(decimals.len()).ok()?));
    digits(whole)?
        .checked_mul(U256::from(NRLC_PER_RLC))?
        .checked_add(nano)
        .map(Nrlc)
}

fn strip_unit<'a>(text: &'a str, unit: &str) -> Option<&'a str> {
    let (number, suffix) = text.split_at_checked(text.len().checked_sub(unit.len())?)?;
    suffix.eq_ignore_ascii_case(unit).then(|| number.trim_end())
}

fn digits(text: &str) -> Option<U256> {
    let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    decimal
        .then(|| U256::from_str_radix(text, 10).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        for (text, nrlc) in [
            ("2 RLC", 2_000_000_000),
            ("0.25rlc", 250_000_000),
            ("0.000000001 RLC", 1),
            ("1500 nRLC", 1_500),
            ("1500", 1_500),
            (" 0 ", 0),
        ] {
            assert_eq!(text.parse(), Ok(Nrlc::new(nrlc)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_amount_says_what_to_write() {
        for text in [
            "",
            "RLC",
            "1.5",
            "1.5 nRLC",
            "-1",
            "1,5 RLC",
            "0.0000000001 RLC",
            "1.-5 RLC",
            "é",
            "1 ETH",
        ] {
            let error = text.parse::<Nrlc>().unwrap_err();
            assert!(error.to_string().contains("0.25 RLC"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(low: u64, high in 0..u64::MAX, shift in 0..128usize) {
            let amount = Nrlc(U256::from_limbs([low, high, 0, 0]) >> shift);
            prop_assert_eq!(amount.to_string().parse::<Nrlc>().unwrap(), amount);
        }

        #[test]
        fn a_share_never_exceeds_the_whole(amount: u64, part: u64, whole: u64) {
            prop_assume!(part <= whole && whole > 0);
            let share = Nrlc::new(amount).share(U256::from(part), U256::from(whole)).unwrap();
            prop_assert!(share <= Nrlc::new(amount));
        }
    }
}
