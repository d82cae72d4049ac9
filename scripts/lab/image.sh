# shellcheck shell=bash
# The image debian/12: built here in about a minute, so that no image server is needed, and tuned to boot fast.

IMAGE_ALIAS=debian/12
IMAGE_MIRROR=${ARCUS_LAB_MIRROR:-http://deb.debian.org}
IMAGE_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
IMAGE_BUILD_DIR=$STATE_DIR/image
# systemd's own networkd and resolved instead of ifupdown and dhclient: an address comes a second sooner.
IMAGE_PACKAGES=(
  systemd-sysv systemd-resolved libnss-resolve dbus cloud-init locales openssh-server sudo
  ca-certificates curl netbase iproute2 iputils-ping procps less
)

image_exists() { incus image info "$IMAGE_ALIAS" >/dev/null 2>&1; }

image_up() {
  if have incus && image_exists; then return 0; fi
  incus_up
  image_exists || image_build
}

# The old image serves until the new one is there; servers made from it don't mind.
image_build() {
  apt_install mmdebstrap debian-archive-keyring xz-utils
  say "building the image $IMAGE_ALIAS; this takes about a minute"
  image_workspace
  mkdir "$IMAGE_BUILD_DIR/overlay" "$IMAGE_BUILD_DIR/metadata"
  image_overlay "$IMAGE_BUILD_DIR/overlay"
  image_metadata "$IMAGE_BUILD_DIR/metadata"
  image_rootfs "$IMAGE_BUILD_DIR/rootfs.tar"
  tar -C "$IMAGE_BUILD_DIR/metadata" -cJf "$IMAGE_BUILD_DIR/metadata.tar.xz" .
  image_import "$IMAGE_BUILD_DIR/metadata.tar.xz" "$IMAGE_BUILD_DIR/rootfs.tar" >>"$LOG_DIR/image.log" 2>&1 ||
    die "the import failed; see $LOG_DIR/image.log"
  image_workspace_end
  image_warm_up
  say "image $IMAGE_ALIAS is ready"
}

# Under a name of its own first, then in the place of the old one: Ubuntu's Incus 6.0.0 does not know `import --reuse`.
image_import() {
  local new=arcus-lab-new
  incus image delete "$new" || true # of a run that was interrupted
  incus image import "$@" --alias "$new" &&
    { ! image_exists || incus image delete "$IMAGE_ALIAS"; } &&
    incus image alias rename "$new" "$IMAGE_ALIAS"
}

# Ten thousand small files: in memory, where there is enough of it, that is twice as fast as on a disk.
image_workspace() {
  image_workspace_end
  mkdir -p "$IMAGE_BUILD_DIR"
  if (($(awk '/^MemAvailable/ {print $2}' /proc/meminfo) > 4 * 1024 * 1024)); then
    mount -t tmpfs -o size=3G,mode=0755 arcus-lab "$IMAGE_BUILD_DIR"
  fi
  trap image_workspace_end EXIT
}

image_workspace_end() {
  ! mountpoint -q "$IMAGE_BUILD_DIR" || umount "$IMAGE_BUILD_DIR"
  rm -rf "$IMAGE_BUILD_DIR"
}

# image_write FILE: standard input becomes that file, with its directories.
image_write() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
}

