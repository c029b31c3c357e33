//! JSON-RPC 2.0 framing: from bytes to calls, and back.

use super::errors::{RpcError, RpcResult};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a client sent.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// One call; the answer is one object.
    Single(Result<Call<'a>, RpcError>),
    /// Many; the answer is a list.
    Batch(Vec<Result<Call<'a>, RpcError>>),
}

/// One call. Without an id it wants no answer.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Params<'a>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Longest id, bytes: it is repeated in the answer.
const MAX_ID: usize = 256;

/// Reads a message; at most `max_batch` calls.
pub(crate) fn parse(bytes: &[u8], max_batch: usize) -> Message<'_> {
    let refuse = |error| Message::Single(Err(error));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refuse(RpcError::parse());
    };
    if text.trim_start().starts_with('[') {
        let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) else {
            return refuse(RpcError::parse());
        };
        if list.is_empty() {
            return refuse(RpcError::invalid_request("empty batch"));
        }
        if list.len() > max_batch {
            return refuse(RpcError::invalid_request("batch too large"));
        }
        return Message::Batch(
            list.into_iter()
                .map(|call| parse_call(call.get()))
                .collect(),
        );
    }
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return refuse(RpcError::parse());
    }
    Message::Single(parse_call(text))
}

fn parse_call(text: &str) -> Result<Call<'_>, RpcError> {
    let invalid = || RpcError::invalid_request("invalid request");
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|_| invalid())?;
    let id = wire.id;
    let id_is_valid = |id: &RawValue| {
        let first = id.get().as_bytes().first();
        id.get().len() <= MAX_ID && !matches!(first, Some(b'[' | b'{'))
    };
    match wire.method {
        Some(method) if wire.jsonrpc.as_deref() == Some("2.0") && id.is_none_or(id_is_valid) => {
            Ok(Call {
                id,
                method,
                params: Params::parse(wire.params)?,
            })
        }
        _ => Err(invalid()),
    }
}

/// The arguments of a call, by position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params<'a>(Vec<&'a RawValue>);

impl<'a> Params<'a> {
    fn parse(params: Option<&'a RawValue>) -> RpcResult<Self> {
        let Some(params) = params.filter(|params| params.get() != "null") else {
            return Ok(Self::default());
        };
        let list = serde_json::from_str(params.get());
        list.map(Self)
            .map_err(|_| RpcError::params("non-array args"))
    }

    /// Owned text of the arguments, to go to another thread.
    pub(crate) fn to_owned(&self) -> Vec<Box<RawValue>> {
        self.0.iter().map(|param| (*param).to_owned()).collect()
    }

    /// Borrows what [`Self::to_owned`] gave.
    pub(crate) fn of(owned: &'a [Box<RawValue>]) -> Self {
        Self(owned.iter().map(|param| &**param).collect())
    }

    /// Argument `index`, which must be there.
    pub(crate) fn get<T: DeserializeOwned>(&self, index: usize) -> RpcResult<T> {
        self.opt(index)?
            .ok_or_else(|| RpcError::params(format!("missing value for required argument {index}")))
    }

    /// Argument `index`; `null` counts as absent.
    pub(crate) fn opt<T: DeserializeOwned>(&self, index: usize) -> RpcResult<Option<T>> {
        let Some(param) = self.0.get(index).filter(|param| param.get() != "null") else {
            return Ok(None);
        };
        let invalid = |error| RpcError::params(format!("invalid argument {index}: {error}"));
        serde_json::from_str(param.get()).map(Some).map_err(invalid)
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RpcError>,
}

/// The text of an answer.
pub(crate) fn answer(id: Option<&RawValue>, result: &RpcResult<Box<RawValue>>) -> String {
    let (result, error) = match result {
        Ok(value) => (Some(&**value), None),
        Err(error) => (None, Some(error)),
    };
    // Every part is JSON already.
    serde_json::to_string(&Answer {
        jsonrpc: "2.0",
        id,
        result,
        error,
    })
    .unwrap_or_default()
}

#[derive(Serialize)]
struct Notice<'a> {
    jsonrpc: &'static str,
    method: &'static str,
    params: NoticeParams<'a>,
}

#[derive(Serialize)]
struct NoticeParams<'a> {
    subscription: &'a str,
    result: &'a RawValue,
}

/// The text of a notification of a subscription.
pub(crate) fn notice(subscription: &str, result: &RawValue) -> String {
    let params = NoticeParams {
        subscription,
        result,
    };
    serde_json::to_string(&Notice {
        jsonrpc: "2.0",
        method: "eth_subscription",
        params,
    })
    .unwrap_or_default()
}

/// A value as JSON.
pub(crate) fn raw<T: Serialize>(value: &T) -> RpcResult<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|error| RpcError::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> RpcError {
        match parse(text.as_bytes(), 2) {
            Message::Single(Err(error)) => error,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn refuses_in_the_words_of_the_standard() {
        assert_eq!(error("{").code, -32700);
        assert_eq!(error("[]").message, "empty batch");
        assert_eq!(error("[1,2,3]").message, "batch too large");
        assert_eq!(error("7").code, -32600);
        assert_eq!(error(r#"{"jsonrpc":"2.0","id":1}"#).code, -32600);
        assert_eq!(
            error(r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#).code,
            -32600
        );
        assert_eq!(
            error(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{}}"#).code,
            -32602
        );
    }

    #[test]
    fn an_id_comes_back_as_it_was() {
        for id in ["1", "\"a\\u0062\"", "null", "1e3"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            let Message::Single(Ok(call)) = parse(text.as_bytes(), 1) else {
                panic!()
            };
            let reply = answer(call.id, &raw(&true));
            assert_eq!(
                reply,
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":true}}"#)
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        /// Any bytes: calls, or an error.
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, 10);
        }

        /// Any text that looks like JSON-RPC: calls whose arguments can be asked for, or an error.
        #[test]
        fn any_text_is_parsed_or_refused(text in r#"[\[{]?("(jsonrpc|id|method|params)":("2\.0"|"eth_[a-z]{1,4}"|[0-9]{1,3}|null|\[[0-9,"a]{0,9}\]),?){0,5}[}\]]?"#) {
            if let Message::Single(Ok(call)) = parse(text.as_bytes(), 10) {
                let _ = call.params.get::<u64>(0);
                let _ = call.params.opt::<String>(1);
            }
        }
    }
}
