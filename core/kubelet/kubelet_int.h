/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kubelet_int.h -- between the files of the node agent.
 * Threads: what is marked loop belongs to the agent's loop; a pod's inner
 * state belongs to its worker while `busy`, one worker a pod at a time; the
 * rest is set before the loop starts and stays.
 * Contract: core/kubelet/README.md. */
#ifndef PINTLE_KUBELET_INT_H
#define PINTLE_KUBELET_INT_H

#include <pintle/network.h>
#include <pintle/object.h>
#include <pintle/runtime.h>

#include <pthread.h>
#include <string.h>

#include "core/client/client.h"
#include "core/http/exchange.h"
#include "core/kubelet/kubelet.h"
#include "core/loader/loader.h"

#define KUBELET_PODS_MAX	110	/* advertised, and kept to */
#define KUBELET_CONTAINERS_MAX	64	/* of one pod */
#define KUBELET_RUNTIMES_MAX	8
#define KUBELET_IPS_MAX		4
#define KUBELET_PATH_MAX	4096
#define KUBELET_ENV_MAX		4096	/* variables of one container */
#define KUBELET_TEXT_MAX	((size_t)4 << 20)
#define KUBELET_LEASE_S		40
#define KUBELET_LEASE_MS	10000
#define KUBELET_STATUS_MS	300000
#define KUBELET_REFRESH_MS	60000	/* volumes are written again */
#define KUBELET_BACKOFF_MS	10000	/* doubles */
#define KUBELET_BACKOFF_MAX_MS	300000
#define KUBELET_MOUNT_MS	500	/* volumes not there: doubles */
#define KUBELET_MOUNT_MAX_MS	122000
#define KUBELET_RETRY_MS	2000	/* after an error of a pod's worker */
#define KUBELET_EVENTS_MAX	256	/* waiting; more are dropped, counted */
#define KUBELET_CALL_MS		15000
#define KUBELET_MESSAGE_MAX	4096	/* of a container that ended */
#define KUBELET_NAME_MAX	256	/* of a host */
#define KUBELET_PORT		10250	/* for logs; taken: any */
#define MS_NS			UINT64_C(1000000)

struct kubelet;

/* ---- asking the API server (api.c): work pool only; block ------------ */

struct api_answer {
	int		 status;	/* 0: none */
	struct pin_str	 body;		/* points into buf */
	struct pin_buf	*buf;
};

/* PIN_OK when the server answered, whatever it said. */
int	api_ask(struct kubelet *, const char *method, const char *target,
	    const char *type, struct pin_str body, struct api_answer *,
	    struct pin_err *);
void	api_answer_fini(struct api_answer *);
/* GET; *out is on the heap. PIN_ENOTFOUND and the like, with text. */
int	api_get(struct kubelet *, struct pin_obj **out, struct pin_err *,
	    const char *fmt, ...) PIN_PRINTF(4, 5);
/* From an answer to a named error with the server's words. */
int	api_error(const struct api_answer *, struct pin_err *);

#define API_JSON	"application/json"
#define API_MERGE	"application/merge-patch+json"
#define API_STRATEGIC	"application/strategic-merge-patch+json"

/* kubeconfig.c: server address, name, and PEM files for TLS. */
struct kubeconfig {
	char	server[256];
	char	ca[KUBELET_PATH_MAX], cert[KUBELET_PATH_MAX],
		key[KUBELET_PATH_MAX];
};
/* context: NULL, the current one; PIN_ENOTFOUND when there is none so. */
int	kubeconfig_load(struct pin_host *, const char *data,
	    const char *path, const char *context, struct kubeconfig *,
	    struct pin_err *);
/* kubelet.c: what a transport to the API server needs, but for its loop. */
int	kubelet_remote(struct kubelet *, const struct kubelet_opts *,
	    const char *context, struct tls_client **,
	    struct transport_remote_opts *, struct pin_err *);

/* ---- containers and pods ---------------------------------------------- */

enum { KC_NONE, KC_RUNNING, KC_EXITED };

struct kcontainer {
	char		 name[64];
	char		 id[128];	/* of the newest instance */
	pin_node	 spec;		/* in the pod's object */
	uint32_t	 init, sidecar;
	uint32_t	 state;		/* KC_... */
	uint32_t	 attempt;	/* of the newest; also restarts */
	uint32_t	 tried, ready, started;
	uint32_t	 termed;	/* SIGTERM was sent */
	char		 waiting[48], message[512];
	char		 image_id[256];
	char		 reason[48];	/* of the end, when no exit code says */
	struct pin_container_state now;	/* of the newest */
	uint32_t	 has_last, pad2;
	struct pin_container_state last; /* of the one before */
	char		 last_reason[48];
	uint64_t	 backoff_ms, backoff_at;
	uint64_t	 image_at;	/* not before: image back-off */
	uint64_t	 image_ms;
	/* probe.c */
	struct kprobe	*probes[3];
};

enum { KCOND_SANDBOX, KCOND_INIT, KCOND_READY, KCOND_CONTAINERS,
    KCOND_SCHEDULED, KCOND__COUNT };

