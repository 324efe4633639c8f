/* SPDX-License-Identifier: BSD-2-Clause
 *
 * builtin.h -- between the files of the builtin rules: one check in progress,
 * its path, how it complains, and the groups of rules.
 * Front threads, one struct v a call. Contract: pintle/validation.h. */
#ifndef PINTLE_VALIDATION_BUILTIN_H
#define PINTLE_VALIDATION_BUILTIN_H

#include <pintle/validation.h>

#define V_PATH_MAX	1024	/* of a field's path; what is longer is cut */
#define V_VALUE_MAX	((size_t)64 << 10)	/* of a printed value */

struct v {
	const struct pin_admission_request *q;
	const struct pin_obj *o;
	const struct pin_obj *old;	/* NULL: create */
	struct pin_causes *causes;
	struct pin_out	 out;		/* the value being printed */
	size_t		 len;
	char		 path[V_PATH_MAX];
};

#define V_EACH(v, list, n, i)						\
	for ((n) = pin_obj_first((v)->o, (list)), (i) = 0; (n) != 0;	\
	    (n) = pin_obj_next((v)->o, (n)), (i)++)

/* ---- path.c: where we are ------------------------------------------- */

/* Each goes down and gives what v_out takes to come back. */
size_t	v_in(struct v *, const char *member);
size_t	v_item(struct v *, uint32_t index);
size_t	v_key(struct v *, struct pin_str key);
void	v_out(struct v *, size_t back);

/* ---- path.c: complaints, about `member` of here, or here when NULL ---- */

void	v_required(struct v *, const char *member, const char *detail);
void	v_forbidden(struct v *, const char *member, const char *fmt, ...)
	    PIN_PRINTF(3, 4);
void	v_toolong(struct v *, const char *member, uint32_t max);
void	v_duplicate(struct v *, const char *member, struct pin_str);
void	v_notfound(struct v *, const char *member, struct pin_str,
	    const char *fmt, ...) PIN_PRINTF(4, 5);
/* words: separated by blanks, in the order they are named. */
void	v_unsupported(struct v *, const char *member, struct pin_str,
	    const char *words);
void	v_bad_str(struct v *, const char *member, struct pin_str,
	    const char *fmt, ...) PIN_PRINTF(4, 5);
void	v_bad_int(struct v *, const char *member, int64_t, const char *fmt,
	    ...) PIN_PRINTF(4, 5);
/* The node as it is; absent is null. */
void	v_bad_node(struct v *, const char *member, pin_node, const char *fmt,
	    ...) PIN_PRINTF(4, 5);
/* The value as it is printed. */
void	v_bad_text(struct v *, const char *member, struct pin_str printed,
	    const char *fmt, ...) PIN_PRINTF(4, 5);
/* "field is immutable". */
void	v_immutable(struct v *, const char *member, pin_node);

/* ---- path.c: values -------------------------------------------------- */

static inline pin_node
v_get(const struct v *v, pin_node n, const char *key)
{
	return (pin_obj_get(v->o, n, key));
}

static inline struct pin_str
v_str(const struct v *v, pin_node n, const char *key)
{
	return (pin_obj_str(v->o, pin_obj_get(v->o, n, key)));
}

int	v_has(const struct v *, pin_node, const char *key); /* and not null */
/* def when it is absent. */
int64_t	v_int(const struct v *, pin_node, const char *key, int64_t def);
int	v_true(const struct v *, pin_node, const char *key);
int	v_is(const struct v *, pin_node, const char *key, const char *value);
/* Among words separated by blanks. */
int	v_word(struct pin_str, const char *words);
/* Equal in both objects; absent, null and empty are the same. */
int	v_same(const struct v *, pin_node now, pin_node was);
/* Members of `key` in the object now and in the one before are the same. */
int	v_kept(const struct v *, pin_node now, pin_node was, const char *key);
/* All members are the same but those named in words. */
int	v_same_but(const struct v *, pin_node now, pin_node was,
	    const char *words);
uint32_t v_count(const struct v *, pin_node, const char *key);

/* ---- set.c: names seen ----------------------------------------------- */

struct v_set {
	struct v_slot	*slots;
	uint32_t	 n, cap;
	int		 failed;	/* no memory: nothing is found */
};

void	v_set_free(struct v_set *);
/* 1: it was there. Strings are borrowed. */
int	v_set_add(struct v_set *, struct pin_str, pin_node);
/* 1: there, and *out is what was added with it. */
int	v_set_get(const struct v_set *, struct pin_str, pin_node *out);

/* ---- text.c: forms of strings ---------------------------------------- */

int	text_is(struct pin_str, const char *format);
int	text_ip(struct pin_str);		/* 4, 6; 0: no address */
/* The same, and its bytes; zeros in front are skipped, v4 in v6 is v4. */
int	text_addr(struct pin_str, unsigned char addr[16]);
int	text_backsteps(struct pin_str);		/* has a ".." */
struct pin_str text_trim(struct pin_str);

