/** The tables, as steps forwards and back. A step is never changed once it was released: another one is added. */

export interface Migration {
  /** In a word or two, for people. */
  readonly what: string
  readonly forwards: string
  /** Undoes it. What the version before can't hold goes. */
  readonly back: string
}

/** Names of VMs are numbers elsewhere; vectors and senders are numbered within their VM, whose row is locked while it is written. `COLLATE "C"`:
 *  order and equality by bytes, on every server the same. Rows that change with each vector leave room on their page, so that no index has to
 *  follow (heap-only tuples). */
const AGENTS: Migration = {
  what: 'identities, vectors, tokens, refusals, phase models',
  forwards: `
    CREATE TABLE commits (
      mark text COLLATE "C" PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE vms (
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, vm text COLLATE "C" NOT NULL UNIQUE);
    CREATE TABLE identities (
      vm_id integer PRIMARY KEY REFERENCES vms, joined_at float8 NOT NULL, heard_at float8, certificate_ends_at float8,
      via text NOT NULL DEFAULT 'https', via_host text, is_banned boolean NOT NULL DEFAULT false, quarantined_at float8, quarantine text,
      is_released boolean NOT NULL DEFAULT false, is_clock_off boolean NOT NULL DEFAULT false, kept integer NOT NULL DEFAULT 0,
      kept_apart integer NOT NULL DEFAULT 0, counts jsonb NOT NULL DEFAULT '{}', last_id integer NOT NULL DEFAULT 0,
      last_sender integer NOT NULL DEFAULT 0, newest_id integer, newest_at float8, newest_hour integer, tended_to float8 NOT NULL DEFAULT 0,
      packed_to float8 NOT NULL DEFAULT 0)
      WITH (fillfactor = 50);
    CREATE TABLE senders (
      vm_id integer NOT NULL REFERENCES identities, number integer NOT NULL, sender text COLLATE "C" NOT NULL, place integer,
      sequence bigint NOT NULL, highest bigint NOT NULL, since_id integer NOT NULL, PRIMARY KEY (vm_id, number), UNIQUE (vm_id, sender))
      WITH (fillfactor = 50);
    CREATE TABLE vectors (
      vm_id integer NOT NULL, id integer NOT NULL, sender integer NOT NULL, sequence bigint NOT NULL, arrived_at float8 NOT NULL,
      is_clock_off boolean NOT NULL, is_hourly boolean NOT NULL, is_apart boolean NOT NULL DEFAULT false,
      is_stale boolean NOT NULL DEFAULT false, body bytea NOT NULL, PRIMARY KEY (vm_id, id));
    ALTER TABLE vectors ALTER COLUMN body SET STORAGE PLAIN;
    CREATE TABLE vector_days (
      vm_id integer NOT NULL, day integer NOT NULL, body bytea NOT NULL, PRIMARY KEY (vm_id, day));
    ALTER TABLE vector_days ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE INDEX vector_days_by_day ON vector_days (day);
    CREATE FUNCTION ethos_added(known jsonb, added jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
      SELECT coalesce(jsonb_object_agg(word, number), '{}') FROM (
        SELECT word, sum(told::float8) AS number FROM (
          SELECT * FROM jsonb_each_text(known) UNION ALL SELECT * FROM jsonb_each_text(added)) AS both_of_them (word, told)
        GROUP BY word) AS sums $$;
    CREATE TABLE join_tokens (
      id text COLLATE "C" PRIMARY KEY, secret_digest text NOT NULL, vm text COLLATE "C", host text COLLATE "C", expires_at float8 NOT NULL,
      used_at float8);
    CREATE TABLE audit (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at float8 NOT NULL, what text NOT NULL, about text, whence text NOT NULL,
      reason text NOT NULL);
    CREATE TABLE phases (
      version integer PRIMARY KEY, model text NOT NULL, digest text NOT NULL, installed_at float8 NOT NULL,
      is_current boolean NOT NULL DEFAULT false);`,
  back: 'DROP TABLE phases, audit, join_tokens, vector_days, vectors, senders, identities, vms, commits; DROP FUNCTION ethos_added;',
}

const SITE: Migration = {
  what: 'API tokens, usage, hosts, journal, settings, leases',
  forwards: `
    CREATE TABLE api_tokens (
      id text COLLATE "C" PRIMARY KEY, secret_digest text NOT NULL, role text NOT NULL, name text NOT NULL, created_at float8 NOT NULL,
      expires_at float8, revoked_at float8, used_at float8);
    CREATE TABLE usage_slots (
      vm_id integer NOT NULL, slot integer NOT NULL, is_host boolean NOT NULL, told_ms integer NOT NULL, body bytea NOT NULL,
      PRIMARY KEY (vm_id, slot));
    ALTER TABLE usage_slots ALTER COLUMN body SET STORAGE PLAIN;
    CREATE INDEX usage_slots_by_slot ON usage_slots (slot);
    CREATE TABLE usage_days (
      vm_id integer NOT NULL, day integer NOT NULL, body bytea NOT NULL, PRIMARY KEY (vm_id, day));
    ALTER TABLE usage_days ALTER COLUMN body SET STORAGE EXTERNAL;
    CREATE INDEX usage_days_by_day ON usage_days (day);
    CREATE TABLE hosts (
      host text COLLATE "C" PRIMARY KEY, measurement text, measured_at float8, corrections text, changed_at float8 NOT NULL);
    CREATE TABLE measurements (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, host text COLLATE "C" NOT NULL, at float8 NOT NULL, measurement text NOT NULL);
    CREATE INDEX measurements_by_host ON measurements (host, id);
    CREATE TABLE reports (
      host text COLLATE "C" PRIMARY KEY, window_end float8 NOT NULL, window_ms float8 NOT NULL, report text NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE journal (
      number bigint PRIMARY KEY, at float8 NOT NULL, line text NOT NULL, digest bytea NOT NULL);
    CREATE INDEX journal_by_at ON journal (at);
    CREATE TABLE journal_ends (
      is_head boolean PRIMARY KEY, number bigint NOT NULL, digest bytea NOT NULL) WITH (fillfactor = 20);
    INSERT INTO journal_ends VALUES (true, 0, decode(repeat('00', 32), 'hex')), (false, 0, decode(repeat('00', 32), 'hex'));
    CREATE TABLE settings (
      name text COLLATE "C" NOT NULL, version integer NOT NULL, text text NOT NULL, who text NOT NULL, at float8 NOT NULL,
      PRIMARY KEY (name, version));
    CREATE SEQUENCE lease_tokens;
    CREATE TABLE leases (
      name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, token bigint NOT NULL UNIQUE, ends_at float8 NOT NULL);`,
  back: `
    DROP TABLE leases, settings, journal_ends, journal, reports, measurements, hosts, usage_days, usage_slots, api_tokens;
    DROP SEQUENCE lease_tokens;`,
}

/** In order: the first makes version 1. */
export const MIGRATIONS: readonly Migration[] = [AGENTS, SITE]
