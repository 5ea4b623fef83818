#!/usr/bin/env bash
# Runs inside the new Debian root, once: a small database with pgbench's tables, open to the testbed's network, and a role for the agent that
# may read statistics and nothing else.
set -euo pipefail
cluster=(15 main)
conf=/etc/postgresql/15/main
cat >>"$conf/postgresql.conf" <<CONF
listen_addresses = '*'
shared_buffers = 48MB
shared_preload_libraries = 'pg_stat_statements'
max_connections = 40
jit = off
CONF
echo "host all all 10.0.0.0/8 trust" >>"$conf/pg_hba.conf"
rm -f /root/prepare-database.sh
pg_ctlcluster "${cluster[@]}" start -- -w
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as_postgres createdb bench
as_postgres psql -q -d bench -c 'CREATE EXTENSION pg_stat_statements' -c 'CREATE ROLE "ethos-agent" LOGIN' -c 'GRANT pg_monitor TO "ethos-agent"' \
  -c 'CREATE ROLE bench LOGIN' -c 'GRANT ALL ON SCHEMA public TO bench'
as_postgres psql -q -d postgres -c 'CREATE EXTENSION pg_stat_statements'
as_postgres /usr/lib/postgresql/15/bin/pgbench -q -i -s 3 -h /var/run/postgresql -U bench bench 2>/dev/null ||
  as_postgres /usr/lib/postgresql/15/bin/pgbench -q -i -s 3 bench
as_postgres psql -q -d bench -c 'GRANT ALL ON ALL TABLES IN SCHEMA public TO bench' -c 'CHECKPOINT'
pg_ctlcluster "${cluster[@]}" stop -m fast
