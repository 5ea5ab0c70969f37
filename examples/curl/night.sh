#!/usr/bin/env bash
# Starts a night over HTTP, follows it, and fetches its results and its report.
# bash and curl 7.83 or later are all it needs.
#
#   starter serve &
#   examples/curl/night.sh examples/market-digest.yaml
#
# OFFPEAK_URL  where starter serve is; http://127.0.0.1:8780 when not set
# OFFPEAK_KEY  a key of scope operate, where the server wants one
#
# Leaves NAME-NIGHT.jsonl (a line for each job, with its answer) and
# NAME-NIGHT.json (the report) in the working directory. Ends with offpeak's exit
# codes: 0 done and audited, 2 bad input, 3 done with jobs left over, 4 refused for
# money, 5 the audit failed, 6 out of reach. Ctrl-C stops the following and not the night.
set -euo pipefail

manifest=${1:?usage: night.sh MANIFEST.yaml}
url=${OFFPEAK_URL:-http://127.0.0.1:8780}
answer=$(mktemp) && trap 'rm -f "$answer" "$answer.part"' EXIT

say() { printf '%s\n' "$*" >&2; }
away() { say "hint: is starter serve running at $url? OFFPEAK_URL names another place"; exit 6; }
[ -r "$manifest" ] || { say "error: $manifest can't be read"; exit 2; }

# show JSON shows the fields that a person wants to see; jq would do it better.
show() {
  local field line=''
  for field in batch state from to begins succeeded total billed saved; do
    if [[ $1 =~ \"$field\":\ *\"?([^\",}]*) ]]; then line+=" $field=${BASH_REMATCH[1]}"; fi
  done
  say "${2:-}$line"
}

# The key comes through a pipe: an argument could be seen in the list of processes.
key() { if [ "${OFFPEAK_KEY:-}" ]; then printf 'header = "Authorization: Bearer %s"\n' "$OFFPEAK_KEY"; fi; }
http() { curl --silent --show-error --connect-timeout 5 --config <(key) "$@"; }

# fetch FILE PATH puts a whole answer into a file; a problem is shown, and ends the script.
fetch() {
  local file=$1 path=$2 status
  status=$(http --retry 5 --retry-all-errors --output "$file.part" --write-out '%{http_code}' "$url$path") || away
  if [ "$status" != 200 ]; then refused "$status" "$file.part"; fi
  mv "$file.part" "$file"
}

# refused STATUS FILE shows the problem as it came, which says what is wrong and, as hint, what to do.
refused() {
  say "HTTP $1: $(cat "$2")"
  case $1 in 402) exit 4 ;; 4??) exit 2 ;; *) exit 6 ;; esac
}

# 1. Start. The same manifest on the same day has the same idempotency key: a
# start whose answer was lost may be repeated, and so may this script.
case $manifest in *.json) type=application/json ;; *) type=application/yaml ;; esac
again=$(date +%F)-$(cksum <"$manifest" | tr -s ' ' -)
head=$(http --retry 5 --retry-all-errors --max-time 60 --output "$answer" --write-out '%{http_code} %header{location}' \
  --header "Content-Type: $type" --header "Idempotency-Key: $again" --data-binary "@$manifest" "$url/v1/batches") || away
read -r status night <<<"$head"
case $status in
  200 | 201) show "$(cat "$answer")" "HTTP $status:" ;;
  *) refused "$status" "$answer" ;;
esac
night=${night#"$url"} # /v1/batches/NAME/NIGHT

# 2. Follow. When the connection breaks, the last id that was seen says where
# to go on: nothing is shown twice and nothing left out. The server is never
# silent for more than 15 seconds. curl's own status comes last, as an x- line.
last='' event='' ended='' misses=0
until [ "$ended" ]; do
  status='' problem=''
  while IFS= read -r -t 60 line; do
    case $line in
      'id: '*) last=${line#id: } ;;
      'event: '*) event=${line#event: } ;;
      :*) misses=0 ;; # a comment: it is there
      'data: '*) misses=0; show "$line" "$event:"; if [ "$event" = end ]; then ended=yes; fi ;;
      'x-status: '*) status=${line#x-status: } ;;
      '{'*) problem=$line ;;
    esac
  done < <(http --no-buffer --header "Last-Event-ID: $last" --write-out '\nx-status: %{http_code}\n' "$url$night/events" 2>&1 || true)
  case $status in
    200) ;;           # until the connection ended
    204) ended=yes ;; # the end was seen before
    4??) if [ "$status" != 429 ]; then printf '%s' "$problem" >"$answer"; refused "$status" "$answer"; fi ;;
  esac
  if [ -z "$ended" ]; then
    misses=$((misses + 1))
    if [ $misses -gt 60 ]; then say "$url is out of reach; the night goes on, and the same command comes back to it"; exit 6; fi
    sleep 2
  fi
done

# 3. Fetch. The status of a night that is over has the exit code of starter run.
fetch "$answer" "$night"
code=$(grep -o '"exit_code": *[0-9]*' "$answer" | grep -o '[0-9]*$')
if grep -q '"state": *"refused"' "$answer"; then # before anything was sent: there is nothing to fetch
  say "$(cat "$answer")"
  exit "$code"
fi
name=$(tr / - <<<"${night#/v1/batches/}")
fetch "$name.jsonl" "$night/results"
fetch "$name.json" "$night/report"
say "results: $name.jsonl, report: $name.json"
exit "$code"
