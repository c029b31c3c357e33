//! The folder in which the archives of a certified range lie together. Workers vote for it, so it follows from the archives'
//! CIDs alone.
//!
//! It is a node of dag-pb around UnixFS (<https://ipld.io/specs/codecs/dag-pb/spec/>), CID version 1. Its entries are the
//! archives, each under the decimal index of its task. With more than [`LARGEST_FLAT`] entries there are two levels:
//! `<index / 1024>/<index>`. Links stand in the order of the bytes of their names. They do not give sizes (`Tsize`, which is
//! optional): the votes do not hold sizes, and nobody could check them.
//!
//! Archives that are encrypted for somebody lie in a folder of the same form, which nobody votes for. One entry more,
//! [`LEAVES`], tells what was voted for, so that whoever decrypts an archive can see that it is the certified one.

use alloy_primitives::B256;
use bytes::Bytes;
use canut_protocol::range::{Codec, Content};
use cid::{Cid, multihash::Multihash};
use quick_protobuf::Writer;

use crate::address;

/// Most entries of a folder of one level.
pub const LARGEST_FLAT: usize = 2_048;

/// The entry of a folder of encrypted archives that tells what was voted for.
pub const LEAVES: &str = "leaves";

/// Indices of a folder below a folder.
const FOLDER: u64 = 1_024;

/// A folder as a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its CID.
    pub content: Content,
    /// Its bytes.
    pub block: Bytes,
}

/// The CID of an archive or a folder.
#[must_use]
pub fn cid(content: &Content) -> Cid {
    // 32 bytes fit: a multihash holds up to 64.
    let hash = Multihash::wrap(address::SHA2_256, content.sha256.as_slice()).unwrap_or_default();
    Cid::new_v1(u8::from(content.codec).into(), hash)
}

/// What a CID of version 1 says of a result; `None` of one that no result has.
#[must_use]
pub fn content(cid: &Cid) -> Option<Content> {
    let codec = match address::codec(cid).ok()? {
        address::Codec::Raw => Codec::Raw,
        address::Codec::DagPb => Codec::DagPb,
    };
    let sha256 = B256::new(address::digest(cid).ok()?);
    Some(Content { codec, sha256 })
}

/// The CID of a link: a folder's.
#[must_use]
pub fn folder(link: B256) -> Cid {
    cid(&Content {
        codec: Codec::DagPb,
        sha256: link,
    })
}

/// The link of results, the first of which is that of the task `first`; `None` of none.
#[must_use]
pub fn link(first: u64, contents: &[Content]) -> Option<B256> {
    Some(nodes(first, contents).last()?.content.sha256)
}

/// The path of the result of the task `index` in the folder of a range of `count` tasks.
#[must_use]
pub fn path(index: u64, count: u16) -> String {
    if usize::from(count) > LARGEST_FLAT {
        format!("{}/{index}", index / FOLDER)
    } else {
        index.to_string()
    }
}

/// The folders of results, the first of which is that of the task `first`: those below come before the root. Empty of none.
#[must_use]
pub fn nodes(first: u64, contents: &[Content]) -> Vec<Node> {
    place(first, contents, None)
}

/// The same of encrypted results, with the file of what was voted for.
#[must_use]
pub fn delivery(first: u64, contents: &[Content], leaves: Content) -> Vec<Node> {
    place(first, contents, Some((LEAVES.to_owned(), leaves)))
}

fn place(first: u64, contents: &[Content], more: Option<(String, Content)>) -> Vec<Node> {
    let entries: Vec<_> = (first..).zip(contents).collect();
    let named = |entries: &[(u64, &Content)]| -> Vec<_> {
        let named = entries.iter();
        named
            .map(|(index, content)| (index.to_string(), **content))
            .collect()
    };
    if entries.is_empty() {
        return Vec::new();
    }
    if entries.len() <= LARGEST_FLAT {
        return vec![node(named(&entries).into_iter().chain(more).collect())];
    }
    let (mut nodes, mut folders) = (Vec::new(), Vec::from_iter(more));
    for part in entries.chunk_by(|(one, _), (next, _)| one / FOLDER == next / FOLDER) {
        let below = node(named(part));
        if let Some((index, _)) = part.first() {
            folders.push(((index / FOLDER).to_string(), below.content));
        }
        nodes.push(below);
    }
    nodes.push(node(folders));
    nodes
}

