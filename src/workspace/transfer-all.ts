/** Takes all files of a run's inputs, several at a time: copied, or to go straight. It lists none of them. */
import { EngineError } from '../errors.js';
import type { Content } from '../host/file-content.js';
import type { OpenNode } from '../host/node.js';
import { shareFolders } from '../host/shared-folders.js';
import type { Budget } from './budget.js';
import { isNotFound } from './storage-calls.js';
import {
  placeStraightFile,
  type StorageTransfer,
  type StraightContent,
  type StraightContents,
} from './straight-file.js';
import { openStagedFolder, type Survey, type Transfer } from './survey.js';
import { runTogether } from './together.js';
import { transferFile } from './transfer.js';
import type { TreeFile } from './tree-digest.js';

/** How far the staging of one input, or of the configuration file, is. */
export interface StageProgress {
  readonly workspacePath: string;
  readonly files: number;
  readonly sizeBytes: number;
}

/** One input, or the configuration file. */
interface SurveyedInput {
  readonly survey: Survey;
  readonly workspacePath: string;
  readonly optional: boolean;
  readonly isHashed: boolean;
}

/** How files are taken. */
interface TransferAllOptions {
  readonly inputs: OpenNode;
  readonly inputsPath: string;
  readonly budget: Budget;
  readonly concurrency: number;
  /** Files of storages of this size and more go straight; absent: none does. */
  readonly straightBytes?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: StageProgress) => void) | undefined;
}

/** Files that were taken, in the order of their inputs. */
export interface Transferred {
  readonly inputs: readonly { readonly type: Survey['type']; readonly contents: readonly TreeFile[] }[];
  /** Not in `contents` before they are read. */
  readonly straight: StraightContents;
  /**
   * Makes sure that every file that went straight was read to its end.
   *
   * @throws `engine.failed`.
   */
  requireRead(): void;
}

/** What there is of one input so far. */
interface Account {
  type: Survey['type'];
  readonly contents: TreeFile[];
  sizeBytes: number;
}

/**
 * Takes every file. Those that go straight are only put in their places.
 *
 * @throws as `transferFile`.
 */
export async function transferAll(
  surveyed: readonly SurveyedInput[],
  options: TransferAllOptions,
): Promise<Transferred> {
  const { inputs, straightBytes = Number.POSITIVE_INFINITY, concurrency, signal, onProgress } = options;
  const straight = new Map<string, StraightContent>();
  const unread = new Set<Transfer>();
  const accounts: Account[] = surveyed.map(({ survey: { type } }) => ({ type, contents: [], sizeBytes: 0 }));
  const tasks = surveyed.flatMap(({ survey, workspacePath, optional, isHashed }, index) => {
    const { type, transfers } = survey;
    const account = accounts[index] ?? { type, contents: [], sizeBytes: 0 };
    const folders = shareFolders(async (path) =>
      openStagedFolder(inputs, path === '' ? [] : path.split('/'), transfers[0]?.what ?? ''),
    );
    const mayGo = mayVanish(survey, optional);
    return transfers.map((transfer) => async (until: AbortSignal) => {
      const onDone = (content: Content): void => {
        account.contents.push({ ...content, path: transfer.names.slice(1).join('/') });
        account.sizeBytes += content.sizeBytes;
        onProgress?.({ workspacePath, files: account.contents.length, sizeBytes: account.sizeBytes });
      };
      const context = { ...options, folders, isHashed, signal: until };
      if (!mayGo && goesStraight(transfer, straightBytes)) {
        const onRead = (content: Content): void => {
          unread.delete(transfer);
          onDone(content);
        };
        unread.add(transfer);
        straight.set(...(await placeStraightFile(transfer, { ...context, onRead })));
        return;
      }
      const content = await transferFile(transfer, context).catch((error: unknown) => {
        if (mayGo && isNotFound(error)) return null;
        throw error;
      });
      if (content === null) account.type = null;
      else onDone(content);
    });
  });
  await runTogether(tasks, { concurrency, signal });
  return {
    inputs: accounts,
    straight,
    requireRead() {
      const [transfer] = unread;
      if (transfer === undefined) return;
      const problem = `${transfer.what}: the engine said that it has all files before it had all of this one`;
      throw new EngineError('engine.failed', problem);
    },
  };
}

/** It was there a moment ago; an optional file may go, and what is mounted depends on it. */
const mayVanish = ({ type }: Survey, optional: boolean): boolean => optional && type === 'file';

const goesStraight = (transfer: Transfer, straightBytes: number): transfer is StorageTransfer =>
  transfer.source.kind === 'storage' && transfer.sizeBytes >= straightBytes;

/** How many bytes of these are to be copied. */
export function bytesToCopy(
  surveyed: readonly Pick<SurveyedInput, 'survey' | 'optional'>[],
  straightBytes = Number.POSITIVE_INFINITY,
): number {
  return surveyed
    .flatMap(({ survey, optional }) =>
      survey.transfers.filter((each) => mayVanish(survey, optional) || !goesStraight(each, straightBytes)),
    )
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
