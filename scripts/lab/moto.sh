# shellcheck shell=bash
# Amazon EC2 as moto imitates it, for the tests of its driver: a Python environment of its own, and a server on loopback.
# It keeps everything in memory, so stopping it empties it.

MOTO_PORT=55430
MOTO_VERSION=5.2.5
MOTO_DIR=$STATE_DIR/moto
MOTO_LOG=$LOG_DIR/moto.log
MOTO_PID=$STATE_DIR/moto.pid
# Images under the names and the owners that Debian's and Canonical's have at Amazon; moto's own list has none of today's.
MOTO_AMIS=$LAB_DIR/lab/moto-amis.json

moto_env() { echo "export ARCUS_TEST_MOTO=http://127.0.0.1:$MOTO_PORT"; }

moto_installed() { [[ $(cat "$MOTO_DIR/arcus-version" 2>/dev/null) == "$MOTO_VERSION" ]]; }
moto_answers() { curl -fsS --max-time 2 "http://127.0.0.1:$MOTO_PORT/moto-api/" >/dev/null 2>&1; }
moto_runs() {
  local pid
  pid=$(cat "$MOTO_PID" 2>/dev/null) && [[ $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) == *"$MOTO_DIR"/bin/moto_server* ]]
}

moto_up() {
  if moto_runs && moto_answers; then return 0; fi
  moto_installed || moto_install
  moto_runs || moto_start
  wait_for 30 "moto" moto_answers || die "moto doesn't start; see $MOTO_LOG"
  say "moto is up on 127.0.0.1:$MOTO_PORT; tests find it after: eval \"\$(scripts/lab.sh env)\""
}

moto_install() {
  apt_install python3 python3-venv curl
  say "installing moto $MOTO_VERSION"
  rm -rf "$MOTO_DIR"
  {
    python3 -m venv "$MOTO_DIR" && "$MOTO_DIR/bin/pip" install --quiet "moto[ec2,server]==$MOTO_VERSION"
  } >>"$MOTO_LOG" 2>&1 9>&- || die "moto can't be installed; see $MOTO_LOG"
  echo "$MOTO_VERSION" >"$MOTO_DIR/arcus-version"
}

moto_start() {
  ! (: </dev/tcp/127.0.0.1/$MOTO_PORT) 2>/dev/null ||
    die "something else listens on 127.0.0.1:$MOTO_PORT; stop it, then try again"
  MOTO_AMIS_PATH=$MOTO_AMIS setsid "$MOTO_DIR/bin/moto_server" -H 127.0.0.1 -p "$MOTO_PORT" \
    >>"$MOTO_LOG" 2>&1 </dev/null 9>&- &
  echo $! >"$MOTO_PID"
}

moto_status() {
  if ! moto_installed; then
    echo "not installed: scripts/lab.sh up moto"
  elif ! moto_answers; then
    echo "nothing answers on 127.0.0.1:$MOTO_PORT: scripts/lab.sh up moto, or look into $MOTO_LOG"
  else
    echo "127.0.0.1:$MOTO_PORT, version $MOTO_VERSION"
    return 0
  fi
  return 1
}

moto_down() {
  if moto_runs; then kill "$(cat "$MOTO_PID")"; fi
  rm -f "$MOTO_PID"
  say "moto is stopped, and what was in it is gone"
}
