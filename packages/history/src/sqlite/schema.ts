/**
 * One element per version of the tables; an element is never changed once released.
 *
 * Cost decides the shape: a message with its three events is four inserts at the right-hand end of two trees. There
 * is no index on addresses: it would cost every message, and a scan costs only those who ask (`SCAN_LIMIT`).
 */
export const migrations: readonly string[] = [
  `CREATE TABLE messages (
     id TEXT NOT NULL PRIMARY KEY,
     received_at INTEGER,
     return_path TEXT,
     recipients TEXT,
     size INTEGER,
     client TEXT,
     flags INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE events (
     message_id TEXT NOT NULL,
     id TEXT NOT NULL,
     seq INTEGER NOT NULL,
     at INTEGER NOT NULL,
     name TEXT NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (message_id, id)
   ) WITHOUT ROWID;
   CREATE TABLE rejects (
     at INTEGER NOT NULL,
     id TEXT NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (at, id)
   ) WITHOUT ROWID;
   CREATE TABLE minutes (
     minute INTEGER NOT NULL PRIMARY KEY,
     received INTEGER NOT NULL,
     delivered INTEGER NOT NULL,
     deferred INTEGER NOT NULL,
     failed INTEGER NOT NULL,
     rejected INTEGER NOT NULL
   );
   CREATE TABLE readers (
     name TEXT NOT NULL PRIMARY KEY,
     generation INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     position TEXT,
     note TEXT
   ) WITHOUT ROWID;`,
  `CREATE TABLE dmarc_results (
     day INTEGER NOT NULL,
     domain TEXT NOT NULL,
     id TEXT NOT NULL,
     at INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (day, domain, id)
   ) WITHOUT ROWID;
   CREATE TABLE dmarc_reports (
     day INTEGER NOT NULL,
     domain TEXT NOT NULL,
     owner TEXT NOT NULL,
     until INTEGER NOT NULL,
     attempts INTEGER NOT NULL,
     is_done INTEGER NOT NULL,
     PRIMARY KEY (day, domain)
   ) WITHOUT ROWID;`,
  `CREATE TABLE dmarc_counts (
     day INTEGER NOT NULL,
     domain TEXT NOT NULL,
     messages INTEGER NOT NULL,
     octets INTEGER NOT NULL,
     dropped INTEGER NOT NULL,
     PRIMARY KEY (day, domain)
   ) WITHOUT ROWID;
   INSERT INTO dmarc_counts
   SELECT day, domain, count(*), sum(length(body) + length(domain) + 100), 0 FROM dmarc_results GROUP BY day, domain`,
];
