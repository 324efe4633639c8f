# SPDX-License-Identifier: BSD-2-Clause
#
# libs.mk -- the libraries we stand on: pkg-config where it knows them, else -l.
# Everything is linked with --as-needed, so a plugin depends on what it calls.

PKG_CONFIG ?= pkg-config

# One shell for all of them: NAME=flags pairs, spaces inside written as '|'.
# NAME : pkg-config module : libraries when pkg-config does not know it
pin_mbedtls := -lmbedtls,-lmbedx509,-lmbedcrypto
pin_libs_found := $(shell \
	for l in libconfig:libconfig:-lconfig lmdb:lmdb:-llmdb \
	    mbedtls:mbedtls,mbedx509,mbedcrypto:$(pin_mbedtls) \
	    libuv:libuv:-luv libyaml:yaml-0.1:-lyaml zlib:zlib:-lz \
	    libarchive:libarchive:-larchive nghttp2:libnghttp2:; do \
		IFS=:; set -- $$l; IFS=' '; \
		m=$$(echo "$$2" | tr , ' '); \
		if $(PKG_CONFIG) --exists $$m 2> /dev/null; then \
			f="$$($(PKG_CONFIG) --cflags $$m)"; \
			s="$$($(PKG_CONFIG) --libs $$m)"; \
		else f=; s=$$(echo "$$3" | tr , ' '); fi; \
		echo "c:$$f" | tr ' ' '|'; echo "l:$$s" | tr ' ' '|'; \
	done)
pin_bar := |
pin_pick = $(subst $(pin_bar), ,$(patsubst $(1):%,%,$(filter \
	$(1):%,$(pin_libs_found))))
LIB_CFLAGS := $(sort $(call pin_pick,c))
LIB_LIBS := $(strip $(call pin_pick,l))
# libuv's answer drags these in on some systems; the libc we need has them.
LIB_LIBS := $(filter-out -pthread -lpthread,$(LIB_LIBS))

# Where the BSDs' ports put what has no pkg-config file.
PORTS := $(if $(filter netbsd,$(OS)),/usr/pkg,$(if $(filter \
	%bsd,$(OS)),/usr/local))
ifneq ($(PORTS),)
LIB_CFLAGS += -I$(PORTS)/include
LIB_LIBS := -L$(PORTS)/lib -Wl,-rpath,$(PORTS)/lib $(LIB_LIBS)
endif
