# shellcheck shell=bash
# Apache Libcloud, which a bench is held against: a Python environment of its own. Nothing runs.

LIBCLOUD_VERSION=3.9.1
LIBCLOUD_DIR=$STATE_DIR/libcloud
LIBCLOUD_LOG=$LOG_DIR/libcloud.log

libcloud_env() { echo "export ARCUS_BENCH_LIBCLOUD=$LIBCLOUD_DIR/bin/python"; }

libcloud_installed() { [[ $(cat "$LIBCLOUD_DIR/arcus-version" 2>/dev/null) == "$LIBCLOUD_VERSION" ]]; }

libcloud_up() {
  if libcloud_installed; then return 0; fi
  apt_install python3 python3-venv
  say "installing Apache Libcloud $LIBCLOUD_VERSION"
  rm -rf "$LIBCLOUD_DIR"
  {
    python3 -m venv "$LIBCLOUD_DIR" && "$LIBCLOUD_DIR/bin/pip" install --quiet "apache-libcloud==$LIBCLOUD_VERSION"
  } >>"$LIBCLOUD_LOG" 2>&1 9>&- || die "Apache Libcloud can't be installed; see $LIBCLOUD_LOG"
  echo "$LIBCLOUD_VERSION" >"$LIBCLOUD_DIR/arcus-version"
}

libcloud_status() {
  if libcloud_installed; then
    echo "version $LIBCLOUD_VERSION"
  else
    echo "not installed: scripts/lab.sh up libcloud; benches alone need it"
    return 1
  fi
}
