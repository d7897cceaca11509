#!/bin/sh
# SPDX-License-Identifier: MIT
# Enqueues one job and waits for its outcome. Usage: push.sh SCHOOL [TAG…]
# Debian: redis-tools (7 or newer, for -e) and jq. REDIS_URL says where Redis is.
set -eu
[ $# -gt 0 ] || { echo "usage: push.sh SCHOOL [TAG…]" >&2; exit 64; }
school=$1
shift
wait_s=30
redis() { redis-cli -e --raw -u "${REDIS_URL:-redis://127.0.0.1:6379/0}" "$@"; }

id=$(tr -d - </proc/sys/kernel/random/uuid) # better, and kept with it: the id of what happened
reply=push:reply:$id
# jq quotes whatever the arguments hold; after an hour the job is of no use any more.
job=$(jq -nc --arg id "$id" --arg school "$school" --arg reply "$reply" '{
    $id, code: "I10001", $school, tags: $ARGS.positional, ttl_s: 3600,
    enqueued_at: (now * 1000 | floor), reply_to: $reply
}' --args "$@")
redis RPUSH push:jobs "$job" >/dev/null

# The name of the list, then the outcome; nothing: the job may still be sent later.
outcome=$(redis BLPOP "$reply" $wait_s | tail -n +2)
[ -n "$outcome" ] || { echo "no outcome yet"; exit 75; }
printf '%s\n' "$outcome" | jq -r '
    if .status == "dead" then "dead \(.id) \(.reason) \(.error.message)"
    else [.status, .id, .pushes[].message_id] | join(" ") end'
printf '%s\n' "$outcome" | jq -e '.status != "dead"' >/dev/null
