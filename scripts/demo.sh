#!/usr/bin/env bash
# `make demo`: installs what is missing, builds and starts Arcus, and does its main job with plain curl calls, which it
# prints as it makes them. On the local Incus where that can run, else on the simulated cloud.
#
#   ARCUS_DEMO_CLOUD=sandbox   the simulated cloud, even where Incus could run (incus: fail where it can't)
#   ARCUS_DEMO_RELEASE=1       the optimised binary; building it takes several times as long
#   ARCUS_DEMO_AT_MOST=15      fail when it takes longer than these seconds, the build not counted
#   CI=true                    stop Arcus at the end, as when there is no terminal
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/arcus-target}
export PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
# What this run makes is known by its organisation's name, so that all of it can be removed whatever happens.
ORGANISATION=demo-$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')

cloud=            # incus or sandbox
folder=           # data and log of this run
pid=              # of Arcus
join=()           # what a command that speaks to Incus begins with
step='preparing'  # what a failure is reported under
command=          # the last call, and what came back
answer=
keep=             # set at the very end, where a person wants to go on

# --- printing ---

paint() { if [[ -t 1 ]]; then printf '\e[%sm%s\e[0m\n' "$1" "$2"; else printf '%s\n' "$2"; fi; }
say() { paint 2 "  $*"; }
begin() {
  step=$1
  echo
  paint 1 "== $1"
}
have() { command -v "$1" >/dev/null 2>&1; }

# --- what is needed ---

choose_cloud() {
  cloud=${ARCUS_DEMO_CLOUD:-}
  case $cloud in
    incus | sandbox) ;;
    '')
      cloud=incus
      local reason
      if ! reason=$(scripts/lab.sh can incus 2>&1); then use_sandbox "$reason"; fi
      ;;
    *)
      say "ARCUS_DEMO_CLOUD is incus or sandbox, not '$cloud'"
      exit 2
      ;;
  esac
}

use_sandbox() {
  cloud=sandbox
  join=()
  say "$1"
  say "The simulated cloud takes its place: the same calls and answers, and no real servers."
}

install_tools() {
  step='installing what building needs'
  scripts/lab.sh can build >/dev/null || scripts/lab.sh up rust
}

install_incus() {
  [[ $cloud == incus ]] || return 0
  step='installing Incus and its image'
  if ! scripts/lab.sh up incus image; then
    [[ -z ${ARCUS_DEMO_CLOUD:-} ]] || return 1
    use_sandbox "Incus could not be set up; the reason stands above."
    return
  fi
  # Who may use sudo but is not in Incus's group joins it for these commands alone.
  join=(scripts/lab.sh join)
  local reason
  if ! reason=$(trial 2>&1); then
    [[ -z ${ARCUS_DEMO_CLOUD:-} ]] || return 1
    use_sandbox "Incus is there, and nothing starts in it: $(grep -o -m 1 'Error: .*' <<<"$reason")"
  fi
}

# Whether a container starts at all: a machine that is a container itself may forbid it.
trial() {
  local failed=0
  "${join[@]}" incus launch debian/12 "$ORGANISATION-trial" </dev/null || failed=1
  "${join[@]}" incus delete --force "$ORGANISATION-trial" || true
  return "$failed"
}

build() {
  step='building Arcus'
  local profile=debug flags=()
  if [[ ${ARCUS_DEMO_RELEASE:-} == 1 ]]; then
    profile=release
    flags=(--release)
  fi
  say "Building Arcus ($profile); the first time takes some minutes."
  [[ -t 2 ]] || flags+=(--quiet)
  cargo build --package arcus "${flags[@]}"
  binary=$CARGO_TARGET_DIR/$profile/arcus
}

# --- Arcus ---

start_arcus() {
  begin 'Start Arcus'
  folder=$(mktemp -d "${TMPDIR:-/tmp}/arcus-demo-XXXXXX")
  local serve=("$binary" serve --data-dir "$folder" --listen "127.0.0.1:$(free_port)")
  [[ $cloud == incus ]] || serve+=(--sandbox)
  say "${serve[*]}"
  # In a session of its own, so that Ctrl-C reaches this script alone and the server can outlive it. The session begins
  # behind the sudo of `join`, which is over at once and may ask for a password in front.
  # shellcheck disable=SC2016 # expanded by the inner shell
  "${join[@]}" setsid --fork bash -c \
    'echo $$ >"$1"/pid; exec </dev/null >/dev/null 2>"$1"/log; shift; exec "$@"' _ "$folder" "${serve[@]}" \
    </dev/null >"$folder/log" 2>&1
  wait_until_it_listens
}

# The usual port, or any.
free_port() { if (: </dev/tcp/127.0.0.1/8080) 2>/dev/null; then echo 0; else echo 8080; fi; }

