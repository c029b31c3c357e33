//! Values of queries and bodies, with sentences for what is wrong with them.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256};
use canut_protocol::Tag;
use serde::{Deserialize, Deserializer, de};

use crate::order::MAX_INTEGER;

/// An address in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account(pub(super) Address);

/// An address, or `any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrAny {
    Address(Address),
    Any,
}

/// An integer from 0 to 2⁵³ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uint(pub(super) u64);

/// 32 bytes of hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(pub(super) B256);

/// A tag, by names or as 32 bytes of hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TagValue(pub(super) Tag);

/// `true` or `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl OrAny {
    /// The address, unless any does.
    pub(super) const fn address(self) -> Option<Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Any => None,
        }
    }
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |_| {
            format!(
                "`{}` is no address: write 0x and 40 hex digits",
                shorten(text)
            )
        };
        text.parse().map(Self).map_err(refuse)
    }
}

impl FromStr for OrAny {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "any" {
            return Ok(Self::Any);
        }
        let refuse = |_| {
            format!(
                "`{}` is neither an address (0x and 40 hex digits) nor `any`",
                shorten(text)
            )
        };
        text.parse().map(Self::Address).map_err(refuse)
    }
}

impl FromStr for Uint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let value = text
            .parse()
            .ok()
            .filter(|value| digits && *value <= MAX_INTEGER);
        value
            .map(Self)
            .ok_or_else(|| format!("`{}` is no integer from 0 to {MAX_INTEGER}", shorten(text)))
    }
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |_| format!("`{}` is not 0x and 64 hex digits", shorten(text));
        text.parse().map(Self).map_err(refuse)
    }
}

impl FromStr for TagValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            format!(
                "`{}` is no tag: write names like `tee,gpu`, or 0x and 64 hex digits",
                shorten(text)
            )
        })
    }
}

impl FromStr for Flag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = text.parse().map(Self);
        value.map_err(|_| format!("`{}` is neither `true` nor `false`", shorten(text)))
    }
}

/// The begin of a text from outside, to be shown again.
pub(super) fn shorten(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Reads by `FromStr` from text, and integers and booleans also as such.
macro_rules! read_as_text {
    ($($name:ident),*) => {
        $(
            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_any(Text::<$name>(std::marker::PhantomData))
                }
            }
        )*
    };
}

read_as_text!(Account, OrAny, Uint, Word, TagValue, Flag);

struct Text<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a non-negative integer")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        self.visit_str(if value { "true" } else { "false" })
    }
}
