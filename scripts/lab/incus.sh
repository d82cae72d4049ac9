# shellcheck shell=bash
# Incus: the house's hypervisor. An Incus that is already set up is used as it is.

INCUS_SOCKET=/var/lib/incus/unix.socket
INCUS_BRIDGE=arcusbr0
INCUS_POOL=arcus
INCUS_POOL_SIZE=20GiB
INCUS_PID_FILE=/run/arcus-lab-incusd.pid
INCUS_BACKPORTS=/etc/apt/sources.list.d/arcus-lab-backports.sources

incus_answers() { have incus && timeout 10 incus query /1.0 >/dev/null 2>&1; }

incus_can() {
  incus_answers && return 0
  local reason
  if reason=$(incus_obstacle); then
    echo "Incus can't run here: $reason"
    return 1
  fi
}

# Prints what stands in the way and succeeds; fails when nothing does.
incus_obstacle() {
  if [[ $(uname -s) != Linux ]]; then
    echo "this is not Linux"
  elif ! have incus && ! os_supported; then
    echo "$(os_name) is none of Debian 12, Debian 13, Ubuntu 24.04, and Incus isn't installed"
  elif ((EUID != 0)) && ! have sudo; then
    echo "it needs root, and there is no sudo"
  elif [[ ! -e /proc/self/ns/user || $(cat /proc/sys/user/max_user_namespaces) == 0 ]]; then
    echo "the kernel has no user namespaces (user.max_user_namespaces)"
  elif (($(incus_host_ids) < 131072)); then
    echo "this container has too few user ids for containers of its own"
  elif ! grep -q '^cgroup' /proc/mounts; then
    echo "no cgroup file system is mounted"
  elif as_root true 2>/dev/null && ! as_root unshare --mount true 2>/dev/null; then
    echo "mounting is not allowed (a container without privileges?)"
  elif as_root true 2>/dev/null && have ip && ! incus_can_bridge; then
    echo "a network bridge can't be made (no bridge driver, or a container without privileges)"
  else
    return 1
  fi
}

# Named by the process: another run may be probing too, and one that was killed may have left its own.
incus_can_bridge() {
  as_root ip link add "arcus$$" type bridge 2>/dev/null && as_root ip link delete "arcus$$"
}

incus_up() {
  local reason
  if ! incus_answers || ! incus_initialised; then
    if ! incus_answers && reason=$(incus_obstacle); then die "Incus can't run here: $reason"; fi
    incus_subids
    incus_install
    incus_start
    incus_initialise
  fi
  systemd_is_init || incus_lxcfs
  incus_limits
  incus_pass_docker
}

