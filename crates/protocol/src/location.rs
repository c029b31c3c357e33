//! Where the bytes of an app or a dataset are: the `multiaddr` of an asset.
//!
//! iExec's SDK writes `/ipfs/Qm…` as a binary multiaddr (protocol 421, then the multihash) and anything else as text. A
//! CID of version 1 would lose its codec in the binary form, so here it stays text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Multiaddr protocol 421 (`p2p`, once `ipfs`) as an unsigned varint, then the length of a SHA-256 multihash.
const BINARY_PREFIX: [u8; 3] = [0xa5, 0x03, 34];
/// Multihash of SHA-256: its code and its length in bytes.
const SHA2_256: [u8; 2] = [0x12, 32];

/// Where some bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Location {
    /// An IPFS path without its `/ipfs/`: a CID, and possibly a path below it.
    Ipfs(String),
    /// A URL with its scheme.
    Url(String),
    /// Anything else, for instance an image of a container registry.
    Other(String),
}

/// What says nothing of where bytes are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of an asset is an IPFS path (/ipfs/Qm…), a URL, or the name of an image; this is empty or not text"
)]
pub struct NoLocation;

impl Location {
    /// Reads the multiaddr of an asset as it is on chain.
    pub fn from_multiaddr(bytes: &[u8]) -> Result<Self, NoLocation> {
        match bytes.strip_prefix(&BINARY_PREFIX) {
            Some(hash) if hash.len() == 34 && hash.starts_with(&SHA2_256) => {
                Ok(Self::Ipfs(bs58::encode(hash).into_string()))
            }
            _ => std::str::from_utf8(bytes).map_err(|_| NoLocation)?.parse(),
        }
    }

    /// The multiaddr to register an asset with.
    pub fn to_multiaddr(&self) -> Vec<u8> {
        self.version_0().map_or_else(
            || self.to_string().into_bytes(),
            |hash| [&BINARY_PREFIX[..], &hash].concat(),
        )
    }

    /// The multihash, of a path that is a CID of version 0 alone.
    fn version_0(&self) -> Option<Vec<u8>> {
        let Self::Ipfs(path) = self else { return None };
        let hash = bs58::decode(path).into_vec().ok()?;
        (hash.len() == 34 && hash.starts_with(&SHA2_256)).then_some(hash)
    }
}

impl FromStr for Location {
    type Err = NoLocation;

    fn from_str(text: &str) -> Result<Self, NoLocation> {
        let text = text.trim();
        let path = ["/ipfs/", "/p2p/", "ipfs://"]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix));
        match path {
            Some("") => Err(NoLocation),
            Some(path) => Ok(Self::Ipfs(path.to_owned())),
            None if text.is_empty() || text.chars().any(char::is_control) => Err(NoLocation),
            None if text.contains("://") => Ok(Self::Url(text.to_owned())),
            None => Ok(Self::Other(text.to_owned())),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipfs(path) => write!(f, "/ipfs/{path}"),
            Self::Url(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.to_string()
    }
}

impl TryFrom<String> for Location {
    type Error = NoLocation;

    fn try_from(text: String) -> Result<Self, NoLocation> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CID: &str = "QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB";

    #[test]
    fn the_sdk_stores_an_ipfs_path_in_binary() {
        let location: Location = format!("/ipfs/{CID}").parse().unwrap();
        let bytes = location.to_multiaddr();
        assert_eq!(bytes.len(), 37);
        assert_eq!(bytes[..5], [0xa5, 0x03, 0x22, 0x12, 0x20]);
        assert_eq!(Location::from_multiaddr(&bytes), Ok(location));
    }

    #[test]
    fn what_would_not_come_back_from_binary_stays_text() {
        for text in [
            "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
            &format!("/ipfs/{CID}/data/file.csv"),
            "https://example.org/app.wasm",
            "docker.io/library/busybox:1.36",
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_multiaddr(), text.as_bytes());
            assert_eq!(Location::from_multiaddr(text.as_bytes()), Ok(location));
        }
    }

    #[test]
    fn one_place_has_many_spellings() {
        let spellings = [
            format!("/ipfs/{CID}"),
            format!("/p2p/{CID}"),
            format!(" ipfs://{CID}\n"),
        ];
        for spelling in spellings {
            assert_eq!(spelling.parse(), Ok(Location::Ipfs(CID.to_owned())));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "  ", "/ipfs/", "two\nlines"] {
            assert_eq!(text.parse::<Location>(), Err(NoLocation));
        }
        assert_eq!(Location::from_multiaddr(&[0xff, 0xfe]), Err(NoLocation));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(location) = Location::from_multiaddr(&bytes) {
                let again = Location::from_multiaddr(&location.to_multiaddr());
                prop_assert_eq!(again, Ok(location));
            }
        }
    }
}
