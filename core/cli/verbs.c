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

static const struct pin_flag node_config_flags[] = {
	{ "data", "DIR", "the API server's" },
	{ "server", "URL", "https://ADDRESS:PORT as the node reaches it;\n"
	    "                       default: as in DIR/admin.kubeconfig" },
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
	    "bound to it, and serves Services. Needs DIR/node.kubeconfig,\n"
	    "which an API server on the same DIR writes, or --kubeconfig,\n"
	    "from `pintle node config`. What runs goes on when the agent\n"
	    "stops. Two agents on one machine need two names and two DIRs.\n",
	    kubelet_flags, 0, 0, pin_verb_kubelet },
	{ "node config", "NAME FILE", "what one more node needs to join",
	    "Signs, with the keys in DIR/pki, the certificates of node NAME\n"
	    "and of its proxy, and writes them as a kubeconfig, mode 0600,\n"
	    "into FILE. On the node, then:\n"
	    "  pintle kubelet --kubeconfig FILE --node-name NAME --data DIR\n",
	    node_config_flags, 2, 2, pin_verb_node_config },
	{ "shim", "DIR", 0,
	    "Internal: the process above one container of the runtime\n"
	    "process.\n",
	    0, 1, 1, pin_verb_shim },
	{ 0, 0, 0, 0, 0, 0, 0, 0 }
};
