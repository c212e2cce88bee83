/* SPDX-License-Identifier: MIT */
/* Litmus: the explorer against programs whose outcomes are known. Each asks whether one
 * strange outcome can be seen; RC11 says yes or no; and the table must have no line
 * wrong. Names and answers as in the literature (Batty et al. 2011; Lahav et al. 2017).
 *
 * Expected is what RC11 says, with one kind of line marked "not shown": where RC11 allows
 * what running forward can't show, the explorer must say no, and the line says so. */

#include <pthread.h>
#include <stdatomic.h>

#include <inttypes.h>
#include <stdio.h>

#define RLX memory_order_relaxed
#define ACQ memory_order_acquire
#define REL memory_order_release
#define ACR memory_order_acq_rel
#define SC memory_order_seq_cst

static _Atomic(int) x, y, z;
static int r[8];        /* what was read */
static int plain_x;     /* not atomic */
static int w_o, r_o, m_o; /* the orders of this line: writes, reads, in between */
static uint64_t seen;

#define LOAD(p, order) atomic_load_explicit(p, order)
#define STORE(p, v, order) atomic_store_explicit(p, v, order)
#define THREAD(name)                                                                               \
	static void *name(void *arg)

/* --- programs: MP1, MP2 are the two threads of MP, and so on ------------------------ */

THREAD(MP1) { STORE(&x, 1, RLX); STORE(&y, 1, w_o); return arg; }
THREAD(MP2) { r[0] = LOAD(&y, r_o); r[1] = LOAD(&x, RLX); return arg; }
static bool MP(void) { return r[0] == 1 && r[1] == 0; }

THREAD(MPplain1) { plain_x = 1; STORE(&y, 1, w_o); return arg; }
THREAD(MPplain2) { r[0] = LOAD(&y, r_o); if (r[0]) r[1] = plain_x; return arg; }
static bool MPplain(void) { return false; } /* a race ends the search: "seen" */

THREAD(SB1) { STORE(&x, 1, w_o); r[0] = LOAD(&y, r_o); return arg; }
THREAD(SB2) { STORE(&y, 1, w_o); r[1] = LOAD(&x, r_o); return arg; }
static bool SB(void) { return r[0] == 0 && r[1] == 0; }

/* ring and waits: an update on one side, as publish has */
THREAD(SBrmw1) { atomic_exchange_explicit(&x, 1, w_o); r[0] = LOAD(&y, r_o); return arg; }

THREAD(LB1) { r[0] = LOAD(&x, r_o); STORE(&y, 1, w_o); return arg; }
THREAD(LB2) { r[1] = LOAD(&y, r_o); STORE(&x, 1, w_o); return arg; }
static bool LB(void) { return r[0] == 1 && r[1] == 1; }

THREAD(IRIW1) { STORE(&x, 1, w_o); return arg; }
THREAD(IRIW2) { STORE(&y, 1, w_o); return arg; }
THREAD(IRIW3) { r[0] = LOAD(&x, r_o); r[1] = LOAD(&y, r_o); return arg; }
THREAD(IRIW4) { r[2] = LOAD(&y, r_o); r[3] = LOAD(&x, r_o); return arg; }
static bool IRIW(void) { return r[0] == 1 && r[1] == 0 && r[2] == 1 && r[3] == 0; }

THREAD(CoRR1) { STORE(&x, 1, w_o); STORE(&x, 2, w_o); return arg; }
THREAD(CoRR2) { r[0] = LOAD(&x, r_o); r[1] = LOAD(&x, r_o); return arg; }
static bool CoRR(void) { return r[0] > r[1]; }
static bool CoRRold(void) { return r[0] == 0 && r[1] == 1; }

/* two writers, two readers who disagree on the order */
THREAD(CoWW1) { STORE(&x, 1, w_o); return arg; }
THREAD(CoWW2) { STORE(&x, 2, w_o); return arg; }
THREAD(CoWW3) { r[0] = LOAD(&x, r_o); r[1] = LOAD(&x, r_o); return arg; }
THREAD(CoWW4) { r[2] = LOAD(&x, r_o); r[3] = LOAD(&x, r_o); return arg; }
static bool CoWW(void) { return r[0] == 1 && r[1] == 2 && r[2] == 2 && r[3] == 1; }

THREAD(TWO1) { STORE(&x, 1, w_o); STORE(&y, 2, w_o); return arg; }
THREAD(TWO2) { STORE(&y, 1, w_o); STORE(&x, 2, w_o); return arg; }
static bool TWO(void) { return LOAD(&x, RLX) == 1 && LOAD(&y, RLX) == 1; }

THREAD(WRC1) { STORE(&x, 1, RLX); return arg; }
THREAD(WRC2) { r[0] = LOAD(&x, m_o); STORE(&y, 1, w_o); return arg; }
THREAD(WRC3) { r[1] = LOAD(&y, r_o); r[2] = LOAD(&x, RLX); return arg; }
static bool WRC(void) { return r[0] == 1 && r[1] == 1 && r[2] == 0; }

