//! Fetching from the web, on behalf of strangers: public addresses only, bounded in size and time.

use std::{net::IpAddr, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_LENGTH, LOCATION, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{fs::File, io::AsyncWriteExt, time::timeout};
use url::{Host, Url};

use super::{
    Absence,
    address::{Resolver, is_public},
};

/// Times a server may send the worker elsewhere.
const HOPS: usize = 5;
/// Longest silence of a server.
const SILENCE: Duration = Duration::from_secs(30);

/// A client for the web.
#[derive(Clone, Debug)]
pub(super) struct Web {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Empty<Bytes>>,
    private: bool,
}

impl Web {
    /// A client that connects to private networks, and without encryption, only if `private` says so.
    pub(super) fn new(private: bool) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new_with_resolver(Resolver { private });
        http.enforce_http(false);
        http.set_connect_timeout(Some(SILENCE));
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(ring)?;
        let connector = https.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { client, private })
    }

    /// Downloads `url` to `into`, of at most `limit` bytes.
    pub(super) async fn download(&self, url: &str, into: &Path, limit: u64) -> Result<(), Absence> {
        let mut url = Url::parse(url).map_err(|_| Absence::Refused)?;
        for _ in 0..=HOPS {
            self.permit(&url)?;
            let response = self.get(&url).await?;
            let status = response.status();
            if status.is_redirection() {
                let target = response
                    .headers()
                    .get(LOCATION)
                    .and_then(|value| value.to_str().ok());
                let target = target.and_then(|target| url.join(target).ok());
                url = target.ok_or(Absence::Unreachable)?;
                continue;
            }
            return match status {
                StatusCode::OK => save(response, into, limit).await,
                StatusCode::NOT_FOUND | StatusCode::GONE => Err(Absence::Missing),
                _ => Err(Absence::Unreachable),
            };
        }
        Err(Absence::Unreachable)
    }

    fn permit(&self, url: &Url) -> Result<(), Absence> {
        let literal = match url.host().ok_or(Absence::Refused)? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            // Names are looked at when they are resolved.
            Host::Domain(_) => None,
        };
        let allowed = self.private || literal.is_none_or(is_public);
        let known = matches!(url.scheme(), "https" | "http");
        if allowed && known {
            Ok(())
        } else {
            Err(Absence::Refused)
        }
    }

    async fn get(&self, url: &Url) -> Result<Response<Incoming>, Absence> {
        let request = Request::get(url.as_str())
            .header(USER_AGENT, concat!("canut/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|_| Absence::Refused)?;
        let answer = timeout(SILENCE, self.client.request(request)).await;
        answer.map_err(|_| Absence::Unreachable)?.map_err(|error| {
            if is_refusal(&error) {
                Absence::Refused
            } else {
                Absence::Unreachable
            }
        })
    }
}

/// Whether the resolver is why there is no connection.
fn is_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let system = error.downcast_ref::<std::io::Error>();
        if system.is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

async fn save(response: Response<Incoming>, into: &Path, limit: u64) -> Result<(), Absence> {
    let length = response.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(Absence::TooLarge);
    }
    let mut file = File::create(into).await.map_err(|_| Absence::Disk)?;
    let mut body = response.into_body();
    let mut left = limit;
    while let Some(frame) = timeout(SILENCE, body.frame())
        .await
        .map_err(|_| Absence::Unreachable)?
    {
        let Ok(bytes) = frame.map_err(|_| Absence::Unreachable)?.into_data() else {
            continue;
        };
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or(Absence::TooLarge)?;
        file.write_all(&bytes).await.map_err(|_| Absence::Disk)?;
    }
    file.sync_all().await.map_err(|_| Absence::Disk)
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// A server that answers every request with `answer`. Gives its address.
    async fn server(answer: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}/file")
    }

    fn ok(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    async fn fetch(private: bool, url: &str, limit: u64) -> Result<String, Absence> {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("file");
        Web::new(private)
            .unwrap()
            .download(url, &into, limit)
            .await?;
        Ok(std::fs::read_to_string(into).unwrap())
    }

    #[tokio::test]
    async fn a_file_is_fetched_if_the_owner_allows_its_address_and_it_is_not_too_large() {
        let url = server(ok("hello")).await;
        assert_eq!(fetch(true, &url, 5).await, Ok("hello".into()));
        assert_eq!(fetch(true, &url, 4).await, Err(Absence::TooLarge));
        assert_eq!(fetch(false, &url, 5).await, Err(Absence::Refused));
        let by_name = url.replace("127.0.0.1", "localhost");
        assert_eq!(fetch(false, &by_name, 5).await, Err(Absence::Refused));
        assert_eq!(
            fetch(true, "file:///etc/passwd", 5).await,
            Err(Absence::Refused)
        );
    }

    #[tokio::test]
    async fn a_body_longer_than_announced_or_endless_is_cut() {
        let endless = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nmore than five bytes";
        assert_eq!(
            fetch(true, &server(endless.into()).await, 5).await,
            Err(Absence::TooLarge)
        );
    }

    #[tokio::test]
    async fn a_server_may_send_elsewhere_but_not_in_circles() {
        let target = server(ok("there")).await;
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(
            fetch(true, &server(redirect).await, 9).await,
            Ok("there".into())
        );
        let circle = "HTTP/1.1 302 Found\r\nlocation: /file\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(
            fetch(true, &server(circle.into()).await, 9).await,
            Err(Absence::Unreachable)
        );
        let gone = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(
            fetch(true, &server(gone.into()).await, 9).await,
            Err(Absence::Missing)
        );
    }
}
