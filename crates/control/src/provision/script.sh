#!/bin/sh
# Installs what this server is for. Written by Arcus. Safe to run again at any time: it does what is missing.
# Log: /var/log/arcus-provision.log; its lines that begin with "@arcus PERCENT" are what Arcus shows meanwhile.
# Result: /var/lib/arcus/provision.json. Exit status: 0 when every package is installed.
set -u
root=${ARCUS_PROVISION_ROOT:-}
log=$root/var/log/arcus-provision.log
state=$root/var/lib/arcus
lists=$root/var/lib/apt/lists
# An SSH session of root's has no sbin in its path, which dpkg needs.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8 HOME="${HOME:-/root}"
umask 022
mkdir -p "$state" "$root/var/log"
# One at a time: cloud-init's run and a later one by Arcus may meet.
exec 9>"$state/lock"
flock 9
exec >>"$log" 2>&1 </dev/null

say() { echo "@arcus $*"; }
# The log from a line on, to look for faults in what a step just printed.
mark() { from=$(wc -l <"$log"); }
since() { tail -n "+$((from + 1))" "$log"; }

apt() {
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=1 -o Acquire::http::Timeout=30 \
    -o Acquire::https::Timeout=30 -o APT::Update::Error-Mode=any -o APT::Install-Recommends=false \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" 9>&-
}

network_fault() {
  since | grep -Eq 'Temporary failure|Could not resolve|Failed to fetch|Could not connect|Unable to connect|Connection (failed|timed out|refused|reset)|Network is unreachable|Hash Sum mismatch|Unable to fetch|lists/lock|Undetermined Error'
}

# Runs a command again after a fault of the network, with fresh lists: a mirror that moved on has dropped old files.
patiently() {
  for pause in ${ARCUS_PROVISION_PAUSES-2 8} end; do
    mark
    "$@" && return 0
    network_fault || return 1
    if [ "$pause" = end ]; then
      fault=network
      return 1
    fi
    echo "trying again in $pause s"
    sleep "$pause"
    dpkg --configure -a
    [ "$2" = update ] || apt update
  done
}

refresh() {
  set -- "$lists"/*_Packages*
  [ -e "$1" ] && [ -n "$(find "$lists/partial" -maxdepth 0 -mtime -1 2>/dev/null)" ] && return 0
  say 3 "fetching the lists of packages"
  patiently apt update
}

# The last lines of the log as a JSON array's content.
excerpt() {
  since | grep -v '^@arcus' | tail -n 15 | cut -c 1-300 | tr -cd '\12\40-\176' |
    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&"/' | paste -s -d , -
}

results=
failed=0
fault=
together=installed
record() {
  [ -z "$results" ] || results="$results,"
  if [ "$2" = installed ]; then
    results="$results{\"name\":\"$1\",\"state\":\"installed\"}"
  else
    failed=1
    results="$results{\"name\":\"$1\",\"state\":\"failed\",\"log\":[$(excerpt)]}"
  fi
}

write_result() {
  printf '{"state":"%s","fault":"%s","packages":[%s]}\n' "$1" "$fault" "$results" >"$state/provision.json.new"
  mv -f "$state/provision.json.new" "$state/provision.json"
}

# begin APT...: all that comes from the distribution, in one transaction.
begin() {
  write_result running
  # Where an earlier run was cut off, by a reboot or by the owner, apt would refuse to do anything.
  dpkg --configure -a
  # Old lists may do where fresh ones can't be had; where they don't, installing fails and says so.
  refresh
  fault=
  [ $# -gt 0 ] || return 0
  say 10 "installing $*"
  together=failed
  patiently apt install "$@" && together=installed
}

# vendor NAME URL SUITE COMPONENT KEY_URL: adds a vendor's repository. When that fails, so does the package's own
# installation, which says why.
vendor() {
  say 50 "adding the repository of $1"
  list=$root/etc/apt/sources.list.d/arcus-$1.list key=$root/etc/apt/keyrings/arcus-$1.asc
  mkdir -p "$root/etc/apt/keyrings" "$root/etc/apt/sources.list.d"
  [ -e "$root/etc/ssl/certs/ca-certificates.crt" ] || patiently apt install ca-certificates
  echo "deb [signed-by=$key] $2 $3 $4" >"$list"
  [ -s "$key" ] || patiently /usr/lib/apt/apt-helper download-file "$5" "$key" || { rm -f "$list" "$key"; return 1; }
  patiently apt update -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 ||
    { rm -f "$list"; return 1; }
}

serve() {
  units=$(systemctl list-unit-files --no-legend "$1.service" | cut -d ' ' -f 1)
  [ -n "$units" ] || { echo "there is no service $1"; return 1; }
  for unit in $units; do
    systemctl is-enabled --quiet "$unit" || systemctl enable "$unit" || return 1
    systemctl is-active --quiet "$unit" || systemctl restart "$unit" || relax "$unit" ||
      { journalctl -q -n 10 --no-pager -o cat -u "$unit"; return 1; }
  done
}

# In a container that may not make namespaces, a unit that asks for some fails with 226; the container is its fence.
relax() {
  [ "$(systemctl show -p ExecMainStatus --value "$1")" = 226 ] && systemd-detect-virt --quiet --container || return 1
  echo "$1 starts without namespaces of its own: this container may not make any"
  override=$root/etc/systemd/system/$1.d/arcus.conf
  mkdir -p "$(dirname "$override")"
  {
    echo '[Service]'
    for option in ProtectSystem ProtectHome ProtectHostname ProtectClock ProtectControlGroups ProtectKernelLogs \
      ProtectKernelModules ProtectKernelTunables PrivateDevices PrivateNetwork PrivateTmp PrivateUsers PrivateMounts \
      RestrictNamespaces; do
      echo "$option=no"
    done
    printf '%s\n' ProtectProc=default ProcSubset=all ReadWritePaths= ReadOnlyPaths= InaccessiblePaths=
  } >"$override"
  systemctl daemon-reload
  systemctl reset-failed "$1"
  systemctl restart "$1"
}

# package PERCENT NAME 'APT...' 'SERVICE...' vendor|distribution <<COMMANDS: what is left to do for one package.
package() {
  name=$2
  commands=$(cat)
  say "$1" "setting up $name"
  # After a failed transaction each package is tried alone, which tells whose fault it is and saves the others; not
  # so without a network.
  if [ "$5" = vendor ] || [ "$together" = failed ]; then
    # shellcheck disable=SC2086 # a list of words
    if [ -n "$fault" ] || ! patiently apt install $3; then
      record "$name" failed
      return 0
    fi
  fi
  mark
  sh -eu -c "$commands" 9>&- || { record "$name" failed; return 0; }
  for service in $4; do
    serve "$service" || { record "$name" failed; return 0; }
  done
  record "$name" installed
}

finish() {
  if [ "$failed" = 0 ]; then
    write_result installed
    say 100 "every package is installed"
  else
    write_result failed
    say 100 "not every package could be installed"
  fi
  exit "$failed"
}
