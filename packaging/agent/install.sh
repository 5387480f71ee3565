#!/bin/sh
# Installs this folder as the service weir-agent: files to /usr/lib, an unprivileged user, a first configuration, the unit.
# Run it again to upgrade: configuration and data stay. It starts nothing. DESTDIR installs below another root, without user and unit reload.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}

node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null || {
  echo "weir-agent needs Node 20.19 or later as 'node' (Node 24 is recommended)." >&2
  exit 1
}
if [ -z "$root" ]; then
  [ "$(id -u)" = 0 ] || { echo "Run it as root." >&2; exit 1; }
  getent passwd weir-agent >/dev/null || useradd --system --user-group --home-dir /var/lib/weir-agent --no-create-home --shell /usr/sbin/nologin weir-agent
fi

install -d -m 755 "$root/usr/lib" "$root/etc/systemd/system"
rm -rf "$root/usr/lib/weir-agent.new"
cp -R "$here" "$root/usr/lib/weir-agent.new"
chmod -R u=rwX,go=rX "$root/usr/lib/weir-agent.new"
rm -rf "$root/usr/lib/weir-agent.old"
[ ! -e "$root/usr/lib/weir-agent" ] || mv "$root/usr/lib/weir-agent" "$root/usr/lib/weir-agent.old"
mv "$root/usr/lib/weir-agent.new" "$root/usr/lib/weir-agent"
rm -rf "$root/usr/lib/weir-agent.old"

install -d -m 750 "$root/etc/weir-agent"
[ -e "$root/etc/weir-agent/agent.yaml" ] || install -m 640 "$here/agent.example.yaml" "$root/etc/weir-agent/agent.yaml"
[ -e "$root/etc/weir-agent/environment" ] || install -m 600 /dev/null "$root/etc/weir-agent/environment"
install -m 644 "$here/weir-agent.service" "$root/etc/systemd/system/weir-agent.service"
if [ -z "$root" ]; then
  chgrp -R weir-agent /etc/weir-agent
  chmod 600 /etc/weir-agent/environment
  systemctl daemon-reload 2>/dev/null || true
fi
echo "Installed in $root/usr/lib/weir-agent. Next: edit /etc/weir-agent/agent.yaml, put the token into /etc/weir-agent/environment,"
echo "then: node /usr/lib/weir-agent/lib/weir-agent.js check /etc/weir-agent/agent.yaml && systemctl enable --now weir-agent"
