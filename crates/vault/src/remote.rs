//! A client of a vault. Nothing it says is believed that its owner could have signed.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, hex};
use canut_gate::{NoAnswer, excerpt, last_cause};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::{
    format::{PublicKey, RsaKeyError},
    secret::{MAX_VALUE, SecretId, Value},
};

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read: a key, and what is around it.
const MAX_ANSWER: usize = 2 * MAX_VALUE;

/// A client of the vault at a URL. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Remote {
    url: Url,
    client: reqwest::Client,
}

/// Why a vault does not do what is asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// That is no address of a vault.
    #[error("`{0}` is not the address of a vault: write for instance http://127.0.0.1:8549")]
    Address(String),
    /// It does not answer.
    #[error("the vault at {url} does not answer ({cause}): check that it runs, and its address")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// It says no.
    #[error("the vault refuses: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It answers what no vault would.
    #[error(
        "the vault at {0} answers nonsense: check its address; it may be of another version, or lie"
    )]
    Nonsense(String),
    /// It shows a key for results that its owner did not sign.
    #[error(
        "the vault at {url} shows a key for the results of {owner} that {owner} did not sign: it lies"
    )]
    Forged {
        /// Where.
        url: String,
        /// Whose key it should be.
        owner: Address,
    },
    /// The key that the owner published cannot be used.
    #[error("the key that {owner} published for results cannot be used: {cause}")]
    Unusable {
        /// Whose it is.
        owner: Address,
        /// Why.
        cause: RsaKeyError,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    public_key: String,
    signature: Bytes,
}

impl Remote {
    /// A client of the vault at `url`; `https` needs the feature `tls`.
    pub fn new(url: &str) -> Result<Self, RemoteError> {
        let wrong = || RemoteError::Address(excerpt(url, 80));
        let mut url = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(wrong());
        }
        url.set_query(None);
        url.set_fragment(None);
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| wrong())?;
        Ok(Self { url, client })
    }

    /// Whether a secret is there.
    pub async fn contains(&self, id: &SecretId) -> Result<bool, RemoteError> {
        let response = self.ask(Method::HEAD, self.place(id), None).await?;
        match response.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => Err(RemoteError::Refused {
                status: status.as_u16(),
                message: status.to_string(),
            }),
        }
    }

    /// Sets a secret, or replaces one that can be. `signature` is the owner's over [`SecretId::digest`].
    pub async fn put(
        &self,
        id: &SecretId,
        value: &Value,
        signature: &[u8],
        replace: bool,
    ) -> Result<(), RemoteError> {
        let method = if replace { Method::PUT } else { Method::POST };
        let signature = hex::encode_prefixed(signature);
        let body = Some((value.expose().to_owned(), signature));
        let response = self.ask(method, self.place(id), body).await?;
        self.read(response).await.map(|_| ())
    }

    /// The key that results for `owner` are encrypted with, if one was published; `owner` signed it.
    pub async fn key_of_results(&self, owner: Address) -> Result<Option<PublicKey>, RemoteError> {
        let url = self.at(&["result-encryption-keys", &owner.to_string()]);
        let response = self.ask(Method::GET, url, None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = self.read(response).await?;
        let shown: Shown = serde_json::from_slice(&body)
            .map_err(|_| RemoteError::Nonsense(self.url.to_string()))?;
        let vouched = PublicKey::vouched(&shown.public_key, &shown.signature, owner);
        let key = vouched.ok_or_else(|| RemoteError::Forged {
            url: self.url.to_string(),
            owner,
        })?;
        key.map(Some)
            .map_err(|cause| RemoteError::Unusable { owner, cause })
    }

    /// The URL of a secret.
    fn place(&self, id: &SecretId) -> Url {
        let subject = id.subject().to_string();
        match id {
            SecretId::App(_) => self.at(&["apps", &subject, "secrets"]),
            SecretId::Requester(_, name) => {
                self.at(&["requesters", &subject, "secrets", name.as_str()])
            }
            SecretId::Dataset(_) => {
                let mut url = self.at(&["secrets", "web3"]);
                url.query_pairs_mut().append_pair("secretAddress", &subject);
                url
            }
            SecretId::Account(_, name) => {
                let mut url = self.at(&["secrets", "web2"]);
                url.query_pairs_mut()
                    .append_pair("ownerAddress", &subject)
                    .append_pair("secretName", name.as_str());
                url
            }
        }
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut names) = url.path_segments_mut() {
            names.pop_if_empty().extend(path);
        }
        url
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<(String, String)>,
    ) -> Result<Response, RemoteError> {
        let mut request = self.client.request(method, url);
        if let Some((value, signature)) = body {
            request = request
                .header("content-type", "text/plain")
                .header("authorization", signature)
                .body(value);
        }
        request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))
    }

    /// The body of an answer, or what it complains of.
    async fn read(&self, response: Response) -> Result<Vec<u8>, RemoteError> {
        let answer = canut_gate::read(response, MAX_ANSWER).await;
        answer.map_err(|why| match why {
            NoAnswer::Broken(error) => self.unreachable(&error),
            NoAnswer::TooLong => RemoteError::Nonsense(self.url.to_string()),
            NoAnswer::Refused { status, message } => RemoteError::Refused { status, message },
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> RemoteError {
        RemoteError::Unreachable {
            url: self.url.to_string(),
            // The client's own words say little.
            cause: last_cause(error),
        }
    }
}
