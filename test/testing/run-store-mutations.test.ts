/** Each of these faults of a run store is caught by a case that is about it. */
import { describe, expect, it } from 'vitest';
import { runStoreConformance } from '../../src/testing/index.js';
import { failingCases } from './failing-cases.js';
import { type RunStoreMutation, simpleRunStore } from './simple-run-store.js';

const FORGETTING = 'what ended long ago is forgotten with its key, what is open is not';
const STEPS = 'steps are kept whole, in their order';
const GRANTED = 'a key is granted once, and stays with its run when that has ended';
const FIRST_END = 'only the first end counts, and nothing is added after it';
const LISTED = 'open runs are listed by instance and owner, those that have ended are not';
const LEASE = 'a lease takes the place of its owner’s earlier one, and of no other';
const TAKEN = 'an open run gets another owner, from the one it has and from nobody else';
const REQUESTED = 'a request is there for others, whole, until its run ends';
const OLD_LEASES = 'old leases are forgotten, but not that of an owner with an open run';

const caught: Readonly<Record<RunStoreMutation, string>> = {
  'forgets metadata': 'what was claimed is read back as it was, open and without steps',
  'grants an id twice': 'an open run keeps its id from being claimed',
  'never grants an id again': 'the id of a run that has ended can be claimed again',
  'grants a key twice': GRANTED,
  'keeps the run of a refused key': GRANTED,
  'gives up every key': GRANTED,
  'keeps every key': 'a key that is not kept can be claimed again',
  'shares keys between instances': 'a key belongs to an instance',
  'finds the holder of a key by its id alone':
    'a key stands for its own run only, not for a later one of the same id',
  'looks before it claims': 'of many claims of one key at the same time exactly one is granted',
  'forgets nothing': FORGETTING,
  'forgets what is open': FORGETTING,
  'forgets too early': FORGETTING,
  'forgets without the key': FORGETTING,
  'turns steps around': STEPS,
  'drops what a step carries': STEPS,
  'lets the last end count': FIRST_END,
  'adds steps after the end': FIRST_END,
  'grants two ends': 'of two ends at the same time one counts',
  'makes up runs': 'what is not known can neither be added to nor ended',
  'lists what has ended': LISTED,
  'lists other instances': LISTED,
  'lists other owners': LISTED,
  'keeps the first lease': LEASE,
  'mixes leases of instances': LEASE,
  'forgets leases of who is at work': OLD_LEASES,
  'keeps old leases': OLD_LEASES,
  'takes over for several': 'of several that take a run over at the same time one does',
  'takes over from anybody': TAKEN,
  'takes over what has ended': TAKEN,
  'keeps requests of what has ended': REQUESTED,
  'keeps the first request': 'a later request takes the place of an earlier one',
  'takes requests for any run':
    'nothing can be asked of a run that is not open, nor of another one of its id',
  'drops what a request says': REQUESTED,
  'lists requests of other instances': 'requests are found by instance',
};

const make = (mutation: RunStoreMutation) => () => Promise.resolve({ store: simpleRunStore(mutation) });

describe('runStoreConformance notices a run store that', () => {
  it.each(Object.entries(caught) as [RunStoreMutation, string][])('%s', async (mutation, name) => {
    const cases = runStoreConformance(make(mutation), { timeoutMs: 2000 });
    expect(await failingCases(cases.filter((each) => each.name === name))).toEqual([name]);
  });
});
