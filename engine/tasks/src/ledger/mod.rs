//! The ledger: what becomes of tasks after a scan. One open task a taxpayer, its office, state, answer and history, in a
//! SQLite file beside the warehouse or in PostgreSQL. Knows no warehouse: candidates, offices and open audits are handed in.
//!
//! [`Ledger::open_tasks`] takes the tasks of a scan in, [`Ledger::plan`] chooses among them what offices can do,
//! [`Ledger::dispatch`] and [`Ledger::send`] write workbooks, [`Ledger::import`] reads them back, [`Ledger::change`] does the
//! rest of a task's life, [`Ledger::effect`] and [`Ledger::similar_cases`] learn from it.

mod answer;
mod assistance;
mod benefits;
mod cases;
mod change;
mod desk;
mod draw;
mod effect;
mod error;
mod filter;
mod held;
mod import;
mod intake;
mod limits;
mod offices;
mod plan;
mod retell;
mod returned;
mod rows;
mod rules;
mod send;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod withheld;

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, ConnectOptions, Connection, SqlSafeStr, Transaction};

pub use crate::office::{OfficeRow, office_and_below};
pub use answer::{Answer, Missing};
pub use assistance::{Document, Letter};
pub use benefits::{BenefitFinding, Settled};
pub use cases::{Case, CaseQuery};
pub use change::Change;
pub use draw::{Draw, DrawOrder, Drawn, Frame, PastDraw};
pub use effect::{Effect, EffectBy, Share};
pub use error::{LedgerError, Result};
pub use filter::Filter;
pub use import::{FileReport, RefusedRow, StillOpen};
pub use intake::{Intake, Opened};
pub use limits::{Exemption, LeftAlone, OfficeLimit};
pub use offices::Scope;
pub use plan::{LeftOut, OfficePlan, Plan};
pub use rules::{QUARTERS, RULES, Rules};
pub use send::{Dispatched, Sending};
pub use state::{Action, State};
pub use store::{Event, Kind, Stored};
pub use withheld::{Reason, Withheld};

/// Forms of the ledger, oldest first; a new one is added, none is changed.
const MIGRATIONS: [(i64, &str, &str); 3] = [
    (1, "ledger", include_str!("migrations/0001_ledger.sql")),
    (2, "who_exempts", include_str!("migrations/0002_who_exempts.sql")),
    (3, "seen", include_str!("migrations/0003_seen.sql")),
];
/// How long a server may take to answer at first.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
/// How long a writer waits for another: an import of a large workbook takes seconds.
const WAIT_MS: u64 = 120_000;
/// How often something is tried again that another transaction stood in the way of.
const TRIES: u32 = 8;

/// Who changes something, and when.
#[derive(Debug, Clone)]
pub struct By {
    /// Name or staff number.
    pub who: String,
    /// The moment, in the time of the office: its day counts as today.
    pub at: DateTime<FixedOffset>,
}

impl By {
    /// The moment as it is stored.
    pub(super) fn moment(&self) -> String {
        self.at.naive_local().format("%Y-%m-%dT%H:%M:%S%.3f").to_string()
    }

    /// The day as it is stored.
    pub(super) fn day(&self) -> String {
        self.at.date_naive().to_string()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    Postgres,
}

/// An open ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: AnyPool,
    engine: Engine,
    place: String,
}

/// A transaction; what was not committed is undone.
type Tx = Transaction<'static, Any>;

impl Ledger {
    /// Opens a ledger, making or renewing its tables: `postgres://…`, or the path of a SQLite file.
    ///
    /// # Errors
    /// When it cannot be reached, or a newer build wrote it.
    pub async fn open(place: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let engine = match is_server(place) {
            true => Engine::Postgres,
            false => Engine::Sqlite,
        };
        if let Some(scheme) = unknown_scheme(place) {
            return Err(LedgerError::input(format!(
                "a ledger is not kept in {scheme}://; give postgres://USER@HOST/DATABASE, or the path of a file"
            )));
        }
        let shown = without_password(place);
        let url = match engine {
            Engine::Postgres => place.to_owned(),
            Engine::Sqlite => sqlite_url(place),
        };
        let failed = |source| LedgerError::Open { place: shown.clone(), source };
        // A statement of many rows would be told whole when it takes long.
        let options = AnyConnectOptions::from_str(&url).map_err(failed)?.disable_statement_logging();
        // A pool tries again and again until its time is up, whatever is wrong.
        tokio::time::timeout(REACHED_WITHIN, try_out(&options))
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(failed)?;
        let pool = AnyPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_millis(WAIT_MS))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if engine == Engine::Sqlite {
                        // Readers go on while one writes, and writers wait for each other.
                        sqlx::query("PRAGMA busy_timeout = 120000").execute(&mut *connection).await?;
                        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(failed)?;
        let ledger = Self { pool, engine, place: shown };
        ledger.migrate().await?;
        Ok(ledger)
    }

