//! `canut demo`: a market that certifies a picture, with a cheat among its workers.

mod bill;
mod picture;
mod show;

use std::{fs, path::PathBuf, time::Instant};

use canut_client::{Account, Client, Fetched, Input, Limits, Params, Quote, TaskName, Wanted};
use canut_pool::Way;
use canut_protocol::{DealId, Tag, Trust};
use clap::Args as ClapArgs;
use eyre::{Result, WrapErr, ensure};

use crate::{
    local::{Local, Settings},
    logging,
    signals::Signals,
};
use bill::Bill;
use picture::{Grid, Picture};
use show::Show;

/// See Canut work: a market on this machine, a picture of a teapot, and a worker that cheats.
///
/// Six honest workers and one that returns wrong tiles path-trace the Utah teapot, a tile a task, at trust 10: four new workers
/// must agree on each tile, five where somebody lies. The liar is caught and loses its stake; the picture comes out right.
/// Nothing is faked: it is the market of `canut up`, with its contracts, orders, votes and certificates.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut demo
      Leaves teapot.png, with a certificate for each tile, in ./canut-demo.
  canut demo --width 1280 --height 960 --samples 64
      A finer picture; it takes longer.
  canut demo --json
      One line in the end: tasks, certified, slashed, picture, certificates, seconds.")]
pub(crate) struct Args {
    /// Folder for the picture and the certificates; made if missing
    #[arg(long, value_name = "FOLDER", default_value = "canut-demo")]
    out: PathBuf,

    /// Width of the picture, in pixels: a multiple of 4
    #[arg(long, value_name = "N", default_value_t = 640, value_parser = clap::value_parser!(u32).range(4..=8192))]
    width: u32,

    /// Height of the picture, in pixels: a multiple of 4
    #[arg(long, value_name = "N", default_value_t = 480, value_parser = clap::value_parser!(u32).range(4..=8192))]
    height: u32,

    /// Paths traced for each pixel
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=65536))]
    samples: u32,

    /// Trust at which each tile is certified: at most 22, what six new workers reach against one that lies
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=22))]
    trust: u64,

    /// Print one line of JSON in the end, and nothing else
    #[arg(long)]
    json: bool,
}

/// The app: `apps/renderer`, compiled.
const RENDERER: &[u8] = include_bytes!("../../../../apps/renderer.wasm");
/// The model: `apps/renderer/teapot.obj`.
const TEAPOT: &[u8] = include_bytes!("../../../../apps/renderer/teapot.obj");

const HONEST: usize = 6;
const CHEATS: usize = 1;
/// Columns of tiles, and likewise rows.
const SIDE: u32 = 4;

/// Runs the demonstration.
pub(crate) async fn run(args: Args) -> Result<()> {
    logging::start("error");
    let began = Instant::now();
    ensure!(
        args.width.is_multiple_of(SIDE) && args.height.is_multiple_of(SIDE),
        "the picture is cut into {SIDE} by {SIDE} tiles: give a width and a height that are multiples of {SIDE}"
    );
    let mut signals = Signals::listen()?;
    fs::create_dir_all(&args.out).wrap_err_with(|| args.out.display().to_string())?;
    let folder = tempfile::tempdir().wrap_err("no folder for the market")?;
    let anywhere = ([127, 0, 0, 1], 0).into();
    let settings = Settings {
        folder: folder.path().to_owned(),
        rpc: anywhere,
        market: anywhere,
        store: anywhere,
        vault: anywhere,
        pool: anywhere,
        workers: HONEST,
        cheats: CHEATS,
        way: Way::Certificate,
    };
    let show = Show::new(args.json);
    show.say(
        "Starting a market: a chain, the contracts, a store, an order book, a pool, seven workers…",
    );
    let local = tokio::select! {
        opened = Local::open(settings) => opened?,
        () = signals.next() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = play(&args, &local, &show, began) => outcome,
        failed = local.failed() => Err(failed),
        () = signals.next() => Err(eyre::eyre!("stopped before the end")),
    };
    local.close().await;
    outcome
}

async fn play(args: &Args, local: &Local, show: &Show, began: Instant) -> Result<()> {
    let client = Client::connect(&local.network()).await?;
    let user = client.with_key(local.accounts.users[0].clone()).await?;
    let (wanted, quote) = order(args, &user, show).await?;
    let bought = user.buy(&wanted, &quote, |_| {}).await?;
    let deals: Vec<DealId> = bought.iter().map(|deal| deal.deal).collect();
    let tasks = show.follow(&client, &deals).await?;
    let (picture, fetched) = collect(args, &client, &tasks).await?;
    let path = args.out.join("teapot.png");
    picture.save(&path)?;
    let bill = Bill::of(&fetched, tasks.len())?;
    show.end(&bill, &path, &args.out, began.elapsed())?;
    ensure!(
        bill.certified == tasks.len(),
        "{} of {} tiles are not certified",
        tasks.len() - bill.certified,
        tasks.len()
    );
    Ok(())
}

/// Registers the app, puts the model in the store, and finds who renders it for the least.
async fn order(args: &Args, user: &Account, show: &Show) -> Result<(Wanted, Quote)> {
    let desk = tempfile::tempdir()?;
    let (app, model) = (
        desk.path().join("renderer.wasm"),
        desk.path().join("teapot.obj"),
    );
    fs::write(&app, RENDERER)?;
    fs::write(&model, TEAPOT)?;
    let app = user.deploy_app("renderer", &app).await?;
    if let Some(block) = app.block {
        user.client().market_reached(block).await?;
    }
    let inputs = user.client().place_inputs(&[Input::File(model)]).await?;
    let Args {
        width,
        height,
        samples,
        ..
    } = args;
    let arguments = format!(
        "--width {width} --height {height} --columns {SIDE} --rows {SIDE} --samples {samples}"
    );
    let wanted = Wanted {
        app: app.address,
        dataset: None,
        workerpool: None,
        category: None,
        trust: Trust::new(args.trust),
        tag: Tag::NONE,
        tasks: (SIDE * SIDE).into(),
        max_price: None,
        open: false,
        params: Params {
            arguments,
            inputs,
            encrypted: false,
        },
    };
    let quote = user.quote(&wanted).await?;
    show.say(&format!(
        "Ordered {} tiles of a {width} × {height} teapot at trust {}: {}.",
        wanted.tasks, args.trust, quote.total
    ));
    Ok((wanted, quote))
}

/// Fetches what was certified, verifies it, and puts it together.
async fn collect(
    args: &Args,
    client: &Client,
    tasks: &[(u64, TaskName)],
) -> Result<(Picture, Vec<Fetched>)> {
    let grid = Grid {
        width: args.width,
        height: args.height,
        columns: SIDE,
        rows: SIDE,
    };
    let mut picture = Picture::new(grid);
    let mut fetched = Vec::new();
    for (index, task) in tasks {
        let folder = args.out.join("tiles").join(index.to_string());
        if folder.exists() {
            fs::remove_dir_all(&folder).wrap_err_with(|| folder.display().to_string())?;
        }
        let result = client.fetch(*task, &folder, Limits::default()).await?;
        let tile = u32::try_from(*index)?;
        let png = fs::read(folder.join(format!("tile-{tile:03}.png")))?;
        picture.put(tile, &png)?;
        fetched.push(result);
    }
    Ok((picture, fetched))
}
