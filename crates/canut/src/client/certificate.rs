//! Certificates, for people.

use canut_client::{Certificate, CertifiedRange, Verdict, Vote};
use std::fmt::Write;

/// A certificate in words.
pub(crate) fn text(certificate: &Certificate) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(certificate, &mut text);
    text
}

fn write(certificate: &Certificate, out: &mut String) -> std::fmt::Result {
    let Certificate {
        task,
        index,
        credibility,
        price,
        digest,
        ..
    } = certificate;
    writeln!(out, "Certificate of task {index}, {task}")?;
    if let Some(failed) = &certificate.failed {
        writeln!(
            out,
            "  the app failed the same way everywhere (code {}): {}",
            failed.code, failed.message
        )?;
    }
    let lower = if credibility.exact { "" } else { " at least" };
    writeln!(
        out,
        "  trust       {} asked: credibility{lower} {} reached, {} needed{}",
        credibility.trust,
        percent(credibility.reached),
        percent(credibility.required),
        if credibility.holds {
            ""
        } else {
            " (recomputed from lower bounds: the node has forgotten the exact weights)"
        },
    )?;
    for vote in &certificate.votes {
        writeln!(out, "  {}", voted(vote))?;
    }
    writeln!(
        out,
        "  price       {} (app {}, dataset {}, workerpool {})",
        price.total, price.app, price.dataset, price.workerpool
    )?;
    for step in certificate.transactions.iter().filter(|step| {
        matches!(
            step.step.as_str(),
            "initialize" | "finalize" | "settle" | "resolve"
        )
    }) {
        writeln!(
            out,
            "  {:11} {} in block {}",
            step.step, step.hash, step.block
        )?;
    }
    if let Some(digest) = digest {
        writeln!(out, "  digest      {digest}")?;
    }
    if let Some(range) = &certificate.range {
        write_range(range, out)?;
    }
    let (sure, other): (Vec<_>, Vec<_>) = certificate.files.iter().partition(|file| file.certified);
    for (name, files) in [("certified", sure), ("not covered", other)] {
        let shown: Vec<_> = files
            .iter()
            .take(8)
            .map(|file| file.path.as_str())
            .collect();
        let more = files.len().saturating_sub(shown.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        if !shown.is_empty() {
            writeln!(out, "  {name:11} {}{more}", shown.join(", "))?;
        }
    }
    Ok(())
}

fn write_range(range: &CertifiedRange, out: &mut String) -> std::fmt::Result {
    let last = range.first + u64::from(range.count) - 1;
    let how = if range.fallback {
        ", from votes posted on the chain"
    } else {
        ""
    };
    let with = match range.count {
        1 => "alone".to_owned(),
        _ => format!("with tasks {} to {last} at once", range.first),
    };
    writeln!(out, "  settled     {with}{how}")?;
    writeln!(out, "  root        {}", range.root)
}

fn voted(vote: &Vote) -> String {
    let verdict = match vote.verdict {
        Verdict::Agreed => "agreed",
        Verdict::Silent => "silent",
        Verdict::Dissented => "dissented",
        Verdict::Absent => "absent",
    };
    let least = if vote.exact { "" } else { "≥ " };
    let money = match (vote.reward.is_zero(), vote.seized.is_zero()) {
        (false, _) => format!("paid {}", vote.reward),
        (true, false) => format!("lost {}", vote.seized),
        (true, true) => String::new(),
    };
    format!(
        "{verdict:11} {} weight {least}{}  {money}",
        vote.worker, vote.weight
    )
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
