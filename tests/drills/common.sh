# What the drills share: a home of their own, and words for what was seen. `SPL` names another command.
set -euo pipefail
SPL=${SPL:-spl}
work=$(mktemp -d "${TMPDIR:-/tmp}/spl-drill-XXXXXX")
export HOME="$work" XDG_DATA_HOME="$work/share" SYNCROPEL_HOME="$work/.syncro"
unset SPL_URL SPL_TOKEN SPL_CONTEXT SYNCROPEL_DATA 2>/dev/null || true

finish() {
  status=$?
  $SPL stop >/dev/null 2>&1 || true
  rm -rf "$work"
  if [ "$status" = 0 ]; then echo "✓ drill passed"; else echo "✗ drill failed" >&2; fi
}
trap finish EXIT

step() { echo "- $*"; }
fail() { echo "✗ $*" >&2; exit 1; }
post() { # THREAD TEXT
  curl -fsS --unix-socket "$SYNCROPEL_HOME/run/spl.sock" -H 'content-type: application/json' \
    -d "{\"thread\":\"$1\",\"actor\":\"did:sync:user:drill\",\"act\":\"KNOW\",\"body\":{\"text\":\"$2\"}}" \
    http://spl/v1/records >/dev/null
}
count() { $SPL thread records "$1" -o json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["data"]))'; }
