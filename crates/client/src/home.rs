//! The folder of a person: networks and keys.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{
    Error, Result, Wallets,
    network::{Network, NetworkError},
};

/// The folder where a person's networks and wallets are: `$CANUT_HOME`, else `canut` in the system's folder for settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// Where the environment says. It need not be there yet.
    pub fn find() -> Result<Self, NetworkError> {
        let set = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = set("CANUT_HOME")
            .or_else(|| set("XDG_CONFIG_HOME").map(|folder| folder.join("canut")))
            .or_else(|| set("HOME").map(|home| home.join(".config/canut")));
        folder.map(Self).ok_or(NetworkError::NoHome)
    }

    /// That folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The keys in it.
    pub fn wallets(&self) -> Wallets {
        Wallets::in_folder(self.0.join("keystore"))
    }

    fn network_path(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        Ok(self.0.join("networks").join(format!("{name}.json")))
    }

    fn default_path(&self) -> PathBuf {
        self.0.join("default-network")
    }

    /// Keeps a network under a name.
    pub fn save_network(&self, name: &str, network: &Network) -> Result<()> {
        network.save(&self.network_path(name)?)
    }

    /// The network of that name.
    pub fn network(&self, name: &str) -> Result<Network> {
        let path = self.network_path(name)?;
        if !path.exists() {
            return Err(NetworkError::Unknown(name.to_owned()).into());
        }
        Network::load(&path)
    }

    /// Forgets a network; it is no error when there is none.
    pub fn remove_network(&self, name: &str) -> Result<()> {
        remove(&self.network_path(name)?)?;
        if self.default_network()?.as_deref() == Some(name) {
            remove(&self.default_path())?;
        }
        Ok(())
    }

    /// Names of the networks, sorted.
    pub fn networks(&self) -> Result<Vec<String>> {
        names(&self.0.join("networks"))
    }

    /// Makes a network the one to use when none is named.
    pub fn set_default_network(&self, name: &str) -> Result<()> {
        check_name(name)?;
        write_private(&self.default_path(), name.as_bytes())
    }

    /// The network to use when none is named: the one that was set, else the only one.
    pub fn default_network(&self) -> Result<Option<String>> {
        match fs::read_to_string(self.default_path()) {
            Ok(name) => {
                let name = name.trim().to_owned();
                if self.networks()?.contains(&name) {
                    return Ok(Some(name));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::file(self.default_path())(error)),
        }
        let mut all = self.networks()?;
        Ok(if all.len() == 1 { all.pop() } else { None })
    }
}

/// Whether a name is fit for a file: letters, digits, `-` and `_`.
pub(crate) fn check_name(name: &str) -> Result<(), NetworkError> {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(fit) {
        Ok(())
    } else {
        Err(NetworkError::Name(name.chars().take(80).collect()))
    }
}

/// Names of the `.json` files of a folder, sorted; none when there is no folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file(folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::file(folder))?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        names.extend(
            name.filter(|name| check_name(name).is_ok())
                .map(str::to_owned),
        );
    }
    names.sort_unstable();
    Ok(names)
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let mut file = NamedTempFile::new_in(folder).map_err(Error::file(folder))?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.as_file().sync_all());
    written.map_err(Error::file(path))?;
    file.persist(path)
        .map_err(|error| Error::file(path)(error.error))?;
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(rpc: &str) -> Network {
        Network {
            rpc: rpc.to_owned(),
            ..Network::default()
        }
    }

    #[test]
    fn the_only_network_is_the_default_until_another_is_set() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("not/there/yet"));
        assert_eq!(home.default_network().unwrap(), None);
        home.save_network("dev", &network("http://a")).unwrap();
        assert_eq!(home.default_network().unwrap().as_deref(), Some("dev"));
        home.save_network("live", &network("http://b")).unwrap();
        assert_eq!(
            home.default_network().unwrap(),
            None,
            "two, and none is set"
        );
        home.set_default_network("live").unwrap();
        assert_eq!(home.network("live").unwrap().rpc, "http://b");
        home.remove_network("live").unwrap();
        assert_eq!(home.default_network().unwrap().as_deref(), Some("dev"));
        assert_eq!(home.networks().unwrap(), ["dev"]);
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        for name in ["", "..", "a/b", "a.b", "é", &"x".repeat(65)] {
            assert!(
                home.save_network(name, &network("http://a")).is_err(),
                "{name}"
            );
        }
    }
}
