//! `canut vault`: the keeper of secrets by itself.

use std::{io::Write, net::SocketAddr, num::NonZeroU32, path::PathBuf};

use canut_hub::{Hub, connect};
use canut_vault::{Config, Server};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr};
use serde_json::json;

use crate::{logging, service::ChainArgs, signals::Signals};

/// Run a vault: it keeps people's secrets encrypted, and shows workers the keys that results are encrypted with.
///
/// Who sets a secret signs it with the key of the account, or of the owner of the app or dataset; nobody can read it back.
/// The key file opens everything: keep a copy of it, and of the folder, in different places.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut vault --hub 0x3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f --dir ./vault
      A vault at http://127.0.0.1:8549 over the node at ws://127.0.0.1:8545; its key is made in ./vault/vault.key.
  canut vault --hub 0x… --dir ./vault --key-file /run/keys/vault --listen 0.0.0.0:8549
      Its key is elsewhere, and other machines reach it.

The routes are those that the iexec SDK knows as the SMS; /health and /metrics answer on the same port.")]
pub(crate) struct Args {
    #[command(flatten)]
    chain: ChainArgs,

    /// Folder of its database; created if it is not there
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,

    /// File of the key that secrets are kept under: 64 hexadecimal digits; created if it is not there [default: vault.key in --dir]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8549")]
    listen: SocketAddr,

    /// Requests per minute from one address; this machine is exempt
    #[arg(long, value_name = "N", default_value = "100")]
    requests_per_minute: NonZeroU32,

    /// Print one line of JSON when ready (vault, hub), and nothing else
    #[arg(long)]
    json: bool,
}

/// Runs the vault until it is told to stop.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start(if args.json { "warn" } else { "info" });
    let mut signals = Signals::listen()?;
    let ChainArgs { rpc, hub } = &args.chain;
    let provider = connect(rpc).await?;
    let hub = Hub::at(provider, *hub)
        .await
        .wrap_err_with(|| format!("there is no hub at {hub}"))?;
    let mut config = Config::new(&args.dir);
    config.listen = args.listen;
    config.requests_per_minute = args.requests_per_minute;
    if let Some(key_file) = &args.key_file {
        config.key_file.clone_from(key_file);
    }
    let server = Server::start(config, hub)
        .await
        .wrap_err("the vault does not start")?;
    print(&args, &server).wrap_err("writing to standard output")?;
    signals.next().await;
    tracing::info!("shutting down");
    server.stop().await;
    Ok(())
}

fn print(args: &Args, server: &Server) -> Result<()> {
    let url = format!("http://{}", server.address());
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({ "vault": url, "hub": args.chain.hub }))?;
    } else {
        writeln!(out, "Vault in {}, listening on {url}", args.dir.display())?;
    }
    Ok(out.flush()?)
}
