//! A client of a relay. What it says is not believed: the chain shows what was carried.

use std::time::Duration;

use canut_gate::{NoAnswer, excerpt, last_cause};
use canut_protocol::Domain;
use reqwest::Response;
use url::Url;

use crate::{Errand, Sent, errand::Request};

const CONNECT: Duration = Duration::from_secs(10);
/// A transaction has to be included.
const ANSWER: Duration = Duration::from_secs(180);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 4 << 10;

/// A client of the relay at a URL. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Remote {
    url: Url,
    client: reqwest::Client,
}

/// Why a relay does not carry what it should.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// That is no address of a relay.
    #[error("`{0}` is not the address of a relay: write for instance http://127.0.0.1:8550")]
    Address(String),
    /// It does not answer.
    #[error("the relay at {url} does not answer ({cause}): check that it runs, and its address")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// It says no.
    #[error("the relay at {url} refuses: {message}")]
    Refused {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// Its words, shortened.
        message: String,
    },
    /// It answers what no relay would.
    #[error("the relay at {0} answers nonsense: check its address; it may be of another version")]
    Nonsense(String),
}

impl Remote {
    /// A client of the relay at `url`; `https` needs the feature `tls`.
    pub fn new(url: &str) -> Result<Self, RemoteError> {
        let wrong = || RemoteError::Address(excerpt(url, 80));
        let mut url = Url::parse(url).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong());
        }
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| wrong())?
            .pop_if_empty()
            .push("carry");
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| wrong())?;
        Ok(Self { url, client })
    }

    /// Has something carried to the hub of `domain`, and waits until it is there.
    pub async fn carry(&self, domain: &Domain, errand: Errand) -> Result<Sent, RemoteError> {
        let nonsense = || RemoteError::Nonsense(self.url.to_string());
        // Plain fields always serialise.
        let body = serde_json::to_vec(&Request::new(domain, errand)).map_err(|_| nonsense())?;
        let request = self.client.post(self.url.clone()).body(body);
        let request = request.header("content-type", "application/json");
        let response = request.send().await;
        let answer = self
            .read(response.map_err(|error| self.unreachable(&error))?)
            .await?;
        serde_json::from_slice(&answer).map_err(|_| nonsense())
    }

    /// The body of an answer, or what it complains of.
    async fn read(&self, response: Response) -> Result<Vec<u8>, RemoteError> {
        let answer = canut_gate::read(response, MAX_ANSWER).await;
        answer.map_err(|why| match why {
            NoAnswer::Broken(error) => self.unreachable(&error),
            NoAnswer::TooLong => RemoteError::Nonsense(self.url.to_string()),
            NoAnswer::Refused { status, message } => RemoteError::Refused {
                url: self.url.to_string(),
                status,
                message,
            },
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
