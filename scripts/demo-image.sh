#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# demo-image.sh -- an image without a network: a static busybox whose web
# server answers "hello from POD on NODE", as an OCI layout in a tar.
# usage: demo-image.sh FILE.tar [NAME:TAG]      (default name: hello:1)
# Then: pintle image import --data DIR FILE.tar
set -eu
out=${1:?usage: demo-image.sh FILE.tar [NAME:TAG]}
name=${2:-hello:1}
busybox=${BUSYBOX:-$(command -v busybox || echo /bin/busybox)}
[ -x "$busybox" ] || {
	echo 'demo-image.sh: no busybox (package busybox-static)' >&2
	exit 2
}
if command -v ldd > /dev/null && ldd "$busybox" > /dev/null 2>&1; then
	echo "demo-image.sh: $busybox is not static (package" \
	    "busybox-static)" >&2
	exit 2
fi
case $(uname -m) in
x86_64 | amd64)	arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
armv*)		arch=arm ;;
i?86)		arch=386 ;;
*)		arch=$(uname -m) ;;
esac
os=$(uname -s | tr A-Z a-z)
dir=$(mktemp -d "${TMPDIR:-/tmp}/demo-image.XXXXXX")
trap 'rm -rf "$dir"' EXIT
root=$dir/root
lay=$dir/layout
blobs=$lay/blobs/sha256
mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/www/cgi-bin" "$blobs"
chmod 1777 "$root/tmp"
cp "$busybox" "$root/bin/busybox"
for a in sh httpd cat echo ls env hostname id sleep wget ps; do
	ln -s busybox "$root/bin/$a"
done
echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
echo 'web:x:1000:1000:web:/www:/bin/sh' >> "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 'web:x:1000:' >> "$root/etc/group"
# The page is made for each request: /cgi-bin/hello, and / leads there.
cat > "$root/www/cgi-bin/hello" <<'CGI'
#!/bin/sh
echo 'Content-Type: text/plain'
echo
echo "hello from ${POD_NAME:-$(hostname)} on ${NODE_NAME:-this node}"
CGI
chmod 755 "$root/www/cgi-bin/hello"
cat > "$root/bin/hello" <<'START'
#!/bin/sh
# PORT (8080); the answer without a path is made once, at the start.
busybox mkdir -p /tmp/www
echo "hello from ${POD_NAME:-$(hostname)} on ${NODE_NAME:-this node}" \
    > /tmp/www/index.html
busybox ln -sf /www/cgi-bin /tmp/www/cgi-bin
echo "$(cat /tmp/www/index.html): listening on port ${PORT:-8080}"
exec httpd -f -p "${PORT:-8080}" -h /tmp/www
START
chmod 755 "$root/bin/hello"

sha() {
	if command -v sha256sum > /dev/null; then
		sha256sum "$1" | cut -d ' ' -f 1
	else
		sha256 -q "$1"
	fi
}
# blob FILE: moves it to its digest; sets HEX and SIZE.
blob() {
	HEX=$(sha "$1")
	SIZE=$(wc -c < "$1" | tr -d ' ')
	mv "$1" "$blobs/$HEX"
}
(cd "$root" && tar -c -f "$dir/layer.tar" --owner=0 --group=0 . \
    2> /dev/null || tar -c -f "$dir/layer.tar" --uid 0 --gid 0 .)
blob "$dir/layer.tar"
layer=$HEX layer_size=$SIZE
cat > "$dir/config" <<JSON
{"architecture":"$arch","os":"$os","config":{"Cmd":["/bin/hello"],
"Env":["PATH=/bin"],"WorkingDir":"/","ExposedPorts":{"8080/tcp":{}}},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
JSON
blob "$dir/config"
cat > "$dir/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json",
"digest":"sha256:$HEX","size":$SIZE},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",
"digest":"sha256:$layer","size":$layer_size}]}
JSON
blob "$dir/manifest"
cat > "$lay/index.json" <<JSON
{"schemaVersion":2,"manifests":[
{"mediaType":"application/vnd.oci.image.manifest.v1+json",
"digest":"sha256:$HEX","size":$SIZE,"annotations":{
"org.opencontainers.image.ref.name":"$name"}}]}
JSON
echo '{"imageLayoutVersion":"1.0.0"}' > "$lay/oci-layout"
tar -C "$lay" -c -f "$out.tmp" oci-layout index.json blobs
mv "$out.tmp" "$out"
echo "$out: image $name ($layer_size bytes)"
