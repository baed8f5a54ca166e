#!/bin/bash
# Prints the tables of every namespace of the machine it runs in: RS, the namespace (empty: the root one), then US and a text for each
# command given. Its folder is the /proc of the whole computer: the machine's own does not know this process, so has no /proc/net for it.
shopt -s nullglob
tables() {
  local command words
  for command in "$@"; do
    printf '\037'
    read -r -a words <<<"$command"
    case ${words[0]} in
      cat) "${words[@]/#\/proc\//self\/}" ;;
      conntrack)
        # Nothing is asked of a table that has nothing: asking takes its time.
        { read -r _ <self/net/nf_conntrack; } 2>/dev/null && "${words[@]}" 2>/dev/null ;;
      *) type -P "${words[0]}" >/dev/null && "${words[@]}" ;;
    esac
  done
}
printf '\036'
tables "$@"
for path in /run/netns/*; do
  printf '\036%s' "${path##*/}"
  nsenter --net="$path" bash -c "$(declare -f tables); tables \"\$@\"" tables "$@"
done
exit 0
