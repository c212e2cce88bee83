/* SPDX-License-Identifier: MIT */
/* The whole pipeline in Promela: producers that claim, fill and publish, a trainer that
 * takes in order and gives back, both parking, up to the known end; with spares, a trainer
 * that helps who is late. Sequentially consistent: what orders do is the explorer's business;
 * this one goes through every state of the protocol. Each step names the function that it
 * stands for.
 *
 *   spin -DP=3 -DC=2 -DN=3 -a pipeline.pml; cc -DSAFETY -DCOLLAPSE pan.c; ./a.out
 *   spin ... -a; cc -DNP pan.c; ./a.out -l      progress: nobody goes round for ever
 *
 *   P, C, N  producers, slots, tickets. 3 x 2 with 3 tickets has 6.0 million states
 *   H        spares (spare.h); 0: no helping
 *   WORK     a trainer that fills the next ticket rather than lie down: work_conserving
 *   FREEZE   so many producers may be frozen for good, at any step
 *
 * When is a ticket late? When some time is over; and there is no time here, so that every
 * moment may be too late: whenever the ticket at head is not ready, the trainer may help, or
 * lie down, and from a nap it may get up. Invariants of helping, and where they are asserted:
 *   - Who fills a block has it from nobody (I1), and nobody else writes to it until it is
 *     published, or pushed, or given back (I2): fill(), let_go().
 *   - Only who has the baton passes it; so a turn moves on, whoever writes it, and a late
 *     publish changes no slot: PASS().
 *   - Every ticket is taken once, in order, with its own batches in it; so is every one that
 *     was claimed, by whomever (I3, I4): take(), and the end.
 *   - With H >= P there is a spare whenever one is wanted: a late producer has one block, and
 *     who has the ticket at head is not late yet. So the trainer's every round has an end.
 *   - In the end every block is in one place, a slot or the spares: judge_blocks().
 * "Nobody goes round for ever" is asked without fairness: it holds even if some stop for good,
 * anywhere. With H >= P it holds, and the trainer comes to its end whoever is frozen. With one
 * spare less it does not; but FREEZE=H has no state in which the trainer sleeps for ever, and
 * FREEZE=H+1 has.
 *
 * Switches that take a step out, and must be found: NO_WAKE_PUBLISHED, NO_SLOT_CHECK,
 * NO_RECHECK_PRODUCER, NO_RECHECK_TRAINER, EARLY_RELEASE; with spares STORE_PUBLISH, NO_PUSH,
 * STORE_PUSH, PUSH_SLOTS_BLOCK, POP_IN_TWO, REPLACE_UNCLAIMED, REPLACE_ANYWAY, NO_KEEP,
 * BLOCK_AFTER_CLAIM; with FREEZE NO_DEADLINE; with spares, 3 producers and 1 slot
 * NO_HALT_WAKE. And some that nobody can find here, where the trainer holds one block and
 * always comes back for the next, so that another wake makes good what is missing:
 * NO_WAKE_RELEASED, NO_PASS_ON_TRAINER, NO_PASS_ON_PRODUCER. They cost time, or show with a
 * trainer that keeps what it has: tests/mutants/mutants.py has a scenario for each. */
#ifndef P
#define P 3
#endif
#ifndef C
#define C 2
#endif
#ifndef N
#define N 6
#endif
#ifndef H
#define H 0
#endif
#ifndef FREEZE
#define FREEZE 0
#endif

byte ticket;          /* baton_ring.ticket */
byte turn[C];         /* baton_slot.turn */
byte asleep;          /* baton_wait.producers_asleep */
byte wants;           /* baton_wait.trainer_wants: the turn, 0 while awake */
bool halted;          /* baton_pipeline.state != RUNNING */
byte taken;           /* tickets taken: I4, in order, each once */
byte frozen;          /* so many producers, the first, do nothing any more */
byte at_work = P;     /* producers that have not come to their end */

/* Who passes the baton has it, so the turn moves on. */
#define PASS(t, to) assert(turn[(t) % C] < to); turn[(t) % C] = to

/* Blocks are 1 to C + H, 0 is none. The first C begin in the slots, the others as spares.
 * Without spares a slot has one block for ever, and that is no part of the state. */
