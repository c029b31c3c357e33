//! `canut store`: files and folders under their IPFS addresses, by itself.

use std::{io::Write, net::SocketAddr};

use canut_store::{Access, Config, Store};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{logging, service::listen_hint, signals::Signals};

/// Run a store: an IPFS gateway over a folder or an object store, where apps, datasets, inputs and results lie.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut store --dir ./store
      Keep files in a folder, and let everybody add to it.
  canut store --dir s3://bucket/prefix --read-only
      Serve a bucket (credentials in AWS_*), and take nothing.
  curl -F file=@picture.png http://127.0.0.1:8547/api/v0/add
      Add a file; the answer names its CID.
  curl http://127.0.0.1:8547/ipfs/CID")]
pub(crate) struct Args {
    /// Folder, or URL of an object store
    #[arg(long, alias = "data", value_name = "FOLDER|URL")]
    dir: String,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8547")]
    listen: SocketAddr,

    /// Take no files from anybody
    #[arg(long)]
    read_only: bool,

    /// Print one line of JSON when ready, and nothing else
    #[arg(long)]
    json: bool,
}

/// Runs the store until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start("info");
    let mut signals = Signals::listen()?;
    let store = Store::open(&args.dir).await?;
    let listener = TcpListener::bind(args.listen)
        .await
        .wrap_err_with(|| listen_hint("the store", args.listen, "--listen"))?;
    let url = format!("http://{}", listener.local_addr()?);
    let access = if args.read_only {
        Access::Read
    } else {
        Access::Add
    };
    let config = Config {
        access,
        ..Config::default()
    };
    print(&args, &url).wrap_err("writing to standard output")?;
    let stop = CancellationToken::new();
    let serving = canut_store::serve(listener, store, config, stop.clone().cancelled_owned());
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return Ok(served?),
        () = signals.next() => stop.cancel(),
    }
    Ok(serving.await?)
}

fn print(args: &Args, url: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({ "store": url }))?;
    } else {
        writeln!(out, "Store in {}, listening on {url}", args.dir)?;
    }
    Ok(out.flush()?)
}
