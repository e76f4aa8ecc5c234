#!/bin/sh
# SPDX-License-Identifier: ISC
# systemd understands every line of the units. Skipped where systemd is not installed.
set -eu

command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not installed" >&2; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# verify wants the programs to exist: any will do.
for unit in etc/*.service; do
	sed 's#=[^ ]*/sbin/[a-z]*#=/bin/true#' "$unit" >"$tmp/${unit##*/}"
done
cp "${srcdir:-.}/etc/clua.target" "$tmp"
out=$(systemd-analyze verify --man=no "$tmp"/* 2>&1) || { echo "$out" >&2; exit 1; }
# It exits 0 for unknown keys, and only says so.
[ -z "$out" ] || { echo "$out" >&2; exit 1; }
