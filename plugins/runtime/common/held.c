/* SPDX-License-Identifier: BSD-2-Clause
 *
 * held.c -- small files in a container's directory: what remove must know
 * when the agent that started it is long gone.
 * Work pool. Contract: pod.h. */
#include "pod.h"

#include <string.h>

int
runtime_note(const struct shims *p, const char *id, const char *file,
    const char *text, struct pin_err *err)
{
	char path[SHIMS_PATH_MAX];

	if (shims_path(p, path, id, file) != PIN_OK)
		return (pin_err_set(err, PIN_EINVAL, "container id \"%s\"",
		    id));
	return (pin_path_replace(pin_env_host(p->env), path, text,
	    strlen(text), PIN_FILE_PRIVATE, err));
}

/* The note first: what it names may be released though it is not held. */
int
runtime_image_hold(const struct shims *p, const char *id,
    const struct image_info *image, struct pin_err *err)
{
	int rc = runtime_note(p, id, "image", image->id, err);

	return (rc != PIN_OK ? rc : image_hold(pin_env_host(p->env),
	    pin_env_data(p->env), image->id, id, err));
}

void
runtime_image_release(const struct shims *p, const char *id)
{
	char image[IMAGE_ID_MAX];

	if (shims_text(p, id, "image", image, sizeof(image)))
		image_release(pin_env_host(p->env), pin_env_data(p->env),
		    image, id);
}
