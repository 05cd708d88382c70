# Where the journal of whoever runs this is, for the entry named $entry: dir. Empty when there is no place for it.
locate() {
  spare=/var/tmp/sumac-${LOGNAME:-$(id -un)}
  if [ -n "$SUMAC_JOURNAL" ]; then dir=$SUMAC_JOURNAL
  # Only root can read that one.
  elif [ -r /proc/1/environ ]; then dir=/var/lib/sumac/journal
  # Whoever came here before their home was to be had finds their entries again.
  elif ours "$spare" && { [ -e "$spare/$entry.run" ] || [ -e "$spare/$entry.now" ]; }; then dir=$spare
  else
    dir=$HOME/.sumac/journal
    if [ -z "$HOME" ] || ! { [ -w "$dir" ] || mkdir -p -m 700 "$dir" 2>/dev/null; }; then
      dir=$spare
      mkdir -m 700 "$dir" 2>/dev/null
      ours "$dir" || dir=
    fi
  fi
}

# Everybody may make a directory of this name there.
ours() { [ -d "$1" ] && [ -O "$1" ] && [ ! -L "$1" ]; }