byte owner[C + H + 1]; /* I1: 0 nobody, 1 + i producer i, INNER, TRAINER */
byte holds[C + H + 1]; /* 1 + the ticket whose batches are in it, 0: nobody's */
#define INNER (1 + P) /* the trainer as one more producer: baton_pipeline.inner */
#define TRAINER 255
#if H > 0
byte block[C];        /* baton_slot.block */
byte next[C + H + 1]; /* baton_block.next: the one below it in a list */
byte mine;            /* baton_spares.mine: the trainer's list */
byte returned;        /* baton_spares.returned: the stack of what came too late */
#define BLOCK(t) block[(t) % C]
#else
#define BLOCK(t) (1 + (t) % C)
#endif

/* I1: who begins to fill a block has it from nobody. */
inline fill(b, who, t)
{
	assert(owner[b] == 0);
	owner[b] = who;
	holds[b] = 1 + t
}

/* I2: and nobody else has written to it since. */
inline let_go(b, who, t)
{
	assert(owner[b] == who && holds[b] == 1 + t);
	owner[b] = 0;
	holds[b] = 0
}

/* An epoch and its futex, for each who may sleep on it: UP, or DOWN since it read the
 * epoch (S1), MOVED if the epoch moved after that, ASLEEP. */
mtype = { UP, DOWN, MOVED, ASLEEP };
mtype p_is[P] = UP, t_is = UP;

#define MOVE(who) if :: who == DOWN -> who = MOVED :: else fi

/* baton_wait_wake(&producers_epoch, 1): P3, the epoch, then one of the sleepers */
inline wake_one_producer()
{
	atomic {
		MOVE(p_is[0]);
#if P > 1
		MOVE(p_is[1]);
#endif
#if P > 2
		MOVE(p_is[2]);
#endif
		if
#if P > 0
		:: p_is[0] == ASLEEP -> p_is[0] = UP
#endif
#if P > 1
		:: p_is[1] == ASLEEP -> p_is[1] = UP
#endif
#if P > 2
		:: p_is[2] == ASLEEP -> p_is[2] = UP
#endif
		:: else
		fi
	}
}

/* baton_wait_wake_producers() */
inline wake_producers()
{
	d_step {
		for (w : 0 .. P - 1) {
			MOVE(p_is[w]);
			if :: p_is[w] == ASLEEP -> p_is[w] = UP :: else fi
		}
		w = 0
	}
}

/* baton_wait_pass_on(): P2, then is the next slot free? then one more */
inline pass_on()
{
	if
	:: asleep > 0 ->
		at = ticket;
		if
		:: atomic { at < N && turn[at % C] == 2 * at -> at = 0 }; wake_one_producer()
		:: atomic { else -> at = 0 }
		fi
	:: else
	fi
}

/* baton_ring_claim(): ticket t and its block b, or on to where it was PAST or FULL. What
 * means nothing any more becomes 0: fewer states. */
inline ring_claim(t, b)
{
	do
	::	atomic {
			t = ticket;              /* loads ticket */
			if
			:: t >= N -> t = 0; goto past
			:: else
			fi
		};
		if                               /* loads turn */
#ifndef NO_SLOT_CHECK
		:: atomic { turn[t % C] > 2 * t -> t = 0 }       /* published: again */
		:: atomic { turn[t % C] < 2 * t -> t = 0; goto full_up }
#endif
		:: else ->                       /* free for t */
			b = BLOCK(t);            /* loads block: ours only if we win */
			atomic {                 /* compare-exchange of ticket */
				if
				:: ticket == t -> ticket = t + 1; break
				:: else -> t = 0; b = 0
				fi
			}
		fi
	od
#ifdef BLOCK_AFTER_CLAIM
	;
	b = BLOCK(t)
#endif
}

/* baton_halt(): raise_state(), and whoever sleeps for one more ticket is told */
inline halt()
{
	halted = true;
#ifndef NO_HALT_WAKE
	wake_producers()
#endif
}

