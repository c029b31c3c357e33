//! Settings in a TOML file, under the names of the flags without dashes in front.

use std::{fs, path::Path};

use eyre::{Result, WrapErr, bail};
use serde::{Serialize, de::DeserializeOwned};

/// Largest file of settings, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What `flags` say, and of the file what they leave open.
pub(crate) fn layered<T: Serialize + DeserializeOwned>(flags: T, file: Option<&Path>) -> Result<T> {
    let Some(path) = file else {
        return Ok(flags);
    };
    let name = || format!("the settings {}", path.display());
    let size = fs::metadata(path).wrap_err_with(name)?.len();
    if size > MAX_FILE {
        bail!("{} are too large to be settings", name());
    }
    let text = fs::read_to_string(path).wrap_err_with(name)?;
    // Read for itself first, so that what is wrong is told with its line.
    let _: T = toml::from_str(&text).wrap_err_with(name)?;
    let mut table: toml::Table = toml::from_str(&text).wrap_err_with(name)?;
    // Flags that were not given are not written.
    table.extend(toml::Table::try_from(flags)?);
    table.try_into().wrap_err_with(name)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
    struct Flags {
        slots: Option<u16>,
        refuse_apps: Option<Vec<String>>,
    }

    fn read(text: &str, slots: Option<u16>) -> Result<Flags> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("settings.toml");
        fs::write(&path, text)?;
        let flags = Flags {
            slots,
            refuse_apps: None,
        };
        layered(flags, Some(&path))
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let text = "slots = 8\nrefuse-apps = [\"a\"]";
        let apps = Some(vec!["a".to_owned()]);
        let expect = |slots| Flags {
            slots: Some(slots),
            refuse_apps: apps.clone(),
        };
        assert_eq!(read(text, Some(3)).unwrap(), expect(3));
        assert_eq!(read(text, None).unwrap(), expect(8));
    }

    #[test]
    fn what_a_file_says_wrong_is_not_passed_over() {
        for text in ["slot = 8", "slots = \"many\"", "slots = -1", "]"] {
            // A flag beside it does not hide it.
            assert!(read(text, Some(3)).is_err(), "{text}");
        }
    }
}