wait_until_it_listens() {
  local address deadline=$((SECONDS + 30))
  until address=$(jq -Rr 'fromjson? | select(.message == "Arcus listens").address' "$folder/log" 2>/dev/null) &&
    [[ -n $address ]]; do
    pid=$(cat "$folder/pid" 2>/dev/null) || true
    if ((SECONDS >= deadline)) || { [[ -n $pid ]] && ! alive; }; then return 1; fi
    sleep 0.1
  done
  pid=$(cat "$folder/pid")
  remember URL "http://$address"
}

alive() { kill -0 "$pid" 2>/dev/null; }

stop_arcus() {
  pid=${pid:-$(cat "$folder/pid" 2>/dev/null)} || true
  if [[ -z $pid ]] || ! alive; then return 0; fi
  kill "$pid"
  local deadline=$((SECONDS + 35))
  while alive; do
    if ((SECONDS >= deadline)); then kill -KILL "$pid"; fi
    sleep 0.1
  done
}

# --- calls ---

# What is printed is a plain curl; only this script wants to hear of errors by curl's exit code.
curl() { command curl --silent --show-error --fail-with-body --max-time 660 "$@"; }

# remember NAME VALUE: a variable for the calls to come, printed as one would type it.
remember() {
  declare -g "$1=$2"
  printf '$ %s=%s\n' "$1" "$2"
}

# remember_field NAME FILTER: the same with a part of the last answer.
remember_field() {
  local value
  value=$(jq -er "$2" <<<"$answer")
  remember "$1" "$value"
}

# call: prints the command that stands in the here-document, runs it, and prints its answer.
call() {
  command=$(cat)
  printf '$ %s\n' "$command"
  run
  jq . <<<"$answer" 2>/dev/null || head -n 5 <<<"$answer"
}

# Runs the command beside this shell, since a wait can be interrupted and a command in front can't.
run() {
  local status=0
  answer='nothing yet'
  eval "$command" >"$folder/answer" 2>&1 &
  wait "$!" || status=$?
  answer=$(<"$folder/answer")
  return "$status"
}

# await: the same, quietly, until the command succeeds.
await() {
  command=$(cat)
  local deadline=$((SECONDS + 300))
  printf '$ until %s; do sleep 1; done\n' "$command"
  until run; do
    if ((SECONDS >= deadline)) || ! alive; then return 1; fi
    sleep 0.5
  done
}

# --- the main job ---
# shellcheck disable=SC2016 # in the here-documents below the variables are filled in when a call is made

register() {
  begin 'Register: an organisation, its owner, its SSH keys'
  remember ORGANISATION "$ORGANISATION"
  call <<'CALL'
curl -s $URL/accounts/register -d '{"name": "'$ORGANISATION'", "user_name": "owner", "email": "owner@example.com",
  "password": "secretpassword", "password_confirm": "secretpassword"}'
CALL
  remember_field TOKEN '.[0].persistent_token'
}

add_provider() {
  begin 'Add a provider: "arcus" is the operator'\''s own regions'
  call <<'CALL'
curl -s $URL/providers -H "Authentication-Token: $TOKEN" \
  -d '{"cloud_provider": "arcus", "provider_name": "house"}'
CALL
  remember_field PROVIDER .id
  remember REGION "$where"
}

add_application() {
  begin 'Add an application'
  call <<'CALL'
curl -s $URL/applications -H "Authentication-Token: $TOKEN" \
  -d '{"application_name": "shop", "application_type": "custom"}'
CALL
  remember_field APPLICATION '.[0].id'
}

create_environment() {
  begin 'Create an environment of three servers, and wait until they are ready'
  if [[ $cloud == incus ]]; then say "Three systems boot, and install and prove their packages: a minute or two."; fi
  call <<'CALL'
curl -s "$URL/applications/$APPLICATION/environments?wait=600" -H "Authentication-Token: $TOKEN" \
  -d '{"provider_id": "'$PROVIDER'", "region": "'$REGION'", "environment": "production", "nodes": [
    {"name": "web", "size": "eos1", "packages": ["nginx"]},
    {"name": "cache", "size": "eos1", "packages": ["redis"]},
    {"name": "db", "size": "eos1", "packages": ["mysql"]}]}'
CALL
  remember_field ENVIRONMENT .environment
  if [[ $(jq .ready <<<"$answer") != true ]]; then
    query
    return 1
  fi
}

query() {
  begin 'Query what the cloud shows of it'
  call <<'CALL'
curl -s $URL/environments/$ENVIRONMENT/query -H "Authentication-Token: $TOKEN"
CALL
  remember_field WEB '.std_out[][] | to_entries[] | select(.key | endswith("-web")).value.public_ips'
}

visit_nginx() {
  begin 'Visit the nginx that was just made'
  if [[ $cloud == sandbox ]]; then
    say "Skipped: a simulated server has no nginx that could answer."
    return
  fi
  call <<'CALL'
curl -s http://$WEB/
CALL
}

