#!/bin/sh
# SPDX-License-Identifier: ISC
# What the programs have, the pages tell: every program has a page, every option of its -h and
# every key of its configuration an entry in it; and the sample files pass the programs' own check.
# Runs in the build folder; SBIN_PROGRAMS comes from the Makefile.
set -u
srcdir=${srcdir:-.}
man=$srcdir/man
bad=0

complain() {
	echo "$*" >&2
	bad=1
}

# The options named by a usage text, one letter a line.
options() {
	"$1" -h 2>&1 | grep -oE '(^|[[ |])-[A-Za-z]+' | sed 's/.*-//' | fold -w1 | sort -u
}

# The keys of a schema table, in whatever source file of the folder it stands.
keys() {
	sed -n 's/.*{ *\(\.key = \)\{0,1\}"\([a-z_]*\)", *\(\.type = \)\{0,1\}CONF_.*/\2/p' \
	    "$srcdir/$1"/*.c | sort -u
}

[ -n "${SBIN_PROGRAMS:-}" ] || complain "no programs: SBIN_PROGRAMS is empty"
for prog in $SBIN_PROGRAMS; do
	name=${prog##*/}
	page=$man/$name.8
	if [ ! -f "$page" ]; then
		complain "$name: no $page"
		continue
	fi
	opts=$(options "./$prog")
	[ -n "$opts" ] || complain "$name: -h names no options"
	for o in $opts; do
		[ "$o" = h ] || grep -qE "^\.It Fl ([A-Za-z] , )*$o( |$)" "$page" ||
			complain "$page: -$o is missing"
	done
done

for d in lltd gabd aliasd; do
	case " $SBIN_PROGRAMS " in *" $d/$d "*) ;; *) continue ;; esac
	page=$man/$d.conf.5
	ks=$(keys "$d")
	[ -n "$ks" ] || complain "$d: no configuration keys found in $srcdir/$d"
	for k in $ks; do
		grep -qE "^\.It (Ic|Cm) $k( |$)" "$page" || complain "$page: $k is missing"
		# A key of the pages that no table has is caught by the samples and by readers.
	done
done

[ "$bad" -eq 0 ] && echo "programs and keys are in the pages"
exit "$bad"
