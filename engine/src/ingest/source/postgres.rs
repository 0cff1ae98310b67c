//! The result of a query on a PostgreSQL server, streamed as CSV text into the text reader.
//!
//! The server writes the text (`COPY (query) TO STDOUT`), a bounded channel carries it, so memory stays flat however
//! long the result is. The session reads only. Null and empty text both arrive as an empty field, which everywhere in
//! Assay means unknown. Instants with a zone become local time of Asia/Shanghai. The password is used to connect and
//! stands in no message, label or table.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Executor, SqlSafeStr, Statement, TypeInfo};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::{EngineError, Result};

/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Text is handed over in pieces of about this size.
const PIECE: usize = 64 << 10;
/// Pieces on their way.
const PIECES: usize = 8;

/// A query and where it is asked.
#[derive(Clone)]
pub struct Query {
    options: PgConnectOptions,
    sql: String,
    server: String,
    label: String,
    runtime: Handle,
    outcome: Arc<OnceLock<Streamed>>,
}

/// What a query gave.
#[derive(Debug, Clone)]
pub struct Streamed {
    /// Bytes of CSV text.
    pub bytes: u64,
    /// BLAKE3 of the text, hexadecimal.
    pub hash: String,
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the options: they hold the password.
        write!(f, "Query({})", self.label)
    }
}

impl Query {
    /// The query `sql` on the server at `url` (`postgres://user@host:port/database`). Nothing is connected yet. Must be
    /// called inside a runtime, which will carry the connection.
    ///
    /// # Errors
    /// When the address is none, or there is no query.
    pub fn new(url: &str, sql: &str) -> Result<Self> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme).unwrap_or_default();
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(EngineError::input(
                "--from takes the address of a PostgreSQL server, postgres://USER@HOST:PORT/DATABASE; from another \
                 database export files (CSV, Parquet) and load those",
            ));
        }
        // The library's message may repeat the address, and with it the password.
        let options = PgConnectOptions::from_str(url).map_err(|_| {
            EngineError::input(
                "--from is no valid address; it is written postgres://USER@HOST:PORT/DATABASE, special characters \
                 as %XX; the password is better given in PGPASSWORD",
            )
        })?;
        let sql = sql.trim().trim_end_matches(';').trim_end().to_owned();
        if sql.is_empty() {
            return Err(EngineError::input(
                "no query; say what to load with --query \"select … from …\" or --query-file FILE",
            ));
        }
        let host = match options.get_socket() {
            Some(path) => path.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let server = format!("postgres://{host}:{}/{database}", options.get_port());
        let label = format!("{server}?query={}", &blake3::hash(sql.as_bytes()).to_hex()[..16]);
        let outcome = Arc::new(OnceLock::new());
        Ok(Self { options, sql, server, label, runtime: Handle::current(), outcome })
    }

    /// Server, database and a hash of the query: what stands in `_file`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What the query gave, once it has been read to its end.
    pub fn streamed(&self) -> Option<Streamed> {
        self.outcome.get().cloned()
    }

    /// Asks the query; the text comes as it is read.
    pub(super) fn open(&self) -> QueryText {
        let (sender, receiver) = channel(PIECES);
        let query = self.clone();
        self.runtime.spawn(async move {
            let piece = match query.send(&sender).await {
                Ok(()) => Piece::End,
                Err(message) => Piece::Failed(message),
            };
            // Nobody reads any more: the load failed elsewhere.
            let _ = sender.send(piece).await;
        });
        QueryText {
            receiver,
            piece: Bytes::new(),
            hasher: blake3::Hasher::new(),
            bytes: 0,
            outcome: Arc::clone(&self.outcome),
        }
    }

    async fn send(&self, sender: &Sender<Piece>) -> Result<(), String> {
        let mut connection = self.connect().await?;
        // Positions would be those in our statement, not in the query as written.
        let failed = |e: sqlx::Error| self.explain_query(&e, false);
        connection
            .execute("SET default_transaction_read_only = on; SET DateStyle = 'ISO, YMD'; SET TimeZone = 'Asia/Shanghai'")
            .await
            .map_err(failed)?;
        let statement = self.statement(&mut connection).await?;
        let mut rows = connection.copy_out_raw(&statement).await.map_err(failed)?;
        let mut piece = BytesMut::with_capacity(PIECE + PIECE / 4);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            piece.extend_from_slice(&row);
            if piece.len() >= PIECE {
                let full = std::mem::replace(&mut piece, BytesMut::with_capacity(PIECE + PIECE / 4));
                if sender.send(Piece::Text(full.freeze())).await.is_err() {
                    return Ok(());
                }
            }
        }
        let _ = sender.send(Piece::Text(piece.freeze())).await;
        Ok(())
    }

    async fn connect(&self) -> Result<PgConnection, String> {
        match tokio::time::timeout(PATIENCE, self.options.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.explain_connect(&error)),
            Err(_) => Err(format!(
                "{}: no answer within {} s; check host and port in --from, and that no firewall stands between",
                self.server,
                PATIENCE.as_secs()
            )),
        }
    }

    /// The `COPY` statement. Types whose text the readers would not take as it is are converted by the server.
    async fn statement(&self, connection: &mut PgConnection) -> Result<String, String> {
        let prepared = connection
            .prepare(AssertSqlSafe(self.sql.clone()).into_sql_str())
            .await
            .map_err(|e| self.explain_query(&e, true))?;
        let columns = prepared.columns();
        if columns.is_empty() {
            return Err(format!("{}: the query returns no columns; it must be a select", self.label));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|c| !seen.insert(c.name())) {
            return Err(format!(
                "{}: column {} stands twice in the query's result; give one of them another name with AS",
                self.label,
                twice.name()
            ));
        }
        let mut list = Vec::with_capacity(columns.len());
        let mut converted = false;
        for column in columns {
            let name = format!("\"{}\"", column.name().replace('"', "\"\""));
            list.push(match column.type_info().name() {
                "BOOL" => {
                    converted = true;
                    format!("{name}::text AS {name}")
                }
                "TIMESTAMPTZ" => {
                    converted = true;
                    format!("{name} AT TIME ZONE 'Asia/Shanghai' AS {name}")
                }
                _ => name,
            });
        }
        // Line breaks around the query: it may end in a comment.
        let query = if converted {
            format!("SELECT {} FROM (\n{}\n) AS asked", list.join(", "), self.sql)
        } else {
            self.sql.clone()
        };
        Ok(format!("COPY (\n{query}\n) TO STDOUT (FORMAT csv, HEADER)"))
    }

    fn explain_connect(&self, error: &sqlx::Error) -> String {
        let what = match error {
            sqlx::Error::Database(e) => match e.code().as_deref() {
                Some("28P01" | "28000") => format!(
                    "{}; give the right user in --from and the password in PGPASSWORD or ~/.pgpass",
                    e.message()
                ),
                Some("3D000") => format!("{}; correct the database in --from", e.message()),
                _ => format!("{}; ask whoever runs the server", e.message()),
            },
            sqlx::Error::Io(e) => format!(
                "cannot be reached ({e}); check that the server runs and takes connections from here, and host and port in --from"
            ),
            sqlx::Error::Tls(e) => format!(
                "no secure connection ({e}); see sslmode and sslrootcert in the address (?sslmode=verify-full&sslrootcert=FILE)"
            ),
            other => format!("cannot connect ({other}); check the address in --from"),
        };
        format!("{}: {what}", self.server)
    }

    fn explain_query(&self, error: &sqlx::Error, position: bool) -> String {
        let sqlx::Error::Database(e) = error else {
            return format!(
                "{}: the connection broke off ({error}); nothing was loaded, run the command again",
                self.label
            );
        };
        let mut what = e.message().to_owned();
        if let Some(server) = e.try_downcast_ref::<PgDatabaseError>() {
            if let Some(PgErrorPosition::Original(at)) = server.position().filter(|_| position) {
                what.push_str(&format!(" (at character {at})"));
            }
            if let Some(hint) = server.hint() {
                what.push_str(&format!(" ({hint})"));
            }
        }
        format!(
            "{}: the server refuses the query: {what}; nothing was loaded. Try the query in psql, it must be one select",
            self.label
        )
    }
}

