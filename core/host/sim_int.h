/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim_int.h -- what the files of the simulated host share.
 * For sim*.c only.
 * Threads: one.
 * Contract: core/host/host_int.h and core/host/sim.h. */
#ifndef PIN_HOST_SIM_INT_H
#define PIN_HOST_SIM_INT_H

#include "core/host/host_int.h"
#include "core/host/sim.h"

#define PIN__SIM_MAGIC		0x7053696du
#define PIN__SIM_US		((uint64_t)1000)

struct pin__sim_host;
struct pin__sim_loop;

/* splitmix64: a counter and a mixer, good and short. */
struct pin__rng {
	uint64_t	 state;
};

uint64_t pin__rng_next(struct pin__rng *);
uint64_t pin__rng_below(struct pin__rng *, uint64_t bound);
/* A number in [lo, hi]. */
uint64_t pin__rng_range(struct pin__rng *, uint64_t lo, uint64_t hi);

/* ---- disk ----------------------------------------------------------- */

#define SIM_PAGE		4096
#define SIM_SECTOR		512
#define SIM_FILE_MAX		((uint64_t)1 << 34)	/* a table of pages */

struct pin__page {
	uint8_t		 dirty;		/* a bit a sector: now != disk */
	uint8_t		 now[SIM_PAGE];
	uint8_t		 disk[SIM_PAGE];
};

struct pin__inode;

struct pin__entry {
	char			*name;
	struct pin__inode	*inode;
};

struct pin__dir {
	struct pin__entry	*v;
	uint32_t		 n, cap;
};

struct pin__inode {
	struct pin__inode	*next;		/* all of the disk */
	uint32_t		 id;
	int			 is_dir;
	struct pin__dir		 now;		/* names, a directory's */
	struct pin__dir		 disk;

	uint64_t		 size;		/* a file's */
	uint64_t		 disk_size;
	uint64_t		 dirty_lo;	/* pages that may be dirty */
	uint64_t		 dirty_hi;	/* one past; lo >= hi: none */
	struct pin__page	**pages;
	uint64_t		 npages;
	uint32_t		 links;
	uint32_t		 handles;
	struct pin_file		*locked_by;
};

/* A change of names that no directory sync has covered. */
struct pin__dirop {
	struct pin__dirop	*next;
	struct pin__inode	*from_dir, *to_dir;	/* NULL: none */
	char			*from, *to;
	struct pin__inode	*inode;
};

struct pin__disk {
	struct pin__inode	*inodes;
	struct pin__inode	*root;
	struct pin__dirop	*ops;		/* oldest first */
	struct pin__dirop	**ops_last;
	uint64_t		 used;
	uint64_t		 max;		/* 0: no end */
	uint32_t		 next_id;
};

void	 pin__disk_init(struct pin__disk *, uint64_t max);
void	 pin__disk_fini(struct pin__disk *);
/* The inode and, if not NULL, the directory and last name it stands under.
 * 0, or an errno: ENOENT (dir may be set nevertheless), ENOTDIR... */
int	 pin__disk_walk(struct pin__disk *, const char *path,
	    struct pin__inode **, struct pin__inode **dir, const char **name);
struct pin__inode *pin__disk_make(struct pin__disk *, int is_dir);
/* Moves inode from a name to a name; either side may be missing. */
void	 pin__disk_move(struct pin__disk *, struct pin__inode *inode,
	    struct pin__inode *from_dir, const char *from,
	    struct pin__inode *to_dir, const char *to);
void	 pin__disk_sync_dir(struct pin__disk *, struct pin__inode *dir);
void	 pin__disk_cut(struct pin__disk *, struct pin__rng *);
void	 pin__inode_write(struct pin__inode *, const void *, size_t,
	    uint64_t at, struct pin__rng *);
void	 pin__inode_read(struct pin__inode *, void *, size_t, uint64_t at);
void	 pin__inode_resize(struct pin__inode *, uint64_t size,
	    struct pin__rng *);
/* lost: pages become clean, but a seeded part never got to the disk. */
void	 pin__inode_sync(struct pin__inode *, struct pin__rng *lost);

/* ---- machines ------------------------------------------------------- */

