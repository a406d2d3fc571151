#!/usr/bin/env bash
# Ends what start.sh DIR started, jobs and all: whatever lives in its network namespace. Removes DIR.
set -uo pipefail
dir=$(realpath -m "$1")
if space=$(readlink "/proc/$(cat "$dir/pid/munged")/ns/net") && [ "$space" != "$(readlink /proc/self/ns/net)" ]; then
  for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/ns/net")" = "$space" ]; then kill -9 "${process#/proc/}"; fi
  done
fi
if [ "$(readlink /etc/slurm/slurm.conf)" = "$dir/slurm.conf" ]; then rm /etc/slurm/slurm.conf; fi
rm -rf "$dir"
