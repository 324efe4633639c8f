/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user.c -- who a container is, from the image's own /etc/passwd and
 * /etc/group, which are opened inside its root.
 * Keeps no state. Any thread.
 * Contract: image.h. */
#include "core/image/image_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_MAX	8

/* The whole file, cut at IMAGE_PASSWD_MAX; "" when there is none. */
static char *
slurp(const char *root, const char *path)
{
	char *p = pin_xmalloc(IMAGE_PASSWD_MAX + 1);
	size_t len = 0;
	ssize_t n;
	int fd;

	if (image__open(root, path, &fd, NULL) == PIN_OK) {
		while (len < IMAGE_PASSWD_MAX && ((n = read(fd, p + len,
		    IMAGE_PASSWD_MAX - len)) > 0 || (n < 0 &&
		    errno == EINTR)))
			len += n > 0 ? (size_t)n : 0;
		close(fd);
	}
	p[len] = '\0';
	return (p);
}

/* Cuts the next line at its colons; 0 at the end. */
static int
next_line(char **at, char *field[FIELDS_MAX])
{
	char *p = *at, *end;
	uint32_t n;

	if (*p == '\0')
		return (0);
	end = p + strcspn(p, "\n");
	*at = *end != '\0' ? end + 1 : end;
	*end = '\0';
	for (n = 0; n < FIELDS_MAX; n++) {
		field[n] = p;
		p += strcspn(p, ":");
		if (*p != '\0')
			*p++ = '\0';
	}
	return (1);
}

/* -1 when it is no number. */
static int64_t
number(const char *s)
{
	int64_t v = 0;

	if (*s == '\0' || strlen(s) > 10)
		return (-1);
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return (-1);
		v = v * 10 + (*s - '0');
	}
	return (v < UINT32_MAX ? v : -1);
}

static void
add_group(struct image_user *u, int64_t gid)
{
	for (uint32_t i = 0; i < u->ngroups; i++)
		if (u->groups[i] == (uint32_t)gid)
			return;
	if (gid >= 0 && u->ngroups < IMAGE_GROUPS_MAX)
		u->groups[u->ngroups++] = (uint32_t)gid;
}

/* The user of that name or number; *gid is the one of passwd, or -1. */
static int
passwd_find(const char *root, const char *name, struct image_user *u,
    int64_t *gid, char found[64])
{
	char *text = slurp(root, "etc/passwd"), *at = text, *f[FIELDS_MAX];
	int64_t uid = number(name);
	int hit = 0;

	found[0] = '\0';
	*gid = -1;
	while (!hit && next_line(&at, f)) {
		if (f[0][0] == '\0' || number(f[2]) < 0 || (uid >= 0 ?
		    number(f[2]) != uid : strcmp(f[0], name) != 0))
			continue;
		hit = 1;
		u->uid = (uint32_t)number(f[2]);
		*gid = number(f[3]);
		snprintf(found, 64, "%s", f[0]);
		snprintf(u->home, sizeof(u->home), "%s", f[5]);
	}
	if (!hit && uid >= 0) {
		u->uid = (uint32_t)uid;
		hit = 1;
	}
	free(text);
	return (hit);
}

/* The number of a group; and, of user, all groups he is listed in. */
static int64_t
group_find(const char *root, const char *name, const char *user,
    struct image_user *u)
{
	char *text = slurp(root, "etc/group"), *at = text, *f[FIELDS_MAX];
	char *m, *end;
	int64_t gid = name != NULL ? number(name) : -1;

	while (next_line(&at, f)) {
		if (name != NULL && gid < 0 && strcmp(f[0], name) == 0)
			gid = number(f[2]);
		if (user == NULL || user[0] == '\0')
			continue;
		for (m = f[3]; *m != '\0'; m = end + (*end != '\0')) {
			end = m + strcspn(m, ",");
			if ((size_t)(end - m) == strlen(user) &&
			    strncmp(m, user, strlen(user)) == 0)
				add_group(u, number(f[2]));
			if (*end == '\0')
				break;
		}
	}
	free(text);
	return (gid);
}

int
image_user(const struct image_info *info, int64_t uid, int64_t gid,
    struct image_user *u, struct pin_err *err)
{
	struct pin_str s = pin_obj_str(info->config, pin_obj_get(info->config,
	    info->run, "User"));
	char text[256], found[64], *group;
	int64_t own, of_group;

	memset(u, 0, sizeof(*u));
	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(s));
	group = strchr(text, ':');
	if (group != NULL)
		*group++ = '\0';
	if (uid >= 0) {
		snprintf(text, sizeof(text), "%lld", (long long)uid);
		group = NULL;
	}
	if (!passwd_find(info->root, text[0] != '\0' ? text : "0", u, &own,
	    found))
		return (pin_err_set(err, PIN_EINVALID, "image %s: its user "
		    "\"%s\" is not in its /etc/passwd", info->name, text));
	of_group = group_find(info->root, group, found, u);
	if (group != NULL && group[0] != '\0' && of_group < 0)
		return (pin_err_set(err, PIN_EINVALID, "image %s: its group "
		    "\"%s\" is not in its /etc/group", info->name, group));
	if (gid < 0)
		gid = of_group >= 0 ? of_group : own;
	u->gid = gid >= 0 ? (uint32_t)gid : 0;
	if (u->home[0] == '\0')
		snprintf(u->home, sizeof(u->home), "/");
	return (PIN_OK);
}
