/* SPDX-License-Identifier: BSD-2-Clause
 *
 * reserved-names -- admission plugin: some beginnings of names are kept for
 * the operators of a cluster; who creates such an object otherwise is refused.
 * Stateless after open. Front threads, several at once; never blocks.
 * Contract: pintle/admission.h. */
#include <stdlib.h>

#include <pintle/admission.h>
#include <pintle/plugin.h>

#define RESERVED_MAX	32		/* prefixes in the configuration */

struct reserved {
	const struct pin_conf	*conf;
	const char		*group;		/* who may use them */
	uint32_t		 count;
};

static pin_open_fn			reserved_open;
static pin_close_fn			reserved_close;
static pin_admission_validate_fn	reserved_validate;

static const struct pin_option reserved_options[] = {
	{ .name = "prefixes", .type = PIN_OPT_STRINGS,
	  .flags = PIN_OPTF_REQUIRED,
	  .help = "names that begin so are reserved" },
	{ .name = "group", .type = PIN_OPT_STRING,
	  .fallback = "system:masters",
	  .help = "members of this group may use them" },
	{ .name = NULL },
};

static const struct pin_admission_match reserved_match[] = {
	{ .group = "*", .resource = "*", .operations = PIN_OP_CREATE },
	{ .resource = NULL },
};

static const struct pin_admission_ops reserved_ops = {
	.size = sizeof(reserved_ops),
	.match = reserved_match,
	.validate = reserved_validate,
};

PIN_API const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "reserved-names", .version = "1.0",
	.summary = "refuses names that begin with a reserved prefix",
	.options = reserved_options, .ops = &reserved_ops,
	.open = reserved_open, .close = reserved_close,
};

static int
reserved_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct reserved	*r;

	(void)env;
	if (pin_conf_count(conf, "prefixes") > RESERVED_MAX)
		return (pin_err_set(err, PIN_ECONFIG,
		    "%s: more than %d prefixes",
		    pin_conf_where(conf, "prefixes"), RESERVED_MAX));
	r = pin_xcalloc(1, sizeof(*r));
	r->conf = conf;
	r->count = pin_conf_count(conf, "prefixes");
	r->group = pin_conf_string(conf, "group");
	*self = r;
	return (PIN_OK);
}

static void
reserved_close(void *self)
{
	free(self);
}

static int
reserved_member(const struct pin_user *u, const char *group)
{
	uint32_t	 i;

	for (i = 0; i < u->ngroups; i++)
		if (pin_str_is(u->groups[i], group))
			return (1);
	return (0);
}

static int
reserved_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *rq)
{
	struct reserved	*r = self;
	const char	*prefix;
	uint32_t	 i;

	if (reserved_member(rq->user, r->group))
		return (PIN_ADMIT);
	for (i = 0; i < r->count; i++) {
		prefix = pin_conf_item(r->conf, "prefixes", i);
		if (!pin_str_prefix(rq->name, prefix))
			continue;
		(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
		    "names that begin with \"%s\" are reserved for %s", prefix,
		    r->group);
		return (PIN_REFUSE);
	}
	return (PIN_ADMIT);
}
