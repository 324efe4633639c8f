/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim.h -- the simulated host: machines with clocks, disks and a network in
 * one thread of one process, all of it decided by a seed.
 * Not a model of speed: latencies are drawn, not measured.
 * Threads: one, the caller's. Functions here are not for callbacks of loops
 * unless they say so.
 * Contract: the same seed and the same calls give the same trace hash. */
#ifndef PIN_HOST_SIM_H
#define PIN_HOST_SIM_H

#include <pintle/host.h>

#define PIN_SIM_MACHINES_MAX	16
#define PIN_SIM_FAULTS_MAX	8	/* pending at once, a machine */

struct pin_sim;

struct pin_sim_opts {
	uint64_t	 seed;
	uint64_t	 disk_bytes_max;	/* a machine; 0: no end */
	uint32_t	 sock_reset_ppm;	/* resets per million sends */
	uint32_t	 log;			/* 1: log lines go to stderr */
};

PIN_API struct pin_sim *pin_sim_new(const struct pin_sim_opts *);
/* Everything that was opened on its hosts is gone with it: nothing need be
 * closed before, nothing may be touched after. */
PIN_API void	 pin_sim_free(PIN_OWN struct pin_sim **);
/* Machine i, made when first asked for; the pointer outlives its crashes. */
PIN_API struct pin_host *pin_sim_host(struct pin_sim *, uint32_t machine);

/* Runs loops in seeded order until until(arg) is nonzero: PIN_OK. Virtual
 * time passed max_ms: PIN_ETIMEOUT. Nothing is left that could ever happen:
 * PIN_EAGAIN. until NULL: until one of the other two. */
PIN_API int	 pin_sim_run(struct pin_sim *, int (*until)(void *arg),
    void *arg, uint64_t max_ms);
PIN_API uint64_t pin_sim_now(struct pin_sim *);		/* ns; callbacks too */
PIN_API uint64_t pin_sim_steps(struct pin_sim *);	/* callbacks run */
PIN_API uint64_t pin_sim_trace_hash(struct pin_sim *);
/* A number below bound, for the test's own choices. */
PIN_API uint64_t pin_sim_rand(struct pin_sim *, uint64_t bound);
/* Mixes the test's own events into the hash. */
PIN_API void	 pin_sim_trace(struct pin_sim *, uint64_t);

/* ---- crashes -------------------------------------------------------- */

/* The process of a machine ends here and now: its loops never run again, its
 * sockets are reset, its files fail. What was on them may still be closed, or
 * left to pin_sim_free. The host can be used at once: the machine is up again.
 * kill: the disk keeps what the OS had. power_cut: of what was not synced a
 * seeded part is lost, kept or torn, sector by sector, and name by name. */
PIN_API void	 pin_sim_kill(struct pin_sim *, uint32_t machine);
PIN_API void	 pin_sim_power_cut(struct pin_sim *, uint32_t machine);
/* How often either has happened, also by a fault. */
PIN_API uint32_t pin_sim_crashes(struct pin_sim *, uint32_t machine);

/* ---- faults --------------------------------------------------------- */

enum {					/* which calls are counted */
	PIN_SIM_READ = 1,
	PIN_SIM_WRITE = 2,		/* and truncate, reserve */
	PIN_SIM_SYNC = 4,		/* of files */
	PIN_SIM_META = 8,		/* create, rename, unlink, mkdir */
	PIN_SIM_DIRSYNC = 16,
	PIN_SIM_IO = 30,		/* all but reads */
};

enum {
	PIN_SIM_EIO = 1,		/* a failed sync marks pages clean */
	PIN_SIM_ENOSPC = 2,
	PIN_SIM_SHORT = 3,		/* writes a part, then EIO */
	PIN_SIM_POWER = 4,		/* power cut in the middle of the
					 * call */
	PIN_SIM_LIE = 5,		/* sync says yes and does nothing */
};

/* The nth (from 1, from now) call of a kind in `calls` fails so, and with
 * sticky every one after it. PIN_ELIMIT: too many pending. */
PIN_API int	 pin_sim_fault(struct pin_sim *, uint32_t machine,
    uint32_t calls, uint32_t how, uint64_t nth, int sticky);
PIN_API void	 pin_sim_fault_clear(struct pin_sim *, uint32_t machine);
/* PIN_SIM_IO calls made so far: the bound of a sweep. */
PIN_API uint64_t pin_sim_io_count(struct pin_sim *, uint32_t machine);
PIN_API void	 pin_sim_disk_limit(struct pin_sim *, uint32_t machine,
    uint64_t bytes_max);

/* ---- network and clocks ---------------------------------------------- */

/* Machine i is 10.0.0.(i + 1). Bytes on a link that is down wait for it. */
PIN_API void	 pin_sim_addr(uint32_t machine, uint16_t port,
    struct pin_addr *);
PIN_API void	 pin_sim_link(struct pin_sim *, uint32_t from, uint32_t to,
    int up);
PIN_API void	 pin_sim_wall_step(struct pin_sim *, uint32_t machine,
    int64_t ns);

#endif
