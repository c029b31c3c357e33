//! `canut deal`: deals.

use super::{
    clock,
    common::{Common, category_name},
    follow::Follow,
};
use alloy_primitives::Address;
use canut_client::{Claimed, DealStatus, OrderQuery};
use canut_protocol::DealId;
use clap::{Args as ClapArgs, Subcommand};
use eyre::Result;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show a deal and where its tasks stand.
    Show(One),
    /// Show the deals of a requester, the newest first.
    List(List),
    /// Follow deals until their tasks are over, and fetch the results. It may be stopped and begun again at any time.
    Watch(Watch),
    /// Get the money for unfinished tasks back, after their final deadline.
    Claim(Claim),
}

/// A deal.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut deal show 0x(64 digits)")]
pub(crate) struct One {
    /// Its id
    deal: DealId,
    #[command(flatten)]
    common: Common,
}

/// Get the money for unfinished tasks back, after their final deadline.
///
/// The price goes back to whoever paid it, and with `canut run` the pool's stake too. Anyone may claim. If the pool stalled and
/// its workers posted their votes on the chain, these are counted first: that ends in a result or in a refund, and can be done
/// a little before the deadline.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut deal claim 0x(64 digits)")]
pub(crate) struct Claim {
    /// Its id
    deal: DealId,
    #[command(flatten)]
    common: Common,
}

/// Show the deals of a requester.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  canut deal list --limit 10")]
pub(crate) struct List {
    /// Whose; your own without it
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    requester: Option<Address>,
    /// Deals shown at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    #[command(flatten)]
    common: Common,
}

/// Follow deals until their tasks are over.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  canut deal watch 0x(64 digits) --out ./result
      Results of several tasks go to ./result/<index>/; what is there already is not fetched again.")]
pub(crate) struct Watch {
    /// Their ids
    #[arg(required = true)]
    deals: Vec<DealId>,
    /// Folder for the results; without it they are not fetched
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

pub(crate) async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Show(One { deal, common }) => {
            let status = common.client().await?.deal_status(deal).await?;
            common.show(&status, || text(&status))
        }
        Verb::List(list) => self::list(list).await,
        Verb::Watch(Watch { deals, out, common }) => {
            let client = common.client().await?;
            let follow = Follow {
                client: &client,
                deals: &deals,
                out: out.as_deref(),
                quiet: common.json,
            };
            let outcome = follow.run().await?;
            common.show(&outcome, || outcome.text())?;
            outcome.check()
        }
        Verb::Claim(Claim { deal, common }) => {
            let claimed = common.account().await?.claim_deal(deal).await?;
            common.show(&claimed, || claims(&claimed))
        }
    }
}

pub(crate) fn claims(claimed: &Claimed) -> String {
    let Claimed {
        tasks,
        certified,
        waiting,
        ..
    } = claimed;
    let lines = [
        (tasks, "claimed: their price is free on the hub again."),
        (
            certified,
            "certified by votes that were posted on the chain: their results can be downloaded.",
        ),
        (waiting, "not claimed yet: it is too early for them."),
    ];
    let told = lines
        .iter()
        .filter(|(tasks, _)| !tasks.is_empty())
        .map(|(tasks, what)| format!("{} tasks {what}\n", tasks.len()));
    let told: String = told.collect();
    if told.is_empty() {
        return "Nothing to claim: every task is paid or refunded.".to_owned();
    }
    told
}

async fn list(
    List {
        requester,
        limit,
        common,
    }: List,
) -> Result<()> {
    let requester = common.whose(requester)?;
    let query = OrderQuery::default().with("requester", requester);
    let page = common
        .client()
        .await?
        .market()?
        .deals(&query, limit)
        .await?;
    common.show(&page, || {
        let field = |deal: &canut_client::DealDocument, name: &str| {
            deal.fields
                .get(name)
                .map(ToString::to_string)
                .unwrap_or_default()
        };
        let lines = page.items.iter().map(|deal| {
            format!(
                "{}  {:>6} tasks  {}\n",
                deal.dealid,
                field(deal, "botSize"),
                field(deal, "blockTimestamp").trim_matches('"')
            )
        });
        format!(
            "{}{} deals of {requester}",
            lines.collect::<String>(),
            page.count
        )
    })
}

fn text(status: &DealStatus) -> String {
    let DealStatus {
        id, deal, total, ..
    } = status;
    let mut text = format!(
        "Deal        {id}\nRequester   {}\nApp         {}\n",
        deal.requester, deal.app.pointer
    );
    if !deal.dataset.pointer.is_zero() {
        text += &format!("Dataset     {}\n", deal.dataset.pointer);
    }
    text += &format!(
        "Workerpool  {}\nTrust       {}\nCategory    {}\nPrice       {total} for {} tasks\nDeadline    {}\n",
        deal.workerpool.pointer,
        deal.trust,
        category_name(deal.category),
        deal.bot_size,
        clock::deadline(status.final_deadline, clock::now()),
    );
    let lines = status
        .tasks
        .iter()
        .map(|task| format!("task {:<5} {}  {}\n", task.index, task.task, task.words()));
    text + &lines.collect::<String>()
}