    /// Whether a ledger may be at a place: a file is there, or a server is named.
    #[must_use]
    pub fn is_there(place: &str) -> bool {
        // Of a scheme nobody knows, opening says what is wrong.
        is_server(place) || unknown_scheme(place).is_some() || Path::new(sqlite_path(place)).exists()
    }

    /// Ends all connections. A SQLite ledger is then one file again, which may be copied: until then what was written last may
    /// lie beside it (`-wal`).
    pub async fn close(self) {
        self.pool.close().await;
        if self.engine == Engine::Sqlite
            && let Err(error) = fold(&self.place).await
        {
            tracing::debug!(%error, "the ledger's log stays beside it");
        }
    }

    /// Where it is, without a password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    async fn migrate(&self) -> Result<()> {
        let known = MIGRATIONS.iter().map(|(version, name, sql)| {
            Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
        });
        let migrator = Migrator::with_migrations(known.collect());
        let mut tries = 0;
        loop {
            // SQLite has no lock around migrations: of two that make a new ledger, one finds the tables there.
            match migrator.run(&self.pool).await {
                Ok(()) => return Ok(()),
                Err(_) if self.engine == Engine::Sqlite && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(source) => return Err(LedgerError::Migrate { place: self.place.clone(), source }),
            }
        }
    }

    /// A transaction that only reads: it waits for nobody, and nobody for it.
    async fn look(&self) -> Result<Tx> {
        self.pool.begin().await.map_err(LedgerError::on("begin to read"))
    }

    /// A transaction that may write.
    async fn begin(&self) -> Result<Tx> {
        let begun = match self.engine {
            // Otherwise two that read first and write later would refuse each other.
            Engine::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Engine::Postgres => self.pool.begin().await,
        };
        begun.map_err(LedgerError::on("begin"))
    }

    /// A transaction that waits for all others of its kind: what counts, numbers or plans over all tasks.
    async fn begin_in_turn(&self) -> Result<Tx> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE turn SET taken = taken + 1 WHERE one = 1")
            .execute(&mut *tx)
            .await
            .map_err(LedgerError::on("take turns"))?;
        Ok(tx)
    }
}

/// Does something whole, and again where another transaction stood in its way.
async fn patiently<T>(work: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        match work().await {
            Err(error) if error.is_passing() && tries + 1 < TRIES => tries += 1,
            done => return done,
        }
        tokio::time::sleep(Duration::from_millis(20 << tries.min(6))).await;
    }
}

async fn commit(tx: Tx) -> Result<()> {
    tx.commit().await.map_err(LedgerError::on("commit"))
}

/// Connects once, and reads.
async fn try_out(options: &AnyConnectOptions) -> std::result::Result<(), sqlx::Error> {
    let mut connection = sqlx::AnyConnection::connect_with(options).await?;
    let sql = match connection.backend_name() {
        // What is no database shows only when it is read.
        "SQLite" => "SELECT count(*) FROM sqlite_master",
        _ => "SELECT 1",
    };
    sqlx::query(sql).fetch_one(&mut connection).await?;
    connection.close().await
}

/// The scheme of a place, where no ledger is kept in such.
fn unknown_scheme(place: &str) -> Option<&str> {
    let scheme = place.split_once("://")?.0;
    (!["postgres", "postgresql", "sqlite"].contains(&scheme)).then_some(scheme)
}

fn is_server(place: &str) -> bool {
    place.starts_with("postgres:") || place.starts_with("postgresql:")
}

fn sqlite_path(place: &str) -> &str {
    place.strip_prefix("sqlite://").or_else(|| place.strip_prefix("sqlite:")).unwrap_or(place)
}

/// Brings what was written last from the log into the file. A pool may give a connection up rather than close it, so that closing
/// alone leaves the log in one run of many. Where others are at work, whoever ends last does it.
async fn fold(place: &str) -> std::result::Result<(), sqlx::Error> {
    let mut connection = sqlx::AnyConnection::connect(&sqlite_url(place)).await?;
    for sql in ["PRAGMA busy_timeout = 500", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        sqlx::query(sql).execute(&mut connection).await?;
    }
    connection.close().await
}

fn sqlite_url(place: &str) -> String {
    let path = sqlite_path(place);
    let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}?mode=rwc")
}

/// A URL without its password, to be shown.
fn without_password(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else { return place.to_owned() };
    match rest.split_once('@') {
        Some((who, host)) if who.contains(':') => {
            let user = who.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
        _ => place.to_owned(),
    }
}

#[cfg(test)]
mod place_tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("postgres://zhang:s3cret@db/tax"), "postgres://zhang@db/tax");
        assert_eq!(without_password("postgres://zhang@db/tax"), "postgres://zhang@db/tax");
        assert_eq!(without_password("/data/ledger.db"), "/data/ledger.db");
    }

    #[test]
    fn a_path_may_hold_any_character() {
        assert_eq!(sqlite_url("/a b/100%?.db"), "sqlite:///a b/100%25%3F.db?mode=rwc");
    }
}
