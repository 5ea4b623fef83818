/** What is asked of PostgreSQL. Every statement carries a mark, so that it can leave itself out of what it counts. */

const MARK = '/* ethos-agent */'

/** The extension's view, its columns, whether there is `active_time` (PostgreSQL 14), whether we may read what others do, and the view that
 *  tells of forgotten statements (version 1.9 of the extension, PostgreSQL 14). */
export const FEATURES = `SELECT ${MARK}
  (SELECT format('%I.pg_stat_statements', n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
   WHERE e.extname = 'pg_stat_statements'),
  (SELECT string_agg(a.attname, ',') FROM pg_extension e JOIN pg_class c ON c.relnamespace = e.extnamespace
   JOIN pg_attribute a ON a.attrelid = c.oid
   WHERE e.extname = 'pg_stat_statements' AND c.relname = 'pg_stat_statements' AND a.attnum > 0),
  EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pg_catalog.pg_stat_database'::regclass AND attname = 'active_time'),
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
  (SELECT format('%I.pg_stat_statements_info', n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
   JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'pg_stat_statements_info' WHERE e.extname = 'pg_stat_statements')`

/** Transactions, cache, rows, deadlocks and time at work, over all databases, and for how many seconds the server has been up. */
export function databases(hasActiveTime: boolean): string {
  return `SELECT ${MARK} sum(xact_commit + xact_rollback), sum(blks_hit), sum(blks_read), sum(tup_fetched),
  sum(tup_inserted + tup_updated + tup_deleted), sum(deadlocks), ${hasActiveTime ? 'sum(active_time)' : 'NULL'},
  extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())
  FROM pg_stat_database;`
}

/** Sessions of clients other than ours: all, at work, and waiting for a lock. */
export const SESSIONS = `SELECT ${MARK} count(*), count(*) FILTER (WHERE state = 'active'),
  count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock')
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();`

/** Blanks, brackets and comments before the first word of a statement. */
const FIRST_WORD = String.raw`'^(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*([a-zA-Z]+)'`
const WRITING_WITH = String.raw`'\m(insert\s+into|update|delete\s+from|merge\s+into)\M'`
/** A statement's beginning is enough to tell its kind, and reading all of a long one costs. */
const TEXT_LENGTH = 2000

/** Calls, time in ms, and calls that only read, of statements that read or write data. Transaction control, settings and the like are no
 *  requests. Then how often statements were forgotten for want of room, and when all were set to none (seconds since 1970), where that is
 *  told. The time is `total_time` up to version 1.7 of the extension (PostgreSQL 12); `toplevel` came with 1.9 (PostgreSQL 14). Undefined
 *  where the view has no time at all. */
export function classifiedStatements({
  statements,
  statementColumns,
  info,
}: {
  readonly statements?: string
  readonly statementColumns: readonly string[]
  readonly info?: string
}): string | undefined {
  const time = ['total_exec_time', 'total_time'].find((name) => statementColumns.includes(name))
  if (statements === undefined || time === undefined) return undefined
  const top = statementColumns.includes('toplevel') ? 'AND toplevel' : ''
  return `SELECT ${MARK} coalesce(sum(calls), 0), coalesce(sum(ms), 0), coalesce(sum(calls) FILTER (WHERE kind = 'read'), 0),
  ${info === undefined ? 'NULL, NULL' : `(SELECT dealloc FROM ${info}), (SELECT extract(epoch FROM stats_reset) FROM ${info})`}
  FROM (SELECT calls, ms, CASE
    WHEN word IN ('select', 'table', 'values', 'fetch') THEN 'read'
    WHEN word IN ('insert', 'update', 'delete', 'merge') THEN 'write'
    WHEN word = 'with' THEN CASE WHEN text ~* ${WRITING_WITH} THEN 'write' ELSE 'read' END
    WHEN word = 'copy' THEN CASE WHEN text ~* '\\mfrom\\s+(stdin|program|'')' THEN 'write' ELSE 'read' END
    END AS kind
    FROM (SELECT calls, ${time} AS ms, left(query, ${TEXT_LENGTH}) AS text,
      lower(substring(left(query, ${TEXT_LENGTH}) FROM ${FIRST_WORD})) AS word
      FROM ${statements} WHERE query NOT LIKE '%${MARK}%' ${top}) AS statement) AS kinds
  WHERE kind IS NOT NULL;`
}