struct kcond {
	int	status;			/* -1: not known */
	char	reason[48], message[256];
	int64_t	since_s;
};

enum { KRES_CPU, KRES_MEMORY, KRES_STORAGE, KRES__COUNT };

struct kport {
	char		 ip[64], protocol[8];
	int64_t		 port;
};

struct kpod {
	/* loop */
	struct kpod	*next;
	struct pin_work	 work;
	struct pin_timer timer;
	uint32_t	 busy, dirty, generation, pad;
	struct kubelet	*k;
	char		 uid[64], ns[64], name[256];
	/* under k->lock */
	struct pin_buf	*pending;	/* newest object; NULL: no news */
	size_t		 pending_off, pending_len;
	uint32_t	 gone;		/* no longer in the API */
	char		*runs;		/* names, each between two '/';
					 * NULL: nobody looked yet */
	uint32_t	 counted;	/* what it uses (admit.c): */
	int64_t		 uses[KRES__COUNT];
	uint32_t	 nports, pad1;
	struct kport	*ports;
	/* worker */
	struct pin_obj	*obj;
	uint32_t	 known;		/* containers are filled in */
	uint32_t	 admitted;	/* looked at what it asks for */
	uint32_t	 networked, mounted;
	uint32_t	 killing;	/* SIGTERM was sent */
	uint32_t	 killed;	/* SIGKILL too */
	uint32_t	 warned, pad4;	/* by the runtime, once */
	uint32_t	 finished;	/* phase is final */
	uint32_t	 removed;	/* nothing is left here; DELETE said */
	uint64_t	 kill_at;
	uint64_t	 refresh_at;
	uint64_t	 mount_ms;	/* until volumes are tried again */
	char		 failed[64], failed_message[512]; /* reason: pod */
	int64_t		 start_s;
	const struct pin_runtime_ops *rt;
	void		*rt_self;
	const char	*rt_name;
	struct pin_pod_net_result net;
	struct kcond	 cond[KCOND__COUNT];
	char		*status;	/* last written */
	uint64_t	*wrote;		/* of each volume: payload_hash */
	uint32_t	 n, pad3;
	struct kcontainer *c;		/* init containers first */
	uint64_t	 next_ms;	/* when to look again; 0: on news */
};

struct kevent;
struct ktold;

struct kubelet {
	struct pin_host	*host;
	struct pin_loop	*loop;
	struct client	*client;
	struct tls_client *tls;
	struct pin_addr	 server;	/* the API server, as we reach it */
	struct proxy	*proxy;		/* NULL: Services are not served */
	struct tls_client *proxy_tls;
	_Atomic(int)	 proxy_late;	/* did not come in time: no waiting */
	struct pin_plugins *plugins;
	const char	*data, *node;
	struct pin_addr	 ips[KUBELET_IPS_MAX];
	uint32_t	 nips;
	uint32_t	 nrt;
	struct {
		const char	*name;
		const struct pin_runtime_ops *ops;
		void		*self;
	} rt[KUBELET_RUNTIMES_MAX];
	const struct pin_network_ops *net;
	void		*net_self;
	pthread_mutex_t	 lock;
	pthread_cond_t	 ended;		/* with lock: gone */
	_Atomic(int)	 stopping;
	/* loop */
	struct kpod	*pods;
	struct client_call watch;
	char		 watch_target[640];
	uint32_t	 generation;	/* of the pod list */
	uint32_t	 synced;	/* once */
	uint32_t	 watch_fails, nbusy;
	struct pin_timer watch_timer, lease_timer, status_timer;
	struct pin_work	 lease_work, status_work, orphan_work;
	uint32_t	 lease_busy, status_busy, orphan_busy;
	struct pin_msg	 start, stop;
	uint32_t	 running, gone;
	struct http_server *http;	/* logs.c */
	struct tls_server *log_tls;	/* NULL: UNIX socket only */
	uint32_t	 log_port, pad_log; /* 0: the same */
	struct exchange_handler log_handler;
	/* status_work */
	uint32_t	 registered, lease_made;
	char		 node_uid[64];
	int64_t		 ready_since_s;
	/* event.c, under lock */
	struct kevent	*events, **events_tail;
	uint32_t	 nevents, events_busy;
	struct pin_work	 event_work;
	struct pin_msg	 event_msg;
	struct ktold	*told;		/* event_work */
	uint32_t	 ntold, pad_told;
};

/* node.c */
void	node_start(struct kubelet *);
void	node_stop(struct kubelet *);

/* pods.c: loop */
void	pods_start(struct kubelet *);
void	pods_stop(struct kubelet *);
void	pods_exited(void *arg, const struct pin_container_state *);
void	pods_warned(void *arg, const char *id, const char *text); /* a worker */
struct kpod *pods_find(struct kubelet *, const char *uid, size_t len);

/* sync.c: work pool */
void	pod_sync(struct kpod *);
void	pod_fini(struct kpod *);
void	pod_path(const struct kpod *, char out[KUBELET_PATH_MAX],
	    const char *rest);

