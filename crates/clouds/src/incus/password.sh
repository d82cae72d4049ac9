# Sets a password, and has the SSH server accept it. $1 is the user; the input is NAME:HASH. Run as root, as often as one
# likes. Codes: 3 when the password was not set; any other but 0 when it was, and the SSH server was left as it is.
set -eu

chpasswd -e || exit 3

main=/etc/ssh/sshd_config
own=/etc/ssh/sshd_config.d/10-arcus-password.conf
begin='# Begin: passwords, by Arcus'
end='# End: passwords, by Arcus'
[ -e "$main" ] || exit 0
main=$(readlink -f "$main")
umask 022

our_part() { sed -n "/^$begin\$/,/^$end\$/p" "$main"; }
settings='PasswordAuthentication yes'
# Where root may, root still may when another user's password is set.
if [ "$1" = root ] || { cat "$own" 2>/dev/null; our_part; } | grep -qx 'PermitRootLogin yes'; then
  settings="$settings
PermitRootLogin yes"
fi

# Whether the server, asked what it would do, lets that user in by password. One that can't be asked is believed to.
lets_in() {
  shown=$(sshd -T -C "user=$1,host=localhost,addr=127.0.0.1" 2>/dev/null) || return 0
  printf '%s\n' "$shown" | grep -qx 'passwordauthentication yes' || return 1
  [ "$1" != root ] || printf '%s\n' "$shown" | grep -qx 'permitrootlogin yes'
}

is_included=no
if grep -Eiq '^[[:space:]]*Include[[:space:]].*sshd_config\.d/' "$main"; then
  is_included=yes
  mkdir -p "${own%/*}"
  printf '%s\n' '# By Arcus, since a password was set.' "$settings" >"$own.new"
  mv "$own.new" "$own"
fi

# The first setting counts, so what stands at the very top wins over the folder, wherever that is included.
if [ "$is_included" = no ] || ! lets_in "$1"; then
  cp -p "$main" "$main.arcus"
  {
    printf '%s\n' "$begin" "$settings" "$end"
    sed "/^$begin\$/,/^$end\$/d" "$main"
  } >"$main.arcus"
  mv "$main.arcus" "$main"
fi

systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || rc-service sshd reload 2>/dev/null || true
lets_in "$1" || {
  echo "a rule of the server's own in $main refuses passwords" >&2
  exit 4
}
