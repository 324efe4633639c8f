# SPDX-License-Identifier: BSD-2-Clause
#
# plugin.mk -- builds a plugin, in Pintle's own tree and in a stranger's.
#
# Out of tree a makefile of three lines is enough:
#
#	PLUGIN = scheduler/binpack
#	PINTLE ?= /usr/local
#	include $(PINTLE)/lib/pintle/plugin.mk
#
# It compiles binpack.c, or all of binpack/*.c, to binpack.so; `make install`
# puts it where pintle finds it, `make check-plugin` lets pintle look at it.
# Against a source tree that is built but not installed, the last line is
# `include /path/to/pintle/mk/plugin.mk`. PLUGIN may hold several KIND/NAME.
#
# Extra libraries of one plugin:      LIBS-binpack = -lfoo
# the same when two kinds share NAME: LIBS-scheduler/binpack = -lfoo
# Extra compiler flags:               CFLAGS-binpack = -DX
#
# The in-tree makefile sets the PIN_* variables itself; the installed copy of
# this file begins with their values for the installation.

PIN_MK_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

ifndef PIN_IN_TREE
ifndef PIN_INCLUDE			# a source tree, not an installation
PIN_TOP := $(abspath $(PIN_MK_DIR)/..)
PIN_INCLUDE := $(PIN_TOP)/include
PIN_LIB := $(PIN_TOP)/build
PIN_MAP := $(PIN_TOP)/mk/plugin.map
PIN_BIN := $(PIN_TOP)/build/pintle
-include $(PIN_TOP)/build/probe.mk
endif
PIN_PLUGIN_DIR ?= /usr/local/lib/pintle/plugins
PIN_OUT ?= .
PIN_STEMS := $(notdir $(PLUGIN))
ifeq ($(origin CC),default)
CC = cc
endif
CFLAGS ?= -O2 -g
PIN_CFLAGS = -std=c11 -D_XOPEN_SOURCE=700 -I$(PIN_INCLUDE) \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	$(WARN_OFF) $(HARD_CFLAGS)
PIN_SO_LIBS = -L$(PIN_LIB) -lpintle
PIN_LDFLAGS = $(HARD_LDFLAGS) $(Z_DEFS)
all: $(PIN_STEMS:%=$(PIN_OUT)/%.so)
endif

pin_say = $(if $(V),,@$(if $(mute),,printf '  %-4s %s\n' $(1) $(2);))

# plugins/KIND/NAME.c, or plugins/KIND/NAME/*.c; what plugins of one kind share
# lies in plugins/KIND/common/*.c and is linked into each.
pin_srcs = $(or $(filter-out $(not_here),$(sort $(wildcard $(1)/*.c))),$(1).c) \
	$(if $(PIN_IN_TREE),$(filter-out $(not_here),$(sort $(wildcard \
	$(dir $(1))common/*.c))))
pin_objs = $(patsubst %.c,$(PIN_OUT)/%.po,$(call pin_srcs,$(1)))
# (The second form of a per-plugin variable: its kind and its name.)
pin_kind_name = $(notdir $(patsubst %/,%,$(dir $(1))))/$(notdir $(1))

.PRECIOUS: $(PIN_OUT)/%.po
.DELETE_ON_ERROR:
.SECONDEXPANSION:

$(PIN_STEMS:%=$(PIN_OUT)/%.so): $(PIN_OUT)/%.so: $$(call pin_objs,$$*) \
    $(PIN_SO_DEPS)
	$(call pin_say,SO,$@)$(CC) -shared $(PIN_LDFLAGS) $(LDFLAGS) \
	    -Wl,--version-script=$(PIN_MAP) -o $@ $(filter %.po,$^) \
	    $(LIBS-$(notdir $*)) $(LIBS-$(call pin_kind_name,$*)) $(PIN_SO_LIBS)

$(PIN_OUT)/%.po: %.c $(PIN_OBJ_DEPS)
	@mkdir -p $(@D)
	$(call pin_say,CC,$<)$(CC) $(PIN_CFLAGS) -fPIC -fvisibility=hidden \
	    -MMD -MP -MF $(@:.po=.pd) $(CFLAGS) $(CFLAGS-$(*F)) -c -o $@ $<

-include $(foreach s,$(PIN_STEMS),$(patsubst %.po,%.pd,$(call pin_objs,$(s))))

ifndef PIN_IN_TREE
install: all
	for p in $(PLUGIN); do \
	    d=$(DESTDIR)$(PIN_PLUGIN_DIR)/$${p%/*} && mkdir -p "$$d" && \
	    install -m 644 $(PIN_OUT)/$${p##*/}.so "$$d" || exit 1; done

check-plugin: all
	for p in $(PIN_STEMS); do \
	    $(PIN_BIN) plugin check $(PIN_OUT)/$$p.so || exit 1; done

clean:
	rm -f $(PIN_STEMS:%=$(PIN_OUT)/%.so) $(foreach s,$(PIN_STEMS),$(call \
	    pin_objs,$(s)) $(patsubst %.po,%.pd,$(call pin_objs,$(s))))

.PHONY: all install check-plugin clean
endif
