#!/bin/sh
# SPDX-License-Identifier: ISC
# What the programs have, the pages tell, and no more: every program has a page; every option of
# its usage text and every key of its configuration an entry in it; every key in a page exists; and the
# sample files pass the daemons' own check. Runs in the build folder; SBIN_PROGRAMS comes from the
# Makefile.
set -u
srcdir=${srcdir:-.}
man=$srcdir/man
bad=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

complain() {
	echo "$*" >&2
	bad=1
}

# The options in the usage text that a program was asked for, one letter a line.
options() {
	"$1" -h 2>/dev/null | grep -oE '(^|[[ |])-[A-Za-z]+' | sed 's/.*-//' | fold -w1 | sort -u
}

check_program() {
	page=$man/${1##*/}.8
	[ -f "$page" ] || { complain "$1: there is no $page"; return; }
	"./$1" -h >/dev/null || complain "$1: -h fails"
	opts=$(options "./$1")
	[ -n "$opts" ] || complain "$1: -h names no options"
	for o in $opts; do
		grep -qE "^\.It Fl $o( |$)" "$page" || complain "$page: -$o is missing"
	done
}

# The samples, moved to where no installation is in the way.
samples() {
	for f in aliasd.conf clu_alias.config clua_services gabd.conf lltd.conf llthosts; do
		sed "s|\"/etc/|\"$tmp/|; s|\"clua\"|\"10.1.0.100\"|" "$srcdir/etc/$f" >"$tmp/$f"
	done
	(umask 077; head -c 32 /dev/urandom >"$tmp/clua.key")
	printf 'node = "n1";\nllthosts = "%s/llthosts";\n' "$tmp" >>"$tmp/lltd.conf"
	printf 'llthosts = "%s/llthosts";\n' "$tmp" >>"$tmp/gabd.conf"
	printf 'alias_config = "%s/clu_alias.config";\nservices = "%s/clua_services";\n' "$tmp" "$tmp" \
	    >>"$tmp/aliasd.conf"
}

# Keys that -nv prints, and those that the schema tables of the daemon's folder name.
keys() {
	"./$1/$1" -n -v -f "$tmp/$1.conf" >"$tmp/$1.out" || complain "$1: does not like the samples"
	{
		sed -n 's/^[ 	]*\([a-z_]*\) = .*/\1/p' "$tmp/$1.out"
		sed -n 's/.*\.key = "\([a-z_]*\)", *\.type = CONF_.*/\1/p' "$srcdir/$1"/*.c
	} | sort -u
}

check_daemon() {
	page=$man/$1.conf.5
	[ -f "$page" ] || { complain "$1: there is no $page"; return; }
	sed -n 's/^\.It Ic \([a-z_]*\).*/\1/p' "$page" | sort -u >"$tmp/told"
	keys "$1" >"$tmp/there"
	[ -s "$tmp/there" ] || complain "$1: no keys found"
	for k in $(comm -13 "$tmp/told" "$tmp/there"); do complain "$page: $k is missing"; done
	for k in $(comm -23 "$tmp/told" "$tmp/there"); do complain "$page: there is no $k"; done
}

# Every function that the library exports is declared, has a page, and is named in the page it leads to.
check_library() {
	for f in $(sed -n '/global:/,/local:/s/^	\([a-z_]*\);$/\1/p' "$srcdir/libclua/libclua.map"); do
		grep -qE "[ *]$f\(" "$srcdir/libclua/clua/clua.h" || complain "clua.h: $f is missing"
		page=$man/$f.3
		[ -f "$page" ] || { complain "$f: there is no $page"; continue; }
		target=$(sed -n 's|^\.so man3/||p' "$page")
		grep -qE "^\.Nm $f( |$)" "$man/${target:-$f.3}" || complain "${target:-$f.3}: $f is missing"
	done
	grep -o 'CLUASRV_[A-Z_]*' "$srcdir/libclua/clua/clua.h" | sort -u | while read -r word; do
		case $word in CLUASRV_IN | CLUASRV_VALID) continue ;; esac
		grep -q "$word" "$man/clua_registerservice.3" || echo "$word is missing"
	done >"$tmp/words"
	[ -s "$tmp/words" ] && complain "clua_registerservice.3: $(cat "$tmp/words")"
}

[ -n "${SBIN_PROGRAMS:-}" ] || complain "SBIN_PROGRAMS is empty"
samples
for program in ${SBIN_PROGRAMS:-}; do
	check_program "$program"
	case $program in
	lltd/lltd | gabd/gabd | aliasd/aliasd) check_daemon "${program##*/}" ;;
	esac
done
check_library
[ "$bad" -eq 0 ] && echo "the pages tell it all"
exit "$bad"
