#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Golden cases of configuration. In tests/config/cases:
#
#   NNN-name.in    the file; its first line is "# PROGRAM", or "# PROGRAM ARGUMENT... FILE"
#   NNN-name.ok    what PROGRAM must print, with exit status 0 and nothing on standard error; or
#   NNN-name.err   the lines it must print on standard error, with exit status 1
#   NNN-name.d/    other files the case needs (a llthosts, say), may be missing
#
# "# lltd" is short for "# lltd -nv -f lltd.conf". The case runs in a folder that holds the input
# under the name of FILE, and the files of NNN-name.d, so error lines begin with plain names. What
# -nv printed is read again and must print the same.
#
#   golden.sh [CASE...]             run all cases, or these; from the top of the build tree
#   UPDATE=1 golden.sh CASE...      write what is printed as what is expected: read it before a commit

set -u
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
cases=$srcdir/tests/config/cases
top=$(pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/clua-golden-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
ran=0
failed=0

fail() {
	echo "FAIL $name: $1"
	failed=$((failed + 1))
}

# Sets prog, args and file from the first line of the case.
read_head() {
	head=$(sed -n '1s/^# *//p' "$1")
	set -- $head
	[ $# -gt 0 ] || return 1
	prog=$1
	shift
	[ $# -gt 0 ] || set -- -nv -f "$prog.conf"
	args=$*
	for file; do :; done
}

# In $work/run; output in $work/out and $work/err.
run_once() {
	(cd "$work/run" && "$top/$prog/$prog" $args) >"$work/out" 2>"$work/err"
}

compare() {
	if [ -n "${UPDATE:-}" ]; then
		cp "$2" "$1"
	elif ! diff -u "$1" "$2"; then
		fail "$3"
		return 1
	fi
}

check_ok() {
	[ "$status" -eq 0 ] || { cat "$work/err"; fail "exit status $status, expected 0"; return; }
	[ ! -s "$work/err" ] || { cat "$work/err"; fail "complains"; return; }
	compare "$base.ok" "$work/out" "prints something else" || return
	case " $args " in *" -nv "*) ;; *) return ;; esac
	cp "$work/out" "$work/first"
	cp "$work/out" "$work/run/$file"
	run_once || { cat "$work/err"; fail "does not read what it has printed"; return; }
	diff -u "$work/first" "$work/out" || fail "prints it differently the second time"
}

check_err() {
	[ "$status" -eq 1 ] || { cat "$work/err"; fail "exit status $status, expected 1"; return; }
	[ ! -s "$work/out" ] || { fail "prints a configuration with errors"; return; }
	compare "$base.err" "$work/err" "complains differently"
}

run_case() {
	name=$1
	base=$cases/$name
	read_head "$base.in" || { fail "the first line names no program"; return; }
	[ -x "$top/$prog/$prog" ] || { fail "there is no $top/$prog/$prog"; return; }
	rm -rf "$work/run"
	mkdir "$work/run"
	[ ! -d "$base.d" ] || cp -R "$base.d/." "$work/run/"
	cp "$base.in" "$work/run/$file"
	run_once
	status=$?
	ran=$((ran + 1))
	if [ -e "$base.ok" ] || { [ -n "${UPDATE:-}" ] && [ $status -eq 0 ] && [ ! -e "$base.err" ]; }; then
		check_ok
	elif [ -e "$base.err" ] || [ -n "${UPDATE:-}" ]; then
		check_err
	else
		fail "neither $name.ok nor $name.err"
	fi
}

if [ $# -eq 0 ]; then
	for f in "$cases"/*.in; do
		[ -e "$f" ] || break
		f=${f##*/}
		set -- "$@" "${f%.in}"
	done
fi
for c; do
	run_case "$c"
done
echo "$ran cases, $failed failed"
[ $ran -gt 0 ] || exit 77
[ $failed -eq 0 ]
