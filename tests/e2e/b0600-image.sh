#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0600-image -- images that other tools made are imported, listed, removed;
# what is no image is refused with words; an imported one runs in a pod.
. tests/lib/e2e.sh
need_kubectl
deadline 180

D=$W/data
img() {
	"$PINTLE" image "$@"
}

# ---- an image made on the spot ---------------------------------------------
if ! sh scripts/demo-image.sh "$W/hello.tar" > "$W/demo.log" 2>&1; then
	skip busybox "$(cat "$W/demo.log")"
	done_testing
fi
ok 'import of an OCI layout in a tar' img import --data "$D" "$W/hello.tar"
like 'it says the name and the id' "$(out)" \
    'imported docker.io/library/hello:1 sha256:*'
ok 'image ls' img ls --data "$D"
like 'shows name, tag, id, size' "$(out)" \
    'IMAGE*TAG*IMAGE ID*SIZE*docker.io/library/hello *1 *MB'
gzip -k "$W/hello.tar"
ok 'the same compressed' img import --data "$D" "$W/hello.tar.gz"
is 'is the same image' "$(img ls --data "$D" | grep -c hello)" 1
mkdir "$W/lay" && tar -C "$W/lay" -x -f "$W/hello.tar"
ok 'the same as a directory' img import --data "$D" "$W/lay"
ok 'rm' img rm --data "$D" hello:1
is 'leaves no blob' "$(find "$D/images" -type f -path '*sha256*' | wc -l |
    tr -d ' ')" 0
is 'and no root' "$(find "$D/images/roots" -mindepth 1 | wc -l |
    tr -d ' ')" 0
fails 'rm of what is not there' img rm --data "$D" hello:1
like 'names it' "$(out)" '*no image "hello:1"*'
echo junk > "$W/junk.tar"
fails 'a file that is no image' img import --data "$D" "$W/junk.tar"
like 'is named, with the reason' "$(out)" '*junk.tar: not a whole tar*'
fails 'without --data' env -u PINTLE_DATA "$PINTLE" image ls
like 'it says what is needed' "$(out)" '*--data DIR*'

# ---- images of other tools ---------------------------------------------------
if ! command -v skopeo > /dev/null; then
	skip skopeo 'docker archives by skopeo'
else
	ok 'skopeo makes a docker archive' skopeo --insecure-policy copy -q \
	    "oci:$W/lay:hello:1" "docker-archive:$W/d.tar:sk/demo:v2"
	ok 'it is imported' img import --data "$D" "$W/d.tar"
	like 'under its name' "$(out)" 'imported docker.io/sk/demo:v2 *'
	ok 'skopeo makes a compressed OCI archive' skopeo --insecure-policy \
	    copy -q --dest-compress --dest-compress-format zstd \
	    "oci:$W/lay:hello:1" "oci-archive:$W/o.tar:latest"
	fails 'a bare tag is no name' img import --data "$D" "$W/o.tar"
	like 'and --name is asked for' "$(out)" '*tag latest*--name*'
	ok 'with it' img import --data "$D" --name quay.io/a/b "$W/o.tar"
	like 'name and tag come together' "$(out)" \
	    'imported quay.io/a/b:latest *'
fi
if ! command -v umoci > /dev/null; then
	skip umoci 'layers by umoci'
elif [ "$(id -u)" != 0 ]; then
	skip root 'umoci unpacks as root'
else
	cp -R "$W/lay" "$W/um"
	umoci unpack --image "$W/um:hello:1" "$W/b" > "$W/um.log" 2>&1
	rm "$W/b/rootfs/bin/wget"
	echo second > "$W/b/rootfs/etc/second"
	umoci repack --image "$W/um:two" "$W/b" >> "$W/um.log" 2>&1
	ok 'umoci makes a second layer' umoci stat --image "$W/um:two"
	ok 'it is imported' img import --data "$D" --name um "$W/um"
	like 'under the name given and its own tag' "$(out)" \
	    '*docker.io/library/um:two*'
	id=$(img ls --data "$D" | awk '$1 ~ /library\/um$/ { print $3 }')
	r=$(echo "$D/images/roots/$id"*)
	is 'a whiteout took a file' "$(ls "$r/bin/wget" 2> /dev/null)" ''
	is 'the layer brought one' "$(cat "$r/etc/second")" second
	is 'the rest is there' "$(readlink "$r/bin/httpd")" busybox
fi

# ---- in a pod ---------------------------------------------------------------
if [ "$(id -u)" != 0 ]; then
	skip root 'a container takes root'
	done_testing
fi
if ! command -v crun > /dev/null && ! command -v runc > /dev/null; then
	skip ociruntime 'no crun and no runc'
	done_testing
fi
sed 's/{ plugin = "process"; },/{ plugin = "oci"; },/' \
    conf/pintle.conf > "$W/oci.conf"
DATA=$D
for n in $(img ls --data "$D" | awk 'NR > 1 { print $3 }' | sort -u); do
	img rm --data "$D" "$n" > "$W/rm.log" 2>&1
done
is 'rm by id takes all names' "$(img ls --data "$D" | wc -l | tr -d ' ')" 1
ok 'the image is there before the node' img import --data "$D" "$W/hello.tar"
up_start --config "$W/oci.conf"
port
cat > "$W/pod.yaml" <<POD
apiVersion: v1
kind: Pod
metadata: { name: hello }
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: hello:1
    imagePullPolicy: IfNotPresent
    env:
    - { name: PORT, value: "$PORT" }
    - name: POD_NAME
      valueFrom: { fieldRef: { fieldPath: metadata.name } }
POD
wait_for 30 k get serviceaccount default
ok 'a pod of the image' k apply -f "$W/pod.yaml"
wait_for 60 gives Running k get pod hello -o 'jsonpath={.status.phase}'
wait_for 20 gives 'hello from hello on this node' \
    curl -sS "http://127.0.0.1:$PORT/"
like 'imageID is the digest' "$(k get pod hello -o \
    'jsonpath={.status.containerStatuses[0].imageID}')" '*sha256:*'
fails 'the image is in use' img rm --data "$D" hello:1
like 'by a container that is named' "$(out)" '*used by container*'
ok 'the pod goes' k delete pod hello --timeout=60s
is 'no mount is left' "$(grep -c "$D/run/oci/" /proc/mounts)" 0
ok 'the image can go' img rm --data "$D" hello:1
up_stop
done_testing
