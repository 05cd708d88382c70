# Attaches to an entry's command if it has begun, else keeps it from beginning. After locate.sh, entry.sh, attach.sh and take.sh.
# $1 name of the entry  $2 days since 1970, by the worker's clock  $3 seconds since an earlier attempt may have started the command
since=$3 kept=
enter "$1"
[ -e "$entry.run" ] || missed
take unbegun "$2"
# Somebody else had taken its place.
if [ -n "$ended" ] && [ -z "$pid" ]; then
  say never
  exit 0
fi
attach
