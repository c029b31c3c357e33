//! JSON-RPC 2.0 framing: from bytes to calls, and back.

use super::{
    errors::{RpcError, RpcResult},
    params::{Beginning, Params},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What a client sent.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// One call; the answer is one object.
    Single(Result<Call<'a>, Refused<'a>>),
    /// Many; the answer is a list.
    Batch(Vec<Result<Call<'a>, Refused<'a>>>),
}

/// One call. Without an id it wants no answer; `null` is an id.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Params<'a>,
}

/// What is no call, and the id that it had all the same.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) error: RpcError,
}

/// Every field as it was written: one that makes no sense must not hide the others.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// A field that is there, `null` included.
fn present<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(field).map(Some)
}

/// Longest id, bytes: it is repeated in the answer.
const MAX_ID: usize = 256;

/// Reads a message; at most `max_batch` calls.
pub(crate) fn parse(bytes: &[u8], max_batch: usize) -> Message<'_> {
    let refuse = |error| Message::Single(Err(Refused { id: None, error }));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refuse(RpcError::parse());
    };
    if text.trim_start().starts_with('[') {
        let Ok(list) = Beginning::read(text, max_batch) else {
            return refuse(RpcError::parse());
        };
        if list.length == 0 {
            return refuse(RpcError::invalid_request("empty batch"));
        }
        if list.length > max_batch {
            return refuse(RpcError::invalid_request("batch too large"));
        }
        return Message::Batch(
            list.items
                .into_iter()
                .map(|call| parse_call(call.get()))
                .collect(),
        );
    }
    if serde_json::from_str::<&RawValue>(text).is_err() {
        return refuse(RpcError::parse());
    }
    Message::Single(parse_call(text))
}

fn parse_call(text: &str) -> Result<Call<'_>, Refused<'_>> {
    let refuse = |id| Refused {
        id,
        error: RpcError::invalid_request("invalid request"),
    };
    let wire: Wire<'_> = serde_json::from_str(text).map_err(|_| refuse(None))?;
    let is_valid = |id: &&RawValue| {
        id.get().len() <= MAX_ID && !id.get().starts_with('[') && !id.get().starts_with('{')
    };
    let id = wire.id.filter(is_valid);
    let current = wire.jsonrpc.is_some_and(|version| {
        serde_json::from_str::<Cow<'_, str>>(version.get()).is_ok_and(|version| version == "2.0")
    });
    let method = wire.method.map(|name| serde_json::from_str(name.get()));
    match method {
        Some(Ok(method)) if current && id.is_some() == wire.id.is_some() => Ok(Call {
            id,
            method,
            params: Params::new(wire.params),
        }),
        _ => Err(refuse(id)),
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
            Message::Single(Err(refused)) => refused.error,
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
            error(r#"{"jsonrpc":"2.0","id":7,"method":null}"#).code,
            -32600
        );
    }

    fn call(text: &str) -> Call<'_> {
        match parse(text.as_bytes(), 1) {
            Message::Single(Ok(call)) => call,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_refusal_names_the_id_that_could_be_read() {
        for text in [
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"id":7,"method":"m"}"#,
            r#"{"jsonrpc":"1.0","id":7,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":5}"#,
        ] {
            let Message::Single(Err(refused)) = parse(text.as_bytes(), 1) else {
                panic!("{text}")
            };
            assert_eq!(refused.id.map(RawValue::get), Some("7"), "{text}");
        }
        let text = r#"{"jsonrpc":"2.0","id":[7],"method":"m"}"#;
        let Message::Single(Err(refused)) = parse(text.as_bytes(), 1) else {
            panic!("{text}")
        };
        assert!(refused.id.is_none(), "a list is no id");
    }

    #[test]
    fn no_id_wants_no_answer_and_null_does() {
        assert!(call(r#"{"jsonrpc":"2.0","method":"m"}"#).id.is_none());
        let null = call(r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#).id;
        assert_eq!(null.map(RawValue::get), Some("null"));
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
