# Refuses a command under a lock that a later holder has acted under here. For attempt.sh. $fences: file and number, for each lock.
# NAME.lock holds the numbers seen, one a line; whoever adds one looks again, so that none is lost when the file is made anew.
highest() {
  while read -r n; do
    case $n in
    # Of a disk that was full.
    '' | *[!0-9]*) ;;
    *) lines=$((lines + 1)) && { [ "$n" -le "$max" ] || max=$n; } ;;
    esac
  done
}

seen() {
  max=0 lines=0
  [ ! -e "$1" ] || highest <"$1"
}

note() { printf '\n%s\n' "$2" >>"$1"; }

# One at a time: two would lose what is added between them. Whoever is killed here leaves it long.
shorten() {
  mkdir "$1.made" 2>/dev/null || return 0
  exec 6<"$1"
  max=0
  highest <&6
  printf '%s\n' "$max" >"$1.$$" && mv "$1.$$" "$1"
  # What was added meanwhile.
  last=$max
  highest <&6
  [ "$max" -le "$last" ] || note "$1" "$max"
  exec 6<&-
  rmdir "$1.made"
}

fence() {
  set -- $fences
  while [ $# -gt 1 ]; do
    seen "$dir/$1.lock"
    while [ "$2" -gt "$max" ]; do
      note "$dir/$1.lock" "$2" || { say unwritable; exit 0; }
      seen "$dir/$1.lock"
    done
    if [ "$2" -lt "$max" ]; then
      say "fenced $1 $max $dir/$1.lock"
      exit 0
    fi
    [ "$lines" -lt 100 ] || shorten "$dir/$1.lock"
    shift 2
  done
}
