/* SPDX-License-Identifier: BSD-2-Clause
 *
 * controller_deployment.c -- what controller.c does not ask of every
 * controller: a ReplicaSet that cannot be made, a name that is taken, the order
 * of conditions. Rollouts are b0700's.
 * Contract: upstream's deployment-controller, by which every case here was
 * looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctlkit.h"
#include "tap.h"

static struct ctl c;

#define NOW	1767268800	/* 2026-01-01T12:00:00Z */
#define HAS(t, w)	(strstr((t), (w)) != NULL)
#define SETS	"create /apis/apps/v1/namespaces/a/replicasets "

static void
begin(void)
{
	ctl_open(&c, "deployment");
	c.now = NOW;
	ctl_put(&c, "apps/deployments", "{\"apiVersion\":\"apps/v1\","
	    "\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\","
	    "\"namespace\":\"a\"},\"spec\":{\"replicas\":3,"
	    "\"progressDeadlineSeconds\":600,\"selector\":{\"matchLabels\":{"
	    "\"app\":\"d\"}},\"strategy\":{\"type\":\"RollingUpdate\","
	    "\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":0}},"
	    "\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}},"
	    "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
}

/* "d-xxxxx" of the set that this plan makes. */
static void
made(const char *plan, char name[64])
{
	const char *at = strstr(plan, SETS "{\"metadata\":{\"name\":\"");

	name[0] = '\0';
	if (at == NULL)
		return;
	at += strlen(SETS "{\"metadata\":{\"name\":\"");
	snprintf(name, 64, "%.*s", (int)strcspn(at, "\""), at);
}

static void
test_refused(void)
{
	const char *p = "";

	CASE("a set that is refused: an Event, and Progressing is False") {
		begin();
		ctl_refused(&c, PIN_REFUSED_CREATE, "replicasets",
		    "{\"kind\":\"Status\",\"message\":\"no sets today\"}");
		p = ctl_plan(&c, "a", "d");
		CHECK(HAS(p, "event Warning ReplicaSetCreateError Failed to "
		    "create new replica set \"d-"));
		CHECK(HAS(p, "\": no sets today\n"));
		CHECK(HAS(p, "\"type\":\"Progressing\",\"status\":\"False\""));
		CHECK(HAS(p, "\"reason\":\"ReplicaSetCreateError\""));
		CHECK(!HAS(p, "deployment.kubernetes.io/revision\":\"1\"},"
		    "\"status"));
	}
	CASE("said before it is tried again, as that may fail, too") {
		CHECK(strstr(p, "/deployments/d/status") < strstr(p, SETS));
		CHECK(strstr(p, SETS) != NULL);
	}
	CASE("made, it says so") {
		(void)ctl_settle(&c, "a", "d");
		p = ctl_get(&c, "apps/deployments", "a", "d");
		CHECK(HAS(p, "\"reason\":\"NewReplicaSetCreated\""));
		CHECK(!HAS(p, "ReplicaSetCreateError"));
		free((void *)(uintptr_t)p);
		ctl_close(&c);
	}
}

static void
test_collision(void)
{
	char one[64], two[64], *json;

	CASE("a name that somebody else has: another hash, and it is counted") {
		begin();
		made(ctl_plan(&c, "a", "d"), one);
		CHECK(one[0] != '\0');
		ctl_put(&c, "apps/replicasets", "{\"metadata\":{\"name\":"
		    "\"%s\",\"namespace\":\"a\",\"labels\":{\"app\":"
		    "\"other\"}},\"spec\":{\"template\":{}}}", one);
		CHECK(!HAS(ctl_do(&c, "a", "d"), SETS));
		made(ctl_do(&c, "a", "d"), two);
		CHECK(two[0] != '\0' && strcmp(one, two) != 0);
		(void)ctl_settle(&c, "a", "d");
		json = ctl_get(&c, "apps/deployments", "a", "d");
		CHECK(HAS(json, "\"collisionCount\":1"));
		free(json);
		json = ctl_get(&c, "apps/replicasets", "a", two);
		CHECK(json != NULL && HAS(json, "\"pod-template-hash\":"));
		free(json);
		ctl_close(&c);
	}
}

static void
test_conditions(void)
{
	const char *p;

	CASE("conditions of others stay, what changes comes last") {
		begin();
		(void)ctl_settle(&c, "a", "d");
		ctl_put(&c, "apps/deployments", "{\"metadata\":{\"name\":"
		    "\"d\",\"namespace\":\"a\"},\"status\":{\"conditions\":[{"
		    "\"type\":\"Available\",\"status\":\"True\",\"reason\":"
		    "\"MinimumReplicasAvailable\"},{\"type\":\"Mine\","
		    "\"status\":\"True\"},{\"type\":\"Progressing\","
		    "\"status\":\"True\",\"reason\":\"NewReplicaSetCreated\","
		    "\"lastUpdateTime\":\"2026-01-01T11:59:00Z\"}]}}");
		p = strstr(ctl_plan(&c, "a", "d"), "\"conditions\":[");
		CHECK(p != NULL);
		CHECK(p != NULL && strncmp(p + strlen("\"conditions\":["),
		    "{\"type\":\"Mine\"", 14) == 0);
		CHECK(p != NULL && strstr(p, "Progressing") < strstr(p,
		    "MinimumReplicasUnavailable"));
		ctl_close(&c);
	}
	CASE("a set that cannot have its pods speaks for it") {
		char name[64];

		begin();
		made(ctl_do(&c, "a", "d"), name);
		ctl_put(&c, "apps/replicasets", "{\"metadata\":{\"name\":"
		    "\"%s\",\"namespace\":\"a\"},\"status\":{\"replicas\":0,"
		    "\"conditions\":[{\"type\":\"ReplicaFailure\",\"status\":"
		    "\"True\",\"reason\":\"FailedCreate\",\"message\":"
		    "\"quota\",\"lastTransitionTime\":"
		    "\"2026-01-01T11:00:00Z\"}]}}", name);
		p = ctl_plan(&c, "a", "d");
		CHECK(HAS(p, "{\"type\":\"ReplicaFailure\",\"status\":"
		    "\"True\",\"reason\":\"FailedCreate\",\"message\":"
		    "\"quota\",\"lastTransitionTime\":"
		    "\"2026-01-01T11:00:00Z\",\"lastUpdateTime\":"
		    "\"2026-01-01T11:00:00Z\"}"));
		ctl_close(&c);
	}
}

int
main(void)
{
	test_refused();
	test_collision();
	test_conditions();
	return (tap_done());
}
