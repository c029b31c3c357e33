//! For tests: servers on this machine, and a world in which names lead to them.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use hyper_rustls::HttpsConnectorBuilder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::{Web, address::Resolver};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a server answers to a path: the whole answer, or the path of another try when it was asked before.
type Answers = BTreeMap<String, Vec<Vec<u8>>>;

/// A server of canned answers. The last one to a path is given again and again.
pub(super) struct Server {
    pub(super) address: String,
    /// The heads of the requests, as they came.
    heard: Arc<Mutex<Vec<String>>>,
    pub(super) answers: Arc<Mutex<Answers>>,
    calls: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::open(None).await
    }

    /// One that speaks TLS, if it has means to.
    async fn open(encryption: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let answers: Arc<Mutex<Answers>> = Arc::default();
        let calls: Arc<AtomicUsize> = Arc::default();
        let (hear, known, count) = (heard.clone(), answers.clone(), calls.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Relaxed);
                let mut socket: Box<dyn Stream> = match &encryption {
                    None => Box::new(socket),
                    Some(encryption) => match encryption.accept(socket).await {
                        Ok(socket) => Box::new(socket),
                        // A client that does not believe who it is goes away.
                        Err(_) => continue,
                    },
                };
                let Some(head) = head_of(&mut socket).await else {
                    continue;
                };
                let path = head.split(' ').nth(1).unwrap().to_owned();
                hear.lock().unwrap().push(head);
                let answer = {
                    let mut known = known.lock().unwrap();
                    match known.get_mut(&path) {
                        Some(all) if all.len() > 1 => all.remove(0),
                        Some(all) => all[0].clone(),
                        None => say("404 Not Found", &[], b""),
                    }
                };
                // A client that had enough may be gone.
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            }
        });
        Self {
            address,
            heard,
            answers,
            calls,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Answers `path` so, after what was told before.
    pub(super) fn answer(&self, path: &str, answer: Vec<u8>) {
        let mut answers = self.answers.lock().unwrap();
        answers.entry(path.to_owned()).or_default().push(answer);
    }

    /// How often somebody connected.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    /// The heads of the requests, as they came, in small letters.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// The head of a request, in small letters; none of who speaks otherwise.
async fn head_of(socket: &mut (dyn Stream + '_)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
        if !b"GET".starts_with(&head[..head.len().min(3)]) {
            return None;
        }
    }
    Some(String::from_utf8(head).ok()?.to_lowercase())
}

/// An answer of HTTP.
pub(super) fn say(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    let sized = headers.iter().any(|(name, _)| *name == "content-length");
    if !sized {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// The answer that holds `body`.
pub(super) fn ok(body: &[u8]) -> Vec<u8> {
    say("200 OK", &[], body)
}

/// Names that mean what they are told to, and an authority that is believed about them.
pub(super) struct World {
    names: BTreeMap<String, IpAddr>,
    issuer: Issuer<'static, KeyPair>,
    authority: CertificateDer<'static>,
}

impl World {
    pub(super) fn of(names: &[(&str, &str)]) -> Self {
        let names = names
            .iter()
            .map(|(name, address)| ((*name).to_owned(), address.parse().unwrap()));
        let mut about = CertificateParams::default();
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = about.self_signed(&key).unwrap().der().clone();
        Self {
            names: names.collect(),
            issuer: Issuer::new(about, key),
            authority,
        }
    }

    /// A client that lives in it.
    pub(super) fn web(&self, private: bool) -> Web {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(ring())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(config);
        let mut resolver = Resolver::new(private);
        resolver.names = Some(Arc::new(self.names.clone()));
        Web::over(https, resolver)
    }

    /// A server that can prove to be `name`. Its address has that name, as what it is asked for.
    pub(super) async fn server(&self, name: &str) -> Server {
        let key = KeyPair::generate().unwrap();
        let about = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = about.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(ring())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let mut server = Server::open(Some(TlsAcceptor::from(Arc::new(config)))).await;
        server.address = server.address.replace("127.0.0.1", name);
        server
    }
}

fn ring() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
