/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verbs.c -- the verbs of pintle, one row each. To add one: a row, and its
 * function's name in cli.h or in the header of its own folder.
 * Contract: cli.h. */
#include "core/cli/cli.h"

static const struct pin_flag plugin_flags[] = {
	{ "plugins", "DIR", "where KIND/NAME.so are; default: beside pintle" },
	{ NULL, NULL, NULL }
};

static const struct pin_flag config_flags[] = {
	{ "config", "FILE", "the same as FILE; default: the shipped one" },
	{ "plugins", "DIR", "where KIND/NAME.so are; default: beside pintle" },
	{ NULL, NULL, NULL }
};

static const struct pin_flag server_flags[] = {
	{ "data", "DIR", "where everything is kept; made when missing" },
	{ "listen", "ADDR:PORT",
	    "not the configured one; port 0: any, then kept" },
	{ "config", "FILE", "default: the shipped one" },
	{ "plugins", "DIR", "where KIND/NAME.so are; default: beside pintle" },
	{ "node-name", "NAME", "default: the host's name" },
	{ NULL, NULL, NULL }
};

static const struct pin_flag image_flags[] = {
	{ "data", "DIR", "the node's; default: $PINTLE_DATA" },
	{ "name", "NAME[:TAG]", "for an image that has no name of its own" },
	{ NULL, NULL, NULL }
};

static const struct pin_flag image_ls_flags[] = {
	{ "data", "DIR", "the node's; default: $PINTLE_DATA" },
	{ NULL, NULL, NULL }
};

static const struct pin_flag kubelet_flags[] = {
	{ "data", "DIR", "where everything is kept; made when missing" },
	{ "kubeconfig", "FILE", "default: DIR/node.kubeconfig" },
	{ "server", "URL", "instead of the one in the kubeconfig" },
	{ "config", "FILE", "default: the shipped one" },
	{ "plugins", "DIR", "where KIND/NAME.so are; default: beside pintle" },
	{ "node-name", "NAME", "default: the host's name" },
	{ NULL, NULL, NULL }
};

const struct pin_verb pin_verbs[] = {
	{ "up", "", "a whole node",
	    "Starts everything this build has of a node, stays in the\n"
	    "foreground, writes DIR/admin.kubeconfig and prints one line\n"
	    "`ready https://ADDR:PORT` when the API answers. SIGHUP reads the\n"
	    "configuration again, SIGTERM stops cleanly.\n",
	    server_flags, 0, 0, pin_verb_up },
	{ "apiserver", "", "the API server alone, with its store",
	    "As `up`, without node and controllers.\n",
	    server_flags, 0, 0, pin_verb_apiserver },
	{ "plugin list", "", "the plugins there are, one a line",
	    "Columns: kind, name, version, summary, separated by tabs.\n"
	    "A file that cannot be loaded is named on standard error with\n"
	    "the reason, and the exit code is 1.\n",
	    plugin_flags, 0, 0, pin_verb_plugin_list },
	{ "plugin info", "FILE|NAME", "what a plugin says about itself",
	    "Prints name, kind, version, the ABI it was built for and every\n"
	    "option with its type, default and meaning. None of its code\n"
	    "runs. NAME or KIND/NAME is looked for where plugins are.\n",
	    plugin_flags, 1, 1, pin_verb_plugin_info },
	{ "plugin check", "FILE", "would this file load?",
	    "Does all that a server does before it opens a plugin: owner and\n"
	    "mode, a whole ELF file, all symbols, both ABIs, kind, name, its\n"
	    "function and option tables.\n",
	    plugin_flags, 1, 1, pin_verb_plugin_check },
	{ "config check", "[FILE]", "every mistake in a configuration",
	    "Reads the file and the option tables of the plugins it names and\n"
	    "prints each mistake as FILE:LINE: what. Opens no plugin and\n"
	    "changes nothing.\n",
	    config_flags, 0, 1, pin_verb_config_check },
	{ "config options", "[SECTION]", "the options of the host's blocks",
	    "A plugin's options: pintle plugin info.\n",
	    0, 0, 1, pin_verb_config_options },
	{ "image import", "FILE...", "images from archives into the node",
	    "FILE is what `docker save` or `skopeo copy` wrote: a docker\n"
	    "archive or an OCI layout, as a tar (compressed or not), or a\n"
	    "layout's directory. Every digest is verified.\n",
	    image_flags, 1, PIN_WORDS_MAX, pin_verb_image_import },
	{ "image ls", "", "the images of the node", 0,
	    image_ls_flags, 0, 0, pin_verb_image_ls },
	{ "image rm", "NAME...", "take names of images away",
	    "With its last name an image goes, unless a container uses it.\n"
	    "NAME may be an id, or twelve and more digits of one.\n",
	    image_ls_flags, 1, PIN_WORDS_MAX, pin_verb_image_rm },
	{ "version", "", "version, ABI of every kind, how it was built",
	    0, 0, 0, 0, pin_verb_version },
	{ "plugin-host", "KIND FILE", 0,
	    "Internal: the process an isolated plugin lives in. Speaks with\n"
	    "its server over descriptor 3.\n",
	    0, 2, 2, pin_verb_plugin_host },
	{ "kubelet", "", "the node agent alone",
	    "Registers this machine as a node and runs the pods that are\n"
	    "bound to it. Needs DIR/node.kubeconfig, which an API server on\n"
	    "the same DIR writes, or --kubeconfig. What runs goes on when\n"
	    "the agent stops.\n",
	    kubelet_flags, 0, 0, pin_verb_kubelet },
	{ "shim", "DIR", 0,
	    "Internal: the process above one container of the runtime\n"
	    "process.\n",
	    0, 1, 1, pin_verb_shim },
	{ 0, 0, 0, 0, 0, 0, 0, 0 }
};
