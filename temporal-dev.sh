#!/usr/bin/env bash
# The development environment: a Temporal server with its UI, etcd and one worker, all on this machine. temporal-dev.sh help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
case ${1:-up} in
  up) "$root/scripts/install" dev ;;
  demo) "$root/scripts/install" test ;;
  *) [ -x "$root/node_modules/.bin/node" ] || "$root/scripts/install" dev ;;
esac
# shellcheck source=scripts/tools.sh
. "$root/scripts/tools.sh"
export PATH
dev=("$root/node_modules/.bin/node" "$root/scripts/dev/main.ts" "$@")
case ${1:-up} in
  up | down | reset)
    dir=${SUMAC_DEV_DIR:-$root/.dev}
    mkdir -p "$dir"
    exec flock --close "$dir/lock" "${dev[@]}" # two of them at a time would start everything twice
    ;;
  *) exec "${dev[@]}" ;;
esac
