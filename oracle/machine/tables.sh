#!/bin/bash
# Prints the tables of every namespace of the machine it runs in: RS, the namespace (empty: the root one), then US and a text for each
# command given as "ip -j ..." or "bridge -j ...".
shopt -s nullglob
table() { # namespace, command
  local namespace=$1 words
  read -r -a words <<<"$2"
  printf '\037'
  if [[ -z $namespace ]]; then "${words[@]}"; else "${words[0]}" -n "$namespace" "${words[@]:1}"; fi
}
namespaces=('')
for path in /run/netns/*; do namespaces+=("${path##*/}"); done
for namespace in "${namespaces[@]}"; do
  printf '\036%s' "$namespace"
  for command in "$@"; do table "$namespace" "$command"; done
done
