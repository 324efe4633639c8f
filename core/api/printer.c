/* SPDX-License-Identifier: BSD-2-Clause
 *
 * printer.c -- Table columns, and a row's cells by the kinds that the
 * columns name. What a kind prints is in cells_*.c.
 * Pure; any thread.
 * Contract: printer.h. */
#include "printer.h"

#include <string.h>

#include "cells.h"

static pin__cell_fn *const cells[PIN_CELL__COUNT] = {
	[PIN_CELL_PATH] = pin__cell_path,
	[PIN_CELL_NONE_PATH] = pin__cell_none_path,
	[PIN_CELL_UNSET_PATH] = pin__cell_unset_path,
	[PIN_CELL_UNKNOWN_PATH] = pin__cell_unknown_path,
	[PIN_CELL_AGE] = pin__cell_age,
	[PIN_CELL_LABELS] = pin__cell_labels,
	[PIN_CELL_SELECTOR] = pin__cell_selector,
	[PIN_CELL_COUNT] = pin__cell_count,
	[PIN_CELL_JOIN] = pin__cell_join,
	[PIN_CELL_CONTAINERS] = pin__cell_containers,
	[PIN_CELL_IMAGES] = pin__cell_images,
	[PIN_CELL_AGE_OR_NONE] = pin__cell_age_or_none,
	[PIN_CELL_BOOL] = pin__cell_bool,
	[PIN_CELL_JOIN_OR_NONE] = pin__cell_join_or_none,
	[PIN_CELL_NODE_ADDRESS] = pin__cell_node_address,
	[PIN_CELL_NUMBER] = pin__cell_number,
	[PIN_CELL_NUMBER_OR_NONE] = pin__cell_number_or_none,
	[PIN_CELL_OR_NA] = pin__cell_or_na,
	[PIN_CELL_PHASE] = pin__cell_phase,
	[PIN_CELL_PVC_ACCESS_MODES] = pin__cell_pvc_access_modes,
	[PIN_CELL_PVC_CAPACITY] = pin__cell_pvc_capacity,
	[PIN_CELL_QUANTITY] = pin__cell_quantity,
	[PIN_CELL_SELECTOR_TEXT] = pin__cell_selector_text,
	[PIN_CELL_TRIMMED] = pin__cell_trimmed,
	[PIN_CELL_POD_READY] = pin__cell_pod_ready,
	[PIN_CELL_POD_STATUS] = pin__cell_pod_status,
	[PIN_CELL_POD_RESTARTS] = pin__cell_pod_restarts,
	[PIN_CELL_POD_READINESS] = pin__cell_pod_readiness,
	[PIN_CELL_POD_IP] = pin__cell_pod_ip,
	[PIN_CELL_READY_REPLICAS] = pin__cell_ready_replicas,
	[PIN_CELL_JOB_STATUS] = pin__cell_job_status,
	[PIN_CELL_JOB_COMPLETIONS] = pin__cell_job_completions,
	[PIN_CELL_JOB_DURATION] = pin__cell_job_duration,
	[PIN_CELL_CRONJOB_SUSPEND] = pin__cell_bool_text,
	[PIN_CELL_NODE_STATUS] = pin__cell_node_status,
	[PIN_CELL_NODE_ROLES] = pin__cell_node_roles,
	[PIN_CELL_SERVICE_CLUSTER_IP] = pin__cell_service_cluster_ip,
	[PIN_CELL_SERVICE_EXTERNAL_IP] = pin__cell_service_external_ip,
	[PIN_CELL_SERVICE_PORTS] = pin__cell_service_ports,
	[PIN_CELL_ENDPOINTS] = pin__cell_endpoints,
	[PIN_CELL_SLICE_PORTS] = pin__cell_slice_ports,
	[PIN_CELL_SLICE_ENDPOINTS] = pin__cell_slice_endpoints,
	[PIN_CELL_INGRESS_HOSTS] = pin__cell_ingress_hosts,
	[PIN_CELL_INGRESS_ADDRESS] = pin__cell_ingress_address,
	[PIN_CELL_INGRESS_PORTS] = pin__cell_ingress_ports,
	[PIN_CELL_INGRESS_PARAMS] = pin__cell_ingress_params,
	[PIN_CELL_EVENT_LAST_SEEN] = pin__cell_event_last_seen,
	[PIN_CELL_EVENT_FIRST_SEEN] = pin__cell_event_first_seen,
	[PIN_CELL_EVENT_OBJECT] = pin__cell_event_object,
	[PIN_CELL_EVENT_SOURCE] = pin__cell_event_source,
	[PIN_CELL_EVENT_COUNT] = pin__cell_event_count,
	[PIN_CELL_QUOTA_REQUEST] = pin__cell_quota_request,
	[PIN_CELL_QUOTA_LIMIT] = pin__cell_quota_limit,
	[PIN_CELL_PV_CLAIM] = pin__cell_pv_claim,
	[PIN_CELL_ACCESS_MODES] = pin__cell_access_modes,
	[PIN_CELL_STORAGE_CLASS] = pin__cell_storage_class,
	[PIN_CELL_SC_NAME] = pin__cell_sc_name,
	[PIN_CELL_HPA_REFERENCE] = pin__cell_hpa_reference,
	[PIN_CELL_HPA_TARGETS] = pin__cell_hpa_targets,
	[PIN_CELL_CSR_DURATION] = pin__cell_csr_duration,
	[PIN_CELL_CSR_CONDITION] = pin__cell_csr_condition,
	[PIN_CELL_COMPONENT_STATUS] = pin__cell_component_status,
	[PIN_CELL_COMPONENT_MESSAGE] = pin__cell_component_message,
	[PIN_CELL_COMPONENT_ERROR] = pin__cell_component_error,
	[PIN_CELL_ROLE_REF] = pin__cell_role_ref,
	[PIN_CELL_SUBJECT_USERS] = pin__cell_subject_users,
	[PIN_CELL_SUBJECT_GROUPS] = pin__cell_subject_groups,
	[PIN_CELL_SUBJECT_ACCOUNTS] = pin__cell_subject_accounts,
	[PIN_CELL_APISERVICE_SERVICE] = pin__cell_apiservice_service,
	[PIN_CELL_APISERVICE_AVAILABLE] = pin__cell_apiservice_available,
	[PIN_CELL_REVISION_OWNER] = pin__cell_revision_owner,
	[PIN_CELL_FLOW_MISSING] = pin__cell_flow_missing,
	[PIN_CELL_PARENT_REF] = pin__cell_parent_ref,
	[PIN_CELL_VAP_PARAM] = pin__cell_vap_param,
	[PIN_CELL_VAPB_PARAM] = pin__cell_vapb_param,
	[PIN_CELL_CLAIM_STATE] = pin__cell_claim_state,
	[PIN_CELL_SECRET_DATA] = pin__cell_data_count,
	[PIN_CELL_TOKEN_REQUESTS] = pin__cell_token_requests,
};