struct pin__fault {
	uint32_t	 calls;
	uint32_t	 how;
	uint64_t	 left;		/* 0: empty slot, unless sticky fired */
	int		 sticky;
	int		 fired;
};

/* Blocking work, waiting for its turn. */
struct pin__job {
	struct pin__job		*next;
	struct pin_work		*work;
	uint64_t		 ready_at;
};

struct pin__sim_host {
	struct pin_host		 base;
	struct pin_sim		*sim;
	uint32_t		 id;
	uint32_t		 boot;		/* what it opened dies with
						 * it */
	int64_t			 wall_off;
	uint16_t		 next_port;
	uint64_t		 io_count;
	struct pin__disk	 disk;
	struct pin__fault	 faults[PIN_SIM_FAULTS_MAX];
	struct pin__job		*jobs;
	struct pin__job		**jobs_last;
	uint64_t		 pool_busy[PIN_WORK_THREADS_MAX];
};

/* ---- loops ---------------------------------------------------------- */

struct pin__mail {
	struct pin__mail	*next;
	struct pin_msg		*msg;
	uint64_t		 ready_at;
};

struct pin__sim_sock;

struct pin__sim_loop {
	struct pin_loop		 base;
	struct pin__sim_loop	*next;
	struct pin__sim_host	*host;
	uint32_t		 boot;
	uint32_t		 id;
	int			 started, stop, dead;
	int			 hooks_due;	/* something ran since */
	uint32_t		 works;
	uint64_t		 busy_until;
	struct pin__mail	*mail;
	struct pin__sim_sock	*socks;
};

struct pin__sim_file {
	struct pin_file		 base;
	struct pin__sim_file	*next, **pprev;
	struct pin__sim_host	*host;
	uint32_t		 boot;
	uint32_t		 flags;
	struct pin__inode	*inode;
};

struct pin__chunk {
	struct pin__chunk	*next;
	uint64_t		 arrive_at;	/* PIN__NEVER: link is down */
	uint32_t		 len, off;
	uint8_t			 bytes[];
};

struct pin__sim_sock {
	struct pin_sock		 base;
	struct pin__sim_sock	*next, **pprev;		/* of the sim */
	struct pin__sim_sock	*loop_next, **loop_pprev;
	struct pin__sim_host	*host;
	uint32_t		 boot;
	uint32_t		 id;
	struct pin_addr		 local, remote;

	struct pin__sim_sock	*peer;		/* NULL: it has gone */
	struct pin__chunk	*rx, **rx_last;
	uint64_t		 rx_bytes;	/* in flight too */
	uint64_t		 last_arrival;
	uint64_t		 eof_at;	/* 0: not; PIN__NEVER: held */
	uint64_t		 connect_at;	/* 0: not connecting */
	int			 connected, reset, sent_eof;
	uint32_t		 reply_from;	/* machine of the other end */

	struct pin__sim_sock	*backlog, *backlog_next;
};

struct pin_sim {
	uint32_t		 magic;
	uint32_t		 nloops;
	struct pin_sim_opts	 opts;
	uint64_t		 now;
	uint64_t		 skew;		/* spent by this callback */
	int			 in_callback;
	uint32_t		 next_sock;
	uint64_t		 steps;
	uint64_t		 hash;
	struct pin__rng		 order, faults, values, user;
	struct pin__sim_host	*hosts[PIN_SIM_MACHINES_MAX];
	uint8_t			 down[PIN_SIM_MACHINES_MAX]
				    [PIN_SIM_MACHINES_MAX];
	struct pin__sim_loop	*loops, **loops_last;
	struct pin__sim_file	*files;
	struct pin__sim_sock	*socks;
};

uint64_t pin__sim_time(const struct pin_sim *);
/* Blocking: this callback, or the world outside callbacks, waits. */
void	 pin__sim_spend(struct pin_sim *, uint64_t lo, uint64_t hi);
void	 pin__sim_trace(struct pin_sim *, uint32_t what, uint64_t a,
	    uint64_t b);
void	 pin__sim_crash(struct pin__sim_host *, int power);
/* Counts a call; 0 or how it is to fail. */
uint32_t pin__sim_faulty(struct pin__sim_host *, uint32_t call);