THREAD(ISA1) { STORE(&x, 1, RLX); STORE(&y, 1, w_o); return arg; }
THREAD(ISA2) { r[0] = LOAD(&y, m_o); STORE(&z, 1, w_o); return arg; }
THREAD(ISA3) { r[1] = LOAD(&z, r_o); r[2] = LOAD(&x, RLX); return arg; }
static bool ISA(void) { return r[0] == 1 && r[1] == 1 && r[2] == 0; }

THREAD(S1) { STORE(&x, 2, RLX); STORE(&y, 1, w_o); return arg; }
THREAD(S2) { r[0] = LOAD(&y, r_o); STORE(&x, 1, RLX); return arg; }
static bool S(void) { return r[0] == 1 && LOAD(&x, RLX) == 2; }

THREAD(R1) { STORE(&x, 1, w_o); STORE(&y, 1, w_o); return arg; }
THREAD(R2) { STORE(&y, 2, w_o); r[0] = LOAD(&x, r_o); return arg; }
static bool R(void) { return r[0] == 0 && LOAD(&y, RLX) == 2; }

/* an update passes on what it read: a release sequence; a store in between does not */
THREAD(RS1) { STORE(&x, 1, RLX); STORE(&y, 1, REL); return arg; }
THREAD(RS2) { atomic_fetch_add_explicit(&y, 1, RLX); return arg; }
THREAD(RS3) { r[0] = LOAD(&y, r_o); r[1] = LOAD(&x, RLX); return arg; }
static bool RS(void) { return r[0] == 2 && r[1] == 0; }
THREAD(RSstore2) { STORE(&y, 2, RLX); return arg; }

/* two updates never read the same */
THREAD(UPD1) { r[0] = atomic_fetch_add_explicit(&x, 1, w_o); return arg; }
THREAD(UPD2) { r[1] = atomic_fetch_add_explicit(&x, 1, w_o); return arg; }
static bool UPD(void) { return r[0] == r[1] || LOAD(&x, RLX) != 2; }

THREAD(CAS1) { int e = 0; r[0] = atomic_compare_exchange_strong_explicit(&x, &e, 1, w_o, RLX); return arg; }
THREAD(CAS2) { int e = 0; r[1] = atomic_compare_exchange_strong_explicit(&x, &e, 2, w_o, RLX); return arg; }
static bool CAS(void) { return r[0] == r[1]; }

/* an update may read what is old, if it comes directly after it: then 2 is older than 1 */
THREAD(UPDold1) { STORE(&x, 1, RLX); STORE(&y, 1, w_o); return arg; }
THREAD(UPDold2) { r[0] = LOAD(&y, r_o); r[1] = atomic_exchange_explicit(&x, 2, RLX); return arg; }
static bool UPDold(void) { return r[0] == 1 && r[1] == 0; }

/* seq_cst order against reads-from elsewhere (RC11 allows it: Lahav et al., Z6.U) */
THREAD(Z6U1) { STORE(&x, 1, SC); STORE(&y, 1, REL); return arg; }
THREAD(Z6U2) { r[0] = (int)atomic_fetch_add_explicit(&y, 1, SC); r[1] = LOAD(&y, RLX); return arg; }
THREAD(Z6U3) { STORE(&y, 3, SC); r[2] = LOAD(&x, SC); return arg; }
static bool Z6U(void) { return r[0] == 1 && r[1] == 3 && r[2] == 0; }

/* --- the table ---------------------------------------------------------------------- */

enum says { NO, YES, NOT_SHOWN };

