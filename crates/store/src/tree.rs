//! Folders: finding an entry by path, and listing.

use cid::Cid;

use crate::{
    BlockSource, Error, Limits, Result,
    error::excerpt,
    node::{self, Link, Node},
};

/// Levels of a sharded folder: one for each byte of the 64-bit hash.
const SHARD_LEVELS: usize = 8;

/// What a CID stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File {
        /// Its bytes.
        length: u64,
    },
    /// A folder.
    Folder,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it points to: a file or a folder.
    pub cid: Cid,
    /// Bytes of all its blocks, as the folder claims: not verified.
    pub size: u64,
}

pub(crate) async fn kind<S: BlockSource>(source: &S, cid: &Cid) -> Result<Kind> {
    Ok(match load(source, cid).await? {
        Node::File { length, .. } => Kind::File { length },
        Node::Folder { .. } | Node::Shard { .. } => Kind::Folder,
    })
}

/// Follows `path`, a list of names with `/` between, from `root`. Empty names are passed over.
pub(crate) async fn resolve<S: BlockSource>(source: &S, root: &Cid, path: &str) -> Result<Cid> {
    let mut at = *root;
    for (depth, name) in path.split('/').filter(|name| !name.is_empty()).enumerate() {
        Limits::check(
            depth as u64 + 1,
            source.limits().depth as u64,
            "folders in a path",
        )?;
        at = entry(source, &at, name).await?;
    }
    Ok(at)
}

async fn entry<S: BlockSource>(source: &S, folder: &Cid, name: &str) -> Result<Cid> {
    let missing = || Error::NoEntry {
        folder: *folder,
        name: excerpt(name),
    };
    let mut links = match load(source, folder).await? {
        Node::File { .. } => return Err(Error::NotAFolder(*folder)),
        Node::Folder { links } => return find(links, name).ok_or_else(missing),
        Node::Shard { links } => links,
    };
    for byte in hash(name)? {
        let bucket = format!("{byte:02X}");
        let entry = format!("{bucket}{name}");
        let Some(link) = links
            .into_iter()
            .find(|link| link.name == bucket || link.name == entry)
        else {
            break;
        };
        if link.name == entry {
            return Ok(link.cid);
        }
        links = shard(source, &link.cid).await?;
    }
    Err(missing())
}

/// The entries of a folder, by name.
pub(crate) async fn list<S: BlockSource>(source: &S, folder: &Cid) -> Result<Vec<Entry>> {
    let limit = source.limits().entries;
    let check = |count: usize| Limits::check(count as u64, limit as u64, "entries of one folder");
    let mut entries = Vec::new();
    let mut pending = match load(source, folder).await? {
        Node::File { .. } => return Err(Error::NotAFolder(*folder)),
        Node::Folder { links } => {
            entries.extend(links.into_iter().map(|link| Entry {
                name: link.name,
                cid: link.cid,
                size: link.tsize,
            }));
            Vec::new()
        }
        Node::Shard { links } => vec![(links, 1)],
    };
    check(entries.len())?;
    // A shard without entries costs a read and yields none: count both.
    let mut shards = 0;
    while let Some((links, level)) = pending.pop() {
        for Link { cid, name, tsize } in links {
            match name.get(2..) {
                None => return Err(Error::malformed(folder, "a link of a shard has no bucket")),
                Some("") if level >= SHARD_LEVELS => {
                    return Err(Error::malformed(folder, "too many levels of shards"));
                }
                Some("") => {
                    shards += 1;
                    check(shards)?;
                    pending.push((shard(source, &cid).await?, level + 1));
                }
                Some(name) => entries.push(Entry {
                    name: name.to_owned(),
                    cid,
                    size: tsize,
                }),
            }
        }
        check(entries.len())?;
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

async fn shard<S: BlockSource>(source: &S, cid: &Cid) -> Result<Vec<Link>> {
    match load(source, cid).await? {
        Node::Shard { links } => Ok(links),
        _ => Err(Error::malformed(cid, "a shard of a folder was expected")),
    }
}

async fn load<S: BlockSource>(source: &S, cid: &Cid) -> Result<Node> {
    node::decode(cid, &source.block(cid).await?)
}

fn find(links: Vec<Link>, name: &str) -> Option<Cid> {
    links
        .into_iter()
        .find(|link| link.name == name)
        .map(|link| link.cid)
}

/// The first half of murmur3-x64-128, most significant byte first: a byte chooses the bucket at
/// each level.
fn hash(name: &str) -> Result<[u8; SHARD_LEVELS]> {
    let hash = murmur3::murmur3_x64_128(&mut std::io::Cursor::new(name), 0);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower half is the first half of the hash"
    )]
    hash.map(|hash| (hash as u64).to_be_bytes())
        .map_err(|error| Error::Internal(error.to_string()))
}
