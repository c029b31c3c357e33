//! Images of registries (OCI distribution specification): by digest, anonymously, each part kept by its content.
//!
//! A registry is somebody's of whom nothing is known. What it gives is believed once it has the digest it was asked for; it
//! can send the worker elsewhere, but not to a private network, and nobody but itself is shown the token it wants to see.

use std::{collections::BTreeSet, fs, io, net::IpAddr, path::Path};

use alloy_primitives::{B256, hex};
use canut_protocol::Failure;
use canut_sandbox::{Blob, DOCUMENT_BYTES, Document, DocumentError, begin_layout};
use http_auth::ChallengeParser;
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use oci_spec::distribution::Reference;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tracing::debug;
use url::{Host, Url};

use super::{
    Absence,
    address::is_public,
    cache::Cache,
    http::{Ask, Web},
    part::Part,
    sha256,
};

/// Bytes of the name of an image.
const NAME: usize = 512;
/// Bytes of the answer that holds a token.
const TOKEN: u64 = 64 << 10;
/// Times the download of a part goes on after a broken connection.
const RESUMPTIONS: usize = 5;
/// Documents from the one that the app names to the manifest: the index of its platforms.
const DOCUMENTS: usize = 2;
/// What documents may be.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// An image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    reference: Reference,
    /// SHA-256 of its manifest, or of the index of its platforms.
    digest: B256,
}

impl Image {
    /// The image of an app that is at `name`, such as `registry.example/repository:tag`, and was registered with `checksum`.
    /// A tag can mean something else tomorrow: what counts is the checksum, which is the digest of the image.
    pub(crate) fn read(name: &str, checksum: B256) -> Result<Self, Failure> {
        if name.len() > NAME {
            return Err(Failure::AppMissing);
        }
        let reference = Reference::try_from(name).map_err(|_| Failure::AppMissing)?;
        let own = reference.digest();
        if own.is_some_and(|own| own != named(checksum)) {
            return Err(Failure::AppMismatch);
        }
        Ok(Self {
            reference,
            digest: checksum,
        })
    }

    /// Where its registry has it.
    fn place(&self) -> Option<Url> {
        let host = match self.reference.registry() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let mut url = Url::parse(&format!(
            "https://{host}/v2/{}/",
            self.reference.repository()
        ))
        .ok()?;
        let is_public = match url.host()? {
            Host::Ipv4(address) => is_public(IpAddr::V4(address)),
            Host::Ipv6(address) => is_public(IpAddr::V6(address)),
            Host::Domain(name) => name != "localhost",
        };
        // By custom a registry of this machine, or one that has only an address there, does without encryption. Whether the
        // worker goes there at all is for its owner to say.
        if !is_public {
            let port = url.port_or_known_default();
            url.set_scheme("http").ok()?;
            url.set_port(port).ok()?;
        }
        Some(url)
    }
}

fn named(digest: B256) -> String {
    format!("sha256:{}", hex::encode(digest))
}

