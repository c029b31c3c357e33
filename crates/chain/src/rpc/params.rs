//! The arguments of a call: text until a method says what they are.

use super::errors::{RpcError, RpcResult};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The beginning of a list, and how long all of it is: a long one costs no memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Beginning<'a> {
    pub(super) items: Vec<&'a RawValue>,
    pub(super) length: usize,
}

/// Keeps this many items.
struct Keep(usize);

impl<'a> Beginning<'a> {
    /// Reads a list, and keeps its first `most` items.
    pub(super) fn read(text: &'a str, most: usize) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let list = Keep(most).deserialize(&mut reader)?;
        reader.end()?;
        Ok(list)
    }
}

impl<'de> DeserializeSeed<'de> for Keep {
    type Value = Beginning<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Keep {
    type Value = Beginning<'de>;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut found = Beginning::default();
        while found.length < self.0
            && let Some(item) = list.next_element()?
        {
            found.items.push(item);
            found.length += 1;
        }
        while found.length >= self.0 && list.next_element::<IgnoredAny>()?.is_some() {
            found.length += 1;
        }
        Ok(found)
    }
}

/// The arguments of a call, by position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params<'a> {
    list: Beginning<'a>,
    /// They are something else than a list.
    unlisted: bool,
}

/// No method takes more.
const MOST: usize = 8;

impl<'a> Params<'a> {
    pub(super) fn new(params: Option<&'a RawValue>) -> Self {
        let Some(params) = params.filter(|params| params.get() != "null") else {
            return Self::default();
        };
        let list = Beginning::read(params.get(), MOST);
        Self {
            unlisted: list.is_err(),
            list: list.unwrap_or_default(),
        }
    }

    /// Refuses more arguments than a method takes, and any that are not in a list.
    pub(crate) fn at_most(&self, most: usize) -> RpcResult<()> {
        if self.unlisted {
            Err(RpcError::params("non-array args"))
        } else if self.list.length > most {
            Err(RpcError::params(format!(
                "too many arguments, want at most {most}"
            )))
        } else {
            Ok(())
        }
    }

    /// Owned text of the arguments, to go to another thread.
    pub(crate) fn to_owned(&self) -> Vec<Box<RawValue>> {
        self.list
            .items
            .iter()
            .map(|param| (*param).to_owned())
            .collect()
    }

    /// Borrows what [`Self::to_owned`] gave.
    pub(crate) fn of(owned: &'a [Box<RawValue>]) -> Self {
        let list = Beginning {
            items: owned.iter().map(|param| &**param).collect(),
            length: owned.len(),
        };
        Self {
            list,
            unlisted: false,
        }
    }

    /// Argument `index`, which must be there.
    pub(crate) fn get<T: DeserializeOwned>(&self, index: usize) -> RpcResult<T> {
        self.opt(index)?
            .ok_or_else(|| RpcError::params(format!("missing value for required argument {index}")))
    }

    /// Argument `index`; `null` counts as absent.
    pub(crate) fn opt<T: DeserializeOwned>(&self, index: usize) -> RpcResult<Option<T>> {
        let Some(param) = self
            .list
            .items
            .get(index)
            .filter(|param| param.get() != "null")
        else {
            return Ok(None);
        };
        let invalid = |error: serde_json::Error| {
            RpcError::params(format!("invalid argument {index}: {}", words(&error)))
        };
        serde_json::from_str(param.get()).map(Some).map_err(invalid)
    }
}

/// What is wrong, without the place in a text that the client never wrote in one piece.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params<'_> {
        Params::new(Some(serde_json::from_str(text).unwrap()))
    }

    #[test]
    fn arguments_are_counted_and_named() {
        let two = params("[1, 2]");
        assert_eq!(two.at_most(2), Ok(()));
        let error = two.at_most(1).unwrap_err();
        assert_eq!(error.message, "too many arguments, want at most 1");
        let object = params(r#"{"a": 1}"#);
        assert_eq!(object.at_most(2).unwrap_err().message, "non-array args");
        let wrong = two.get::<String>(1).unwrap_err();
        assert_eq!(
            (wrong.code, wrong.message.as_str()),
            (
                -32602,
                "invalid argument 1: invalid type: integer `2`, expected a string"
            )
        );
    }

    #[test]
    fn a_long_list_is_counted_and_not_kept() {
        let long = format!("[{}0]", "0,".repeat(999_999));
        let list = Beginning::read(&long, 3).unwrap();
        assert_eq!((list.items.len(), list.length), (3, 1_000_000));
        assert!(list.items.capacity() < 10);
        assert_eq!(Beginning::read("[]", 3).unwrap().length, 0);
        assert_eq!(Beginning::read("[0, 0, 0]", 3).unwrap().length, 3);
        assert!(Beginning::read("[0, 0, 0, ]", 3).is_err());
        assert!(Beginning::read("[0] 0", 3).is_err());
    }
}
