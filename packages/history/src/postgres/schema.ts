/**
 * The tables of SQLite in PostgreSQL's words; one element per version, never changed once released.
 *
 * Ids are compared octet by octet (`COLLATE "C"`): that is the order of time.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE messages (
     id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
     received_at BIGINT,
     return_path TEXT,
     recipients TEXT,
     size BIGINT,
     client TEXT,
     flags INTEGER NOT NULL
   );
   CREATE TABLE events (
     message_id TEXT COLLATE "C" NOT NULL,
     id TEXT COLLATE "C" NOT NULL,
     seq BIGINT NOT NULL,
     at BIGINT NOT NULL,
     name TEXT NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (message_id, id)
   );
   CREATE TABLE rejects (
     at BIGINT NOT NULL,
     id TEXT COLLATE "C" NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (at, id)
   );
   CREATE TABLE minutes (
     minute BIGINT NOT NULL PRIMARY KEY,
     received BIGINT NOT NULL,
     delivered BIGINT NOT NULL,
     deferred BIGINT NOT NULL,
     failed BIGINT NOT NULL,
     rejected BIGINT NOT NULL
   );
   CREATE TABLE readers (
     name TEXT NOT NULL PRIMARY KEY,
     generation BIGINT NOT NULL,
     seq BIGINT NOT NULL,
     position TEXT,
     note TEXT
   )`,
  `CREATE TABLE dmarc_results (
     day BIGINT NOT NULL,
     domain TEXT COLLATE "C" NOT NULL,
     id TEXT COLLATE "C" NOT NULL,
     at BIGINT NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (day, domain, id)
   );
   CREATE TABLE dmarc_reports (
     day BIGINT NOT NULL,
     domain TEXT COLLATE "C" NOT NULL,
     owner TEXT NOT NULL,
     until BIGINT NOT NULL,
     attempts INTEGER NOT NULL,
     is_done INTEGER NOT NULL,
     PRIMARY KEY (day, domain)
   )`,
  `CREATE TABLE dmarc_counts (
     day BIGINT NOT NULL,
     domain TEXT COLLATE "C" NOT NULL,
     messages BIGINT NOT NULL,
     octets BIGINT NOT NULL,
     dropped BIGINT NOT NULL,
     PRIMARY KEY (day, domain)
   );
   INSERT INTO dmarc_counts
   SELECT day, domain, count(*), sum(length(body) + length(domain) + 100), 0 FROM dmarc_results GROUP BY day, domain`,
];