/* sim_loop.c */
int	 pin__sim_loop_open(struct pin_host *, struct pin_loop **,
	    struct pin_err *);
int	 pin__sim_loop_start(struct pin_loop *, struct pin_err *);
void	 pin__sim_loop_run(struct pin_loop *);
void	 pin__sim_loop_stop(struct pin_loop *);
void	 pin__sim_loop_close(struct pin_loop *);
void	 pin__sim_loop_post(struct pin_loop *, struct pin_msg *);
void	 pin__sim_work_start(struct pin_work *);
void	 pin__sim_loop_free(struct pin__sim_loop *);
void	 pin__sim_loop_crash(struct pin__sim_loop *);

/* sim_sock.c */
void	 pin__sim_net(struct pin_sim *);	/* connections that are due */
uint64_t pin__sim_net_next(struct pin_sim *);
/* Events the owner wants and that are there now; when there might be. */
uint32_t pin__sim_sock_events(struct pin__sim_sock *);
uint64_t pin__sim_sock_next(struct pin__sim_sock *);
void	 pin__sim_sock_deliver(struct pin__sim_sock *, uint32_t events);
void	 pin__sim_sock_free(struct pin__sim_sock *);
void	 pin__sim_sock_crash(struct pin__sim_sock *, int power);
void	 pin__sim_sock_unlink_loop(struct pin__sim_sock *);
int	 pin__sim_sock_listen(struct pin_loop *, const struct pin_addr *,
	    pin_sock_accept_fn *, void *, struct pin_sock **,
	    struct pin_err *);
int	 pin__sim_sock_connect(struct pin_loop *, const struct pin_addr *,
	    pin_sock_ready_fn *, void *, struct pin_sock **, struct pin_err *);
int	 pin__sim_sock_attach(struct pin_sock *, struct pin_loop *,
	    pin_sock_ready_fn *, void *, struct pin_err *);
void	 pin__sim_sock_want(struct pin_sock *, uint32_t);
int64_t	 pin__sim_sock_recv(struct pin_sock *, void *, size_t);
int64_t	 pin__sim_sock_send(struct pin_sock *, const void *, size_t);
void	 pin__sim_sock_shutdown(struct pin_sock *);
void	 pin__sim_sock_close(struct pin_sock *);
void	 pin__sim_sock_peer(struct pin_sock *, struct pin_addr *);
void	 pin__sim_sock_local(struct pin_sock *, struct pin_addr *);
int	 pin__sim_sock_cred(struct pin_sock *, uint32_t *, uint32_t *);

/* sim_file.c */
void	 pin__sim_file_free(struct pin__sim_file *);
int	 pin__sim_file_open(struct pin_host *, const char *, uint32_t,
	    struct pin_file **, struct pin_err *);
void	 pin__sim_file_close(struct pin_file *);
int64_t	 pin__sim_file_read(struct pin_file *, void *, size_t, uint64_t,
	    struct pin_err *);
int	 pin__sim_file_write(struct pin_file *, const struct pin_iov *,
	    uint32_t, uint64_t, struct pin_err *);
int	 pin__sim_file_sync(struct pin_file *, struct pin_err *);
int	 pin__sim_file_truncate(struct pin_file *, uint64_t, struct pin_err *);
int	 pin__sim_file_reserve(struct pin_file *, uint64_t, struct pin_err *);
int64_t	 pin__sim_file_size(struct pin_file *, struct pin_err *);
int	 pin__sim_file_lock(struct pin_file *, struct pin_err *);
int	 pin__sim_path_rename(struct pin_host *, const char *, const char *,
	    struct pin_err *);
int	 pin__sim_path_unlink(struct pin_host *, const char *,
	    struct pin_err *);
int	 pin__sim_path_mkdir(struct pin_host *, const char *,
	    struct pin_err *);
int	 pin__sim_path_sync(struct pin_host *, const char *, struct pin_err *);
int	 pin__sim_path_list(struct pin_host *, const char *,
	    int (*)(void *, const char *), void *, struct pin_err *);

static inline struct pin__sim_host *
pin__sim_host_of(struct pin_host *h)
{
	return ((struct pin__sim_host *)(void *)h);
}

#endif