static const struct line {
	const char *name;
	void *(*threads[4])(void *);
	bool (*strange)(void);
	int w, r, m;
	enum says expected;
} lines[] = {
	{"MP", {MP1, MP2}, MP, RLX, RLX, 0, YES},
	{"MP", {MP1, MP2}, MP, REL, RLX, 0, YES},
	{"MP", {MP1, MP2}, MP, RLX, ACQ, 0, YES},
	{"MP", {MP1, MP2}, MP, REL, ACQ, 0, NO},
	{"MP", {MP1, MP2}, MP, SC, SC, 0, NO},
	{"MP of plain memory: race", {MPplain1, MPplain2}, MPplain, RLX, ACQ, 0, YES},
	{"MP of plain memory: race", {MPplain1, MPplain2}, MPplain, REL, RLX, 0, YES},
	{"MP of plain memory: race", {MPplain1, MPplain2}, MPplain, REL, ACQ, 0, NO},
	{"SB", {SB1, SB2}, SB, RLX, RLX, 0, YES},
	{"SB", {SB1, SB2}, SB, REL, ACQ, 0, YES},
	{"SB", {SB1, SB2}, SB, SC, ACQ, 0, YES},
	{"SB", {SB1, SB2}, SB, REL, SC, 0, YES},
	{"SB", {SB1, SB2}, SB, SC, SC, 0, NO},
	{"SB with an update", {SBrmw1, SB2}, SB, SC, ACQ, 0, YES},
	{"SB with an update", {SBrmw1, SB2}, SB, SC, SC, 0, NO},
	{"LB", {LB1, LB2}, LB, RLX, RLX, 0, NO},
	{"LB", {LB1, LB2}, LB, REL, ACQ, 0, NO},
	{"IRIW", {IRIW1, IRIW2, IRIW3, IRIW4}, IRIW, RLX, RLX, 0, YES},
	{"IRIW", {IRIW1, IRIW2, IRIW3, IRIW4}, IRIW, REL, ACQ, 0, YES},
	{"IRIW", {IRIW1, IRIW2, IRIW3, IRIW4}, IRIW, SC, SC, 0, NO},
	{"CoRR", {CoRR1, CoRR2}, CoRR, RLX, RLX, 0, NO},
	{"CoRR, an old value first", {CoRR1, CoRR2}, CoRRold, RLX, RLX, 0, YES},
	{"CoRR of two writers", {CoWW1, CoWW2, CoWW3, CoWW4}, CoWW, RLX, RLX, 0, NO},
	{"2+2W", {TWO1, TWO2}, TWO, RLX, RLX, 0, YES},
	{"2+2W", {TWO1, TWO2}, TWO, REL, RLX, 0, YES},
	{"2+2W", {TWO1, TWO2}, TWO, SC, RLX, 0, NO},
	{"WRC", {WRC1, WRC2, WRC3}, WRC, RLX, RLX, RLX, YES},
	{"WRC", {WRC1, WRC2, WRC3}, WRC, REL, RLX, ACQ, YES},
	{"WRC", {WRC1, WRC2, WRC3}, WRC, REL, ACQ, RLX, NO},
	{"ISA2", {ISA1, ISA2, ISA3}, ISA, RLX, RLX, RLX, YES},
	{"ISA2", {ISA1, ISA2, ISA3}, ISA, REL, ACQ, RLX, YES},
	{"ISA2", {ISA1, ISA2, ISA3}, ISA, REL, RLX, ACQ, YES},
	{"ISA2", {ISA1, ISA2, ISA3}, ISA, REL, ACQ, ACQ, NO},
	{"S", {S1, S2}, S, RLX, RLX, 0, YES},
	{"S", {S1, S2}, S, REL, ACQ, 0, NO},
	{"R", {R1, R2}, R, RLX, RLX, 0, YES},
	{"R", {R1, R2}, R, REL, ACQ, 0, YES},
	{"R", {R1, R2}, R, SC, SC, 0, NO},
	{"release sequence", {RS1, RS2, RS3}, RS, 0, ACQ, 0, NO},
	{"release sequence", {RS1, RS2, RS3}, RS, 0, RLX, 0, YES},
	{"release sequence broken", {RS1, RSstore2, RS3}, RS, 0, ACQ, 0, YES},
	{"two updates", {UPD1, UPD2}, UPD, RLX, 0, 0, NO},
	{"two compare-exchanges", {CAS1, CAS2}, CAS, RLX, 0, 0, NO},
	{"an update of what is old", {UPDold1, UPDold2}, UPDold, RLX, RLX, 0, YES},
	{"an update of what is old", {UPDold1, UPDold2}, UPDold, REL, ACQ, 0, NO},
	{"Z6.U", {Z6U1, Z6U2, Z6U3}, Z6U, 0, 0, 0, NOT_SHOWN},
};

static const struct line *line;

static void program(void)
{
	pthread_t threads[4];
	int n = 0;

	atomic_init(&x, 0);
	atomic_init(&y, 0);
	atomic_init(&z, 0);
	plain_x = 0;
	for (int i = 0; i < 8; i++)
		r[i] = 0;
	for (; n < 4 && line->threads[n]; n++)
		pthread_create(&threads[n], NULL, line->threads[n], NULL);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	seen += line->strange();
}

int main(void)
{
	static const char *const orders[] = {"rlx", "acq", "rel", "acr", "sc"};
	static const char *const said[] = {"no", "yes", "not shown"};
	int wrong = 0, n = sizeof(lines) / sizeof(lines[0]);

	printf("%-26s %-5s %-5s %-5s %-9s %-5s %s\n", "program", "write", "read", "mid",
	       "expected", "found", "executions");
	for (line = lines; line < lines + n; line++) {
		struct ex_options options = {0};
		struct ex_result result;
		bool found;

		seen = 0;
		w_o = line->w;
		r_o = line->r;
		m_o = line->m;
		ex_explore(program, &options, &result);
		found = seen > 0 || result.end == EX_FAILED;
		wrong += found != (line->expected == YES);
		printf("%-26s %-5s %-5s %-5s %-9s %-5s %" PRIu64 "%s\n", line->name,
		       orders[w_o], orders[r_o], orders[m_o], said[line->expected],
		       said[found], result.complete,
		       found != (line->expected == YES) ? "   WRONG" : "");
	}
	printf("%d of %d wrong\n", wrong, n);
	return wrong != 0;
}