static void
put_column(struct pin_out *o, const char *name, const char *type,
    const char *format, uint32_t priority)
{
	pin_out_cstr(o, "{\"name\":");
	pin_json_quote(o, (struct pin_str){ name, strlen(name) });
	pin_out_cstr(o, ",\"type\":");
	pin_json_quote(o, (struct pin_str){ type, strlen(type) });
	pin_out_cstr(o, ",\"format\":");
	pin_json_quote(o, (struct pin_str){ format, strlen(format) });
	pin_out_cstr(o, ",\"description\":\"\",\"priority\":");
	pin_out_u64(o, priority);
	pin_out_char(o, '}');
}

void
pin_table_columns(const struct pin_schema *s, const struct pin_res_row *r,
    struct pin_out *o)
{
	const struct pin_col_row *col;
	uint32_t i;
	bool first = true;

	pin_out_char(o, '[');
	if (r->ncols == 0) {
		put_column(o, "Name", "string", "name", 0);
		pin_out_char(o, ',');
		put_column(o, "Created At", "date", "", 0);
	}
	for (i = 0; i < r->ncols; i++) {
		col = &s->columns[r->col0 + i];
		if (*pin_schema_str(s, col->name) == '\0')
			continue;
		if (!first)
			pin_out_char(o, ',');
		first = false;
		put_column(o, pin_schema_str(s, col->name),
		    pin_schema_str(s, col->type),
		    pin_schema_str(s, col->format), col->priority);
	}
	pin_out_char(o, ']');
}

void
pin_table_cells(const struct pin_schema *s, const struct pin_res_row *r,
    const struct pin_obj *obj, int64_t now_s, struct pin_out *o)
{
	struct pin__cell c;
	uint32_t i;

	memset(&c, 0, sizeof(c));
	c.schema = s;
	c.res = r;
	c.obj = obj;
	c.root = pin_obj_root(obj);
	c.now_s = now_s;
	c.out = o;
	pin_out_char(o, '[');
	if (r->ncols == 0) {
		pin__cell_quote(&c, pin__cell_text(&c, "metadata.name"));
		pin_out_char(o, ',');
		pin__cell_quote(&c,
		    pin__cell_text(&c, "metadata.creationTimestamp"));
	}
	for (i = 0; i < r->ncols; i++) {
		c.col = &s->columns[r->col0 + i];
		c.arg = pin_schema_str(s, c.col->arg);
		if (i != 0)
			pin_out_char(o, ',');
		if (c.col->cell < PIN_CELL__COUNT &&
		    cells[c.col->cell] != NULL)
			cells[c.col->cell](&c);
		else
			pin_out_cstr(o, "null");
	}
	pin_out_char(o, ']');
}

void
pin_table_conditions(const struct pin_schema *s, const struct pin_res_row *r,
    const struct pin_obj *obj, const char *before, struct pin_out *o)
{
	static const struct {
		const char	*phase, *message;
	} done[] = {
		{ "Succeeded", "The pod has completed successfully." },
		{ "Failed", "The pod failed." },
	};
	struct pin_str phase;
	size_t i;

	if (*pin_schema_str(s, s->gvs[r->gv].group) != '\0' ||
	    strcmp(pin_schema_str(s, r->plural), "pods") != 0)
		return;
	phase = pin_obj_str(obj, pin_obj_at(obj, pin_obj_root(obj), "status",
	    "phase", NULL));
	for (i = 0; i < sizeof(done) / sizeof(done[0]); i++)
		if (pin__str_is(phase, done[i].phase))
			pin_out_printf(o, "%s[{\"type\":\"Completed\","
			    "\"status\":\"True\",\"reason\":\"%s\","
			    "\"message\":\"%s\"}]", before, done[i].phase,
			    done[i].message);
}
