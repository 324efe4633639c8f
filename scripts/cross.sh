#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# cross.sh -- compiles everything portable for other systems, as a TAP test.
# usage: cross.sh TARGET ...   (x86_64-freebsd, aarch64-openbsd, ...)
# Compiler: `python3 -m ziglang cc` (from PATH, else fetched by pip into
# ${XDG_CACHE_HOME:-~/.cache}/pintle/zig), which brings each system's libc
# headers. The libraries' headers are this machine's, copied so that nothing of
# this machine's libc comes with them. Every .c is compiled to an object; what
# is left out needs a line with its reason in mk/cross.exclude. Nothing of it
# is run: the README says so wherever it names a system.
set -u
cd "$(dirname "$0")/.." || exit 2
b=${PIN_BUILD:-$PWD/build}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pintle/zig
work=$b/cross
echo '# deadline 1800'
mkdir -p "$work"

zig_cmd() {
	python3 -m ziglang version > /dev/null 2>&1 && {
		echo 'python3 -m ziglang'
		return 0
	}
	command -v python3 > /dev/null || return 1
	if [ ! -d "$cache/ziglang" ]; then
		rm -rf "$cache.new"
		mkdir -p "$(dirname "$cache")"
		python3 -m pip install -q --target "$cache.new" ziglang \
		    > "$work/pip.log" 2>&1 || return 1
		mv "$cache.new" "$cache"
	fi
	PYTHONPATH=$cache python3 -m ziglang version > /dev/null 2>&1 ||
	    return 1
	echo "env PYTHONPATH=$cache python3 -m ziglang"
}

# The libraries' headers, without anybody's libc.
headers() {
	inc=$work/include
	rm -rf "$inc"
	mkdir -p "$inc"
	for h in uv.h uv lmdb.h libconfig.h yaml.h zlib.h zconf.h archive.h \
	    archive_entry.h mbedtls psa nghttp2; do
		for d in /usr/include "/usr/include/$(cc -dumpmachine)" \
		    /usr/local/include; do
			[ -e "$d/$h" ] && cp -R "$d/$h" "$inc/" && break
		done
	done
}

# Files for OS: all portable ones and those named for it.
files() { # OS
	find lib core plugins -name '*.c' 2> /dev/null | sort | while read -r f
	do
		case $f in
		*_linux.c | *_freebsd.c | *_netbsd.c | *_openbsd.c)
			case $f in *_"$1".c) echo "$f" ;; esac ;;
		*_bsd.c)
			case $1 in *bsd) echo "$f" ;; esac ;;
		*)	echo "$f" ;;
		esac
	done
	find "$b/gen" -name '*.c' 2> /dev/null | sort
}

# Lines "PATTERN OS reason": drops those files, says so.
excluded() { # FILE OS; prints the reason
	[ -f mk/cross.exclude ] || return 1
	while read -r pat os why; do
		case $pat in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2254
		case $2 in $os) ;; *) continue ;; esac
		# shellcheck disable=SC2254
		case $1 in $pat) echo "$why"; return 0 ;; esac
	done < mk/cross.exclude
	return 1
}

compile_all() { # TARGET
	os=${1#*-}
	os=${os%%-*}
	dir=$work/$1
	rm -rf "$dir/log"
	mkdir -p "$dir/log"
	: > "$dir/list"
	total=0 out=0
	for f in $(files "$os"); do
		total=$((total + 1))
		if why=$(excluded "$f" "$os"); then
			out=$((out + 1))
			echo "# $1: left out: $f: $why"
		else
			echo "$f" >> "$dir/list"
		fi
	done
	cat > "$dir/one.sh" <<ONE
f=\$1
n=\$(echo "\$f" | tr '/' '_')
case \$f in
*_$os.c | *_bsd.c) std=-std=gnu11 ;;
*) std='-std=c11 -D_XOPEN_SOURCE=700' ;;
esac
$zig cc -target $1 \$std -O1 -Wall -Wextra -Iinclude -I. -I$b/gen \\
    -isystem $work/include -fPIC -c -o $dir/\$n.o "\$f" \\
    > "$dir/log/\$n" 2>&1 || echo "\$f" >> $dir/log/FAILED
ONE
	xargs -n 1 -P "${JOBS:-2}" sh "$dir/one.sh" < "$dir/list"
	bad=0
	[ -f "$dir/log/FAILED" ] && bad=$(wc -l < "$dir/log/FAILED")
	n=$((n + 1))
	if [ "$bad" -eq 0 ] && [ "$total" -gt "$out" ]; then
		echo "ok $n - $1: $((total - out))/$total compiled"
		return 0
	fi
	sort "$dir/log/FAILED" 2> /dev/null | while read -r f; do
		echo "# $f"
		head -n 12 "$dir/log/$(echo "$f" | tr '/' '_')" |
		    sed 's/^/#     /'
	done
	echo "not ok $n - $1: $((total - out - bad))/$total compiled"
	return 1
}

zig=$(zig_cmd) || {
	echo '1..0 # SKIP zig: no ziglang for python3, pip could not bring it'
	exit 0
}
headers
n=0 rc=0
for t in "$@"; do
	compile_all "$t" || rc=1
done
echo "1..$n"
exit $rc
