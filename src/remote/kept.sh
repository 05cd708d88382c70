# A shell that makes one attempt after another, each as attempt.sh does, without another channel, login or start of a shell.
# After attempt.sh and what that needs.
# $1 mark for the end of the first attempt  then: what is the same for all of them: $2 text of runner.sh
# and of the first: $3 name of the entry  $4 day  $5 seconds  $6 digest  $7 locks  $8 command
# Standard input: `here`, answered with the same on standard error, asks whether we still answer. A line with the number of lines of
# the command, mark, entry, day, seconds, digest and locks, then these lines: the next attempt, once the one before is over.
# Any other line: there may be something to pass on. Its end is ours.
# Where sh is bash each attempt gets a process group of its own; others do that only with a terminal.
set -m 2>/dev/null
# Ignored until an attempt listens: bash trips over a trap while it parses.
trap '' USR1
# Would end a read.
command unset TMOUT 2>/dev/null
runner=$2 job= nl='
'
eval "run() {
$runner
}"

over() {
  printf '\036over %s\n' "$mark" >&2
  printf '\036over %s\n' "$mark"
}

begin() {
  mark=$1
  (
    trap over EXIT
    trap 'exit 1' TERM
    attempt "$2" "$3" "$4" "$5" -1 "$runner" "$6" "$7" 'run "$@"'
  ) </dev/null &
  job=$!
}

running() {
  [ -n "$job" ] && { read -r stat <"/proc/$job/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && [ "$2" = $$ ]
}

begin "$1" "$3" "$4" "$5" "$6" "$7" "$8"
while read -r lines next entry day since digest fences; do
  case $lines in
  '')
    if running; then kill -USR1 "$job"
    elif [ -n "$job" ]; then
      wait "$job"
      # What it has begun to pass on may go on coming: no other attempt's may follow it.
      [ $? -lt 128 ] || kill -KILL $$
      job=
    fi
    ;;
  here) printf '\036here\n' >&2 ;;
  *)
    [ -z "$job" ] || wait "$job"
    IFS= read -r command || exit
    while [ "$lines" -gt 1 ]; do
      IFS= read -r line || exit
      command=$command$nl$line lines=$((lines - 1))
    done
    begin "$next" "$entry" "$day" "$since" "$digest" "$fences" "$command"
    ;;
  esac
done
! running || kill "$job"
