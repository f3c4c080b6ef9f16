//! A change of the master key. A new last line of the file seals from then on; here everything that older lines sealed is sealed
//! anew, a hundred values at a time. Whatever stops it, what is left is left as it was: it is run again.

use super::Vault;
use crate::base::{Fault, Timestamp, base64url, same};
use crate::store::Db;
use crate::store::sealed::{self, Column, Sealed};

/// How many values are sealed anew in one transaction.
const AT_ONCE: i64 = 100;

/// What was done with the values of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    pub table: &'static str,
    /// Sealed anew.
    pub moved: u64,
    /// Sealed under the newest key before.
    pub stood: u64,
}

/// Sees that the first line of the file is the one that this database was made with. Codes, tokens and mail hang on keys that are
/// derived from it, so another one would make all of them worth nothing, without a word.
///
/// # Errors
/// It is another one, or storage failed. Nothing is changed then.
pub async fn check_first(db: &Db, vault: &Vault, now: Timestamp) -> Result<(), Fault> {
    let print = base64url(&vault.mac_key("master-key-print")?.tag(b"vouchsafe"));
    let kept = match sealed::print(&mut db.conn()).await? {
        Some(kept) => kept,
        None => {
            let fresh = print.clone();
            db.write(async move |tx| sealed::keep_print(tx, &fresh, now).await).await?;
            sealed::print(&mut db.conn()).await?.unwrap_or_default()
        }
    };
    if same(kept.as_bytes(), print.as_bytes()) {
        return Ok(());
    }
    let why = "the first line of master_key_file is not the key that this database was made with; put that line first again, and \
               add new keys below it";
    Err(Fault::new("keys: master_key_file", why))
}

/// Seals everything anew that is not sealed under the newest key.
///
/// # Errors
/// A value does not open, or storage failed; what was done before stays done.
pub async fn rekey(db: &Db, vault: &Vault) -> Result<Vec<Rekeyed>, Fault> {
    let mut all = Vec::new();
    for column in Column::ALL {
        all.push(of_column(db, vault, column).await?);
    }
    Ok(all)
}

async fn of_column(db: &Db, vault: &Vault, column: Column) -> Result<Rekeyed, Fault> {
    let table = column.table();
    let (mut moved, mut stood, mut after) = (0, 0, String::new());
    loop {
        let rows = sealed::list(&mut db.conn(), column, &after, AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(Rekeyed { table, moved, stood }) };
        after.clone_from(&last.key);
        let mut changes = Vec::new();
        for Sealed { key, place, value } in rows {
            if vault.is_newest(&value) {
                stood += 1;
                continue;
            }
            let plain = vault.open(table, column.name(), &place, &value)?;
            let new = vault.seal(table, column.name(), &place, &plain)?;
            changes.push((key, value, new));
        }
        moved += db
            .write(async move |tx| {
                let mut done = 0;
                for (key, old, new) in &changes {
                    done += u64::from(sealed::replace(tx, column, key, (old, new)).await?);
                }
                Ok(done)
            })
            .await?;
    }
}

/// Opens everything that is sealed, and changes nothing. Says how much there is.
///
/// # Errors
/// A value does not open, which the words name; or storage failed.
pub async fn try_all(db: &Db, vault: &Vault) -> Result<u64, Fault> {
    let mut count = 0;
    for column in Column::ALL {
        let mut after = String::new();
        loop {
            let rows = sealed::list(&mut db.conn(), column, &after, AT_ONCE).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.key);
            for Sealed { key, place, value } in &rows {
                vault.open(column.table(), column.name(), place, value).map_err(|fault| {
                    Fault::new("keys: sealed", format!("{}.{} of {key}: {fault}", column.table(), column.name()))
                })?;
                count += 1;
            }
        }
    }
    Ok(count)
}
