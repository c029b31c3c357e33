//! CIDs: which ones are spoken, and whether bytes are what a CID says.

use cid::{Cid, Version, multihash::Multihash};
use sha2::{Digest, Sha256};

use crate::{Error, Result, error::excerpt};

pub(crate) const SHA2_256: u64 = 0x12;
const LONGEST_TEXT: usize = 128;

/// How the bytes of a block are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// The bytes are content.
    Raw,
    /// The bytes are a node: links and UnixFS data.
    DagPb,
}

impl Codec {
    pub(crate) const RAW: u64 = 0x55;
    pub(crate) const DAG_PB: u64 = 0x70;
}

/// Reads a CID of version 0 or 1, in any multibase, as they stand in paths and links.
///
/// # Errors
///
/// [`Error::InvalidCid`] when the text is not a CID, [`Error::UnsupportedCid`] when its codec is
/// neither dag-pb nor raw or its hash is not sha2-256.
pub fn parse(text: &str) -> Result<Cid> {
    let invalid = |reason: String| Error::InvalidCid {
        text: excerpt(text),
        reason,
    };
    if text.len() > LONGEST_TEXT {
        return Err(invalid(format!("longer than {LONGEST_TEXT} bytes")));
    }
    let cid = Cid::try_from(text).map_err(|error| invalid(error.to_string()))?;
    codec(&cid)?;
    Ok(cid)
}

/// The codec of a CID that this crate can check and read.
pub(crate) fn codec(cid: &Cid) -> Result<Codec> {
    let unsupported = |what| Error::UnsupportedCid { cid: *cid, what };
    if cid.hash().code() != SHA2_256 || cid.hash().digest().len() != 32 {
        return Err(unsupported(format!(
            "the hash function 0x{:x}",
            cid.hash().code()
        )));
    }
    match cid.codec() {
        Codec::RAW => Ok(Codec::Raw),
        Codec::DAG_PB => Ok(Codec::DagPb),
        other => Err(unsupported(format!("the codec 0x{other:x}"))),
    }
}

/// The key of a block: its sha2-256 digest. The same bytes are stored once whatever CID they go by.
pub(crate) fn digest(cid: &Cid) -> Result<[u8; 32]> {
    codec(cid)?;
    cid.hash()
        .digest()
        .try_into()
        .map_err(|_| Error::Internal("a digest of 32 bytes".to_owned()))
}

/// Whether `bytes` hash to the CID.
pub(crate) fn matches(cid: &Cid, bytes: &[u8]) -> bool {
    digest(cid).is_ok_and(|digest| digest == sha256(bytes))
}

/// The CID of a raw block with this digest.
pub(crate) fn raw(digest: [u8; 32]) -> Result<Cid> {
    let hash =
        Multihash::wrap(SHA2_256, &digest).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Cid::new_v1(Codec::RAW, hash))
}

/// The CID of a block of `codec`, version 1.
pub(crate) fn of(codec: u64, block: &[u8]) -> Result<Cid> {
    let hash = Multihash::wrap(SHA2_256, &sha256(block));
    let hash = hash.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Cid::new_v1(codec, hash))
}

/// The two spellings of one dag-pb block, as version 1.
pub(crate) fn canonical(cid: &Cid) -> Cid {
    match cid.version() {
        Version::V0 => Cid::new_v1(Codec::DAG_PB, *cid.hash()),
        Version::V1 => *cid,
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_versions_and_refuses_what_it_cannot_check() {
        let v0 = parse("QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN").unwrap();
        let v1 = canonical(&v0);
        assert_ne!(v0, v1);
        assert_eq!(parse(&v1.to_string()).unwrap(), v1);
        assert_eq!(digest(&v0).unwrap(), digest(&v1).unwrap());

        // A libp2p key (codec 0x72), a blake3 hash, and noise.
        let key = Cid::new_v1(0x72, *v0.hash());
        assert!(matches!(
            parse(&key.to_string()),
            Err(Error::UnsupportedCid { .. })
        ));
        let blake3 = Cid::new_v1(Codec::RAW, Multihash::wrap(0x1e, &[7; 32]).unwrap());
        assert!(matches!(
            parse(&blake3.to_string()),
            Err(Error::UnsupportedCid { .. })
        ));
        for text in ["", "Qm", "hello", "../../etc/passwd", &"b".repeat(500)] {
            assert!(
                matches!(parse(text), Err(Error::InvalidCid { .. })),
                "{text}"
            );
        }
    }
}