proctype producer(byte me)
{
	byte t, b, at, w;
	bool woken;

claim:	{
	if                                       /* baton_producer_claim(): try_claim() */
	:: halted -> goto past
	:: else
	fi;
	ring_claim(t, b);
	goto claimed;
full_up:
	p_is[me] = DOWN;                         /* park(). S1: baton_wait_producer_down() */
	asleep++;                                /* S2 */
#ifndef NO_RECHECK_PRODUCER
	t = ticket;                              /* S3: baton_wait_full() */
	if
	:: turn[t % C] < 2 * t && !halted ->
#endif
		atomic {                         /* S4: baton_futex_wait() */
			if
			:: p_is[me] == DOWN -> p_is[me] = ASLEEP
			:: else -> p_is[me] = UP
			fi
		};
#if FREEZE > 0
end_asleep:                                      /* if who was to wake it is frozen */
#endif
		atomic { p_is[me] == UP -> woken = true }
#ifndef NO_RECHECK_PRODUCER
	:: else -> p_is[me] = UP
	fi
#endif
	;
	atomic { asleep--; t = 0; goto claim };  /* baton_wait_producer_up() */

claimed: /* the end of baton_producer_claim(): the last halts, a woken one passes on */
	if
	:: t + 1 == N -> halt()
	:: t + 1 < N && woken ->
#ifndef NO_PASS_ON_PRODUCER
		pass_on()
#endif
		;
		skip
	:: else
	fi;
	d_step {                                 /* baton_producer_fill() */
		woken = false;
		fill(b, 1 + me, t)
	};

	atomic {                                 /* baton_ring_publish(): P1 */
		assert(owner[b] == 1 + me && holds[b] == 1 + t);        /* I2 */
		if
#ifndef STORE_PUBLISH
		:: turn[t % C] != 2 * t -> assert(H > 0); goto late
#endif
		:: else -> PASS(t, 2 * t + 1)
		fi
	};
#ifndef NO_WAKE_PUBLISHED
	if                                       /* baton_wait_published(): P2 */
	:: wants == 2 * t + 1 ->
		atomic {                         /* P3 */
			MOVE(t_is);
			if :: t_is == ASLEEP -> t_is = UP :: else fi
		}
	:: else
	fi;
#endif
	t = 0; b = 0;
progress_published:
	goto claim;

late:	/* the trainer was faster: nobody wants what we have made */
#if H > 0
#ifdef PUSH_SLOTS_BLOCK
	b = BLOCK(t);
#endif
#ifndef NO_PUSH
	at = returned;                           /* baton_spares_push(): loads the top */
	atomic {                                 /* compare-exchange of it */
		if
#ifndef STORE_PUSH
		:: returned != at -> at = 0; goto late
#endif
		:: else -> let_go(b, 1 + me, t); next[b] = at; returned = b; at = 0
		fi
	};
#endif
	t = 0; b = 0;
	goto claim;
#endif
past:	at_work--
	}
#if FREEZE > 0
	unless { atomic { frozen > me -> t = 0; b = 0; at = 0; woken = false } }
#endif
}

/* A nap ends at any moment. One that ends in vain begins again; where some are frozen, it
 * does not end in vain: a trainer that nothing can help is then asleep for ever, and found. */
#if FREEZE > 0
#define NAP_IS_OVER (turn[t % C] == 2 * t + 1 || ticket <= t || mine != 0 || returned != 0)
#else
#define NAP_IS_OVER true
#endif

#if H > 0
inline see(x)
{
	assert(x != 0 && !(seen & (1 << x)));
	seen = seen | (1 << x)
}

/* Every block is in one place: in a slot, or among the spares. */
inline judge_blocks()
{
	d_step {
		for (w : 0 .. C - 1) { see(block[w]) }
		do
		:: mine != 0 -> see(mine); mine = next[mine]
		:: mine == 0 && returned != 0 -> mine = returned; returned = 0
		:: else -> break
		od;
		assert(seen == (1 << (C + H + 1)) - 2)
	}
}
#endif

