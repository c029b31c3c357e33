//! The page as people read it.

use std::sync::LazyLock;

use askama::Template;
use axum::http::HeaderValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use canut_pool::Idle;
use canut_protocol::{Nrlc, range::Standing};
use sha2::{Digest, Sha256};

use super::Facts;
use crate::{
    Pause,
    activity::{Stage, Work},
};

const STYLE: &str = include_str!("../../templates/page.css");
const SCRIPT: &str = include_str!("../../templates/page.js");
/// Payments and losses shown.
const SHOWN: usize = 6;
/// Rows of work shown.
const ROWS: usize = 12;

/// What browsers may do with the page: nothing, but show it in its own style and run its own script, which asks for it again.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}

/// The document.
pub(super) fn render(facts: &Facts) -> askama::Result<String> {
    View { facts }.render()
}

#[derive(Template)]
#[template(path = "page.html")]
struct View<'a> {
    facts: &'a Facts,
}

impl View<'_> {
    fn style(&self) -> &'static str {
        STYLE
    }

    fn script(&self) -> &'static str {
        SCRIPT
    }

    /// The state in a word, for the title and the eye.
    fn word(&self) -> &'static str {
        match (
            self.facts.pause,
            self.facts.seen.as_ref().map(|seen| seen.idle),
        ) {
            (Some(Pause::Stopping), _) => "stopping",
            (Some(_), _) => "paused",
            _ if self.computing() > 0 => "computing",
            (None, None | Some(Idle::Away)) => "away",
            (None, Some(Idle::Bond | Idle::Tag | Idle::Benched)) => "blocked",
            (None, Some(_)) => "waiting",
        }
    }

    /// The state in a sentence.
    fn sentence(&self) -> String {
        let slots = self.facts.slots;
        match (self.facts.pause, self.facts.seen.as_ref()) {
            (Some(pause), _) => format!("No new tasks are taken: {pause}."),
            (None, _) if self.computing() > 0 => format!(
                "Computing in {} of {slots} {}.",
                self.computing().min(slots),
                plural(slots, "slot", "slots")
            ),
            (None, Some(seen)) => format!("The worker {}.", seen.idle.meaning()),
            (None, None) => "The pool does not answer; the worker keeps trying.".into(),
        }
    }

    fn computing(&self) -> usize {
        let computing = |work: &&Work| work.stage == Stage::Computing;
        self.facts.work.iter().filter(computing).count()
    }

    /// What is held, what is computed first.
    fn rows(&self) -> Vec<&Work> {
        let mut rows: Vec<_> = self.facts.work.iter().collect();
        rows.sort_by_key(|work| (work.stage != Stage::Computing, work.since));
        rows.truncate(ROWS);
        rows
    }

    fn more(&self) -> usize {
        self.facts.work.len().saturating_sub(ROWS)
    }

    fn tasks(&self, work: &Work) -> String {
        match work.count {
            1 => format!("Task {}", work.first),
            count => format!(
                "Tasks {} to {}",
                work.first,
                work.first.saturating_add(count - 1)
            ),
        }
    }

    fn deal(&self, work: &Work) -> String {
        short(&work.deal.to_string())
    }

    fn stage(&self, work: &Work) -> &'static str {
        match work.stage {
            Stage::Computing => "computing",
            Stage::Offering => "vote ready",
            Stage::Voted => "voted, not paid yet",
        }
    }

    /// Why it is not asked for more, and what can be done.
    fn remedy(&self) -> Option<&'static str> {
        let idle = self.facts.seen.as_ref()?.idle;
        Some(idle.remedy()).filter(|remedy| *remedy != "nothing")
    }

    /// The reasons of the last hour: name, words, where its part of a bar of 1 000 begins, and how wide it is.
    fn hour(&self) -> Vec<(&'static str, String, u64, u64)> {
        let spells = self.facts.hour.spells();
        let all: u64 = spells.iter().map(|spell| spell.seconds).sum();
        let mut from = 0;
        let mut parts = Vec::new();
        for spell in spells {
            let Some(width) = (spell.seconds * 1_000)
                .checked_div(all)
                .filter(|width| *width > 0)
            else {
                continue;
            };
            let (name, meaning) = spell
                .idle
                .map_or(("silent", "unknown: the pool did not answer"), |idle| {
                    (idle.name(), idle.meaning())
                });
            let words = format!("{} · {meaning}", duration(spell.seconds));
            parts.push((name, words, from, width));
            from += width;
        }
        parts
    }

    fn paid(&self) -> Vec<(Nrlc, String, String)> {
        let paid = self.facts.earnings.paid.iter().take(SHOWN);
        paid.map(|paid| {
            (
                paid.amount,
                short(&paid.on),
                self.when(paid.time, paid.block),
            )
        })
        .collect()
    }

    fn losses(&self) -> Vec<(Nrlc, String, &'static str, String)> {
        let losses = self.facts.earnings.losses.iter().take(SHOWN);
        losses
            .map(|loss| {
                let when = self.when(loss.time, loss.block);
                (loss.amount, short(&loss.on), loss.why, when)
            })
            .collect()
    }

    /// When something happened on the chain, as far as it says.
    fn when(&self, time: Option<u64>, block: u64) -> String {
        time.map_or_else(|| format!("block {block}"), |time| self.ago(&time))
    }

    fn ago(&self, time: &u64) -> String {
        format!("{} ago", duration(self.facts.time.saturating_sub(*time)))
    }

    fn lasting(&self, since: &u64) -> String {
        duration(self.facts.time.saturating_sub(*since))
    }

    fn weight(&self, score: &u8) -> u64 {
        Standing::new(*score, 0).weight().get()
    }

    fn millions(&self, number: &u64) -> u64 {
        number / 1_000_000
    }

    fn gib(&self, bytes: &u64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let gib = *bytes as f64 / f64::from(1 << 30);
        format!("{gib:.1} GiB")
    }

    /// An amount as a number of RLC without its unit.
    fn rlc(&self, amount: &Nrlc) -> String {
        let text = amount.to_string();
        text.strip_suffix(" RLC").unwrap_or(&text).to_owned()
    }
}

const fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// The ends of a long name.
fn short(name: &str) -> String {
    match (name.get(..8), name.get(name.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if name.len() > 16 => format!("{head}…{tail}"),
        _ => name.to_owned(),
    }
}

/// A time in its two largest units.
fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => match seconds % 60 {
            rest @ 1.. if minutes < 10 => format!("{minutes} min {rest} s"),
            _ => format!("{minutes} min"),
        },
        (0, ..) => match minutes % 60 {
            0 => format!("{hours} h"),
            rest => format!("{hours} h {rest} min"),
        },
        (1, ..) => "1 day".into(),
        _ => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_names_are_short() {
        for (seconds, text) in [
            (0, "0 s"),
            (61, "1 min 1 s"),
            (600, "10 min"),
            (3_600, "1 h"),
            (3_700, "1 h 1 min"),
            (90_000, "1 day"),
            (200_000, "2 days"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(short("0x0123456789abcdef0123"), "0x012345…0123");
        assert_eq!(short("é"), "é");
    }

    #[test]
    fn browsers_are_told_the_hashes_of_what_is_in_the_page() {
        let policy = policy();
        let policy = policy.to_str().unwrap();
        for text in [STYLE, SCRIPT] {
            let hash = STANDARD.encode(Sha256::digest(text));
            assert!(policy.contains(&format!("'sha256-{hash}'")));
        }
        assert!(!policy.contains("unsafe"));
    }
}
