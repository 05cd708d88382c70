# After locate.sh, entry.sh and attach.sh.

# In a child: whether the shell that began it still lives.
waited() {
  read -r stat </proc/self/stat
  set -- ${stat##*) }
  [ "$2" = $$ ]
}

# Whether all days since then are over. No clock is trusted alone: one that jumps must not take away what is new.
old() {
  if [ "$bootid" = "$boot" ] && [ -n "$at" ]; then [ $((${up%.*} - ${at%.*})) -gt 1209600 ]
  else [ $((day - ${from:-0})) -gt 14 ]; fi
}

# Once a day: entries of commands that ended more than 14 days ago, a thousand at a time.
sweep() {
  rm -f "$dir"/.swept-*
  : >"$dir/.swept-$day"
  cd "$dir" || return
  mine= n=0 seen=0
  set --
  for file in $(
    find . -name '*.run' -mtime +14 | head -n 1000
    find . -type f ! -name '*.run' ! -name '*.now' -mtime +14 | head -n 1000
    find . -name '*.now' -mtime +400 | head -n 1000
  ); do
    seen=$((seen + 1))
    entry=${file%.*}
    case $file in
    *.run)
      look
      old && { [ -n "$rc" ] || ! alive; } || continue
      set -- "$@" "$entry.out" "$entry.as"
      ;;
    # What a file held: see files.sh.
    *.was)
      from=
      read -r a b c from <"$entry.now"
      [ $((day - ${from:-0})) -gt 14 ] || continue
      ;;
    # Goes along with its entry, unless it never had one.
    *) [ ! -e "$entry.run" ] || continue ;;
    esac
    set -- "$@" "$file"
    n=$((n + 1))
  done
  [ "$n" -gt 0 ] || return
  rm -f "$@"
  [ "$seen" -lt 1000 ] || rm -f "$dir/.swept-$day"
}

# One attempt at the command of a journal entry: starts it unless an attempt has, and sees it through.
# $1 name of the entry  $2 days since 1970, by the worker's clock
# $3 seconds since an earlier attempt may have started the command, 0 when there was none
# $4 digest of the command and of who runs it  $5 bytes of standard input, -1 for none  $6 text of runner.sh
# $7 for each lock it is under file and fencing number, with spaces; none: empty  $8 the command  $9 under kept.sh what runs runner.sh
# Standard input: a line with the digest of what is the command's and that itself, if it has any; then a line whenever
# there is something to wait for. Standard output: a mark, then the output.
attempt() {
  day=$2 since=$3 digest=$4 bytes=$5 runner=$6 fences=$7 command=$8 kept=$9 leads= sum=-
  enter "$1"
  if [ "$bytes" -ge 0 ] && ! read -r sum; then
    say cut
    exit 0
  fi
  mine="$digest $sum"
  if [ -e "$entry.as" ] && read -r as <"$entry.as" && [ "$as" != "$digest" ]; then
    say reused
    exit 0
  fi

  if [ ! -e "$entry.run" ]; then
    missed
    [ "$since" = 0 ] || say first
    [ -d "$dir" ] || mkdir -p -m 700 "$dir"
    [ -z "$fences" ] || fence
    if [ ! -e "$dir/.swept-$day" ]; then (exec </dev/null >/dev/null 2>&1; sweep) & fi
    if [ "$bytes" -ge 0 ]; then
      rm -f "$entry".in.*
      # Not every head tells of a disk that is full.
      if ! echo >"$entry.in.$$" || ! head -c "$bytes" >"$entry.in.$$"; then
        rm -f "$entry.in.$$"
        say unwritable
        exit 0
      fi
      if [ "$(wc -c <"$entry.in.$$")" -ne "$bytes" ]; then
        rm -f "$entry.in.$$"
        say cut
        exit 0
      fi
      exec 4<"$entry.in.$$"
      rm -f "$entry.in.$$"
    else
      exec 4</dev/null
    fi
    trap tick=1 USR1
    read -r stat </proc/self/stat
    set -- ${stat##*) }
    # Who leads a process group without a terminal, as under sshd, needs no other one for the command.
    [ "$3 $5" = "${stat%% *} 0" ] && leads=1
    set -- "$entry" "$boot" "$digest" "$sum" "$day" "$command"
    if [ -n "$leads" ]; then
      (exec <&4 >/dev/null 2>&1 4<&-; eval "${kept:-$runner}") &
    else
      setsid sh -c "$runner" sumac "$@" <&4 >/dev/null 4<&- &
    fi
    job=$!
    exec 4<&- 5<&0
    # Each line from the other side wakes us to pass on what has been written; its end is ours.
    if [ -z "$kept" ]; then
      {
        exec <&5 5<&- >/dev/null 2>&1
        while read -r key; do
          waited || exit
          kill -USR1 $$
        done
        waited && kill $$
      } &
      reader=$!
    fi
    late=0
    while :; do
      tick=
      wait $job
      [ -n "$tick" ] || break
      show
      say .
      # A daemon that keeps the output open does not keep us.
      look
      [ -z "$rc" ] || late=$((late + 1))
      [ "$late" -lt 2 ] || break
    done
    [ -n "$kept" ] || kill $reader
    look
    [ -z "$rc" ] || finish
    # Its runner could not write down that it starts: the same says here why.
    if [ ! -e "$entry.run" ]; then
      echo >"$entry.in.$$"
      rm -f "$entry.in.$$"
      say unwritable
      exit 0
    fi
  fi

  attach
}