fn node(mut entries: Vec<(String, Content)>) -> Node {
    entries.sort_unstable();
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    let written = entries.iter().try_for_each(|(name, content)| {
        let mut link = Vec::new();
        let mut inner = Writer::new(&mut link);
        inner.write_with_tag(10, |w| w.write_bytes(&cid(content).to_bytes()))?;
        inner.write_with_tag(18, |w| w.write_string(name))?;
        writer.write_with_tag(18, |w| w.write_bytes(&link))
    });
    // UnixFS: a folder.
    let written = written.and_then(|()| writer.write_with_tag(10, |w| w.write_bytes(&[8, 1])));
    debug_assert!(written.is_ok(), "a vector takes all that is written");
    let sha256 = B256::new(address::sha256(&bytes));
    let content = Content {
        codec: Codec::DagPb,
        sha256,
    };
    Node {
        content,
        block: bytes.into(),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use proptest::prelude::*;

    use super::*;
    use crate::Store;

    fn archive(number: u64) -> Content {
        let codec = if number.is_multiple_of(3) {
            Codec::DagPb
        } else {
            Codec::Raw
        };
        let sha256 = B256::new(address::sha256(&number.to_be_bytes()));
        Content { codec, sha256 }
    }

    fn archives(first: u64, count: u64) -> Vec<Content> {
        (first..first + count).map(archive).collect()
    }

    #[test]
    fn its_bytes_never_change() {
        let raw = Content {
            codec: Codec::Raw,
            sha256: B256::repeat_byte(0xaa),
        };
        let tree = Content {
            codec: Codec::DagPb,
            sha256: B256::repeat_byte(0xbb),
        };
        let nodes = nodes(9, &[raw, tree]);
        // "10" stands before "9".
        let expected = concat!(
            "122a0a2401701220bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb12023130",
            "12290a2401551220aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa120139",
            "0a020801",
        );
        assert_eq!(hex::encode(&nodes[0].block), expected);
        assert_eq!(
            folder(nodes[0].content.sha256).to_string(),
            cid(&nodes[0].content).to_string()
        );
    }

    #[test]
    fn a_cid_and_what_a_vote_holds_of_it_are_one() {
        for archive in archives(0, 6) {
            assert_eq!(content(&cid(&archive)), Some(archive));
        }
        assert!(folder(B256::ZERO).to_string().starts_with("bafybei"));
        assert_eq!(link(0, &[]), None);
    }

    #[tokio::test]
    async fn any_reader_of_folders_finds_the_archives() {
        let store = Store::open("memory:").await.unwrap();
        for (first, count) in [(9, 1), (1_020, 2_048), (1_020, 2_049), (0, 4_096)] {
            let archives = archives(first, count);
            let nodes = nodes(first, &archives);
            assert_eq!(nodes.len() == 1, count <= 2_048);
            for node in &nodes {
                store
                    .put_block(&cid(&node.content), node.block.clone())
                    .await
                    .unwrap();
            }
            let leaves = archive(99);
            let delivered = delivery(first, &archives, leaves);
            let delivered = &delivered.last().unwrap();
            let block = delivered.block.clone();
            let delivered = cid(&delivered.content);
            store.put_block(&delivered, block).await.unwrap();
            let found = store.resolve(&delivered, LEAVES).await.unwrap();
            assert_eq!(found, cid(&leaves));
            let root = folder(link(first, &archives).unwrap());
            for index in [first, first + count / 2, first + count - 1] {
                let path = path(index, u16::try_from(count).unwrap());
                let found = store.resolve(&root, &path).await.unwrap();
                assert_eq!(found, cid(&archive(index)), "{path}");
                assert_eq!(store.resolve(&delivered, &path).await.unwrap(), found);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn another_archive_or_another_place_is_another_link(first in 0..10_000u64, count in 1..40u64, at: prop::sample::Index) {
            let here = archives(first, count);
            let mut other = here.clone();
            other[at.index(here.len())].sha256 = B256::ZERO;
            prop_assert_ne!(link(first, &here), link(first, &other));
            prop_assert_ne!(link(first, &here), link(first + 1, &here));
        }
    }
}
