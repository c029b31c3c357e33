//! What the vault keeps: one row of SQLite for each secret, its value encrypted under the key of a file.
//!
//! A value is sealed with XChaCha20-Poly1305 under a random nonce, and bound to the name of its row: who can write to the
//! database can neither read a value nor move it to another name.

use std::{
    fmt, fs,
    io::{self, Write},
    path::Path,
};

use alloy_primitives::{B256, Bytes};
use canut_protocol::Domain;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use rand::{TryRng, rngs::SysRng};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::secret::{SecretId, Value};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS secret (
    kind TEXT NOT NULL, subject BLOB NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL, signature BLOB NOT NULL,
    PRIMARY KEY (kind, subject, name)) STRICT;
";

/// Bytes of a nonce.
const NONCE: usize = 24;

/// Secrets of one kind that one subject may have.
const PER_SUBJECT: i64 = 256;

/// The key that secrets are kept under.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("the key file {path}: {cause}")]
    File {
        /// Which.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// It holds something else.
    #[error("the key file {0} holds no key: it is 64 hexadecimal digits")]
    Malformed(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers for a key")]
    Random,
}

impl Key {
    /// The key in a file, which is made, readable by its owner only, when it is missing.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => {
                let digits = text.trim();
                let parsed: Result<B256, _> = digits.parse();
                let malformed = || KeyError::Malformed(path.display().to_string());
                Ok(Self(Zeroizing::new(parsed.map_err(|_| malformed())?.0)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(cause) => Err(file(path)(cause)),
        }
    }

    fn create(path: &Path) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        SysRng
            .try_fill_bytes(key.as_mut_slice())
            .map_err(|_| KeyError::Random)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        // Whole or not at all: half a key would lock everything in.
        let write = || {
            fs::create_dir_all(folder)?;
            let mut half = NamedTempFile::new_in(folder)?;
            half.write_all(alloy_primitives::hex::encode(*key).as_bytes())?;
            half.as_file().sync_all()?;
            half.persist_noclobber(path)?;
            fs::File::open(folder)?.sync_all()
        };
        write().map_err(file(path))?;
        Ok(Self(key))
    }
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.display().to_string();
    move |cause| KeyError::File { path, cause }
}

