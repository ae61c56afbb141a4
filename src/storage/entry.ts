/** What `berthkit/storage` exports: the port, what an adapter author needs, and the adapters of ours. */
export { StorageError } from '../errors.js';
export { announcedBody } from './body-check.js';
export { filesystemStorage } from './filesystem.js';
export { type MemoryStorage, memoryStorage } from './memory.js';
export type {
  CopyToOptions,
  StorageAdapter,
  StorageCallOptions,
  StorageEntry,
  StorageStat,
  StorageTransaction,
  TransactionOptions,
  WriteOptions,
} from './types.js';
