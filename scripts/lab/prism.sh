# shellcheck shell=bash
# Prism, which holds calls to a cloud and its answers to a specification of that cloud's API (OpenAPI). The tests of drivers
# start it as a proxy; it is a program of Node's, and lies in the caller's cache.

# The last one that runs on Node 18 and 20, which the distributions have.
PRISM_VERSION=5.14.2
PRISM_PACKAGES=(nodejs npm)

prism_dir() { echo "$(caller_home)/.cache/arcus-lab/prism"; }
prism_program() { echo "$(prism_dir)/node_modules/.bin/prism"; }
prism_env() { echo "export ARCUS_TEST_PRISM=$(prism_program)"; }
prism_present() { jq -r .version "$(prism_dir)/node_modules/@stoplight/prism-cli/package.json" 2>/dev/null; }

# No script of a package runs: one of them reports who installs it.
prism_up() {
  [[ $(prism_present) != "$PRISM_VERSION" ]] || return 0
  { have node && have npm; } || apt_install "${PRISM_PACKAGES[@]}"
  have jq || apt_install jq
  say "installing Prism $PRISM_VERSION"
  as_caller mkdir -p "$(prism_dir)"
  as_caller npm install --prefix "$(prism_dir)" --ignore-scripts --no-audit --no-fund --save-exact \
    "@stoplight/prism-cli@$PRISM_VERSION" >>"$LOG_DIR/prism.log" 2>&1 9>&- ||
    die "npm could not install Prism; see $LOG_DIR/prism.log"
}

prism_status() {
  local present
  present=$(prism_present) || true
  [[ $present == "$PRISM_VERSION" ]] || { echo "Prism is ${present:-missing}; scripts/lab.sh up prism"; return 1; }
  echo "Prism $present, before the stand-ins of clouds"
}