# Files of our own, laid over the installed system.
image_overlay() {
  local root=$1
  # A server finds its seed in its own file system; probing for other clouds only costs time.
  image_write "$root/etc/cloud/cloud.cfg.d/90-arcus.cfg" <<'CFG'
datasource_list: [NoCloud, None]
# Any other locale would have to be generated at the first boot, and fails where it can't be.
locale: C.UTF-8
# The sources below are the right ones; cloud-init would write its own.
apt: {preserve_sources_list: true}
# RSA host keys take up to a second to make, and every client of today speaks these two.
ssh_genkeytypes: [ed25519, ecdsa]
system_info:
  network: {renderers: [networkd]}
# There is no disk to grow, no boot loader and no console that anybody reads.
growpart: {mode: "off"}
resize_rootfs: false
grub_dpkg: {enabled: false}
ssh: {emit_keys_to_console: false}
CFG
  # networkd waits for udev where it may write to /sys. There is no udev in the image: nothing needs it in a container.
  image_write "$root/etc/systemd/system/systemd-networkd.service.d/arcus.conf" <<'CFG'
[Service]
ReadOnlyPaths=/sys
CFG
  # The bridge has no IPv6, and waiting for a link-local address delays "online" by a second or two. The domain of the
  # bridge (incus) is searched, so that servers find one another by name; the lease belongs to the network card.
  image_write "$root/etc/systemd/network/10-cloud-init-eth0.network.d/arcus.conf" <<'CFG'
[Network]
LinkLocalAddressing=no
IPv6AcceptRA=no
[DHCPv4]
UseDomains=yes
ClientIdentifier=mac
CFG
  # On a cgroup v1 host that mounts cpu and cpuacct apart, systemd in the guest looks for the two together and mounts
  # neither; Docker would then refuse every CPU limit.
  image_write "$root/etc/systemd/system/arcus-cpu-cgroup.service" <<'CFG'
[Unit]
Description=Mount the cpu and cpuacct controllers that the host mounts apart
DefaultDependencies=no
Before=sysinit.target
ConditionPathIsSymbolicLink=/sys/fs/cgroup/cpu
ConditionPathIsMountPoint=!/sys/fs/cgroup/cpu,cpuacct
[Service]
Type=oneshot
ExecStart=mount -o remount,rw /sys/fs/cgroup
ExecStart=rm /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuacct
ExecStart=mkdir /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuacct
ExecStart=mount -t cgroup -o nosuid,nodev,noexec,cpu cgroup /sys/fs/cgroup/cpu
ExecStart=mount -t cgroup -o nosuid,nodev,noexec,cpuacct cgroup /sys/fs/cgroup/cpuacct
ExecStart=mount -o remount,ro /sys/fs/cgroup
[Install]
WantedBy=sysinit.target
CFG
  # A throw-away server needs no fsync after every file of a package; installing is several times faster without.
  image_write "$root/etc/dpkg/dpkg.cfg.d/arcus" <<<'force-unsafe-io'
  image_write "$root/etc/apt/apt.conf.d/90arcus" <<'CFG'
Acquire::Languages "none";
Acquire::Retries "3";
CFG
}