/* recall.c: work pool */
void	pod_look(struct kpod *);
/* Who runs, for other threads; starting: one that is about to. */
void	pod_say_runs(struct kpod *, const struct kcontainer *starting);
int	pod_runs(struct kpod *, const char *name);	/* any thread */
void	pod_remember(struct kpod *);

/* start.c */
int	container_start(struct kpod *, struct kcontainer *, struct pin_err *);
void	container_id(const struct kpod *, const struct kcontainer *,
	    uint32_t attempt, char out[128]);
void	container_log(const struct kpod *, const char *container,
	    uint32_t attempt, char out[KUBELET_PATH_MAX]);

/* etc.c: work pool. The pod's host name; PIN_ENOTFOUND when it would be too
 * long. etc_make says where the files are. */
int	etc_hostname(const struct kpod *, char out[KUBELET_NAME_MAX],
	    struct pin_err *);
int	etc_make(struct kpod *, char hosts[KUBELET_PATH_MAX],
	    char resolv[KUBELET_PATH_MAX], struct pin_err *);

/* message.c: work pool. Where the newest instance may leave its last words;
 * what it left, as bytes, or the end of its log. */
int	message_make(const struct kpod *, const struct kcontainer *,
	    char path[KUBELET_PATH_MAX], struct pin_err *);
size_t	message_read(const struct kpod *, const struct kcontainer *,
	    uint32_t attempt, int failed, char out[KUBELET_MESSAGE_MAX]);
void	message_path(const struct kpod *, const struct kcontainer *,
	    uint32_t attempt, char out[KUBELET_PATH_MAX]);

/* admit.c: is there room for it on this node? A pod may come here without a
 * scheduler. PIN_OK and counted, or what is short: reason as upstream's. From
 * pod_leave on it is not counted. */
int	pod_admit(struct kpod *, char reason[64], struct pin_err *);
void	pod_leave(struct kpod *);
/* node.c: thousandths of cores, bytes */
void	node_has(const struct kubelet *, int64_t out[KRES__COUNT]);

/* refuse.c: names what this node cannot honour */
int	pod_refuse(const struct kpod *, struct pin_err *);
void	pod_warn(struct kpod *);

/* volume.c. 1: the volume is there, path in out; errors are named. */
int	volumes_make(struct kpod *, struct pin_err *);
int	volume_path(const struct kpod *, struct pin_str name,
	    char out[KUBELET_PATH_MAX]);
/* Does this node write it? Containers see such a one read-only. */
int	volume_written(const struct kpod *, struct pin_str name);
int	tree_remove(const char *path, struct pin_err *);
int	dirs_make(const char *path, uint32_t mode, struct pin_err *);

/* field.c: downward API. Quantities: 0 when there is none. */
int64_t	pod_quantity(const struct kpod *, pin_node, int milli);
int64_t	container_limit(const struct kpod *, const struct kcontainer *,
	    const char *what, int milli);
void	pod_ip(const struct kpod *, uint32_t i, char out[64]);
int	field_value(const struct kpod *, pin_node ref, struct pin_out *,
	    struct pin_err *);
int	resource_value(const struct kpod *, pin_node ref,
	    const struct kcontainer *, struct pin_out *, struct pin_err *);

/* env.c. A list that ends in NULL; one heap block an entry. */
int	env_make(struct kpod *, struct kcontainer *, char ***out,
	    struct pin_err *);
void	env_free(char ***);
char	*env_expand(char *const *env, struct pin_str);

/* status.c */
void	status_write(struct kpod *);
const char *pod_phase(const struct kpod *);
int	container_final(const struct kpod *, const struct kcontainer *);

/* event.c: any thread; kept short of a limit. container may be NULL. */
void	event_pod(struct kpod *, const char *container, int warning,
	    const char *reason, const char *fmt, ...) PIN_PRINTF(5, 6);
void	event_node(struct kubelet *, int warning, const char *reason,
	    const char *fmt, ...) PIN_PRINTF(4, 5);
void	event_drain(struct kubelet *);		/* at the end: drops */

/* services.c: how this node serves Services; control thread */
int	services_open(struct kubelet *, const struct kubelet_opts *,
	    struct pin_err *);
void	services_close(struct kubelet *);
/* Where a pod finds the API server: its Service's address when this node
 * serves that, else its own. Work pool. */
struct service_at {
	char		 ip[64];
	int64_t		 port;
};
int	services_apiserver(struct kubelet *, const struct pin_obj *service,
	    struct service_at *, struct pin_err *);

/* logs.c */
int	logs_open(struct kubelet *, const struct kubelet_opts *,
	    struct pin_err *);
void	logs_close(struct kubelet *);

/* ---- small things ------------------------------------------------------ */

static inline int
str_copy(char *out, size_t size, struct pin_str s)
{
	size_t n = s.len < size ? s.len : size - 1;

	memcpy(out, s.p != NULL ? s.p : "", n);
	out[n] = '\0';
	return (s.len < size);
}

#endif
