#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write a file of the library without what protects: unchecked.py ROOT WAY FILE OUTPUT.

WAY is "unchecked", or "seeded": every check is there, and one of them has become dear. A change
is a text that must be in its file as often as it says, so the list can't outlive the lines that
it is made from; and the library has no switch for it that somebody might turn."""
import os
import sys

LOAD = 'atomic_load_explicit(&s->block, memory_order_relaxed)'
HELD = '''	if (!feed || !b)
		return BATON_MISUSE_NULL;
	if (b->kind_ != BATON_POOLED)
		return b->kind_ == BATON_EMPTY ? BATON_MISUSE_EMPTY : BATON_MISUSE_DETACHED;
'''

UNCHECKED = {
    # a look at whether anybody guards the block
    'lib/feed/block.h': [
        ('	if (b->guard)\n', '	if (false)\n', 3),
        ('return b->guard ? baton_block_admit(b, i) : BATON_OK;',
         '(void)b;\n	(void)i;\n	return BATON_OK;', 1)],
    # stale handles
    'lib/feed/batch.h': [
        ('	if (baton_batch_turn(s) != 2 * b->ticket_ + 1)\n		return NULL;\n', '', 1),
        ('	return b->index_ < block->n && block->cells[b->index_].state == BATON_CELL_HELD'
         ' ? block\n', '	return block;\n', 1),
        ('	                                                                               '
         ' : NULL;\n', '', 1),
        ('b->kind_ == BATON_DETACHED ? b->at_ : NULL;', 'b->at_;', 1)],
    'lib/feed/look.h': [
        ('	if (!block)\n		return false;\n', '', 1),
        ('	look->layout = block->layout->number;\n', '', 1)],
    # stale, empty and absent handles, fields that there are not or of another dtype
    'lib/feed/batch.c': [
        ('	if (!w || !w->at_) /* empty */\n		return NULL;\n', '', 1),
        ('	if (baton_batch_turn(s) != 2 * w->ticket_)\n		return NULL;\n', '', 1),
        ('return block->n == w->index_ ? block : NULL;', 'return block;', 1),
        ('	return b ? baton_batch_readable(b) : NULL;\n',
         '	return baton_batch_readable(b);\n', 1),
        ('return block && i < block->layout->n_fields &&'
         ' block->layout->fields[i].dtype == BATON_F32;',
         '(void)block;\n	(void)i;\n	return true;', 1),
        ('	if (i >= block->layout->n_fields)\n		return NULL;\n', '', 1),
        ('= block ?', '= true ?', 1), ('return block ?', 'return true ?', 7)],
    # misuse of next and release, and what only these remember
    'lib/feed/delivery.c': [
        ('	if (!feed || !b)\n		return BATON_MISUSE_NULL;\n	rc', '	rc', 1),
        ('	feed->delivery.misuse = baton_is_misuse(rc) ? rc : BATON_OK;\n', '', 1),
        ('	if (b->kind_ != BATON_EMPTY)\n		return BATON_MISUSE_OCCUPIED;\n', '', 1),
        ('	if (d->head == d->oldest + feed->ring.mask + 1)\n'
         '		return BATON_MISUSE_HELD;\n', '', 1),
        (HELD, '	(void)feed;\n', 1),
        ('	if (s != baton_ring_slot(&feed->ring, b->ticket_))\n'
         '		return BATON_MISUSE_FOREIGN;\n', '', 1),
        ('	*block = baton_batch_block(b);\n'
         '	return *block ? BATON_OK : BATON_MISUSE_STALE;\n',
         f'	*block = {LOAD};\n	return BATON_OK;\n', 1),
        ('	block->cells[i].state = BATON_CELL_HELD;\n', '', 1),
        ('	block->cells[b->index_].state = BATON_CELL_RETURNED;\n', '', 1),
        ('	baton_counter_add(&feed->delivery.back, 1);\n', '', 2),
        ('	*b = (baton_batch)BATON_BATCH_INIT;\n', '', 1)],
    # misuse of claims, and what only this remembers
    'lib/feed/claim.c': [
        ('	if (!feed || !c)\n		return BATON_MISUSE_NULL;\n', '', 2),
        ('	if (feed->source.fill)\n		return BATON_MISUSE_FILLED;\n', '', 1),
        ('	if (c->w_.kind_ != BATON_EMPTY)\n		return BATON_MISUSE_OCCUPIED;\n', '', 1),
        ('	atomic_fetch_add_explicit(&feed->lent, 1, memory_order_relaxed);\n', '', 1),
        ('	atomic_fetch_sub_explicit(&feed->lent, 1, memory_order_release);\n', '', 2),
        ('	atomic_store_explicit(&me.slot->claim, t + 1, memory_order_relaxed);\n', '', 1),
        ('c && c->w_.kind_ != BATON_EMPTY ? &c->w_ : NULL', '&c->w_', 1),
        ('	if (c->w_.kind_ == BATON_EMPTY)\n		return BATON_MISUSE_EMPTY;\n', '', 1),
        ('	if (c->w_.at_ != s)\n		return BATON_MISUSE_FOREIGN;\n', '', 1),
        ('	uint64_t out;\n\n', '\n', 1), ('	out = c->w_.ticket_ + 1;\n', '', 1),
        ('	if (!atomic_compare_exchange_strong_explicit(&s->claim, &out, 0,'
         ' memory_order_relaxed,\n'
         '	                                             memory_order_relaxed))\n'
         '		return BATON_MISUSE_STALE;\n', '', 1),
        ('	*c = (baton_claim)BATON_CLAIM_INIT;\n', '', 1)],
    'lib/feed/producer.c': [],  # looks at guards
    # what is held is not counted
    'lib/feed/pipeline.c': [('	if (baton_held(*feed) > 0 ||\n', '	if (false ||\n', 1)],
    # batches that the model was not bound to
    'lib/train/step.c': [
        ('	if (!baton_batch_look(b, &look))\n		return BATON_MISUSE_EMPTY;\n',
         '	baton_batch_look(b, &look);\n', 1),
        ('	if (look.layout != at->layout)\n', '	if (false)\n', 1),
        ('	if (!net || !b)\n		return BATON_MISUSE_NULL;\n', '', 1),
        ('	if (!net->scratch)\n		return -EINVAL;\n', '', 1)],
}

SEEDED = {'lib/feed/delivery.c': [
    ('	if (b->kind_ != BATON_POOLED)\n',
     '	__asm__ volatile(".rept 50\\n\\tnop\\n\\t.endr");\n'
     '	if (b->kind_ != BATON_POOLED)\n', 1)]}


def main():
    root, way, path, output = sys.argv[1:]
    with open(os.path.join(root, path)) as f:
        text = f.read()
    for old, new, times in {'unchecked': UNCHECKED, 'seeded': SEEDED}[way][path]:
        if text.count(old) != times:
            sys.exit(f'{path}: not {times} times: {old}')
        text = text.replace(old, new)
    with open(output, 'w') as f:
        f.write(text)


main()