image_rootfs() {
  local tar=$1 include
  include=$(IFS=,; echo "${IMAGE_PACKAGES[*]}")
  # The package lists and apt's cache of them stay in the image: `apt-get install` works in a new server at once,
  # without `apt-get update`. They age: `lab.sh refresh` builds the image anew.
  # Masked: timers that would hold dpkg's lock after a boot, and units for hardware a container doesn't have.
  # shellcheck disable=SC2016 # $1 is mmdebstrap's, not ours
  TMPDIR=$IMAGE_BUILD_DIR mmdebstrap --variant=minbase --include="$include" --keyring="$IMAGE_KEYRING" \
    --skip=cleanup/apt/lists,cleanup/apt/cache --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
    --customize-hook="copy-in $IMAGE_BUILD_DIR/overlay/etc /" \
    --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*_key* "$1"/etc/hostname; : >"$1"/etc/machine-id' \
    --customize-hook='ln -sf ../run/systemd/resolve/stub-resolv.conf "$1"/etc/resolv.conf' \
    --customize-hook='systemctl --root="$1" --quiet enable systemd-networkd systemd-resolved ssh arcus-cpu-cgroup' \
    --customize-hook='systemctl --root="$1" --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
      e2scrub_reap.service fstrim.timer getty@tty1.service modprobe@.service' \
    --customize-hook='rm -f "$1"/var/cache/apt/archives/*.deb; chroot "$1" apt-cache gencaches' \
    bookworm "$tar" \
    "deb $IMAGE_MIRROR/debian bookworm main" \
    "deb $IMAGE_MIRROR/debian bookworm-updates main" \
    "deb $IMAGE_MIRROR/debian-security bookworm-security main" \
    >>"$LOG_DIR/image.log" 2>&1 9>&- || {
    tail -n 15 "$LOG_DIR/image.log" >&2
    die "building the image failed; the whole log is $LOG_DIR/image.log"
  }
}

# The templates write cloud-init's NoCloud seed from the instance's configuration.
image_metadata() {
  local dir=$1 seed=/var/lib/cloud/seed/nocloud architecture
  case $(dpkg --print-architecture) in
    amd64) architecture=x86_64 ;;
    arm64) architecture=aarch64 ;;
    *) architecture=$(uname -m) ;;
  esac
  image_write "$dir/metadata.yaml" <<YAML
architecture: $architecture
creation_date: $(date +%s)
properties:
  os: Debian
  release: bookworm
  variant: cloud
  architecture: $architecture
  description: Debian 12 with cloud-init, built by the Arcus lab
templates:
  /etc/hostname: {when: [create, copy], template: hostname.tpl}
  /etc/hosts: {when: [create, copy], template: hosts.tpl}
  /etc/machine-id: {when: [copy], template: machine-id.tpl}
  $seed/meta-data: {when: [create, copy], template: meta-data.tpl}
  $seed/user-data: {when: [create, copy], template: user-data.tpl, properties: {default: "#cloud-config\n{}"}}
  $seed/vendor-data: {when: [create, copy], template: vendor-data.tpl, properties: {default: "#cloud-config\n{}"}}
  $seed/network-config: {when: [create, copy], template: network-config.tpl}
YAML
  mkdir "$dir/templates"
  : >"$dir/templates/machine-id.tpl" # empty: a copy makes an id of its own
  image_write "$dir/templates/hostname.tpl" <<<'{{ container.name }}'
  image_write "$dir/templates/hosts.tpl" <<'TPL'
127.0.0.1 localhost
127.0.1.1 {{ container.name }}
::1 localhost ip6-localhost ip6-loopback
TPL
  image_write "$dir/templates/meta-data.tpl" <<'TPL'
instance-id: {{ config_get("volatile.cloud-init.instance-id", container.name) }}
local-hostname: {{ container.name }}
{{ config_get("user.meta-data", "") }}
TPL
  image_write "$dir/templates/user-data.tpl" \
    <<<'{{ config_get("cloud-init.user-data", config_get("user.user-data", properties.default)) }}'
  image_write "$dir/templates/vendor-data.tpl" \
    <<<'{{ config_get("cloud-init.vendor-data", config_get("user.vendor-data", properties.default)) }}'
  image_write "$dir/templates/network-config.tpl" <<'TPL'
{% if config_get("cloud-init.network-config", config_get("user.network-config", "")) == "" %}version: 2
ethernets:
  eth0: {dhcp4: true}
{% else %}{{ config_get("cloud-init.network-config", config_get("user.network-config", "")) }}{% endif %}
TPL
}

# The first server from an image pays for unpacking it into the pool; better here than in somebody's first request.
image_warm_up() {
  incus delete --force arcus-lab-warm-up >/dev/null 2>&1 || true # of a run that was interrupted
  incus create "$IMAGE_ALIAS" arcus-lab-warm-up >>"$LOG_DIR/image.log" 2>&1 </dev/null || die \
    "could not make a trial instance from $IMAGE_ALIAS; see $LOG_DIR/image.log"
  incus delete arcus-lab-warm-up
}

image_status() {
  if ! incus_answers; then
    echo "Incus doesn't answer"
  elif ! image_exists; then
    echo "there is no image $IMAGE_ALIAS: scripts/lab.sh up image"
  else
    incus image list "$IMAGE_ALIAS" --format csv -c fsu | sed "s|^|$IMAGE_ALIAS |"
    return 0
  fi
  return 1
}