/// A visit to a registry.
#[derive(Debug)]
pub(super) struct Registry<'a> {
    web: &'a Web,
    cache: &'a Cache,
    image: &'a Image,
    base: Url,
    token: Option<HeaderValue>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'a> Registry<'a> {
    pub(super) fn new(web: &'a Web, cache: &'a Cache, image: &'a Image) -> Result<Self, Absence> {
        Ok(Self {
            web,
            cache,
            image,
            base: image.place().ok_or(Absence::Missing)?,
            token: None,
        })
    }

    /// Makes the folder `into`, an image layout, of the image. Its parts have at most `limit` bytes, and for so many as `room`
    /// there is room on this disk.
    pub(super) async fn pull(mut self, into: &Path, limit: u64, room: u64) -> Result<(), Absence> {
        let disk = |_: io::Error| Absence::Disk;
        let mut digest = self.image.digest;
        for _ in 0..DOCUMENTS {
            let bytes = self.document(digest).await?;
            let (config, layers) = match Document::read(&bytes)? {
                Document::Index(next) => {
                    digest = next.digest;
                    continue;
                }
                Document::Manifest { config, layers } => (config, layers),
            };
            if config.size > DOCUMENT_BYTES {
                return Err(Absence::Invalid);
            }
            let mut parts = vec![config];
            parts.extend(layers);
            let mut known = BTreeSet::new();
            // An empty layer may be there many times.
            parts.retain(|part| known.insert(part.digest));
            let sizes = parts.iter().map(|part| part.size);
            match sizes.fold(0, u64::saturating_add) {
                size if size > limit => return Err(Absence::TooLarge),
                size if size > room => return Err(Absence::Disk),
                _ => {}
            }
            let size = bytes.len() as u64;
            let manifest = Blob { digest, size };
            let folder = begin_layout(into, &manifest).map_err(disk)?;
            fs::write(folder.join(manifest.name()), &bytes).map_err(disk)?;
            for part in &parts {
                self.part(part, &folder.join(part.name())).await?;
            }
            return Ok(());
        }
        Err(Absence::Invalid)
    }

    /// An index or a manifest.
    async fn document(&mut self, digest: B256) -> Result<Bytes, Absence> {
        let name = named(digest);
        let _alone = self.cache.lock(&name).await;
        let place = self.cache.place(&name);
        match fs::read(&place) {
            Ok(bytes) => return Ok(bytes.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Err(Absence::Disk),
        }
        let response = self
            .ask(&format!("manifests/{name}"), Some(ACCEPT), None)
            .await?;
        // Nothing says how large it truly is.
        let bytes = Web::read(response, DOCUMENT_BYTES)
            .await
            .map_err(|absence| match absence {
                Absence::TooLarge => Absence::Wrong,
                other => other,
            })?;
        if Sha256::digest(&bytes)[..] != digest[..] {
            return Err(Absence::Wrong);
        }
        let half = self.cache.half(&name);
        fs::write(&half, &bytes)
            .and_then(|()| fs::rename(&half, &place))
            .map_err(|_| Absence::Disk)?;
        Ok(bytes)
    }

    /// Puts a part of the image to `into`.
    async fn part(&mut self, blob: &Blob, into: &Path) -> Result<(), Absence> {
        let name = named(blob.digest);
        let _alone = self.cache.lock(&name).await;
        let disk = |_: io::Error| Absence::Disk;
        if self.cache.take(&name, into).map_err(disk)? {
            return Ok(());
        }
        let half = self.cache.half(&name);
        self.download(blob, &half).await?;
        let summed = tokio::task::spawn_blocking({
            let half = half.clone();
            move || sha256(&half)
        });
        let found = summed.await.map_err(|_| Absence::Disk)?.map_err(disk)?;
        if found != blob.digest {
            fs::remove_file(half).map_err(disk)?;
            return Err(Absence::Wrong);
        }
        let kept = fs::rename(half, self.cache.place(&name)).and_then(|()| {
            let taken = self.cache.take(&name, into)?;
            self.cache.sweep()?;
            Ok(taken)
        });
        if kept.map_err(disk)? {
            Ok(())
        } else {
            Err(Absence::Disk)
        }
    }

    /// Downloads what is missing of a part to `half`, which has its size then.
    async fn download(&mut self, blob: &Blob, half: &Path) -> Result<(), Absence> {
        let mut part = Part::go_on(half, blob.size).await?;
        let path = format!("blobs/{}", named(blob.digest));
        let mut tries = 0;
        while part.length < blob.size {
            let before = part.length;
            let response = self.ask(&path, None, Some(&part)).await?;
            match part.take(response).await {
                Ok(()) if part.length == blob.size => break,
                // More, or fewer, than the manifest says.
                Ok(()) | Err(Absence::TooLarge) => return Err(Absence::Wrong),
                Err(Absence::Unreachable) if part.length > before && tries < RESUMPTIONS => {
                    tries += 1
                }
                Err(absence) => return Err(absence),
            }
        }
        Ok(())
    }

    /// Asks the registry for something of the image. When it wants to see a token, it gets one.
    async fn ask(
        &mut self,
        path: &str,
        accept: Option<&'static str>,
        part: Option<&Part>,
    ) -> Result<Response<Incoming>, Absence> {
        let url = self.base.join(path).map_err(|_| Absence::Missing)?;
        let mut ask = Ask {
            url,
            accept: accept.map(HeaderValue::from_static),
            authorization: self.token.clone(),
        };
        let mut response = self.web.ask(ask.clone(), part).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.token = Some(self.authorize(response.headers()).await?);
            ask.authorization.clone_from(&self.token);
            response = self.web.ask(ask, part).await?;
        }
        debug!(status = %response.status(), path, image = %self.image.reference, "the registry answers");
        match response.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(response),
            StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN => Err(Absence::Missing),
            _ => Err(Absence::Unreachable),
        }
    }

    /// Gets a token, as anybody can, from where the registry says.
    async fn authorize(&self, headers: &HeaderMap) -> Result<HeaderValue, Absence> {
        let wanted = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges = wanted.filter_map(|wanted| wanted.to_str().ok());
        let mut url = challenges
            .flat_map(|text| ChallengeParser::new(text).flatten())
            .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))
            .find_map(|challenge| {
                let value = |name: &str| {
                    let mut all = challenge.params.iter();
                    let (_, value) = all.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
                    Some(value.to_unescaped())
                };
                let mut url = Url::parse(&value("realm")?).ok()?;
                if let Some(service) = value("service") {
                    url.query_pairs_mut().append_pair("service", &service);
                }
                Some(url)
            })
            // One that knows its users only.
            .ok_or(Absence::Missing)?;
        let scope = format!("repository:{}:pull", self.image.reference.repository());
        url.query_pairs_mut().append_pair("scope", &scope);
        let response = self.web.ask(Ask::plain(url), None).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Absence::Missing),
            _ => return Err(Absence::Unreachable),
        }
        let bytes = Web::read(response, TOKEN).await?;
        let answer: Token = serde_json::from_slice(&bytes).map_err(|_| Absence::Unreachable)?;
        let token = answer
            .token
            .or(answer.access_token)
            .ok_or(Absence::Unreachable)?;
        let mut shown =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Absence::Unreachable)?;
        shown.set_sensitive(true);
        Ok(shown)
    }
}

impl From<DocumentError> for Absence {
    fn from(error: DocumentError) -> Self {
        debug!(%error, "what is in a registry is no image for this machine");
        match error {
            DocumentError::Invalid(_) => Self::Invalid,
            DocumentError::Foreign => Self::Foreign,
        }
    }
}

#[cfg(test)]
#[path = "registry/tests.rs"]
mod tests;
