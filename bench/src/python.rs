//! Peers that are published for Python, each in a virtual environment of its own that is made once and kept with what is built.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use eyre::{Result, WrapErr, bail};
use tokio::{process::Command, time::timeout};

/// Where the environments are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers");
/// The file that says what is in an environment, written when all of it is there.
const MARK: &str = "requirements.txt";
/// Longest time to fetch and install.
const PATIENCE: Duration = Duration::from_secs(900);

/// An environment with certain packages.
#[derive(Debug)]
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// The environment `name`, which has the packages of `requirements`, each at one version. Made now if it is new.
    ///
    /// # Errors
    /// In pip's words, when a package cannot be had.
    pub(crate) async fn with(name: &str, requirements: &str) -> Result<Self> {
        let folder = Path::new(FOLDER).join(name);
        let mark = folder.join(MARK);
        if fs::read_to_string(&mark).is_ok_and(|found| found == requirements) {
            return Ok(Self { folder });
        }
        eprintln!("installing {name} from PyPI");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(FOLDER)?;
        let own = Self { folder };
        run(Command::new("python3")
            .args(["-m", "venv"])
            .arg(&own.folder))
        .await?;
        // Under another name until all is there.
        let wanted = own.folder.join("wanted.txt");
        fs::write(&wanted, requirements)?;
        let mut pip = own.python();
        pip.args(["-m", "pip", "install", "--quiet"])
            .args(["--disable-pip-version-check", "--only-binary", ":all:"])
            .arg("--requirement")
            .arg(&wanted);
        run(&mut pip).await?;
        fs::rename(&wanted, &mark)?;
        Ok(own)
    }

    /// The interpreter.
    pub(crate) fn interpreter(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// A command for the interpreter.
    pub(crate) fn python(&self) -> Command {
        Command::new(self.interpreter())
    }

    /// A folder to keep things in, which goes with the environment.
    pub(crate) fn cache(&self) -> Result<PathBuf> {
        let folder = self.folder.join("cache");
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A file of the packages.
    ///
    /// # Errors
    /// When no package has it.
    pub(crate) fn file(&self, path: &str) -> Result<PathBuf> {
        let lib = self.folder.join("lib");
        for python in fs::read_dir(&lib)? {
            let file = python?.path().join("site-packages").join(path);
            if file.is_file() {
                return Ok(file);
            }
        }
        bail!("{path} is not in {}", lib.display())
    }
}

/// Runs a command to its end, and gives what it printed.
///
/// # Errors
/// With the end of what it said, when it fails or takes too long.
pub(crate) async fn run(command: &mut Command) -> Result<String> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output())
        .await
        .wrap_err_with(|| format!("{name} takes too long"))?
        .wrap_err_with(|| format!("{name} does not start"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    bail!("{name}: {}: {}", output.status, last_words(&words))
}

/// The last line that says something.
fn last_words(words: &str) -> &str {
    let mut lines = words.lines().rev().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or("no words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_said_in_its_last_words() {
        assert_eq!(
            last_words("first\n  ERROR: no such package \n\n"),
            "ERROR: no such package"
        );
        assert_eq!(last_words("\n \n"), "no words");
    }

    #[tokio::test]
    async fn a_command_that_fails_says_why() {
        let mut good = Command::new("sh");
        assert_eq!(run(good.args(["-c", "echo yes"])).await.unwrap(), "yes\n");
        let mut bad = Command::new("sh");
        let error = run(bad.args(["-c", "echo nothing works >&2; exit 3"]))
            .await
            .unwrap_err();
        assert!(error.to_string().ends_with("nothing works"), "{error}");
        let missing = run(&mut Command::new("/no/such/program"))
            .await
            .unwrap_err();
        assert!(missing.to_string().contains("does not start"), "{missing}");
    }
}