/// Why secrets cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The database.
    #[error("the vault's database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database was written under another key.
    #[error(
        "the vault's database was written under another key: give the key file it was made with, the secrets cannot be read \
         without"
    )]
    OtherKey,
    /// The database is of another market.
    #[error("the database is of {found}, not of {wanted}: give every vault a folder of its own")]
    Foreign {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// A row is not what was written.
    #[error("{0} was changed behind the vault's back: restore the database")]
    Damaged(String),
    /// One subject has too many.
    #[error("{0} would be one too many: an account has at most {PER_SUBJECT} secrets of a kind")]
    TooMany(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers to encrypt with")]
    Random,
}

/// The secrets. Clones are the same.
#[derive(Clone)]
pub struct Secrets {
    database: SqlitePool,
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Opens the database in `path`, of the hub of `domain`, or makes one.
    pub async fn open(path: &Path, key: &Key, domain: Domain) -> Result<Self, SecretsError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let database = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&database).await?;
        let secrets = Self {
            database,
            cipher: XChaCha20Poly1305::new(&(*key.0).into()),
        };
        secrets.claim(domain).await?;
        Ok(secrets)
    }

    /// Writes whose vault this is, sealed by its key; or checks both.
    async fn claim(&self, domain: Domain) -> Result<(), SecretsError> {
        let wanted = format!("hub {} on chain {}", domain.hub, domain.chain_id);
        sqlx::query("INSERT OR IGNORE INTO meta (name, value) VALUES ('owner', ?)")
            .bind(self.seal(&wanted, b"owner")?)
            .execute(&self.database)
            .await?;
        let sealed: Vec<u8> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'owner'")
            .fetch_one(&self.database)
            .await?;
        let found = self
            .unseal(&sealed, b"owner")
            .ok_or(SecretsError::OtherKey)?;
        if found.expose() == wanted {
            return Ok(());
        }
        Err(SecretsError::Foreign {
            found: found.expose().to_owned(),
            wanted,
        })
    }

    /// Keeps a secret that is not there yet, with the signature that authorises it. Whether it was not.
    pub async fn add(
        &self,
        id: &SecretId,
        value: &Value,
        signature: &[u8],
    ) -> Result<bool, SecretsError> {
        let sealed = self.seal(value.expose(), &place(id))?;
        let mut transaction = self.database.begin().await?;
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM secret WHERE kind = ? AND subject = ?")
                .bind(id.kind())
                .bind(id.subject().as_slice())
                .fetch_one(&mut *transaction)
                .await?;
        if count >= PER_SUBJECT {
            return Err(SecretsError::TooMany(id.to_string()));
        }
        let added = sqlx::query(
            "INSERT INTO secret (kind, subject, name, sealed, signature) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(id.kind())
        .bind(id.subject().as_slice())
        .bind(id.name())
        .bind(sealed)
        .bind(signature)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(added.rows_affected() == 1)
    }

    /// Replaces a secret that is there. Whether it was.
    pub async fn replace(
        &self,
        id: &SecretId,
        value: &Value,
        signature: &[u8],
    ) -> Result<bool, SecretsError> {
        let sealed = self.seal(value.expose(), &place(id))?;
        let update = "UPDATE secret SET sealed = ?, signature = ? WHERE kind = ? AND subject = ? AND name = ?";
        let updated = sqlx::query(update)
            .bind(sealed)
            .bind(signature)
            .bind(id.kind())
            .bind(id.subject().as_slice())
            .bind(id.name())
            .execute(&self.database)
            .await?;
        Ok(updated.rows_affected() == 1)
    }

    /// Whether a secret is there.
    pub async fn contains(&self, id: &SecretId) -> Result<bool, SecretsError> {
        Ok(self.row(id).await?.is_some())
    }

    /// A secret, and the signature it was put there with. Whoever calls this answers for who gets to see it.
    pub async fn read(&self, id: &SecretId) -> Result<Option<(Value, Bytes)>, SecretsError> {
        let Some((sealed, signature)) = self.row(id).await? else {
            return Ok(None);
        };
        let damaged = || SecretsError::Damaged(id.to_string());
        let value = self.unseal(&sealed, &place(id)).ok_or_else(damaged)?;
        Ok(Some((value, signature.into())))
    }

    async fn row(&self, id: &SecretId) -> Result<Option<(Vec<u8>, Vec<u8>)>, SecretsError> {
        let select =
            "SELECT sealed, signature FROM secret WHERE kind = ? AND subject = ? AND name = ?";
        let row = sqlx::query(select)
            .bind(id.kind())
            .bind(id.subject().as_slice())
            .bind(id.name())
            .fetch_optional(&self.database)
            .await?;
        Ok(row
            .map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?)))
            .transpose()?)
    }

    /// How many secrets are kept.
    pub async fn count(&self) -> Result<i64, SecretsError> {
        let count = sqlx::query_scalar("SELECT count(*) FROM secret");
        Ok(count.fetch_one(&self.database).await?)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    fn seal(&self, value: &str, place: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let mut nonce = [0; NONCE];
        SysRng
            .try_fill_bytes(&mut nonce)
            .map_err(|_| SecretsError::Random)?;
        let payload = Payload {
            msg: value.as_bytes(),
            aad: place,
        };
        // It fails for messages of many gigabytes only.
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SecretsError::Random)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unseal(&self, sealed: &[u8], place: &[u8]) -> Option<Value> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: place,
        };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        Value::new(String::from_utf8(plain).ok()?)
    }
}

