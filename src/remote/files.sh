# The host's part in a file transfer. After locate.sh and fence.sh.
# $1 look, read, commit or restore  $2 path of the file  $3 name of what is kept of it
# $4 for each lock it is under file and fencing number, with spaces; none: empty
# read: $5 most bytes, empty for any number; only what ends it with 1 says why, as all else comes after some of the file
# commit: $5 what was transferred, beside the file, or empty when it comes on standard input  $6 its digest
# $7 mode  $8 owner, each empty to keep what is there  $9 days since 1970, by the worker's clock
# What is kept lies in the journal, where it is cleaned up with it, NAME.now long after NAME.was. NAME.was is the file as it
# was; NAME.now says, by digests or - for no file, what it holds since, what it held before that and at first, and the day.
what=$1 entry=$3 fences=$4 temp=$5 sum=$6 mode=$7 owner=$8 today=$9
say() { echo "$*"; }
fail() {
  echo "$*"
  exit 1
}
if [ "$what" = read ]; then
  [ -e "$2" ] || exit 4
  [ ! -d "$2" ] || fail 'is a directory'
  exec <"$2" || exit 1
  size=$(stat -Lc %s "$2")
  [ "$size" -le "${5:-$size}" ] || { echo "$size"; exit 5; }
  cat 2>/dev/null || exit 6
  exit
fi
# What attempts that were cut short have left, and this one too if it fails.
tidy() { rm -f "${file%/*}/.${file##*/}.$entry".*; }
locate
kept=$dir/$entry
if [ "$what" = restore ] && [ ! -e "$kept.now" ]; then
  file=$(readlink -f "$2") && tidy
  exit 0
fi
file=$(readlink -f "$2") || fail "the directory of $2 does not exist"
[ ! -d "$file" ] || fail "$2 is a directory"
[ -f "$file" ] || [ ! -e "$file" ] || fail "$2 is no regular file"
digest() { set -- $(sha256sum <"$1") && echo "$1"; }
is=-
[ ! -e "$file" ] || { is=$(digest "$file") && [ -n "$is" ]; } || fail "$2 cannot be read"
# Takes what is beside the file to its place, for good.
place() {
  chmod "$2" "$1" && mv -fT "$1" "$file" || { tidy; exit 1; }
  sync "$file" "${file%/*}" 2>/dev/null || sync
}
case $what in
look)
  if [ "$is" = - ]; then echo - - - -; else echo "$is $(stat -c '%a %U:%G %u:%g' "$file")"; fi
  echo "$file"
  ;;
commit)
  [ -d "$dir" ] || mkdir -p -m 700 "$dir" || fail 'no journal'
  [ -z "$fences" ] || fence
  if [ -z "$temp" ]; then
    temp=${file%/*}/.${file##*/}.$entry.$$
    (umask 077; set -C; cat >"$temp") || { rm -f "$temp"; exit 1; }
    sync "$temp" 2>/dev/null || sync
  fi
  # An attempt that was cut off leaves what a later one transfers alone.
  [ "$(digest "$temp")" = "$sum" ] || { rm -f "$temp"; fail 'it arrived incomplete'; }
  first=$is
  if [ -e "$kept.now" ]; then read -r now before first day <"$kept.now"
  elif [ "$is" = - ]; then rm -f "$kept.was"
  else cp -p "$file" "$kept.new" && touch "$kept.new" && mv -f "$kept.new" "$kept.was" || exit 1
  fi
  # Whichever of the first two it finds, the undo knows it.
  echo "$sum $is $first $today" >"$kept.new" && mv -f "$kept.new" "$kept.now" || exit 1
  if [ "$is" != - ]; then
    : "${owner:=$(stat -c %u:%g "$file")}" "${mode:=$(stat -c %a "$file")}"
  fi
  [ -z "$owner" ] || chown "$owner" "$temp" || { tidy; exit 1; }
  place "$temp" "${mode:-644}"
  tidy
  ;;
restore)
  [ -z "$fences" ] || fence
  tidy
  read -r now before first day <"$kept.now"
  case $is in
  "$first" | "$now" | "$before") ;;
  *)
    echo changed
    exit 0
    ;;
  esac
  if [ "$first" = - ]; then rm -f "$file"
  elif [ -e "$kept.was" ]; then
    temp=${file%/*}/.${file##*/}.$entry.was
    cp -p "$kept.was" "$temp" || { tidy; exit 1; }
    place "$temp" "$(stat -c %a "$kept.was")"
  elif [ "$is" != "$first" ] || [ "$first" = "$now" ]; then
    echo gone
    exit 0
  fi
  # In this order: without NAME.was alone it would seem lost.
  rm -f "$kept.now"
  rm -f "$kept.was"
  ;;
esac
