//! A folder for people and for programs.

use std::fmt::Write;

use cid::Cid;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::Entry;

/// What stands for itself in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

#[derive(Serialize)]
struct Listing<'a> {
    cid: String,
    entries: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    name: &'a str,
    cid: String,
    size: u64,
}

pub(super) fn json(folder: &Cid, entries: &[Entry]) -> serde_json::Result<String> {
    let entries = entries
        .iter()
        .map(|entry| Item {
            name: &entry.name,
            cid: entry.cid.to_string(),
            size: entry.size,
        })
        .collect();
    serde_json::to_string(&Listing {
        cid: folder.to_string(),
        entries,
    })
}

/// `path` is the path of the folder as it was asked for, encoded, without a slash at its end.
pub(super) fn html(path: &str, folder: &Cid, entries: &[Entry]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{folder}</title>\n<h1>{folder}</h1>\n<table>\n"
    );
    if let Some((parent, _)) = path
        .rsplit_once('/')
        .filter(|(parent, _)| parent.starts_with("/ipfs/"))
    {
        let _ = writeln!(page, "<tr><td><a href=\"{}\">..</a>", escape(parent));
    }
    for entry in entries {
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "<tr><td><a href=\"{}/{}\">{}</a><td>{}<td><a href=\"/ipfs/{cid}\">{cid}</a>",
            escape(path),
            utf8_percent_encode(&entry.name, SEGMENT),
            escape(&entry.name),
            entry.size,
            cid = entry.cid,
        );
    }
    page.push_str("</table>\n");
    page
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_page() {
        let cid = crate::parse_cid("QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN").unwrap();
        let name = "\"><script>alert('x')</script>%2F?#".to_owned();
        let page = html("/ipfs/x", &cid, &[Entry { name, cid, size: 1 }]);
        assert!(!page.contains("<script>"), "{page}");
        assert!(
            page.contains(
                "href=\"/ipfs/x/%22%3E%3Cscript%3Ealert%28%27x%27%29%3C%2Fscript%3E%252F%3F%23\""
            ),
            "{page}"
        );
    }
}
