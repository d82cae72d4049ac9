# shellcheck shell=bash
# A private PostgreSQL for the tests, beside whatever the machine runs: own data, own port, loopback only.

POSTGRES_PORT=55432
POSTGRES_DATA=$STATE_DIR/postgres
POSTGRES_LOG=$LOG_DIR/postgres.log

# The role's password is no secret: the cluster holds test data and listens on loopback.
postgres_env() { echo "export ARCUS_TEST_POSTGRES_URL=postgres://arcus:arcus@127.0.0.1:$POSTGRES_PORT/arcus"; }

# The newest version the distribution installed.
postgres_bin() {
  local dir newest=
  for dir in /usr/lib/postgresql/*/bin; do [[ -x $dir/initdb ]] && newest=$dir; done
  [[ -n $newest ]] && echo "$newest"
}

# The process, by the file PostgreSQL writes as its first act; the port then proves that it listens. After a crash the
# pid may be another PostgreSQL's: ours works in its data folder.
postgres_runs() {
  local pid
  pid=$(head -n 1 "$POSTGRES_DATA/postmaster.pid" 2>/dev/null) && is_process "$pid" postgres &&
    [[ /proc/$pid/cwd -ef $POSTGRES_DATA ]]
}
postgres_listens() { (: </dev/tcp/127.0.0.1/$POSTGRES_PORT) 2>/dev/null; }

as_postgres() { runuser -u postgres -- env -C / "$@" 9>&-; }
postgres_sql() {
  as_postgres "$(postgres_bin)/psql" -XqAt -h "$POSTGRES_DATA" -p "$POSTGRES_PORT" -v ON_ERROR_STOP=1 "$@"
}

postgres_up() {
  if postgres_runs && postgres_listens && [[ -e $POSTGRES_DATA/arcus-ready ]]; then return 0; fi
  postgres_bin >/dev/null || postgres_install
  [[ -e $POSTGRES_DATA/PG_VERSION ]] || postgres_create
  postgres_runs || postgres_start
  postgres_role
  as_postgres touch "$POSTGRES_DATA/arcus-ready"
  say "PostgreSQL is up on 127.0.0.1:$POSTGRES_PORT; tests find it after: eval \"\$(scripts/lab.sh env)\""
}

# Debian's package would also make and start a cluster of its own on 5432, which nobody asked for.
postgres_install() {
  local no_cluster=/etc/postgresql-common/createcluster.d/arcus-lab.conf
  mkdir -p "$(dirname "$no_cluster")"
  echo 'create_main_cluster = false' >"$no_cluster"
  apt_install postgresql
  rm -f "$no_cluster"
}

postgres_create() {
  say "creating a database cluster in $POSTGRES_DATA"
  install -d -o postgres -g postgres -m 0700 "$POSTGRES_DATA"
  as_postgres "$(postgres_bin)/initdb" --pgdata="$POSTGRES_DATA" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=peer --auth-host=scram-sha-256 >>"$POSTGRES_LOG" 2>&1 || die "initdb failed; see $POSTGRES_LOG"
  # Many tests at once, each with its own database and pool. fsync stays on: what the tests prove is durability.
  as_postgres tee -a "$POSTGRES_DATA/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $POSTGRES_PORT
unix_socket_directories = '$POSTGRES_DATA'
max_connections = 400
CONF
}

postgres_start() {
  ! postgres_listens || die "something else listens on 127.0.0.1:$POSTGRES_PORT; stop it, then try again"
  local pid
  pid=$(head -n 1 "$POSTGRES_DATA/postmaster.pid" 2>/dev/null) || true
  # PostgreSQL clears what a crash left by itself, but not where the pid is another process's by now.
  if [[ -n $pid && -e /proc/$pid ]]; then rm -f "$POSTGRES_DATA"/{postmaster.pid,.s.PGSQL.*.lock}; fi
  touch "$POSTGRES_LOG" && chown postgres "$POSTGRES_LOG"
  as_postgres setsid "$(postgres_bin)/pg_ctl" start --wait --timeout=60 --silent --pgdata="$POSTGRES_DATA" \
    --log="$POSTGRES_LOG" >/dev/null 2>&1 </dev/null || die "PostgreSQL doesn't start; see $POSTGRES_LOG"
}

postgres_role() {
  [[ $(postgres_sql -d postgres -c "SELECT count(*) FROM pg_roles WHERE rolname = 'arcus'") == 1 ]] ||
    postgres_sql -d postgres -c "CREATE ROLE arcus LOGIN CREATEDB PASSWORD 'arcus'"
  [[ $(postgres_sql -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'arcus'") == 1 ]] ||
    postgres_sql -d postgres -c 'CREATE DATABASE arcus OWNER arcus'
}

postgres_status() {
  if ! postgres_bin >/dev/null; then
    echo "not installed: scripts/lab.sh up postgres"
  elif ! postgres_listens; then
    echo "nothing listens on 127.0.0.1:$POSTGRES_PORT: scripts/lab.sh up postgres, or look into $POSTGRES_LOG"
  else
    echo "127.0.0.1:$POSTGRES_PORT, data in $POSTGRES_DATA"
    return 0
  fi
  return 1
}

postgres_down() {
  if postgres_runs; then
    as_postgres "$(postgres_bin)/pg_ctl" stop --wait --mode=fast --silent --pgdata="$POSTGRES_DATA" ||
      die "PostgreSQL doesn't stop; see $POSTGRES_LOG"
  fi
  say "PostgreSQL is stopped; its data stays in $POSTGRES_DATA"
}
