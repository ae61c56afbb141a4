/**
 * The process this is, for what has nothing to do with its environment. Not imported from `node:process`: an import of that runs the getters of
 * all it exports, which opens the standard streams of whoever only imports this library, and takes longer than most of its code.
 */
export const thisProcess: Pick<
  NodeJS.Process,
  'getBuiltinModule' | 'geteuid' | 'getgid' | 'getuid' | 'hrtime' | 'kill' | 'pid' | 'platform'
> = globalThis.process;
