#!/usr/bin/env bash
# The lab: the real parts Arcus runs on (Incus, a Debian image, PostgreSQL, build tools), installed and started on a
# bare Debian 12, Debian 13 or Ubuntu 24.04. `make demo`, the tests and CI all use this one script.
# Every step looks first and does only what is missing, so running it again costs well under a second.
# shellcheck disable=SC1091 # without -x, shellcheck doesn't read the parts
set -euo pipefail

LAB_DIR=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)

# shellcheck source=SCRIPTDIR/lab/common.sh
source "$LAB_DIR/lab/common.sh"
# shellcheck source=SCRIPTDIR/lab/incus.sh
source "$LAB_DIR/lab/incus.sh"
# shellcheck source=SCRIPTDIR/lab/image.sh
source "$LAB_DIR/lab/image.sh"
# shellcheck source=SCRIPTDIR/lab/postgres.sh
source "$LAB_DIR/lab/postgres.sh"
# shellcheck source=SCRIPTDIR/lab/tools.sh
source "$LAB_DIR/lab/tools.sh"

usage() {
  cat <<'USAGE'
Usage: scripts/lab.sh COMMAND

  up [PART...]       install and start parts: incus, image, postgres, tools (default: all four); rust is the part of
                     tools that building takes
  down PART...       incus, postgres: stop what the lab started
  refresh            build the image anew, with the newest packages and package lists
  status             say for each part whether it is up, and if not, why
  can incus          exit 0 when Incus can run here; otherwise say why not and exit 1
  env                print the variables the tests read; use as: eval "$(scripts/lab.sh env)"

Installing needs root: run it as root, or as a user who may use sudo.
USAGE
}

check_parts() {
  local part
  for part in "$@"; do
    [[ $part == incus || $part == image || $part == postgres || $part == tools || $part == rust ]] ||
      die "no part is called '$part'; there are: incus, image, postgres, tools, rust"
  done
}

run_up() {
  local parts=("$@") part
  ((${#parts[@]})) || parts=(incus image postgres tools)
  check_parts "${parts[@]}"
  become_root up "${parts[@]}"
  take_lock
  for part in "${parts[@]}"; do "${part}_up"; done
}

run_down() {
  (($#)) || die "say what to stop: incus or postgres"
  check_parts "$@"
  become_root down "$@"
  take_lock
  local part
  for part in "$@"; do
    [[ $part == incus || $part == postgres ]] || die "$part is only installed, there is nothing to stop"
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
  for part in incus image postgres tools; do
    if reason=$("${part}_status"); then
      printf '%-9s up    %s\n' "$part" "$reason"
    else
      printf '%-9s down  %s\n' "$part" "$reason"
      failed=1
    fi
  done
  return "$failed"
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
      [[ ${1:-} == incus ]] || die "usage: lab.sh can incus"
      incus_can
      ;;
    env) postgres_env ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

main "$@"
