//! A bad connection to a good node: an HTTP proxy that does to each request what the test says.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is answered.
    Pass,
    /// The node never sees it; the connection is cut.
    Lost,
    /// The node acts on it; the connection is cut before the answer.
    Unanswered,
    /// Half of the answer arrives.
    Torn,
    /// The node answers with an error instead.
    Error(&'static str),
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A proxy to the node at `url`; `fate` is asked about each request, with its number.
    pub(crate) async fn to(
        url: &str,
        fate: impl Fn(usize, &Value) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        let there = url.strip_prefix("http://").unwrap().to_owned();
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, fate) = (Arc::clone(&requests), Arc::new(fate));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (there, count, fate) = (there.clone(), Arc::clone(&count), Arc::clone(&fate));
                connections.spawn(async move {
                    let fate =
                        move |request: &Value| fate(count.fetch_add(1, Ordering::SeqCst), request);
                    // An error is a cut connection, which is the point.
                    let _ = serve(client, &there, fate).await;
                });
            }
        });
        Self {
            url: here,
            requests,
            task,
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut client: TcpStream,
    there: &str,
    fate: impl Fn(&Value) -> Fate,
) -> std::io::Result<()> {
    let mut node = TcpStream::connect(there).await?;
    loop {
        let (request, body) = message(&mut client).await?;
        let call: Value = serde_json::from_slice(&body)?;
        let fate = fate(&call);
        if matches!(fate, Fate::Lost) {
            return Ok(());
        }
        if let Fate::Error(text) = fate {
            let error = serde_json::json!({ "code": -32005, "message": text });
            let answer = serde_json::json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
                .to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            client
                .write_all(format!("{head}{answer}").as_bytes())
                .await?;
            continue;
        }
        node.write_all(&request).await?;
        let (answer, _) = message(&mut node).await?;
        match fate {
            Fate::Unanswered => return Ok(()),
            Fate::Torn => return client.write_all(&answer[..answer.len() / 2]).await,
            _ => client.write_all(&answer).await?,
        }
    }
}

/// One HTTP message of known length: all of it, and its body.
async fn message(stream: &mut TcpStream) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or("0", str::trim);
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    bytes.extend_from_slice(&body);
    Ok((bytes, body))
}