/// The name of a secret's row, as its value is bound to it. No kind is the beginning of another, and subjects have 20 bytes.
fn place(id: &SecretId) -> Vec<u8> {
    [
        id.kind().as_bytes(),
        id.subject().as_slice(),
        id.name().as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    const ALICE: Address = Address::repeat_byte(1);
    const BOB: Address = Address::repeat_byte(2);

    fn domain() -> Domain {
        Domain::new(7, BOB)
    }

    fn named(subject: Address, name: &str) -> SecretId {
        SecretId::Account(subject, name.parse().unwrap())
    }

    #[tokio::test]
    async fn a_secret_is_kept_under_its_key_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (database, key_file) = (
            folder.path().join("vault.sqlite"),
            folder.path().join("key"),
        );
        let key = Key::load_or_create(&key_file).unwrap();
        let secrets = Secrets::open(&database, &key, domain()).await.unwrap();
        let (token, value) = (named(ALICE, "token"), Value::new("hush-hush").unwrap());
        assert!(secrets.add(&token, &value, b"signed").await.unwrap());
        assert!(!secrets.add(&token, &value, b"again").await.unwrap());
        secrets.close().await;

        let on_disk: Vec<_> = folder.path().read_dir().unwrap().flatten().collect();
        for file in on_disk {
            let bytes = fs::read(file.path()).unwrap();
            let found = bytes.windows(9).any(|window| window == b"hush-hush");
            assert!(!found, "{} tells it", file.path().display());
        }
        let again = Key::load_or_create(&key_file).unwrap();
        let secrets = Secrets::open(&database, &again, domain()).await.unwrap();
        let kept = secrets.read(&token).await.unwrap();
        assert_eq!(kept, Some((value, Bytes::from_static(b"signed"))));
        secrets.close().await;

        let other = Key::load_or_create(&folder.path().join("other")).unwrap();
        let opened = Secrets::open(&database, &other, domain()).await;
        assert!(matches!(opened, Err(SecretsError::OtherKey)));
        let elsewhere = Secrets::open(&database, &key, Domain::new(8, BOB)).await;
        assert!(matches!(elsewhere, Err(SecretsError::Foreign { .. })));
    }

    #[tokio::test]
    async fn a_value_cannot_be_moved_to_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::load_or_create(&folder.path().join("key")).unwrap();
        let path = folder.path().join("vault.sqlite");
        let secrets = Secrets::open(&path, &key, domain()).await.unwrap();
        let (hers, his) = (named(ALICE, "token"), named(BOB, "token"));
        let value = |text: &str| Value::new(text).unwrap();
        secrets.add(&hers, &value("hers"), b"").await.unwrap();
        secrets.add(&his, &value("his"), b"").await.unwrap();
        let swap = "UPDATE secret SET sealed = (SELECT sealed FROM secret WHERE subject = ?) WHERE subject = ?";
        sqlx::query(swap)
            .bind(ALICE.as_slice())
            .bind(BOB.as_slice())
            .execute(&secrets.database)
            .await
            .unwrap();
        assert!(secrets.read(&hers).await.is_ok());
        let moved = secrets.read(&his).await;
        assert!(matches!(moved, Err(SecretsError::Damaged(_))));
    }

    #[tokio::test]
    async fn one_account_cannot_fill_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::load_or_create(&folder.path().join("key")).unwrap();
        let path = folder.path().join("vault.sqlite");
        let secrets = Secrets::open(&path, &key, domain()).await.unwrap();
        let value = Value::new("x").unwrap();
        for number in 0..PER_SUBJECT {
            let id = named(ALICE, &number.to_string());
            assert!(secrets.add(&id, &value, b"").await.unwrap());
        }
        let surplus = secrets.add(&named(ALICE, "more"), &value, b"").await;
        assert!(matches!(surplus, Err(SecretsError::TooMany(_))));
        assert!(secrets.add(&named(BOB, "one"), &value, b"").await.unwrap());
        assert_eq!(secrets.count().await.unwrap(), PER_SUBJECT + 1);
    }

    #[test]
    fn a_key_file_is_private_and_never_half_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/there/yet/key");
        let key = Key::load_or_create(&path).unwrap();
        assert_eq!(Key::load_or_create(&path).unwrap().0, key.0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
        }
        for junk in ["", "12", &"g".repeat(64)] {
            fs::write(&path, junk).unwrap();
            let read = Key::load_or_create(&path);
            assert!(matches!(read, Err(KeyError::Malformed(_))), "{junk}");
        }
    }
}