proctype trainer()
{
	byte t, at, w;
	byte b;               /* a block in its hands */
	byte c;               /* a ticket that it has claimed itself */
	bool late;            /* the ticket at head is */
	short seen;           /* in judge_blocks() */

	do
	:: t == N -> break
	:: t < N ->
wait:		if                               /* wait_ready(): find_ready() */
		:: turn[t % C] == 2 * t + 1 -> goto take
		:: else
		fi;
#if H > 0
		if                               /* lend_a_hand(): is it late? */
		:: !late -> goto no_help
		:: late = true
		fi;
		if                               /* help() */
#ifndef REPLACE_UNCLAIMED
		:: ticket <= t -> goto fill_next /* baton_ring_claimed() */
#endif
		:: else
		fi;

		/* replace_head(): all that is the trainer's own goes with the step before it */
#ifdef POP_IN_TWO
		at = returned;
#endif
		atomic {                         /* baton_spares_pop(): an exchange, if any */
			if
#ifdef POP_IN_TWO
			:: mine == 0 -> mine = at; returned = 0
#else
			:: mine == 0 -> mine = returned; returned = 0
#endif
			:: else
			fi;
			b = mine;
			if
			:: b == 0 -> assert(H < P); goto no_help
			:: else -> mine = next[b]; next[b] = 0; fill(b, INNER, t)
			fi
		};
		atomic {                         /* baton_ring_replace(): compare-exchange */
			if
			:: turn[t % C] == 2 * t -> PASS(t, 2 * t + 1)
			:: else ->               /* there it is: baton_spares_keep() */
				let_go(b, INNER, t);
#ifndef NO_KEEP
				next[b] = mine;
				mine = b;
#endif
#ifdef REPLACE_ANYWAY
				block[t % C] = b;
#endif
				b = 0;
				goto wait
			fi
		};
		d_step { block[t % C] = b; b = 0 };
		goto wait;
no_help:
#endif
#ifndef WORK
		goto full_up;
#endif
#if H > 0 || defined(WORK)
fill_next:	ring_claim(c, b);
		if
		:: c + 1 == N -> halt()
		:: else
		fi;
		d_step { fill(b, INNER, c) };
		d_step {                         /* baton_ring_publish(): nobody replaces it, */
			assert(turn[c % C] == 2 * c); /* and wants is 0 */
			assert(owner[b] == INNER && holds[b] == 1 + c);         /* I2 */
			PASS(c, 2 * c + 1);
			c = 0;
			b = 0
		};
		goto wait;
#endif
past: full_up:
#ifndef NO_PASS_ON_TRAINER
		pass_on();                       /* park(): the first of the two rules */
#endif
		t_is = DOWN;                     /* S1: baton_wait_trainer_down() */
		wants = 2 * t + 1;               /* S2 */
#ifndef NO_RECHECK_TRAINER
		if                               /* S3: any_ready_recheck() */
		:: turn[t % C] != 2 * t + 1 ->
#endif
			atomic {                 /* S4: baton_futex_wait() */
				if
				:: t_is == DOWN -> t_is = ASLEEP
				:: else -> t_is = UP
				fi
			};
			if
			:: t_is == UP
#if H > 0 && !defined(NO_DEADLINE)
			:: atomic { t_is == ASLEEP && NAP_IS_OVER -> t_is = UP; late = true }
#endif
			fi
#ifndef NO_RECHECK_TRAINER
		:: else -> t_is = UP
		fi
#endif
		;
		wants = 0;                       /* baton_wait_trainer_up() */
		goto wait;
take:		skip;
		d_step {                         /* take(): I4, I1 */
			assert(taken == t);
			taken++;
#ifdef EARLY_RELEASE
			PASS(t, 2 * (t + C));
#endif
			b = BLOCK(t);
			assert(owner[b] != 0 && owner[b] != TRAINER && holds[b] == 1 + t);
			owner[b] = TRAINER;
			late = false
		};
		d_step {                         /* give_back(): baton_ring_release() */
			let_go(b, TRAINER, t);                                  /* I2 */
#ifndef EARLY_RELEASE
			PASS(t, 2 * (t + C));
#endif
			b = 0;
			t++
		};
#ifndef NO_WAKE_RELEASED
		if                               /* baton_wait_released(): half is free */
		:: asleep > 0 ->
			at = t + C - ticket;
			if
			:: atomic { at > 0 && 2 * at >= C -> at = 0 }; wake_one_producer()
			:: atomic { else -> at = 0 }
			fi
		:: else
		fi;
#endif
progress_taken:
		skip
	od;
	assert(taken == N && ticket == N);       /* I3, I4 */
end_join:
	at_work == 0;                            /* baton_close(): none but the frozen stay away */
#if H > 0
	judge_blocks()
#endif
}

init {
	byte i;

	atomic {
		for (i : 0 .. C - 1) { turn[i] = 2 * i }
#if H > 0
		for (i : 0 .. C - 1) { block[i] = 1 + i }
		for (i : C + 1 .. C + H) { next[i] = mine; mine = i }
#endif
		for (i : 0 .. P - 1) { run producer(i) }
		run trainer()
	}
#if FREEZE > 0
	;
	do                                       /* at any moment. All are alike, so the first */
	:: frozen < FREEZE -> frozen++
	:: frozen == FREEZE -> break
	od
#endif
}
