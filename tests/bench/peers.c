/* SPDX-License-Identifier: MIT */
#include "peers.h"
#include <string.h>

#ifdef HAVE_CK
extern const struct bench_peer bench_ck, bench_ck_spsc;
#endif
#ifdef HAVE_RTE
extern const struct bench_peer bench_rte, bench_rte_spsc, bench_rte_hts;
#endif
#ifdef HAVE_URCU
extern const struct bench_peer bench_urcu;
#endif
#ifdef HAVE_GLIB
extern const struct bench_peer bench_glib;
#endif
#ifdef HAVE_BOOST
extern const struct bench_peer bench_boost, bench_boost_spsc;
#endif
#ifdef HAVE_MOODYCAMEL
extern const struct bench_peer bench_moodycamel;
#endif
#ifdef HAVE_READERWRITER
extern const struct bench_peer bench_readerwriter;
#endif
#ifdef HAVE_TBB
extern const struct bench_peer bench_tbb;
#endif

const struct bench_peer *const bench_peers[] = {
	&bench_baton,
	&bench_baton_completion,
	&bench_baton_own,
	&bench_ring,
	&bench_ring_yield,
	&bench_ring_8,
	&bench_mutex,
#ifdef HAVE_READERWRITER
	&bench_readerwriter,
#endif
#ifdef HAVE_CK
	&bench_ck_spsc,
#endif
#ifdef HAVE_BOOST
	&bench_boost_spsc,
#endif
#ifdef HAVE_RTE
	&bench_rte_spsc,
#endif
#ifdef HAVE_URCU
	&bench_urcu,
#endif
#ifdef HAVE_MOODYCAMEL
	&bench_moodycamel,
#endif
#ifdef HAVE_BOOST
	&bench_boost,
#endif
#ifdef HAVE_CK
	&bench_ck,
#endif
#ifdef HAVE_RTE
	&bench_rte,
	&bench_rte_hts,
#endif
#ifdef HAVE_TBB
	&bench_tbb,
#endif
#ifdef HAVE_GLIB
	&bench_glib,
#endif
	NULL,
};

const char bench_missing[] = MISSING;

const struct bench_peer *bench_peer_find(const char *name)
{
	for (size_t i = 0; bench_peers[i]; i++)
		if (strcmp(bench_peers[i]->name, name) == 0)
			return bench_peers[i];
	return NULL;
}

bool bench_peer_fits(const struct bench_peer *peer, uint32_t producers, uint32_t pool)
{
	return !peer->lanes || pool >= producers;
}

const char *bench_order_name(enum bench_order order)
{
	static const char *const names[] = {"claimed", "passed", "own", "none"};

	return names[order];
}
