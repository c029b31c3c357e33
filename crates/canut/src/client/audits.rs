//! `canut pool audits`: what a pool promised of its audits, and whether it kept it.

use alloy_primitives::Address;
use canut_client::AuditDay;
use clap::Args as ClapArgs;
use eyre::{Result, bail};
use serde_json::json;

use super::{clock, common::Common};

/// See what a pool promised of its audits, day by day, and what it has told of it; anyone can check it.
///
/// Before a day begins the pool puts the hash of a secret on the chain; who computes and which ranges are audited follows from
/// that secret. It tells the secret when no deal of the day can be drawn for any more.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  canut pool audits
      The days that the network's pool promised for.
  canut pool audits --check --pool http://127.0.0.1:8548
      Compares what it told with the promises on the chain, and with every range that it settled on those days.
  canut pool audits --check --workerpool 0x(40 digits)
      Of a pool that does not answer: days that it should have told long ago.

With --check the status is 0 only if nothing was broken.")]
pub(crate) struct Args {
    /// Compare the promises with the chain
    #[arg(long)]
    check: bool,
    /// The workerpool [default: the one that the pool serves]
    #[arg(long, value_name = "ADDRESS", value_parser = super::common::address)]
    workerpool: Option<Address>,
    #[command(flatten)]
    common: Common,
}

/// Looks, and prints.
pub(crate) async fn run(args: Args) -> Result<()> {
    let Args {
        check,
        workerpool,
        common,
    } = args;
    let client = common.client().await?;
    let (workerpool, days) = if check {
        client.check_audits(workerpool).await?
    } else {
        client.audits(workerpool).await?
    };
    let broken = days.iter().filter(|day| day.is_broken()).count();
    let kept = check.then_some(broken == 0);
    let document = json!({ "workerpool": workerpool, "kept": kept, "days": days });
    common.show(&document, || {
        let mut text = format!("Audits of workerpool {workerpool}\n");
        if days.is_empty() {
            text += "  it never promised any\n";
        }
        for day in &days {
            text += &line(day, check);
        }
        text
    })?;
    if broken > 0 {
        bail!("audits were not as promised on {broken} days: prefer another pool");
    }
    Ok(())
}

fn line(day: &AuditDay, check: bool) -> String {
    let AuditDay {
        epoch,
        promised,
        told,
        due,
        ranges,
        broken,
    } = day;
    let told = match told {
        Some(promise) => format!(
            "told: {} and {} in a million, ranges of {} tasks, secret {}",
            promise.rates.alone, promise.rates.joined, promise.stride, promise.secret
        ),
        None => format!(
            "not told yet; it must be by {}",
            clock::deadline(*due, clock::now())
        ),
    };
    let mut text = format!("  day {epoch}  promised {promised}\n    {told}\n");
    if check && day.told.is_some() {
        text += &format!(
            "    {} ranges as promised, {} of them audited; {} that cannot be judged\n",
            ranges.right, ranges.audited, ranges.unknown
        );
    }
    for doubt in &ranges.doubtful {
        text += &format!("    doubtful: {doubt}\n");
    }
    for fault in broken {
        text += &format!("    BROKEN: {fault}\n");
    }
    text
}
