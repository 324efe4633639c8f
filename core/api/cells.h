/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells.h -- between the files of the table printer: one function a cell
 * kind, and what they write with.
 * Pure; any thread.
 * Contract: each writes exactly one JSON value; rules.def says which. */
#ifndef PIN_CORE_API_CELLS_H
#define PIN_CORE_API_CELLS_H

#include <pintle/object.h>

#include "table.h"

/* What lists print before " + N more...". */
#define PIN_CELL_LIST_MAX	3
#define PIN_CELL_METRICS_MAX	2
/* Memory to turn an object into the version that its cells are about. */
#define PIN_CELL_ARENA_MAX	((size_t)64 << 20)

/* A text made of a fixed word and a string, or of numbers: Init:Error,
 * ExitCode:137, Init:1/2. */
struct pin__reason {
	const char	*prefix;
	struct pin_str	 text;
	int64_t		 n, of;
	uint32_t	 form;		/* 0 text, 1 n, 2 n/of */
	uint32_t	 pad;
};

/* What three cells of a pod are about; gathered once a row. */
struct pin__pod_sum {
	int64_t			restarts;
	int64_t			last_restart;	/* PIN_TIME_ZERO: never */
	uint32_t		ready, total;
	struct pin__reason	reason;
};

/* One cell being written, and its row. */
struct pin__cell {
	const struct pin_schema		*schema;
	const struct pin_res_row	*res;
	const struct pin_col_row	*col;
	const char			*arg;	/* the cell's, "" for none */
	const struct pin_obj		*obj;
	pin_node			 root;
	int64_t				 now_s;
	struct pin_out			*out;
	struct pin__pod_sum		 pod;
	uint32_t			 pod_known;
	uint32_t			 pad;
};

typedef void pin__cell_fn(struct pin__cell *);

/* ---- helpers: cells_text.c ------------------------------------------ */

/* The value at a dotted path, null and absent alike PIN_ABSENT. */
pin_node	pin__cell_at(const struct pin__cell *, const char *path);
pin_node	pin__cell_from(const struct pin__cell *, pin_node,
		    const char *path);
/* The string there, or the empty one. */
struct pin_str	pin__cell_text(const struct pin__cell *, const char *path);
struct pin_str	pin__cell_member(const struct pin__cell *, pin_node,
		    const char *key);
/* The integer there, or 0. */
int64_t		pin__cell_int(const struct pin__cell *, pin_node,
		    const char *path);
bool		pin__cell_true(const struct pin__cell *, pin_node,
		    const char *path);
bool		pin__str_is(struct pin_str, const char *);
int		pin__str_cmp(struct pin_str, struct pin_str);

/* Between quotes: escaped text, text that needs no escape, a number. */
void		pin__cell_put(struct pin__cell *, struct pin_str);
void		pin__cell_raw(struct pin__cell *, const char *);
void		pin__cell_num(struct pin__cell *, int64_t);
/* A string or a number as text. */
void		pin__cell_node(struct pin__cell *, pin_node);
void		pin__cell_lower(struct pin__cell *, struct pin_str);
/* A whole cell. */
void		pin__cell_quote(struct pin__cell *, struct pin_str);
void		pin__cell_word(struct pin__cell *, const char *);
/* The text, or the word when the text is empty. */
void		pin__cell_or(struct pin__cell *, struct pin_str,
		    const char *word);
/* Seconds at a time or microtime node; PIN_TIME_ZERO when it is none. */
int64_t		pin__cell_time(const struct pin__cell *, pin_node);
/* Between quotes: the age of a time, "<unknown>" of none. */
void		pin__cell_since(struct pin__cell *, int64_t time_s);
void		pin__cell_span(struct pin__cell *, int64_t sec);

/* A sorted view of strings or of the members of a map: up to a few dozen
 * without an allocation. items NULL: no memory, out has failed. */
#define PIN_CELL_SORT_FEW	32
struct pin__sorted {
	struct pin__pair {
		struct pin_str	key;
		pin_node	node;
	}		*items, few[PIN_CELL_SORT_FEW];
	uint32_t	 n;
	uint32_t	 pad;
};
void		pin__sorted_init(struct pin__cell *, struct pin__sorted *,
		    uint32_t max);
void		pin__sorted_add(struct pin__sorted *, struct pin_str, pin_node);
void		pin__sorted_sort(struct pin__sorted *);
/* Members of a map by key. */
void		pin__sorted_map(struct pin__cell *, struct pin__sorted *,
		    pin_node map);
void		pin__sorted_fini(struct pin__sorted *);

/* Between quotes: a LabelSelector as a query, false when it was empty. */
bool		pin__cell_query(struct pin__cell *, pin_node selector);

/* ---- cells ---------------------------------------------------------- */

pin__cell_fn	pin__cell_path, pin__cell_none_path, pin__cell_unset_path,
		pin__cell_unknown_path, pin__cell_age, pin__cell_age_or_none,
		pin__cell_labels, pin__cell_selector, pin__cell_selector_text,
		pin__cell_count, pin__cell_join, pin__cell_join_or_none,
		pin__cell_containers, pin__cell_images, pin__cell_bool,
		pin__cell_bool_text, pin__cell_number, pin__cell_number_or_none,
		pin__cell_or_na, pin__cell_phase, pin__cell_quantity,
		pin__cell_trimmed;
pin__cell_fn	pin__cell_pod_ready, pin__cell_pod_status,
		pin__cell_pod_restarts, pin__cell_pod_readiness,
		pin__cell_pod_ip;
pin__cell_fn	pin__cell_node_address, pin__cell_node_status,
		pin__cell_node_roles, pin__cell_ready_replicas,
		pin__cell_job_status, pin__cell_job_completions,
		pin__cell_job_duration, pin__cell_revision_owner,
		pin__cell_data_count, pin__cell_component_status,
		pin__cell_component_message, pin__cell_component_error,
		pin__cell_quota_request, pin__cell_quota_limit,
		pin__cell_event_last_seen, pin__cell_event_first_seen,
		pin__cell_event_object, pin__cell_event_source,
		pin__cell_event_count;
pin__cell_fn	pin__cell_service_cluster_ip, pin__cell_service_external_ip,
		pin__cell_service_ports, pin__cell_endpoints,
		pin__cell_slice_ports, pin__cell_slice_endpoints,
		pin__cell_ingress_hosts, pin__cell_ingress_address,
		pin__cell_ingress_ports, pin__cell_ingress_params,
		pin__cell_parent_ref;
pin__cell_fn	pin__cell_pvc_access_modes, pin__cell_pvc_capacity,
		pin__cell_pv_claim, pin__cell_access_modes,
		pin__cell_storage_class, pin__cell_sc_name,
		pin__cell_token_requests, pin__cell_claim_state;
pin__cell_fn	pin__cell_hpa_reference, pin__cell_hpa_targets,
		pin__cell_csr_duration, pin__cell_csr_condition,
		pin__cell_role_ref, pin__cell_subject_users,
		pin__cell_subject_groups, pin__cell_subject_accounts,
		pin__cell_apiservice_service, pin__cell_apiservice_available,
		pin__cell_flow_missing, pin__cell_vap_param,
		pin__cell_vapb_param;

#endif
