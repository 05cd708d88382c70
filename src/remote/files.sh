# The host's part in a file transfer. $1 look, commit or restore  $2 path of the file  $3 name of what is kept of it
# commit: $4 what was transferred, beside the file  $5 its digest  $6 mode  $7 owner, each empty to keep what is there
# What is kept lies in the journal, where it is cleaned up with it: NAME.was is the file as it was, NAME.now the digest of what came after.
what=$1 entry=$3 temp=$4 sum=$5 mode=$6 owner=$7
fail() {
  echo "$*"
  exit 1
}
file=$(readlink -f "$2") || fail "the directory of $2 does not exist"
[ ! -d "$file" ] || fail "$2 is a directory"
[ -f "$file" ] || [ ! -e "$file" ] || fail "$2 is no regular file"
digest() { set -- $(sha256sum <"$1") && echo "$1"; }
is=-
[ ! -e "$file" ] || { is=$(digest "$file") && [ -n "$is" ]; } || fail "$2 cannot be read"
locate
kept=$dir/$entry
# What attempts that were cut short have left, and this one too if it fails.
tidy() { rm -f "${file%/*}/.${file##*/}.$entry".*; }
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
  [ "$(digest "$temp")" = "$sum" ] || { tidy; fail 'it arrived incomplete'; }
  [ -d "$dir" ] || mkdir -p -m 700 "$dir" || fail 'no journal'
  if [ ! -e "$kept.now" ]; then
    if [ "$is" = - ]; then rm -f "$kept.was"; else cp -p "$file" "$kept.new" && touch "$kept.new" && mv -f "$kept.new" "$kept.was" || exit 1; fi
  fi
  # Whichever of the two it finds, the undo knows it.
  echo "$sum $is" >"$kept.now" || exit 1
  if [ "$is" != - ]; then
    : "${owner:=$(stat -c %u:%g "$file")}" "${mode:=$(stat -c %a "$file")}"
  fi
  [ -z "$owner" ] || chown "$owner" "$temp" || { tidy; exit 1; }
  place "$temp" "${mode:-644}"
  tidy
  ;;
restore)
  tidy
  [ -e "$kept.now" ] || exit 0
  read -r now before <"$kept.now"
  if [ -e "$kept.was" ]; then was=$(digest "$kept.was"); else was=-; fi
  case $is in
  "$was") ;;
  "$now" | "$before")
    if [ "$was" = - ]; then rm -f "$file"
    else
      temp=${file%/*}/.${file##*/}.$entry.was
      cp -p "$kept.was" "$temp" || { tidy; exit 1; }
      place "$temp" "$(stat -c %a "$kept.was")"
    fi
    ;;
  *)
    echo changed
    exit 0
    ;;
  esac
  rm -f "$kept.was" "$kept.now"
  ;;
esac
