//! Fetching from the web, on behalf of strangers: public addresses only, bounded in size and time.

use std::{net::IpAddr, path::Path, sync::Arc};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ACCEPT, AUTHORIZATION, HeaderValue, IF_RANGE, LOCATION, RANGE, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, builderstates::WantsSchemes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;
use url::{Host, Url};

use super::{
    Absence,
    address::{Resolver, is_public},
    part::{Part, SILENCE},
};

/// Times a server may send the worker elsewhere.
const HOPS: usize = 5;
/// Times a download goes on after a broken connection.
const RESUMPTIONS: usize = 5;

/// A client for the web.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Empty<Bytes>>,
    private: bool,
}

/// What a server is asked.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) url: Url,
    /// Kinds of documents that are understood.
    pub(super) accept: Option<HeaderValue>,
    /// What shows who asks, for this server alone.
    pub(super) authorization: Option<HeaderValue>,
}

impl Ask {
    pub(super) const fn plain(url: Url) -> Self {
        Self {
            url,
            accept: None,
            authorization: None,
        }
    }
}

impl Web {
    /// A client that connects to private networks, and without encryption, only if `private` says so.
    pub(crate) fn new(private: bool) -> Result<Self, rustls::Error> {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let https = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(ring)?;
        Ok(Self::over(https, Resolver::new(private)))
    }

    pub(super) fn over(https: HttpsConnectorBuilder<WantsSchemes>, resolver: Resolver) -> Self {
        let private = resolver.private;
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_connect_timeout(Some(SILENCE));
        let connector = https.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client, private }
    }

    /// Downloads `url` to `into`, of at most `limit` bytes.
    pub(super) async fn download(&self, url: &str, into: &Path, limit: u64) -> Result<(), Absence> {
        let ask = Ask::plain(Url::parse(url).map_err(|_| Absence::Refused)?);
        let mut part = Part::begin(into, limit).await?;
        let mut tries = 0;
        loop {
            let response = self.ask(ask.clone(), Some(&part)).await?;
            let taken = match response.status() {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT => part.take(response).await,
                StatusCode::NOT_FOUND | StatusCode::GONE => Err(Absence::Missing),
                _ => Err(Absence::Unreachable),
            };
            tries += 1;
            if taken != Err(Absence::Unreachable) || !part.can_go_on() || tries > RESUMPTIONS {
                return taken;
            }
        }
    }

    /// Asks, and goes where it is sent; nobody there is told who asks. Of a file that is there in `part`, the rest is asked for.
    pub(super) async fn ask(
        &self,
        mut ask: Ask,
        part: Option<&Part>,
    ) -> Result<Response<Incoming>, Absence> {
        for _ in 0..=HOPS {
            self.permit(&ask.url)?;
            let response = self.get(&ask, part).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let target = response.headers().get(LOCATION);
            let target = target.and_then(|target| ask.url.join(target.to_str().ok()?).ok());
            let target = target.ok_or(Absence::Unreachable)?;
            if target.origin() != ask.url.origin() {
                ask.authorization = None;
            }
            ask.url = target;
        }
        Err(Absence::Unreachable)
    }

    /// The body of an answer, of at most `limit` bytes.
    pub(super) async fn read(response: Response<Incoming>, limit: u64) -> Result<Bytes, Absence> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let body = timeout(SILENCE, Limited::new(response.into_body(), limit).collect());
        let body = body.await.map_err(|_| Absence::Unreachable)?;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Absence::TooLarge
            } else {
                Absence::Unreachable
            }
        })?;
        Ok(body.to_bytes())
    }

    /// The document at `url`, of at most `limit` bytes.
    pub(crate) async fn document(&self, url: &Url, limit: u64) -> Result<Bytes, Absence> {
        let response = self.ask(Ask::plain(url.clone()), None).await?;
        match response.status() {
            StatusCode::OK => Self::read(response, limit).await,
            StatusCode::NOT_FOUND => Err(Absence::Missing),
            _ => Err(Absence::Unreachable),
        }
    }

    fn permit(&self, url: &Url) -> Result<(), Absence> {
        let literal = match url.host().ok_or(Absence::Refused)? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            // Names are looked at when they are resolved.
            Host::Domain(_) => None,
        };
        let allowed = self.private || literal.is_none_or(is_public);
        let known = url.scheme() == "https" || (self.private && url.scheme() == "http");
        if allowed && known {
            Ok(())
        } else {
            Err(Absence::Refused)
        }
    }

    async fn get(&self, ask: &Ask, part: Option<&Part>) -> Result<Response<Incoming>, Absence> {
        let mut request = Request::get(ask.url.as_str())
            .header(USER_AGENT, concat!("canut/", env!("CARGO_PKG_VERSION")));
        for (name, value) in [(ACCEPT, &ask.accept), (AUTHORIZATION, &ask.authorization)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(part) = part.filter(|part| part.can_go_on()) {
            request = request.header(RANGE, format!("bytes={}-", part.length));
            if let Some(version) = part.version() {
                request = request.header(IF_RANGE, version);
            }
        }
        let request = request.body(Empty::new()).map_err(|_| Absence::Refused)?;
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

    #[test]
    fn every_hop_is_looked_at() {
        let permit = |private, url: &str| Web::new(private).unwrap().permit(&url.parse().unwrap());
        assert_eq!(permit(false, "https://example.org/file"), Ok(()));
        for refused in [
            "http://example.org/file",
            "https://127.0.0.1/file",
            "https://[::1]/file",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/file",
            "ftp://example.org/file",
        ] {
            assert_eq!(permit(false, refused), Err(Absence::Refused), "{refused}");
        }
        assert_eq!(permit(true, "http://10.0.0.1/file"), Ok(()));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_to_where_nobody_goes() {
        let away = "HTTP/1.1 302 Found\r\nlocation: ftp://example.org/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let refused = fetch(true, &server(away.into()).await, 9).await;
        assert_eq!(refused, Err(Absence::Refused));
    }

    #[tokio::test]
    async fn a_broken_download_goes_on_only_with_the_same_version() {
        for (version, expected) in [
            ("etag: \"1\"\r\n", Ok("hello".to_owned())),
            ("etag: W/\"1\"\r\n", Err(Absence::Unreachable)),
            ("", Err(Absence::Unreachable)),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/file", listener.local_addr().unwrap());
            let serving = tokio::spawn(async move {
                let mut asked = Vec::new();
                let first = format!("HTTP/1.1 200 OK\r\n{version}content-length: 5\r\n\r\nhel");
                let rest = "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 3-4/5\r\ncontent-length: 2\r\n\r\nlo";
                for answer in [&first, rest] {
                    let (mut socket, _) = listener.accept().await.unwrap();
                    let mut request = vec![0; 4096];
                    let read = socket.read(&mut request).await.unwrap();
                    asked.push(String::from_utf8_lossy(&request[..read]).into_owned());
                    socket.write_all(answer.as_bytes()).await.unwrap();
                }
                asked
            });
            assert_eq!(fetch(true, &url, 5).await, expected);
            if expected.is_ok() {
                let second = serving.await.unwrap().pop().unwrap();
                assert!(
                    second.contains("range: bytes=3-") && second.contains("if-range: \"1\""),
                    "{second}"
                );
            }
        }
    }
}
