/** Each of these faults of a storage is caught by a case that is about it. */
import { describe, expect, it } from 'vitest';
import { storageConformance } from '../../src/testing/index.js';
import { failingCases } from './failing-cases.js';
import { simpleStorage, type StorageMutation } from './simple-storage.js';

const caught: Readonly<Record<StorageMutation, string>> = {
  'accepts a short body': 'a body that is too short is refused, and leaves nothing',
  'accepts a long body': 'a body that is too long is refused, and leaves nothing',
  'keeps half of a body that throws': 'a body that throws leaves nothing',
  'overwrites always': 'without overwrite what exists is storage.exists, and stays',
  'never overwrites': 'with overwrite what exists is replaced, as a whole',
  'forgets idempotency keys': 'repeating a write that was done is success',
  'lists by prefix of the text': 'list keeps to its folder, not to what begins alike',
  'lists children before parents':
    'list gives everything beneath a folder once, with full paths, parents first',
  'leaves folders out of lists':
    'list gives everything beneath a folder once, with full paths, parents first',
  'lists nothing for a missing folder': 'listing what is not there is storage.not_found',
  'gives nothing for a missing file': 'reading what is not there, or a folder, is storage.not_found',
  'has no folders': 'a folder is there when something lies beneath it',
  'decodes names': 'names are taken as they are',
  'decodes content as text': 'bytes come back exactly',
  'ignores an aborted signal': 'an aborted signal makes stat, list and read reject with its reason',
  'publishes before the end': 'a file is visible only when it is complete',
  'makes folders first': 'a write that fails, or is not complete, shows no folder either',
  'checks for an existing object only at first':
    'of writers of one path without overwrite, one wins and the others learn it',
  'copies half': 'copyTo makes a local file of the same bytes',
  'copies nothing where nothing is':
    'copyTo of what is not there, or a folder, is storage.not_found, and makes nothing',
  'copies over what is there': 'copyTo leaves a local file that is there as it is',
  'shares its files with their copies': "copyTo shares nothing with the storage's own file",
  'copies whatever the signal says':
    'copyTo with an aborted signal rejects with its reason, and makes nothing',
};

const make = (mutation: StorageMutation) => () => Promise.resolve({ storage: simpleStorage(mutation) });

describe('storageConformance notices a storage that', () => {
  it.each(Object.entries(caught) as [StorageMutation, string][])('%s', async (mutation, name) => {
    const cases = storageConformance(make(mutation), { timeoutMs: 2000 });
    expect(await failingCases(cases.filter((each) => each.name === name))).toEqual([name]);
  });
});
