# shellcheck shell=bash
# What all parts of the lab share: messages, root, the lock, apt, waiting.

STATE_DIR=/var/lib/arcus-lab
LOG_DIR=/var/log/arcus-lab
LOCK_FILE=/run/lock/arcus-lab.lock

say() { printf 'lab: %s\n' "$*"; }
warn() { printf 'lab: %s\n' "$*" >&2; }
die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Starts the whole script again under sudo: installing touches apt, /etc and /var/lib only root may change.
# Who called is handed on by a variable of ours. SUDO_USER is set after `sudo make demo` too, and there all is root's.
become_root() {
  ((EUID != 0)) || return 0
  have sudo || die "installing needs root and there is no sudo: run this as root"
  export ARCUS_LAB_CALLER
  ARCUS_LAB_CALLER=$(id -un)
  exec sudo --preserve-env=ARCUS_LAB_CALLER,ARCUS_LAB_MIRROR,CARGO_BUILD_JOBS,CARGO_HOME,RUSTUP_HOME \
    bash "$LAB_DIR/lab.sh" "$@"
}

# Runs a command as root where that takes no password, for a look at what root may do here.
as_root() { if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi; }

# Runs a command as the user whom sudo made root, so that Rust lands in that user's home, not in root's.
as_caller() {
  if [[ -n ${ARCUS_LAB_CALLER:-} && $EUID == 0 ]]; then
    runuser -u "$ARCUS_LAB_CALLER" -- env "HOME=$(caller_home)" "PATH=$PATH" "$@"
  else
    "$@"
  fi
}

caller_home() {
  if [[ -n ${ARCUS_LAB_CALLER:-} ]]; then getent passwd "$ARCUS_LAB_CALLER" | cut -d: -f6; else echo "$HOME"; fi
}

# Two runs at once would race for apt and for the pool. The lock is held on descriptor 9 until the script ends;
# daemons are started with 9>&-, or they would keep it.
take_lock() {
  mkdir -p "$(dirname "$LOCK_FILE")"
  exec 9>"$LOCK_FILE"
  if ! flock --nonblock 9; then
    say "another run of the lab is at work; waiting for it"
    flock 9
  fi
  mkdir -p "$STATE_DIR" "$LOG_DIR"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local seconds=$1 what=$2 deadline=$((SECONDS + $1))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= deadline)); then
      warn "gave up on $what after $seconds s"
      return 1
    fi
    sleep 0.1
  done
}

# is_process PID NAME: a pid from a file may belong to something else by now.
is_process() { [[ $(cat "/proc/$1/comm" 2>/dev/null) == "$2" ]]; }

systemd_is_init() { [[ -d /run/systemd/system ]]; }

# os_is ID VERSION, for example: os_is debian 12
# shellcheck disable=SC1091 # /etc/os-release is the system's
os_is() { (. /etc/os-release && [[ $ID == "$1" && ${VERSION_ID:-} == "$2" ]]); }
# shellcheck disable=SC1091
os_name() { (. /etc/os-release && echo "$PRETTY_NAME"); }
os_supported() { os_is debian 12 || os_is debian 13 || os_is ubuntu 24.04; }

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# apt_run ARGUMENTS...: quiet while it works, the end of the log when it fails. A new machine is often busy with its own
# updates: apt waits for dpkg's lock by itself, but not for those of its lists and downloads.
apt_run() {
  local log=$LOG_DIR/apt.log deadline=$((SECONDS + 300))
  until LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y "$@" >>"$log" 2>&1 9>&-; do
    if ((SECONDS < deadline)) && tail -n 3 "$log" | grep -q 'Could not get lock'; then
      sleep 1
    elif tail -n 3 "$log" | grep -q 'dpkg was interrupted' &&
      LC_ALL=C DEBIAN_FRONTEND=noninteractive dpkg --configure -a >>"$log" 2>&1 9>&-; then
      say "finished an installation that had been interrupted"
    else
      tail -n 15 "$log" >&2
      die "apt-get $* failed; the whole log is $log"
    fi
  done
}

# The lists are refreshed once in a run and only when something is to be installed.
apt_refresh() {
  [[ -z ${APT_REFRESHED:-} ]] || return 0
  apt_run update
  APT_REFRESHED=1
}

# apt_install [-t SUITE] PACKAGE...: only what is missing.
apt_install() {
  local suite=() missing=() package
  if [[ $1 == -t ]]; then
    suite=(-t "$2")
    shift 2
  fi
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  ((${#missing[@]})) || return 0
  os_supported || die "$(os_name) is not a system the lab knows; install by hand: ${missing[*]}"
  apt_refresh
  say "installing ${missing[*]}"
  apt_run install --no-install-recommends "${suite[@]}" "${missing[@]}"
}
