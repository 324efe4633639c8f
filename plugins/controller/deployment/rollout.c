/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rollout.c -- how many pods each ReplicaSet shall have: scaling, Recreate,
 * RollingUpdate.
 * Pure. Contract: deployment.h; never more than replicas + maxSurge pods, never
 * fewer than replicas - maxUnavailable available ones by our doing (C5). */
#include "deployment.h"

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static int64_t
old_total(const struct deploy *d)
{
	int64_t n = 0;
	uint32_t i;

	for (i = 0; i < d->nold; i++)
		n += d->old[i].replicas;
	return (n);
}

/* The one set with pods when there is just one: it follows the Deployment,
 * also while the rollout is paused. */
static struct set *
only_active(struct deploy *d)
{
	struct set *one = NULL;
	uint32_t i, n = 0;

	if (d->have_new && d->cur.was > 0) {
		one = &d->cur;
		n++;
	}
	for (i = 0; i < d->nold; i++)
		if (d->old[i].was > 0) {
			one = &d->old[i];
			n++;
		}
	return (n == 1 ? one : NULL);
}

static int64_t
annotation_int(const struct pin_obj *o, const char *key)
{
	struct pin_str s = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "metadata", "annotations", key, NULL));
	int64_t v = 0;
	size_t i;

	for (i = 0; i < s.len && i < 18 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = v * 10 + (s.p[i] - '0');
	return (s.len > 0 ? v : -1);
}

/* Did the user change spec.replicas since the sets were last scaled? */
static int
is_scaling(const struct deploy *d)
{
	int64_t was;
	uint32_t i;

	if (d->have_new && d->cur.was > 0) {
		was = annotation_int(d->cur.o, DESIRED);
		if (was >= 0 && was != d->replicas)
			return (1);
	}
	for (i = 0; i < d->nold; i++) {
		if (d->old[i].was == 0)
			continue;
		was = annotation_int(d->old[i].o, DESIRED);
		if (was >= 0 && was != d->replicas)
			return (1);
	}
	return (0);
}

/* In the middle of a rollout every set gets its share of the difference, the
 * rest the largest. */
static void
scale_in_proportion(struct deploy *d)
{
	int64_t allowed = d->replicas > 0 ? d->replicas + d->surge : 0, all,
	    left, share, was;
	struct set *s, *big = d->have_new ? &d->cur : NULL;
	uint32_t i;

	all = old_total(d) + (d->have_new ? d->cur.replicas : 0);
	left = allowed - all;
	for (i = 0; i <= d->nold; i++) {
		s = i < d->nold ? &d->old[i] : &d->cur;
		if (s->was == 0 || (i == d->nold && !d->have_new))
			continue;
		was = annotation_int(s->o, MAX_REPLICAS);
		if (was <= 0)
			was = all > 0 ? all : 1;
		share = s->replicas * allowed / was - s->replicas;
		if ((left > 0 && share > left) || (left < 0 && share < left))
			share = left;
		if ((left > 0) != (share > 0))
			share = 0;
		s->replicas += share;
		left -= share;
		if (big == NULL || s->replicas > big->replicas)
			big = s;
	}
	if (big != NULL) {
		big->replicas += left;
		if (big->replicas < 0)
			big->replicas = 0;
	}
}

static void
scale_up_new(struct deploy *d)
{
	int64_t room;

	if (d->cur.replicas == d->replicas)
		return;
	if (d->cur.replicas > d->replicas) {
		d->cur.replicas = d->replicas;
		return;
	}
	room = d->replicas + d->surge - old_total(d) - d->cur.replicas;
	if (room > 0)
		d->cur.replicas += least(room, d->replicas - d->cur.replicas);
}

/* Pods that never became available cost nothing to remove. */
static int64_t
clean_unhealthy(struct deploy *d, int64_t max)
{
	int64_t done = 0, n;
	uint32_t i;

	for (i = 0; i < d->nold && done < max; i++) {
		n = least(max - done, d->old[i].replicas -
		    d->old[i].available);
		if (n > 0) {
			d->old[i].replicas -= n;
			done += n;
		}
	}
	return (done);
}

static void
scale_down_old(struct deploy *d)
{
	int64_t min = d->replicas - d->unavailable, all, max, avail, n;
	uint32_t i;

	all = old_total(d) + d->cur.was;
	max = all - min - (d->cur.was - d->cur.available);
	if (max <= 0)
		return;
	(void)clean_unhealthy(d, max);
	for (avail = d->cur.available, i = 0; i < d->nold; i++)
		avail += least(d->old[i].available, d->old[i].was);
	n = avail - min;
	for (i = 0; i < d->nold && n > 0; i++) {
		max = least(n, least(d->old[i].replicas,
		    d->old[i].available));
		if (max > 0) {
			d->old[i].replicas -= max;
			n -= max;
		}
	}
}

static void
recreate(struct deploy *d)
{
	int64_t still = 0;
	uint32_t i;

	for (i = 0; i < d->nold; i++) {
		still += d->old[i].actual;
		d->old[i].replicas = 0;
	}
	if (still == 0 && old_total(d) == 0)
		d->cur.replicas = d->replicas;
}

void
rollout(struct deploy *d)
{
	struct set *one = only_active(d);
	uint32_t i;

	if (d->paused || (d->have_new && is_scaling(d))) {
		if (one != NULL)
			one->replicas = d->replicas;
		else if (is_scaling(d))
			scale_in_proportion(d);
		return;
	}
	/* The new one is whole: nothing else is needed. */
	if (d->have_new && d->cur.was == d->replicas &&
	    d->cur.available >= d->replicas) {
		for (i = 0; i < d->nold; i++)
			d->old[i].replicas = 0;
		return;
	}
	if (d->recreate) {
		recreate(d);
		return;
	}
	scale_up_new(d);
	if (d->cur.replicas == d->cur.was || d->cur.replicas < d->cur.was)
		scale_down_old(d);
}
