//! Figures, and how they are shown.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// What was measured on one side, in order.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Title(&'static str),
    Gas {
        name: String,
        key: Option<&'static str>,
        /// `None` for what this side cannot do.
        gas: Option<u64>,
    },
}

impl Sheet {
    /// Opens a part of the sheet.
    pub(crate) fn part(&mut self, title: &'static str) {
        self.rows.push(Row::Title(title));
    }

    /// Writes a figure down.
    pub(crate) fn row(&mut self, name: impl Into<String>, gas: u64) {
        self.rows.push(Row::Gas {
            name: name.into(),
            key: None,
            gas: Some(gas),
        });
    }

    /// Writes down a figure of something that only one side can do.
    pub(crate) fn own(&mut self, name: impl Into<String>, gas: Option<u64>) {
        self.rows.push(Row::Gas {
            name: name.into(),
            key: None,
            gas,
        });
    }

    /// Writes down a figure that scripts know as `key`.
    pub(crate) fn keyed(&mut self, key: &'static str, name: impl Into<String>, gas: u64) {
        self.rows.push(Row::Gas {
            name: name.into(),
            key: Some(key),
            gas: Some(gas),
        });
    }
}

/// Both sides' figures for scripts, on one line.
pub(crate) fn json(ours: &Sheet, poco: &Sheet) -> String {
    let mut found = Map::new();
    for (our, their) in ours.rows.iter().zip(&poco.rows) {
        if let (
            Row::Gas {
                key: Some(key),
                gas: our,
                ..
            },
            Row::Gas { gas: their, .. },
        ) = (our, their)
        {
            found.insert((*key).to_owned(), json!({ "ours": our, "poco": their }));
        }
    }
    Value::Object(found).to_string()
}

/// Both sides' figures for people.
pub(crate) fn table(ours: &Sheet, poco: &Sheet) -> String {
    let mut table = format!(
        "{:<58}{:>13}{:>13}{:>9}\n",
        "gas", "Canut", "PoCo", "change"
    );
    for (our, their) in ours.rows.iter().zip(&poco.rows) {
        let _ = match (our, their) {
            (Row::Gas { name, gas: our, .. }, Row::Gas { gas: their, .. }) => {
                let change = our.zip(*their).map(|(our, their)| percent(our, their));
                writeln!(
                    table,
                    "  {name:<56}{:>13}{:>13}{:>9}",
                    shown(*our),
                    shown(*their),
                    change.unwrap_or_default()
                )
            }
            (Row::Title(title), _) | (_, Row::Title(title)) => writeln!(table, "\n{title}"),
        };
    }
    table
}

fn shown(gas: Option<u64>) -> String {
    gas.map_or_else(|| "-".to_owned(), grouped)
}

/// How much less `ours` is than `theirs`, in percent with one decimal.
fn percent(ours: u64, theirs: u64) -> String {
    let tenths = (i128::from(ours) - i128::from(theirs)) * 1_000 / i128::from(theirs.max(1));
    let sign = if tenths < 0 { '-' } else { '+' };
    format!("{sign}{}.{} %", tenths.abs() / 10, tenths.abs() % 10)
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(percent(65, 100), "-35.0 %");
        assert_eq!(percent(1_002, 1_000), "+0.2 %");
    }

    #[test]
    fn a_script_finds_both_sides_under_one_key() {
        let sheet = |gas| {
            let mut sheet = Sheet::default();
            sheet.part("part");
            sheet.row("not for scripts", 1);
            sheet.keyed("match", "for both", gas);
            sheet
        };
        assert_eq!(
            json(&sheet(1), &sheet(2)),
            r#"{"match":{"ours":1,"poco":2}}"#
        );
        assert!(table(&sheet(1), &sheet(2)).contains("-50.0 %"));
    }
}