stop_environment() {
  begin 'Stop all of its servers'
  call <<'CALL'
curl -s "$URL/environments/$ENVIRONMENT/stop?wait=120" -H "Authentication-Token: $TOKEN"
CALL
  until_environments 'all(.[]; .status == "stopped")'
}

start_environment() {
  begin 'Start them again'
  call <<'CALL'
curl -s "$URL/environments/$ENVIRONMENT/start?wait=120" -H "Authentication-Token: $TOKEN"
CALL
  until_environments 'all(.[]; .ready)'
}

scale_up() {
  begin 'Scale up: one more like web'
  call <<'CALL'
curl -s $URL/environments/$ENVIRONMENT/scale -H "Authentication-Token: $TOKEN" -d '{"name": "web", "count": 1}'
CALL
  until_environments 'all(.[]; .ready)'
}

delete_environment() {
  begin 'Delete it, and wait until nothing is left'
  call <<'CALL'
curl -s "$URL/environments/$ENVIRONMENT/delete?wait=120" -H "Authentication-Token: $TOKEN"
CALL
  until_environments '. == []'
}

# until_environments CONDITION: until what GET /environments shows fulfils it.
until_environments() {
  await <<CALL
curl -s \$URL/environments -H "Authentication-Token: \$TOKEN" | jq -e '$1' >/dev/null
CALL
}

# --- the end ---

# The instances at Incus that bear this run's organisation in their name.
instances() {
  [[ $cloud == incus ]] && have incus || return 0
  "${join[@]}" incus query '/1.0/instances?recursion=1' |
    jq -r --arg mine "$ORGANISATION-" '.[] | select(.config["user.arcus.name"] // "" | startswith($mine)).name'
}

remove_instances() {
  local name
  for name in $(instances); do
    say "removing $name"
    "${join[@]}" incus delete --force "$name" || true
  done
}

# Runs at every end: of a run that went well, of one that failed, and on Ctrl-C.
end() {
  local status=$?
  trap - EXIT INT TERM HUP
  [[ -z $keep ]] || exit "$status"
  if ((status)); then report; fi
  stop_arcus
  remove_instances
  if [[ -n $folder ]]; then rm -rf "$folder"; fi
  exit "$status"
}

report() {
  {
    echo
    paint 1 "The demo failed at: $step"
    if [[ -n $command ]]; then printf 'The last command was:\n%s\nIt answered:\n%s\n' "$command" "$answer"; fi
    if [[ -s $folder/log ]]; then
      printf 'The last lines of the log:\n'
      tail -n 15 "$folder/log"
    fi
  } >&2
}

is_for_a_person() { [[ ${CI:-} != true && -t 0 && -t 1 ]]; }

leave_it_running() {
  keep=1
  begin 'Arcus keeps running for you'
  # shellcheck disable=SC2153  # REGION is set by remember
  cat <<LAST
  Address   $URL
  Token     $TOKEN
  API page  $URL/docs
  Log       $folder/log
  To stop   kill $pid && rm -r $folder
            (delete your environments before: the servers of a stopped Arcus keep running)

What to try next; paste the first line, then any other:
  URL=$URL TOKEN=$TOKEN PROVIDER=$PROVIDER REGION=$REGION
  curl -s \$URL/providers/\$PROVIDER/meta -H "Authentication-Token: \$TOKEN" | jq .
  curl -s "\$URL/environments?wait=600" -H "Authentication-Token: \$TOKEN" -d '{"provider_id": "'\$PROVIDER'",
    "region": "'\$REGION'", "environment": "mine", "nodes": [{"name": "app", "size": "eos1", "packages": ["docker"]}]}'
  curl -s \$URL/environments -H "Authentication-Token: \$TOKEN" | jq .
  curl -s "\$URL/accounts/keys?private=True" -H "Authentication-Token: \$TOKEN" | jq -r .content
The README goes on from here.
LAST
}

main() {
  trap end EXIT
  trap 'step="$step (interrupted)"; exit 130' INT TERM HUP
  choose_cloud
  install_tools
  install_incus
  build
  where=local
  [[ $cloud == incus ]] || where=sandbox
  local started=$SECONDS
  start_arcus
  register
  add_provider
  add_application
  create_environment
  query
  visit_nginx
  stop_environment
  start_environment
  scale_up
  delete_environment
  step='looking for what was left behind'
  local left
  left=$(instances)
  [[ -z $left ]]
  local took=$((SECONDS - started))
  step="being done within ${ARCUS_DEMO_AT_MOST:-} s; it took $took s"
  ((took <= ${ARCUS_DEMO_AT_MOST:-took}))
  begin "Done in $took s, on $cloud"
  if is_for_a_person; then leave_it_running; fi
}

main "$@"
