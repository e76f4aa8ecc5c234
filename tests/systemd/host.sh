#!/bin/sh
# SPDX-License-Identifier: ISC
# clua as it is installed, on a host that systemd runs: set up as README.md says from the examples, started, used,
# reloaded, killed, stopped and removed. For a machine of its own, which it leaves as it likes (tools/soak systemd).
set -eu

export SYSTEMD_PAGER=cat
EXAMPLES=/usr/share/doc/clua/examples
ALIAS=10.1.0.100
DAEMONS="lltd gabd aliasd"

fail()
{
	echo "failed: $*" >&2
	cluamgr -s all >&2 || true
	journalctl -u lltd -u gabd -u aliasd -n 100 >&2
	exit 1
}

check()
{
	"$@" || fail "$*"
	echo "ok: $*"
}

refused()
{
	if "$@"; then
		fail "not refused: $*"
	fi
	echo "ok: not: $*"
}

# The last that a command of a pipe says is what counts: until it is well, for two minutes.
wait_for()
{
	deadline=$(($(date +%s) + 120))
	until sh -c "$1" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $deadline ] || fail "waited for: $1"
		sleep 0.2
	done
	echo "ok: $1"
}

client()
{
	ip netns exec client "$@"
}

make_cables()
{
	ip netns add switch
	ip netns add client
	for port in eth0 ic0; do
		ip link add $port type veth peer name n1.$port netns switch
		ip link set $port up
		ip -n switch link set n1.$port up
	done
	ip -n client link add eth0 type veth peer name c1.eth0 netns switch
	ip -n switch link add lan type bridge
	for port in n1.eth0 c1.eth0; do
		ip -n switch link set $port master lan up
	done
	ip -n switch link set lan up
	ip addr add 10.1.0.11/24 dev eth0
	ip -n client addr add 10.1.0.21/24 dev eth0
	ip -n client link set eth0 up
}

# The examples are those of a cluster of three with two networks between them; this one is alone.
configure()
{
	hostname n1
	echo "$ALIAS clua" >>/etc/hosts
	for file in llthosts lltd.conf gabd.conf aliasd.conf clu_alias.config clua_services; do
		cp $EXAMPLES/$file /etc
	done
	sed -i '/"ic1"/d' /etc/lltd.conf
	sed -i 's/^seed = .*/seed = 1;/; s/^quorum = .*/quorum = "none";/' /etc/gabd.conf
	echo "echo 7777/tcp in_multi" >>/etc/clua_services
	(umask 077 && head -c 32 /dev/urandom >/etc/clua.key)
}

serve()
{
	/usr/bin/python3 -c '
import socket, threading
listening = socket.create_server(("", 7777))
def echo(connection):
    while data := connection.recv(100):
        connection.sendall(data)
while True:
    threading.Thread(target=echo, args=(listening.accept()[0],), daemon=True).start()
' &
}

# A connection that says something every 20 ms until the file is gone.
talk()
{
	client /usr/bin/python3 -c '
import os, socket, sys, time
connection = socket.create_connection(("'$ALIAS'", 7777), timeout=60)
while os.path.exists("/run/talking"):
    connection.sendall(b"x")
    assert connection.recv(1) == b"x"
    open("/run/answered", "w").close()
    time.sleep(0.02)
' &
}

still_talks()
{
	rm -f /run/answered
	wait_for "[ -e /run/answered ]"
}

make_cables
check systemd-sysusers
check systemd-tmpfiles --create
configure
for daemon in $DAEMONS; do
	check $daemon -n
done

check systemctl enable --now clua.target
for daemon in $DAEMONS; do
	check systemctl -q is-active $daemon
done
wait_for "cluamgr -s all | grep -q 'ARP master: memberid 1'"
serve
wait_for "cluamgr -s all | grep -q 'echo 7777/tcp in_multi, listening: 1'"
touch /run/talking
talk
talker=$!
still_talks
check client ping -c 1 -W 10 $ALIAS

for daemon in $DAEMONS; do
	check systemctl reload $daemon
done
echo 'nonsense = ;' >>/etc/aliasd.conf
refused systemctl reload aliasd
wait_for "journalctl -u aliasd | grep -q '/etc/aliasd.conf:[0-9]*: syntax error'"
check systemctl -q is-active aliasd
sed -i '$d' /etc/aliasd.conf
check systemctl reload aliasd
still_talks

for daemon in $DAEMONS; do
	check kill -9 "$(systemctl show -p MainPID --value $daemon)"
	wait_for "[ \"\$(systemctl show -p NRestarts --value $daemon)\" = 1 ]"
	wait_for "systemctl -q is-active $daemon"
	still_talks
done
wait_for "cluamgr -s all | grep -q 'ARP master: memberid 1'"
check systemctl restart aliasd
still_talks
rm /run/talking
check wait $talker

check systemctl stop clua.target
for daemon in $DAEMONS; do
	refused systemctl -q is-active $daemon
done
refused systemctl -q is-failed $DAEMONS
check aliasd --cleanup
refused sh -c "ip address | grep -w $ALIAS"
refused sh -c "tc filter show dev eth0 ingress | grep clua"
refused sh -c "journalctl -u lltd -u gabd -u aliasd | grep -i 'permission denied\|not permitted'"