# Containers share the host's user ids, and with them the kernel's limits per user: from some dozen on, the systemd of a
# new one finds no inotify instance or key left, and has no network or ends at once. What is higher already stays.
incus_limits() {
  local limit name least file
  for limit in fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576 \
    kernel.keys.maxkeys=20000 kernel.keys.maxbytes=2000000; do
    name=${limit%=*} least=${limit#*=}
    file=/proc/sys/${name//.//}
    if [[ -w $file ]] && (($(<"$file") < least)); then
      echo "$least" >"$file"
      say "raised $name to $least, for many containers at once"
    fi
  done
}

# Runs a command in the group that may speak to Incus. A session that is older than Incus is not in it, and `sudo -g` is
# refused where sudoers say (ALL), as on cloud images: so root is asked for the caller's own ids and the group besides.
incus_join() {
  if [[ -w $INCUS_SOCKET || ! -e $INCUS_SOCKET ]] || ! have sudo; then exec "$@"; fi
  exec sudo --preserve-env env "HOME=$HOME" "PATH=$PATH" setpriv --reuid="$(id -u)" --regid="$(id -g)" \
    --groups="$(id -G | tr ' ' ,),$(stat -c %g "$INCUS_SOCKET")" -- "$@"
}

incus_install() {
  local suite=() daemon=incus-base
  if ! incus_daemon >/dev/null; then
    if os_is debian 12; then
      incus_add_backports
      suite=(-t bookworm-backports)
    elif os_is ubuntu 24.04; then
      daemon=incus # which at Debian brings virtual machines' parts besides
    fi
    apt_install "${suite[@]}" "$daemon" incus-client
  fi
  apt_install btrfs-progs dnsmasq-base uidmap nftables attr rsync squashfs-tools iproute2 xz-utils
}

# Debian 12 has Incus in its backports only. The mirror and the key are those the host already uses for bookworm.
incus_add_backports() {
  apt_refresh
  [[ -z $(apt-cache madison incus-base) ]] || return 0
  local uri entry key
  # shellcheck disable=SC2016 # apt-get fills these in, not the shell
  read -r uri entry < <(apt-get indextargets --format '$(REPO_URI) $(SOURCESENTRY)' \
    'Created-By: Packages' 'Codename: bookworm' 'Component: main') ||
    die "found no source for Debian bookworm in /etc/apt"
  key=$(sed -nE 's/^Signed-By: *(\/.*)/\1/Ip; s/^deb .*\[.*signed-by=([^] ]+).*/\1/Ip' "${entry%:*}" | sed q)
  printf '%s\n' 'Types: deb' "URIs: $uri" 'Suites: bookworm-backports' 'Components: main' \
    "Signed-By: ${key:-/usr/share/keyrings/debian-archive-keyring.gpg}" >"$INCUS_BACKPORTS"
  apt_run update
}

# Unprivileged containers map their users into this range of root's. Where this machine is a container itself, it has
# fewer ids than a whole system: all but its own first 65536 then. Set before the
# package comes, which would set its own.
incus_subids() {
  local file range=1000000:1000000000 ids
  ids=$(incus_host_ids)
  if ((ids < 1001000000)); then range=65536:$((ids - 65536)); fi
  for file in /etc/subuid /etc/subgid; do
    grep -q '^root:' "$file" 2>/dev/null || echo "root:$range" >>"$file"
  done
}

incus_host_ids() { awk '{ids += $3} END {printf "%d", ids}' /proc/self/uid_map; }

incus_start() {
  incus_answers && return 0
  if systemd_is_init; then
    say "starting Incus by systemd"
    systemctl start incus.socket incus.service 9>&-
  elif is_process "$(cat "$INCUS_PID_FILE" 2>/dev/null)" incusd; then
    say "Incus runs and is slow to answer; waiting for it"
  else
    incus_start_by_hand
  fi
  incus admin waitready --timeout 60 || die "Incus doesn't answer; look into $LOG_DIR/incusd.log"
}

incus_start_by_hand() {
  local daemon group=root
  daemon=$(incus_daemon) || die "the package brought no incusd"
  getent group incus-admin >/dev/null && group=incus-admin
  incus_lxcfs
  incus_forget_dnsmasq
  say "starting Incus by hand, for systemd is not PID 1 here (log: $LOG_DIR/incusd.log)"
  mkdir -p /var/log/incus
  run_detached incusd env "PATH=${daemon%/*}:$PATH" "$daemon" --group "$group"
}

# lxcfs shows each container its own limits in /proc (free, nproc, uptime). Where it was killed, its dead mount stays and
# lets no container start, whether Incus itself runs or not.
incus_lxcfs() {
  have lxcfs && [[ -e /dev/fuse ]] && ! stat /var/lib/lxcfs/proc >/dev/null 2>&1 || return 0
  umount -l /var/lib/lxcfs 2>/dev/null || true
  mkdir -p /var/lib/lxcfs
  run_detached lxcfs lxcfs /var/lib/lxcfs
  wait_for 5 lxcfs mountpoint -q /var/lib/lxcfs || true
}

# Incus, when it starts, kills whatever has the pid that it noted for its dnsmasq. After a crash, or on a copy of the
# machine, that is somebody else.
incus_forget_dnsmasq() {
  local file pid
  for file in "${INCUS_SOCKET%/*}"/networks/*/dnsmasq.pid; do
    [[ -e $file ]] || continue
    pid=$(sed -n 's/^pid: *//p' "$file")
    grep -qsF "${file%/*}/" "/proc/$pid/cmdline" || rm "$file"
  done
}

# run_detached NAME COMMAND...: in a session of its own, its pid in /run, its output in the log directory.
run_detached() {
  local name=$1
  shift
  # shellcheck disable=SC2016 # expanded by the inner shell
  # Not from the folder of whoever starts it, which may go before it does.
  setsid --fork bash -c 'echo $$ >"$1"; shift; cd /; exec "$@"' _ "/run/arcus-lab-$name.pid" "$@" \
    >>"$LOG_DIR/$name.log" 2>&1 </dev/null 9>&-
}

incus_daemon() {
  local path
  for path in /usr/libexec/incus/incusd /usr/lib/incus/incusd /opt/incus/bin/incusd /usr/sbin/incusd; do
    [[ -x $path ]] && echo "$path" && return
  done
  return 1
}

# A default profile with a root disk is what every set-up Incus has: where there is one, all stays as the user made it.
incus_initialised() { [[ -n $(incus profile device get default root pool 2>/dev/null) ]]; }

incus_initialise() {
  incus_answers || die "Incus doesn't answer; look into $LOG_DIR/incusd.log"
  incus_initialised && return 0
  incus_make_pool
  incus_preseed || die "incus admin init failed"
  say "Incus is up: network $INCUS_BRIDGE, pool $INCUS_POOL"
}

# On btrfs a server is a clone of its image, made in a fraction of a second, and snapshots cost nothing.
incus_make_pool() {
  ! incus storage show "$INCUS_POOL" >/dev/null 2>&1 || return 0
  if have mkfs.btrfs && [[ -e /dev/loop-control ]] && { grep -qw btrfs /proc/filesystems || modprobe -q btrfs; } &&
    incus storage create "$INCUS_POOL" btrfs size="$INCUS_POOL_SIZE" >>"$LOG_DIR/incus-init.log" 2>&1; then
    return 0
  fi
  warn "no btrfs pool here (see $LOG_DIR/incus-init.log); plain directories instead, on which servers start slower"
  wait_for 15 "a storage pool" incus_make_dir_pool || {
    tail -n 3 "$LOG_DIR/incus-init.log" >&2
    die "could not make a storage pool"
  }
}

# Once seen to fail on an Incus that had been installed a second before, and to succeed after.
incus_make_dir_pool() { incus storage create "$INCUS_POOL" dir >>"$LOG_DIR/incus-init.log" 2>&1; }

incus_preseed() {
  local address
  # A bridge that is there, from a run that was interrupted, keeps its address.
  address=$(incus network get "$INCUS_BRIDGE" ipv4.address 2>/dev/null) || address=$(incus_free_address) ||
    die "found no free IPv4 subnet for the bridge $INCUS_BRIDGE"
  incus admin init --preseed <<PRESEED
networks:
- name: $INCUS_BRIDGE
  type: bridge
  config:
    ipv4.address: $address
    ipv4.nat: "true"
    ipv6.address: none
    bridge.mtu: "$(incus_uplink_mtu)"
profiles:
- name: default
  devices:
    root:
      type: disk
      path: /
      pool: $INCUS_POOL
    eth0:
      type: nic
      name: eth0
      network: $INCUS_BRIDGE
PRESEED
}

# Incus finds a free subnet by pinging it, which fails behind routers that answer for every address; routes are enough.
incus_free_address() {
  local third
  for third in {66..99}; do
    if ! ip -4 route show table all | grep -Fq "10.66.$third." &&
      ! ip -4 route show to match "10.66.$third.0/24" | grep -qv ^default; then
      echo "10.66.$third.1/24"
      return
    fi
  done
  return 1
}

# Packets larger than the host's own uplink carries would vanish where nobody answers "fragmentation needed".
incus_uplink_mtu() {
  local uplink mtu
  uplink=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p;q')
  mtu=$(cat "/sys/class/net/$uplink/mtu" 2>/dev/null) || mtu=1500
  echo $((mtu < 1500 ? mtu : 1500))
}

# Docker on the same machine drops what others forward; its own chain for such exceptions lets the bridge through.
incus_pass_docker() {
  local direction
  have iptables && iptables -n -L DOCKER-USER >/dev/null 2>&1 && [[ -d /sys/class/net/$INCUS_BRIDGE ]] || return 0
  for direction in -i -o; do
    iptables -C DOCKER-USER "$direction" "$INCUS_BRIDGE" -j ACCEPT 2>/dev/null && continue
    iptables -I DOCKER-USER "$direction" "$INCUS_BRIDGE" -j ACCEPT
    say "let $INCUS_BRIDGE pass Docker's firewall ($direction)"
  done
}

incus_status() {
  if ! have incus; then
    echo "not installed: scripts/lab.sh up incus"
  elif ! incus_answers; then
    echo "installed, but the daemon doesn't answer this user: scripts/lab.sh up incus, or look into $LOG_DIR/incusd.log"
  elif ! incus_initialised; then
    echo "runs, but is not set up: scripts/lab.sh up incus"
  else
    echo "$(incus version 2>/dev/null | sed -n 's/^Server version: //p'), pool $(incus profile device get default root pool)"
    return 0
  fi
  return 1
}

# Containers outlive the daemon, so they are stopped first. An Incus that systemd runs is the user's own and stays;
# lxcfs stays too, for it holds nothing and may serve others.
incus_down() {
  local pid
  pid=$(cat "$INCUS_PID_FILE" 2>/dev/null) || true
  if ! is_process "$pid" incusd; then
    say "no Incus runs that the lab started; nothing is stopped"
    return 0
  fi
  timeout 120 incus admin shutdown --timeout 60 >/dev/null 2>&1 || kill "$pid"
  wait_for 30 "the end of incusd" incus_gone "$pid" || die "incusd ($pid) doesn't stop"
  rm -f "$INCUS_PID_FILE"
  say "Incus is stopped"
}

# For tests that failed: says where an Incus stands that answers no more, for nobody could tell from what they say. Go
# prints that when it gets SIGABRT, and ends; `lab.sh up` starts it anew.
incus_last_words() {
  local pid daemon=$LOG_DIR/incusd.log before
  pid=$(cat "$INCUS_PID_FILE" 2>/dev/null) || true
  if ! is_process "$pid" incusd || incus_answers; then return 0; fi
  warn "Incus does not answer any more. Who is connected, its last words, and where it stands, most frequent first:"
  ss -xpH 2>/dev/null | awk -v socket="$INCUS_SOCKET" '
    $5 == socket {ours[$6]}
    {line[NR] = $0; other[NR] = $8}
    END {for (n in line) if (other[n] in ours) print line[n]}' | head -n 20 >&2
  tail -n 10 "$daemon" >&2
  before=$(wc -l <"$daemon")
  as_root kill -ABRT "$pid"
  wait_for 20 "the end of incusd" incus_gone "$pid" || true
  tail -n +"$before" "$daemon" | grep -E '^(goroutine [0-9]+ \[|github.com/lxc/incus)' |
    sed -E 's/^goroutine [0-9]+ //; s/\(0x.*//; s/\(\{.*//' | sort | uniq -c | sort -rn | head -n 60 >&2
}

incus_gone() { ! is_process "$1" incusd; }
