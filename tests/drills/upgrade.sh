#!/usr/bin/env bash
# Upgrade: what was written before is there after the program was replaced. `SPL_NEW` is the new program.
cd "$(dirname "$0")" && . ./common.sh
SPL_NEW=${SPL_NEW:-$SPL}

step "write 5 records, a routing rule, and a permission rule"
$SPL init >/dev/null
$SPL serve --port 0 >/dev/null
for n in 1 2 3 4 5; do post drill.upgrade "record $n"; done
$SPL config add-rule to-worker-a --expression '"worker-a"' >/dev/null
$SPL config add-permission-rule operators --expression 'current_actor().startsWith("did:sync:user:")' --effect allow >/dev/null
{ $SPL config list-rules -o json; $SPL config list-permission-rules -o json; } >"$work/rules.before"

step "snapshot, stop, replace the program, start"
$SPL backup now >/dev/null
$SPL stop >/dev/null
SPL=$SPL_NEW
$SPL version >/dev/null
$SPL serve --port 0 >/dev/null
$SPL status >/dev/null

step "everything is there"
[ "$(count drill.upgrade)" = 5 ] || fail "$(count drill.upgrade) of 5 records"
{ $SPL config list-rules -o json; $SPL config list-permission-rules -o json; } >"$work/rules.after"
for name in to-worker-a operators; do
  grep -q "\"$name\"" "$work/rules.before" || fail "the rule $name was never there"
  grep -q "\"$name\"" "$work/rules.after" || fail "the rule $name is gone"
done
$SPL store status >/dev/null || fail "the log is not sound"
