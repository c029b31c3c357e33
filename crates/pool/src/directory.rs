//! Where the archives of a range lie together: a folder that lists them by the index of their task, whose CID follows from
//! theirs alone (§2.3).

use alloy_primitives::B256;
use canut_protocol::range::{Codec, Content, Range};
use canut_store::{Cid, Remote};
use sha2::{Digest, Sha256};

/// Most entries of a folder of one level.
const LARGEST_FLAT: usize = 2_048;
/// Entries of a folder below a folder.
const FOLDER: u64 = 1_024;

/// The CID of an archive.
pub fn cid(content: &Content) -> Option<Cid> {
    let bytes = [
        &[1, content.codec.into(), 0x12, 0x20],
        content.sha256.as_slice(),
    ]
    .concat();
    Cid::try_from(bytes).ok()
}

/// The link of results, the first of which is that of the task `first`; `None` of none.
pub fn link(first: u64, contents: &[Content]) -> Option<B256> {
    nodes(first, contents)
        .last()
        .map(|(folder, _)| folder.sha256)
}

/// The folders of results as blocks: those below first, the root last.
pub fn nodes(first: u64, contents: &[Content]) -> Vec<(Content, Vec<u8>)> {
    let entries: Vec<_> = (first..)
        .zip(contents)
        .map(|(index, content)| (index, *content))
        .collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let name = |(index, content): &(u64, Content)| (index.to_string(), *content);
    if entries.len() <= LARGEST_FLAT {
        return vec![node(entries.iter().map(name).collect())];
    }
    let below = entries.chunk_by(|one, next| one.0 / FOLDER == next.0 / FOLDER);
    let mut nodes: Vec<_> = below
        .clone()
        .map(|part| node(part.iter().map(name).collect()))
        .collect();
    let names = below
        .filter_map(|part| part.first())
        .map(|(index, _)| (index / FOLDER).to_string());
    let root = names
        .zip(&nodes)
        .map(|(name, (folder, _))| (name, *folder))
        .collect();
    nodes.push(node(root));
    nodes
}

/// Whether the store has the folders of these results.
pub(crate) async fn find(
    store: &Remote,
    range: Range,
    contents: &[Content],
) -> canut_store::Result<()> {
    for (folder, _) in nodes(range.first(), contents) {
        if let Some(cid) = cid(&folder) {
            store.list(&cid).await?;
        }
    }
    Ok(())
}

/// A folder as dag-pb around UnixFS (<https://ipld.io/specs/codecs/dag-pb/spec/>): links in the order of their names, without
/// the sizes of what lies below, which nobody could check.
fn node(mut entries: Vec<(String, Content)>) -> (Content, Vec<u8>) {
    entries.sort();
    let mut bytes = Vec::new();
    for (name, content) in entries {
        let mut link = Vec::new();
        let cid = [
            &[1, content.codec.into(), 0x12, 0x20],
            content.sha256.as_slice(),
        ]
        .concat();
        field(1, &cid, &mut link);
        field(2, name.as_bytes(), &mut link);
        field(2, &link, &mut bytes);
    }
    // Data: a UnixFS message that says folder.
    field(1, &[8, 1], &mut bytes);
    let sha256 = B256::new(Sha256::digest(&bytes).into());
    (
        Content {
            codec: Codec::DagPb,
            sha256,
        },
        bytes,
    )
}

/// A field of bytes, as protobuf writes it.
fn field(number: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    let mut length = value.len();
    while length >= 0x80 {
        out.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    out.push((length & 0x7f) as u8);
    out.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(number: u64) -> Content {
        let sha256 = B256::new(Sha256::digest(number.to_be_bytes()).into());
        Content {
            codec: Codec::Raw,
            sha256,
        }
    }

    #[tokio::test]
    async fn a_store_reads_the_folder_as_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = canut_store::Store::open(&folder.path().display().to_string())
            .await
            .unwrap();
        for count in [3, 3_000] {
            let first = 9;
            let contents: Vec<_> = (first..first + count).map(content).collect();
            let nodes = nodes(first, &contents);
            for (node, bytes) in &nodes {
                store
                    .put_block(&cid(node).unwrap(), bytes.clone().into())
                    .await
                    .unwrap();
            }
            let root = cid(&nodes.last().unwrap().0).unwrap();
            assert_eq!(
                root.hash().digest(),
                link(first, &contents).unwrap().as_slice()
            );
            let last = first + count - 1;
            let path = if count > 2_048 {
                format!("{}/{last}", last / 1_024)
            } else {
                last.to_string()
            };
            assert_eq!(
                store.resolve(&root, &path).await.unwrap(),
                cid(&content(last)).unwrap()
            );
        }
        assert_eq!(link(0, &[]), None);
    }
}
