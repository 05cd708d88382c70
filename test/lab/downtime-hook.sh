#!/bin/sh
# Stands in for a monitoring system, which a lab has none of: downtimes are files in a folder, every change is logged.
#   downtime-hook.sh DIR add HOST MINUTES TOKEN REASON | find TOKEN | remove ID
set -eu
dir=$1 what=$2
shift 2
mkdir -p "$dir"
case $what in
  add)
    id=$(printf %s "$3" | sha256sum | cut -c1-12)
    printf '%s\n' "$*" >"$dir/$id.tmp"
    mv "$dir/$id.tmp" "$dir/$id.downtime"
    echo "add $1" >>"$dir/log"
    echo "$id"
    ;;
  find)
    id=$(printf %s "$1" | sha256sum | cut -c1-12)
    [ ! -e "$dir/$id.downtime" ] || echo "$id"
    ;;
  remove)
    rm -f "$dir/$1.downtime"
    echo "remove $1" >>"$dir/log"
    ;;
  *) exit 2 ;;
esac
