//! Categories: how long a task may take.

use serde::{Deserialize, Serialize};

/// A class of tasks by duration. The hub numbers categories from 0 in the order of their creation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// Short name.
    pub name: String,
    /// Free text; PoCo's own categories carry the JSON string `""`.
    pub description: String,
    /// Unit of every deadline of a task of this category, in seconds. A run should end within it.
    pub work_clock_time_ref: u64,
}

/// Name and reference time, in seconds, of the five categories a hub starts with (PoCo 6.2.0, deployment).
pub const DEFAULTS: [(&str, u64); 5] = [
    ("XS", 300),
    ("S", 1_200),
    ("M", 3_600),
    ("L", 10_800),
    ("XL", 36_000),
];

/// The five categories a hub starts with, in the order of their ids.
pub fn defaults() -> [Category; 5] {
    DEFAULTS.map(|(name, work_clock_time_ref)| Category {
        name: name.to_owned(),
        description: r#""""#.to_owned(),
        work_clock_time_ref,
    })
}

/// The id of the default category of that name, in any case.
pub fn by_name(name: &str) -> Option<u64> {
    (0..)
        .zip(DEFAULTS)
        .find_map(|(id, (known, _))| known.eq_ignore_ascii_case(name).then_some(id))
}

/// The smallest default category in which a run of `seconds` ends in time; `None` when it is longer than all of them.
pub fn for_duration(seconds: u64) -> Option<u64> {
    (0..)
        .zip(DEFAULTS)
        .find_map(|(id, (_, reference))| (seconds <= reference).then_some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_ten_minutes_is_small() {
        assert_eq!(for_duration(600), by_name("s"));
        assert_eq!(for_duration(36_001), None);
        assert_eq!(defaults()[4].name, "XL");
    }
}
