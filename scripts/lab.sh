#!/usr/bin/env bash
# The lab: the real parts Arcus runs on (Incus, a Debian image, PostgreSQL, Prism, build tools), installed and started on a
# bare Debian 12, Debian 13 or Ubuntu 24.04. `make demo`, the tests and CI all use this one script.
# Every step looks first and does only what is missing, so running it again costs well under a second.
# shellcheck disable=SC1091 # without -x, shellcheck doesn't read the parts
set -euo pipefail

# What `su` leaves out on Debian; dpkg needs it.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LAB_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

# shellcheck source=SCRIPTDIR/lab/common.sh
source "$LAB_DIR/lab/common.sh"
# shellcheck source=SCRIPTDIR/lab/incus.sh
source "$LAB_DIR/lab/incus.sh"
# shellcheck source=SCRIPTDIR/lab/image.sh
source "$LAB_DIR/lab/image.sh"
# shellcheck source=SCRIPTDIR/lab/postgres.sh
source "$LAB_DIR/lab/postgres.sh"
# shellcheck source=SCRIPTDIR/lab/moto.sh
source "$LAB_DIR/lab/moto.sh"
# shellcheck source=SCRIPTDIR/lab/libcloud.sh
source "$LAB_DIR/lab/libcloud.sh"
# shellcheck source=SCRIPTDIR/lab/prism.sh
source "$LAB_DIR/lab/prism.sh"
# shellcheck source=SCRIPTDIR/lab/tools.sh
source "$LAB_DIR/lab/tools.sh"

usage() {
  cat <<'USAGE'
Usage: scripts/lab.sh COMMAND

  up [PART...]       install and start parts: incus, image, postgres, moto, prism, tools (default: all that can run
                     here); rust is the part of tools that building takes, and libcloud what a bench is held against
  down PART...       incus, postgres, moto: stop what the lab started
  refresh            build the image anew, with the newest packages and package lists
  status             say for each part whether it is up, and if not, why
  can incus|build    exit 0 when Incus can run here, when Arcus can be built; otherwise say why not and exit 1
  env                print where the tests find PostgreSQL, moto and Prism; use as: eval "$(scripts/lab.sh env)"
  join COMMAND...    run a command in Incus's group, which a session older than Incus is not in
  run COMMAND...     the same with what the tests read: where PostgreSQL and Prism are, Incus where it can run and moto
                     where it is installed, so that a test that does not find it fails

Installing needs root: run it as root, or as a user who may use sudo.
USAGE
}

check_parts() {
  local part
  for part in "$@"; do
    [[ " incus image postgres moto libcloud prism tools rust " == *" $part "* ]] ||
      die "no part is called '$part'; there are: incus, image, postgres, moto, libcloud, prism, tools, rust"
  done
}

run_up() {
  local parts=("$@") part reason
  check_parts "$@"
  become_root up "$@"
  take_lock
  if ((${#parts[@]} == 0)); then
    parts=(postgres moto prism tools)
    if reason=$(incus_can); then parts=(incus image "${parts[@]}"); else warn "$reason; doing without"; fi
  fi
  for part in "${parts[@]}"; do "${part}_up"; done
}

run_down() {
  (($#)) || die "say what to stop: incus, postgres or moto"
  check_parts "$@"
  become_root down "$@"
  take_lock
  local part
  for part in "$@"; do
    [[ $part == incus || $part == postgres || $part == moto ]] || die "$part is only installed, there is nothing to stop"
    "${part}_down"
  done
}

run_refresh() {
  become_root refresh
  take_lock
  incus_up
  image_build
}

run_status() {
  local part reason failed=0
  for part in incus image postgres moto prism tools; do
    if reason=$("${part}_status"); then
      printf '%-9s up    %s\n' "$part" "$reason"
    else
      printf '%-9s down  %s\n' "$part" "$reason"
      failed=1
    fi
  done
  return "$failed"
}

run_command() {
  local reason
  eval "$(postgres_env)"
  if moto_installed; then eval "$(moto_env)"; else warn "there is no moto; tests that need it are skipped"; fi
  eval "$(prism_env)"
  if reason=$(incus_can); then
    export ARCUS_TEST_INCUS=$INCUS_SOCKET
  else
    warn "$reason; tests that need it are skipped"
  fi
  local status=0
  (incus_join "$@") || status=$?
  ((status == 0)) || incus_last_words
  return "$status"
}

main() {
  local command=${1:-help}
  (($#)) && shift
  case $command in
    up) run_up "$@" ;;
    down) run_down "$@" ;;
    refresh) run_refresh ;;
    status) run_status ;;
    can)
      [[ ${1:-} == incus || ${1:-} == build ]] || die "usage: lab.sh can incus|build"
      "$1_can"
      ;;
    join | run)
      (($#)) || die "say which command to run"
      if [[ $command == join ]]; then incus_join "$@"; else run_command "$@"; fi
      ;;
    env)
      postgres_env
      if moto_installed; then moto_env; fi
      if libcloud_installed; then libcloud_env; fi
      prism_env
      ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
