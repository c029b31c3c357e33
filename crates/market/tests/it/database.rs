//! Databases to run the tests on: a new SQLite file, and a new database in PostgreSQL.
//!
//! PostgreSQL is the one of `CANUT_TEST_POSTGRES` (a URL of a server on which databases may be created), or one started for
//! the tests by the binaries that a Debian package installs.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A database of one test. Dropped with it.
pub(crate) struct Database {
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

/// One database of each sort that is there.
pub(crate) async fn databases() -> Vec<Database> {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("market.db").display());
    let mut databases = vec![Database {
        url,
        _folder: Some(folder),
    }];
    match postgres().await {
        Some(server) => databases.push(server.database().await),
        None => {
            eprintln!("not tried on PostgreSQL: it is not installed (apt-get install postgresql)")
        }
    }
    databases
}

/// A new SQLite database.
pub(crate) fn sqlite() -> Database {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("market.db").display());
    Database {
        url,
        _folder: Some(folder),
    }
}

struct Postgres {
    /// Up to the name of the database.
    url: String,
    /// It runs as long as its standard input is open: until this process ends, however that comes about.
    _running: Option<Child>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Postgres {
    async fn database(&self) -> Database {
        let name = format!(
            "canut_test_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&format!("{}/postgres", self.url))
            .await
            .unwrap();
        let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
        Database {
            url: format!("{}/{name}", self.url),
            _folder: None,
        }
    }
}

/// The server; none where PostgreSQL is not installed. One that is installed must work.
async fn postgres() -> Option<&'static Postgres> {
    static SERVER: OnceCell<Option<Postgres>> = OnceCell::const_new();
    SERVER.get_or_init(|| async { find() }).await.as_ref()
}

fn find() -> Option<Postgres> {
    if let Ok(url) = std::env::var("CANUT_TEST_POSTGRES") {
        return Some(Postgres {
            url: url.trim_end_matches('/').to_owned(),
            _running: None,
        });
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .max()?;
    Some(start(&newest).unwrap_or_else(|why| panic!("PostgreSQL is installed, but {why}")))
}

/// Runs a script, as the user that the package made if this is root: PostgreSQL refuses to be root.
fn shell(script: &str) -> Command {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    let mut command = Command::new(if is_root { "runuser" } else { "sh" });
    if is_root {
        command.args(["-u", "postgres", "--", "sh"]);
    }
    command.args(["-c", script]);
    command
}

fn start(binaries: &Path) -> Result<Postgres, String> {
    let output = shell("mktemp -d")
        .output()
        .map_err(|error| error.to_string())?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !folder.is_absolute() {
        return Err("no folder for it: is there a user `postgres`?".to_owned());
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let (binaries, folder) = (binaries.display(), folder.display());
    let script = format!(
        "{binaries}/initdb -D {folder}/data -U test -A trust >{folder}/log 2>&1 &&
         {binaries}/pg_ctl -D {folder}/data -w -l {folder}/log \
             -o '-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off' start >/dev/null &&
         echo ready && cat >/dev/null
         {binaries}/pg_ctl -D {folder}/data -m immediate stop >/dev/null; rm -rf {folder}"
    );
    let mut child = shell(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut ready = [0; 6];
    let said = child
        .stdout
        .as_mut()
        .map(|stdout| std::io::Read::read_exact(stdout, &mut ready));
    if !matches!(said, Some(Ok(()))) {
        return Err(format!("it did not start: see {folder}/log"));
    }
    child.stdin.as_mut().map(Write::flush);
    Ok(Postgres {
        url: format!("postgres://test@127.0.0.1:{port}"),
        _running: Some(child),
    })
}