/* Complain with all that is wrong with it as a format of rules.def. */
void	v_format(struct v *, const char *member, struct pin_str,
	    const char *format);
void	v_format_after(struct v *, const char *member, struct pin_str,
	    const char *format, const char *before);
void	v_port_num(struct v *, const char *member, int64_t);
/* An int or a name. */
void	v_port(struct v *, const char *member, pin_node);
/* Not loopback, link-local or multicast. */
void	v_endpoint_ip(struct v *, const char *member, struct pin_str);
/* Relative, without "..", not beginning with it. */
void	v_local_path(struct v *, const char *member, struct pin_str);
/* The int64 at that member of n, when it is there, must not be negative. */
void	v_nonneg(struct v *, pin_node n, const char *member);

/* ---- selector.c ------------------------------------------------------ */

void	v_labels(struct v *, const char *member, pin_node map);
void	v_selector(struct v *, const char *member, pin_node selector);
int	selector_empty(const struct v *, pin_node selector);
int	selector_legal(const struct v *, pin_node selector);
int	selector_matches(const struct v *, pin_node selector,
	    pin_node labels);

/* ---- meta.c ----------------------------------------------------------- */

void	check_meta(struct v *);
void	check_notes(struct v *, pin_node meta);	/* labels, annotations */

/* ---- pods -------------------------------------------------------------- */

enum { POD_ALONE = 1, POD_TEMPLATE = 0 };

struct pod_spec {
	pin_node	 spec;
	pin_node	 templates;	/* of claims, or 0 */
	int		 alone;		/* a pod, not a template */
	int		 host_users;
	int64_t		 grace;
	struct v_set	 volumes;
	struct v_set	 claims;
};

void	check_pod_spec(struct v *, pin_node spec, int alone, pin_node claims);
void	check_pod(struct v *);
/* At its path. claims: a StatefulSet's templates, which are volumes too. */
void	check_pod_template(struct v *, pin_node template, pin_node claims);
void	check_containers(struct v *, struct pod_spec *);
void	check_volumes(struct v *, struct pod_spec *);
void	check_affinity(struct v *, pin_node spec);
void	check_spread(struct v *, pin_node spec);
void	check_node_selector(struct v *, pin_node selector, int lax);
void	check_topology_terms(struct v *, pin_node list);
void	check_tolerations(struct v *, pin_node list);
void	check_probe_or_hook(struct v *, pin_node, int64_t grace);
void	check_field_ref(struct v *, pin_node, int volume);
void	check_resource_ref(struct v *, pin_node, int volume);
void	check_resources(struct v *, pin_node resources, struct v_set *claims);
void	check_security(struct v *, pin_node container, int host_users);
void	check_pod_security(struct v *, pin_node spec);

/* ---- quantity.c ------------------------------------------------------- */

int	quantity_sign(struct pin_str);
int	quantity_cmp(struct pin_str, struct pin_str);
void	v_quantity_nonneg(struct v *, const char *member, struct pin_str);
void	v_resource_value(struct v *, struct pin_str name, struct pin_str);
void	v_resource_name(struct v *, const char *member, struct pin_str);
void	v_container_resource(struct v *, const char *member, struct pin_str);
int	resource_standard(struct pin_str name);
int	resource_overcommit(struct pin_str name);

/* ---- groups of kinds; each a row of builtin.c -------------------------- */

void	check_deployment(struct v *);
void	check_replicaset(struct v *);
void	check_daemonset(struct v *);
void	check_statefulset(struct v *);
void	check_controllerrevision(struct v *);
void	check_rc(struct v *);
void	check_podtemplate(struct v *);
void	check_job(struct v *);
void	check_cronjob(struct v *);
void	check_job_spec(struct v *, pin_node spec, pin_node was, int cron);
int	cron_parse(struct pin_str schedule, char *why, size_t size);
void	check_service(struct v *);
void	check_endpoints(struct v *);
void	check_slice(struct v *);
void	check_ingress(struct v *);
void	check_ingressclass(struct v *);
void	check_netpol(struct v *);
void	check_servicecidr(struct v *);
void	check_ipaddress(struct v *);
void	check_configmap(struct v *);
void	check_secret(struct v *);
void	check_namespace(struct v *);
void	check_quota(struct v *);
void	check_limitrange(struct v *);
void	check_node(struct v *);
void	check_event(struct v *);
void	check_role(struct v *);
void	check_clusterrole(struct v *);
void	check_binding(struct v *);
void	check_pdb(struct v *);
void	check_hpa(struct v *);
void	check_pvc(struct v *);
void	check_pvc_spec(struct v *, pin_node spec);
void	check_pv(struct v *);
void	check_storageclass(struct v *);
void	check_attributesclass(struct v *);
void	check_attachment(struct v *);
void	check_csinode(struct v *);
void	check_csidriver(struct v *);
void	check_lease(struct v *);
void	check_priorityclass(struct v *);
void	check_csr(struct v *);
void	check_webhooks(struct v *);
void	check_apiservice(struct v *);

#endif
