#!/bin/sh
# Runs a command that sees other files and folders than there are: places.sh ROOT COUNT FILE PLACE [FILE PLACE]... COMMAND...
# In a mount namespace of its own; ROOT is an empty folder. A place at the top of the file system may be a new one, so the
# command gets a root folder in memory, in which everything else is what it is outside.
set -eu
root=$1 count=$2
shift 2
mount -t tmpfs none "$root"
for path in /* /.[!.]*; do
    if [ -L "$path" ]; then
        cp -P "$path" "$root$path"
    elif [ -d "$path" ]; then
        mkdir "$root$path"
        mount --rbind "$path" "$root$path"
    fi
done
while [ "$count" -gt 0 ]; do
    [ -e "$root$2" ] || mkdir "$root$2"
    mount --bind "$1" "$root$2"
    shift 2
    count=$((count - 1))
done
exec /usr/sbin/chroot "$root" "$@"
