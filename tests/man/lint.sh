#!/bin/sh
# SPDX-License-Identifier: ISC
# Every manual page passes mandoc's checks.
set -eu
srcdir=${srcdir:-.}

command -v mandoc >/dev/null || { echo "mandoc is not installed" >&2; exit 1; }
set -- "$srcdir"/man/*.[0-9]
[ -f "$1" ] || { echo "no pages in $srcdir/man" >&2; exit 1; }
# Links to other pages lead to one that is there; they have no text of their own to check.
for page do
	shift
	read -r first target <"$page"
	if [ "$first" != .so ]; then
		set -- "$@" "$page"
	elif [ ! -f "$srcdir/man/${target##*/}" ]; then
		echo "$page: there is no $target" >&2
		exit 1
	fi
done
# -Wwarning prints, and exits non-zero for, warnings and what is worse.
mandoc -Tlint -Wwarning "$@"
echo "$# pages"
