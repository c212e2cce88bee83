/* SPDX-License-Identifier: MIT */
/* The whole pipeline in Promela: producers that claim, fill and publish, a trainer that
 * takes in order and gives back, both parking, up to the known end. Sequentially
 * consistent: what orders do is the explorer's business; this one goes through every
 * state of the protocol. Each step names the function that it stands for.
 *
 *   spin -DP=3 -DC=2 -DN=4 -a pipeline.pml; cc -DSAFETY -DCOLLAPSE pan.c; ./a.out
 *   spin ... -a; cc -DNP pan.c; ./a.out -l      progress: nobody goes round for ever
 * P producers, C slots, N tickets. 3 x 2 with 4 tickets has 42.6 million states.
 *
 * Switches that take a step out, and must be found: NO_WAKE_PUBLISHED, NO_SLOT_CHECK,
 * NO_RECHECK_PRODUCER, NO_RECHECK_TRAINER, EARLY_RELEASE. And some that nobody can find
 * here, where the trainer holds one block and always comes back for the next, so that
 * another wake makes good what is missing: NO_WAKE_RELEASED, NO_PASS_ON_TRAINER,
 * NO_PASS_ON_PRODUCER, NO_HALT_WAKE. They cost time, or show with a trainer that keeps
 * what it has: tests/mutants/mutants.py has a scenario for each. */
#ifndef P
#define P 3
#endif
#ifndef C
#define C 2
#endif
#ifndef N
#define N 6
#endif

byte ticket;          /* baton_ring.ticket */
byte turn[C];         /* baton_slot.turn */
byte owner[C];        /* I1: 0 nobody, 1 + i producer i, TRAINER */
#define TRAINER 255
byte asleep;          /* baton_wait.producers_asleep */
byte wants;           /* baton_wait.trainer_wants: the turn, 0 while awake */
bool halted;          /* baton_pipeline.state != RUNNING */
byte taken;           /* tickets taken: I4, in order, each once */

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

proctype producer(byte me)
{
	byte t, at, w;
	bool woken;

claim:	/* baton_producer_claim(): try_claim() */
	if
	:: halted -> goto done
	:: else
	fi;
	atomic {
		t = ticket;                      /* baton_ring_claim(): loads ticket */
		if
		:: t >= N -> goto done           /* BATON_CLAIM_PAST */
		:: else
		fi
	};
	if
#ifdef NO_SLOT_CHECK
	:: true ->
#else
	:: turn[t % C] == 2 * t ->               /* ... loads turn: free for t */
#endif
		atomic {                         /* ... compare-exchange of ticket */
			if
			:: ticket == t -> ticket = t + 1; goto claimed
			:: else -> goto claim
			fi
		}
#ifndef NO_SLOT_CHECK
	:: turn[t % C] > 2 * t -> goto claim     /* published meanwhile: again */
	:: turn[t % C] < 2 * t ->                /* BATON_CLAIM_FULL: park() */
		p_is[me] = DOWN;                 /* S1: baton_wait_producer_down() */
		asleep++;                        /* S2 */
#ifndef NO_RECHECK_PRODUCER
		t = ticket;                      /* S3: baton_wait_full() */
		if
		:: turn[t % C] < 2 * t && !halted ->
#endif
			atomic {                 /* S4: baton_futex_wait() */
				if
				:: p_is[me] == DOWN -> p_is[me] = ASLEEP
				:: else -> p_is[me] = UP
				fi
			};
			atomic { p_is[me] == UP -> woken = true }
#ifndef NO_RECHECK_PRODUCER
		:: else -> p_is[me] = UP
		fi
#endif
		;
		atomic { asleep--; goto claim }  /* baton_wait_producer_up() */
#endif
	fi;
claimed:

	/* baton_producer_claim(), the end of it: the last halts, a woken one passes on */
	if
	:: t + 1 == N ->
		halted = true;                   /* baton_halt(): raise_state() */
#ifndef NO_HALT_WAKE
		wake_producers()
#endif
	:: t + 1 < N && woken ->
#ifndef NO_PASS_ON_PRODUCER
		pass_on()
#endif
		;
		skip
	:: else
	fi;
	atomic {                                 /* baton_producer_fill(): I1 */
		woken = false;
		assert(owner[t % C] == 0);
		owner[t % C] = 1 + me
	};

	d_step {                                 /* baton_ring_publish(): P1 */
		assert(turn[t % C] == 2 * t && owner[t % C] == 1 + me);         /* I2 */
		turn[t % C] = 2 * t + 1
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
	t = 0;
progress_published:
	goto claim;
done:
	skip
}

proctype trainer()
{
	byte t, at;

	do
	:: t == N -> break
	:: t < N ->
wait:		if                               /* wait_ready(): find_ready() */
		:: turn[t % C] == 2 * t + 1 -> goto take
		:: else
		fi;
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
			(t_is == UP)
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
			turn[t % C] = 2 * (t + C);
#endif
			assert(owner[t % C] != 0 && owner[t % C] != TRAINER);
			owner[t % C] = TRAINER
		};
		d_step {                         /* give_back(): baton_ring_release() */
			assert(owner[t % C] == TRAINER);                        /* I2 */
			owner[t % C] = 0;
#ifndef EARLY_RELEASE
			turn[t % C] = 2 * (t + C);
#endif
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
	assert(taken == N && ticket == N)        /* I3, I4 */
}

init {
	byte i;

	atomic {
		for (i : 0 .. C - 1) { turn[i] = 2 * i }
		for (i : 0 .. P - 1) { run producer(i) }
		run trainer()
	}
}
