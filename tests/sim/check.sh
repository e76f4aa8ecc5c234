#!/bin/sh
# SPDX-License-Identifier: ISC
# A slice of the simulation, every seed that once failed, and the proof that faults are found.
set -u
sim=${SIM:-tests/sim/gabsim}
failed=0

# Seeds that violated an invariant at some time in this program's life, and what it was.
for seed in 2 4 15 61 65 66 83 87 90 100 111 115 175 178 195 197 476; do
	"$sim" --seed $seed --per-seed 35 >/dev/null || failed=1
done
"$sim" --seed 30050 --per-seed 140 >/dev/null || failed=1
"$sim" --split --seed 1 --seeds 150 || failed=1
"$sim" --seed 1000 --seeds 8 --per-seed 40 || failed=1
"$sim" --seed 7 --nodes 16 --per-seed 20 || failed=1

# A simulator that finds nothing proves nothing.
expect() {
	if "$sim" --seed $2 --seeds 5 --break $1 >/dev/null 2>&1; then
		echo "--break $1 was not found" >&2
		failed=1
	fi
}
for fault in flush order fresh dup gen; do
	expect $fault 1
done
expect freeze 6
expect quorum 111
expect stale 21 # it takes an attempt that is given up at the very moment when it succeeds

exit $failed
