import { ROW_OCTETS_SQL } from "../dmarc-queries.ts";

/** Rows in as arrays, one statement per table and batch. Each is sorted by its key: two writers cannot deadlock. */
export const insertMessages = `
  INSERT INTO messages AS m
  SELECT id, received_at, return_path, recipients, size, client, set_flags
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::int[])
    AS new (id, received_at, return_path, recipients, size, client, set_flags)
  ORDER BY id COLLATE "C"
  ON CONFLICT (id) DO UPDATE SET
    received_at = coalesce(excluded.received_at, m.received_at),
    return_path = coalesce(excluded.return_path, m.return_path),
    recipients = coalesce(excluded.recipients, m.recipients),
    size = coalesce(excluded.size, m.size),
    client = coalesce(excluded.client, m.client),
    flags = excluded.flags | m.flags`;

/** Flags are cleared first, in a statement of its own: `ON CONFLICT` sees only columns of the table. */
export const clearFlags = `
  UPDATE messages SET flags = flags & ~cleared.mask
  FROM (SELECT * FROM unnest($1::text[], $2::int[]) AS c (id, mask) ORDER BY id COLLATE "C") AS cleared
  WHERE messages.id = cleared.id AND messages.flags & cleared.mask <> 0`;

/** Only events that were not there are counted. */
export const insertEvents = `
  WITH added AS (
    INSERT INTO events
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
      AS new (message_id, id, seq, at, name, body)
    ORDER BY message_id COLLATE "C", id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING at, name
  )
  INSERT INTO minutes AS m
  SELECT at / 60000 AS minute,
    count(*) FILTER (WHERE name = 'msg:received'), count(*) FILTER (WHERE name = 'msg:delivery'),
    count(*) FILTER (WHERE name = 'msg:defer'), count(*) FILTER (WHERE name = 'msg:fail:delivery'), 0
  FROM added GROUP BY 1 ORDER BY 1
  ON CONFLICT (minute) DO UPDATE SET
    received = m.received + excluded.received, delivered = m.delivered + excluded.delivered,
    deferred = m.deferred + excluded.deferred, failed = m.failed + excluded.failed`;

export const insertRejects = `
  WITH added AS (
    INSERT INTO rejects
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) AS new (at, id, body)
    ORDER BY at, id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING at
  )
  INSERT INTO minutes AS m
  SELECT at / 60000 AS minute, 0, 0, 0, 0, count(*) FROM added GROUP BY 1 ORDER BY 1
  ON CONFLICT (minute) DO UPDATE SET rejected = m.rejected + excluded.rejected`;

export const openReader = `
  INSERT INTO readers AS r VALUES ($1, 1, 0, NULL, NULL)
  ON CONFLICT (name) DO UPDATE SET generation = r.generation + 1
  RETURNING generation, seq, position, note`;

export const moveReader = `
  UPDATE readers SET position = coalesce($3, position), note = $4, seq = $5
  WHERE name = $1 AND generation = $2`;

export const insertDmarc = `
  WITH added AS (
    INSERT INTO dmarc_results
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[]) AS new (day, domain, id, at, body)
    ORDER BY day, domain COLLATE "C", id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING day, domain, ${ROW_OCTETS_SQL} AS octets
  )
  INSERT INTO dmarc_counts AS c
  SELECT day, domain, count(*), sum(octets), 0 FROM added GROUP BY day, domain ORDER BY day, domain
  ON CONFLICT (day, domain) DO UPDATE SET
    messages = c.messages + excluded.messages, octets = c.octets + excluded.octets`;
