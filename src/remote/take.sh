# Takes an entry's place, which keeps an attempt that is on its way from starting; else waits for what the entry says. After
# entry.sh. $1 why  $2 days since 1970, by the worker's clock
take() {
  [ -d "$dir" ] || mkdir -p -m 700 "$dir" || exit 1
  if (set -C; : >"$entry.run") 2>/dev/null; then
    printf 'end %s %s\nexit 143 %s\n' "$1" "$2" "$up" >>"$entry.run"
    say never
    exit 0
  fi
  look
  n=0
  while [ -z "$pid$rc" ] && [ "$n" -lt 70 ]; do pause; n=$((n + 1)); look; done
}
