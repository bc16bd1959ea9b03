#!/bin/sh
# Runs a command where nothing leaves the machine: tests/kodi/netns.sh COMMAND...
# A network namespace with lo alone, and a mount namespace of its own in which names are asked of a server that never
# answers (so they hang; tests/kodi/driver.py can have one Kodi see them refused instead) and Kodi finds the folder by
# which it recognises systemd's logind, whose suspend and wake-up the driver plays. As root; others are mapped to root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] && mapped= || mapped=-r
exec unshare $mapped --net --mount --propagation private sh -ceu '
here=$1; shift
folder=$(mktemp -d)
printf "nameserver 127.0.0.53\noptions timeout:30 attempts:5\n" >"$folder/resolv.conf"
ip link set lo up
mount --bind "$folder/resolv.conf" /etc/resolv.conf
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/seats
python3 "$here/silent_dns.py" "$folder/ready" &
server=$!
trap "kill $server; rm -r \"$folder\"" EXIT
while ! [ -e "$folder/ready" ]; do kill -0 $server; sleep 0.02; done
"$@"
' sh "$here" "$@"
