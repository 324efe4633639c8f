#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# client-go 0.35, unmodified: the program in tests/clients/go/.
. tests/lib/e2e.sh
. tests/clients/lib.sh
deadline 480

S=$PWD/tests/clients/go
GOFLAGS='-mod=mod -p=2'
export GOFLAGS
# client-go and all it stands on, built once.
bring() (
	cp "$S/go.mod" "$C" && cd "$C" || exit
	cat > main.go <<-G
	package main
	import (
		_ "k8s.io/client-go/dynamic/dynamicinformer"
		_ "k8s.io/client-go/tools/clientcmd"
	)
	func main() {}
	G
	go build -o program .
)
build() (
	rm -f "$C"/*.go "$C/program"
	cp "$S"/*.go "$C" && cd "$C" && go build -o program .
)
library go client-go-0.35.4 go bring
ok 'the program builds' build || bail 'no program'
up_start
program "$C/program"
up_stop
done_testing
