//! The JSON shape of the `iexec` SDK: EIP-55 addresses, and integers as JSON numbers while a double holds them exactly.

use std::fmt;

use alloy_primitives::U256;
use serde::{Deserializer, Serializer, de};

/// Largest integer that JavaScript reads exactly from a JSON number: 2⁵³ − 1.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Addresses with their EIP-55 checksum; any case is read.
pub(crate) mod address {
    use alloy_primitives::Address;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        address: &Address,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(address.to_checksum_buffer(None).as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Address, D::Error> {
        Address::deserialize(deserializer)
    }
}

/// Integers: a number up to 2⁵³ − 1, a decimal string above. Numbers, decimal and `0x` strings are read.
pub(crate) mod uint {
    use super::{Deserializer, MAX_SAFE_INTEGER, Serializer, U256, UintVisitor};

    pub(crate) fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(*value) {
            Ok(small) if small <= MAX_SAFE_INTEGER => serializer.serialize_u64(small),
            _ => serializer.collect_str(value),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<U256, D::Error> {
        deserializer.deserialize_any(UintVisitor)
    }
}

struct UintVisitor;

impl de::Visitor<'_> for UintVisitor {
    type Value = U256;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a non-negative integer of at most 256 bits, as a number or a decimal string")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<U256, E> {
        Ok(U256::from(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<U256, E> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let radix = if digits.len() == text.len() { 10 } else { 16 };
        // An empty text or a separator would otherwise be read as a number.
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return Err(E::invalid_value(de::Unexpected::Str(text), &self));
        }
        U256::from_str_radix(digits, u64::from(radix))
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize, Debug)]
    struct Volume(#[serde(with = "uint")] U256);

    fn read(value: serde_json::Value) -> Result<U256, serde_json::Error> {
        serde_json::from_value(value).map(|Volume(volume)| volume)
    }

    #[test]
    fn integers_a_double_cannot_hold_are_strings() {
        assert_eq!(
            json!(Volume(U256::from(MAX_SAFE_INTEGER))),
            json!(9_007_199_254_740_991_u64)
        );
        assert_eq!(
            json!(Volume(U256::from(MAX_SAFE_INTEGER + 1))),
            json!("9007199254740992")
        );
    }

    #[test]
    fn what_is_not_an_integer_is_refused() {
        for bad in [
            json!(-1),
            json!(1.5),
            json!(""),
            json!("0x"),
            json!("1_0"),
            json!("ten"),
            json!(null),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad} was read as an integer");
        }
        assert!(read(json!("9".repeat(80))).is_err());
    }

    proptest! {
        #[test]
        fn every_integer_is_read_back(words: [u64; 4], bits in 0..256usize) {
            let value = U256::from_limbs(words) >> bits;
            prop_assert_eq!(read(json!(Volume(value))).unwrap(), value);
            prop_assert_eq!(read(json!(format!("{value:#x}"))).unwrap(), value);
        }
    }
}