/// What comes through the channel. Its end is said, so that a connection that vanishes is no end.
enum Piece {
    Text(Bytes),
    End,
    Failed(String),
}

/// The text of a running query.
pub(super) struct QueryText {
    receiver: Receiver<Piece>,
    piece: Bytes,
    hasher: blake3::Hasher,
    bytes: u64,
    outcome: Arc<OnceLock<Streamed>>,
}

impl Read for QueryText {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(Piece::Text(text)) => {
                    self.hasher.update(&text);
                    self.bytes += text.len() as u64;
                    self.piece = text;
                }
                Some(Piece::End) => {
                    let hash = self.hasher.finalize().to_hex().to_string();
                    let _ = self.outcome.set(Streamed { bytes: self.bytes, hash });
                    self.receiver.close();
                    return Ok(0);
                }
                Some(Piece::Failed(message)) => return Err(std::io::Error::other(message)),
                None if self.outcome.get().is_some() => return Ok(0),
                None => return Err(std::io::Error::other("the query was cut off; run the command again")),
            }
        }
        let n = self.piece.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.piece.split_to(n));
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn the_label_names_server_and_query_and_no_password() {
        let query =
            Query::new("postgres://reader:s3cret@db.example:6432/tax?sslmode=disable", " select 1 ;\n")
                .unwrap();
        assert!(query.label().starts_with("postgres://db.example:6432/tax?query="), "{}", query.label());
        assert_eq!(query.sql, "select 1");
        let shown = format!("{query:?} {}", query.explain_connect(&sqlx::Error::PoolClosed));
        assert!(!shown.contains("s3cret") && !shown.contains("reader"), "{shown}");
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused_without_repeating_it() {
        for url in ["mysql://u:s3cret@h/d", "postgres://u:s3cret@h:notaport/d", "u:s3cret@h"] {
            let refused = Query::new(url, "select 1").unwrap_err().to_string();
            assert!(refused.contains("postgres://USER@HOST") && !refused.contains("s3cret"), "{refused}");
        }
        assert!(Query::new("postgres://h/d", " ; ").unwrap_err().to_string().contains("--query"));
    }
}
