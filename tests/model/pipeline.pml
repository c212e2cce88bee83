/* SPDX-License-Identifier: MIT */
/* The whole pipeline in Promela: producers that claim, fill and publish, a trainer that
 * takes in order and gives back, both parking, up to the known end. Sequentially
 * consistent: what orders do is the explorer's business; this one goes through every
 * state of the protocol. Each step names the function that it stands for.
 *
 *   spin -DP=3 -DC=2 -DN=6 -a pipeline.pml; cc -DSAFETY -DCOLLAPSE pan.c; ./a.out
 *   spin ... -a; cc -DNP pan.c; ./a.out -l      progress: nobody goes round for ever
 * Switches, one mutant each: NO_WAKE_PUBLISHED, NO_WAKE_RELEASED, NO_PASS_ON_TRAINER,
 * NO_PASS_ON_PRODUCER, NO_RECHECK_PRODUCER, NO_RECHECK_TRAINER, NO_HALT_WAKE,
 * NO_SLOT_CHECK, EARLY_RELEASE. */
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

/* An epoch and its futex. Who sleeps is who read the epoch before it moved: so instead
 * of a number that grows, moved[i] says that it has moved since i read it (S1). */
bool p_moved[P], p_sleeps[P];
bool t_moved, t_sleeps;

/* baton_wait_wake(&producers_epoch, 1): the epoch, then one of the sleepers, whichever */
inline wake_one_producer()
{
	d_step { for (w : 0 .. P - 1) { p_moved[w] = true } w = 0 }
	atomic {
		if
#if P > 0
		:: p_sleeps[0] -> p_sleeps[0] = false
#endif
#if P > 1
		:: p_sleeps[1] -> p_sleeps[1] = false
#endif
#if P > 2
		:: p_sleeps[2] -> p_sleeps[2] = false
#endif
		:: else
		fi
	}
}

/* baton_wait_wake_producers() */
inline wake_producers()
{
	d_step { for (w : 0 .. P - 1) { p_moved[w] = true } w = 0 }
	d_step { for (w : 0 .. P - 1) { p_sleeps[w] = false } w = 0 }
}

/* baton_wait_pass_on(): P2, then is the next slot free? then one more */
inline pass_on()
{
	if
	:: asleep > 0 ->
		atomic { at = ticket; if :: at < N -> skip :: else -> at = N fi };
		if
		:: at < N && turn[at % C] == 2 * at -> wake_one_producer()
		:: else
		fi
	:: else
	fi;
	at = 0
}

proctype producer(byte me)
{
	byte t, at, w;
	bool woken, won;

claim:	/* baton_producer_claim(): try_claim() */
	if
	:: halted -> goto done
	:: else
	fi;
	t = ticket;                              /* baton_ring_claim(): loads ticket */
	if
	:: t >= N -> goto done                   /* BATON_CLAIM_PAST */
	:: else
	fi;
	won = false;
	if
#ifdef NO_SLOT_CHECK
	:: true ->
#else
	:: turn[t % C] == 2 * t ->               /* ... loads turn: free for t */
#endif
		atomic {                         /* ... compare-exchange of ticket */
			if
			:: ticket == t -> ticket = t + 1; won = true
			:: else
			fi
		}
#ifndef NO_SLOT_CHECK
	:: turn[t % C] > 2 * t -> skip           /* published meanwhile: again */
	:: turn[t % C] < 2 * t ->                /* BATON_CLAIM_FULL: park() */
		p_moved[me] = false;             /* S1: baton_wait_producer_down() */
		asleep++;                        /* S2 */
#ifndef NO_RECHECK_PRODUCER
		t = ticket;                      /* S3: baton_wait_full() */
		if
		:: turn[t % C] < 2 * t && !halted ->
#endif
			atomic {                 /* S4: baton_futex_wait() */
				if
				:: !p_moved[me] -> p_sleeps[me] = true
				:: else
				fi
			};
			(!p_sleeps[me]);
			woken = true
#ifndef NO_RECHECK_PRODUCER
		:: else
		fi
#endif
		;
		asleep--                         /* baton_wait_producer_up() */
#endif
	fi;
	if
	:: !won -> goto claim
	:: else
	fi;

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
	woken = false;

	assert(owner[t % C] == 0);               /* baton_producer_fill(): I1, I2 */
	owner[t % C] = 1 + me;
	assert(owner[t % C] == 1 + me);

	d_step {                                 /* baton_ring_publish(): P1 */
		assert(turn[t % C] == 2 * t);
		turn[t % C] = 2 * t + 1
	};
#ifndef NO_WAKE_PUBLISHED
	if                                       /* baton_wait_published(): P2 */
	:: wants == 2 * t + 1 ->
		won = false;
		atomic { if :: wants == 2 * t + 1 -> wants = 0; won = true :: else fi };
		if
		:: won -> t_moved = true; t_sleeps = false      /* P3 */
		:: else
		fi
	:: else
	fi;
#endif
	d_step { t = 0; won = false };
progress_published:
	goto claim;
done:
	skip
}

proctype trainer()
{
	byte t, at, w;

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
		t_moved = false;                 /* S1: baton_wait_trainer_down() */
		wants = 2 * t + 1;               /* S2 */
#ifndef NO_RECHECK_TRAINER
		if                               /* S3: any_ready_recheck() */
		:: turn[t % C] != 2 * t + 1 ->
#endif
			atomic { if :: !t_moved -> t_sleeps = true :: else fi };   /* S4 */
			(!t_sleeps)
#ifndef NO_RECHECK_TRAINER
		:: else
		fi
#endif
		;
		wants = 0;                       /* baton_wait_trainer_up() */
		goto wait;
take:
		d_step {                         /* take(): I4, I1 */
			assert(taken == t);
			taken++;
#ifdef EARLY_RELEASE
			turn[t % C] = 2 * (t + C);
#endif
			assert(owner[t % C] != 0 && owner[t % C] != TRAINER);
			owner[t % C] = TRAINER
		};
		assert(owner[t % C] == TRAINER); /* the caller reads its batch: I2 */
		owner[t % C] = 0;
#ifndef EARLY_RELEASE
		turn[t % C] = 2 * (t + C);       /* give_back(): baton_ring_release() */
#endif
		t++;
#ifndef NO_WAKE_RELEASED
		if                               /* baton_wait_released(): half is free */
		:: asleep > 0 ->
			at = t + C - ticket;
			if
			:: at > 0 && 2 * at >= C -> wake_one_producer()
			:: else
			fi
		:: else
		fi;
		at = 0;
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
