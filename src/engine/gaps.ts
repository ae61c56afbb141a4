/** What an engine may lack of the `ContainerEngine` port's contract without lacking the call: a part of the port. No implementation. */

/**
 * - `copies`: what is copied loses its owner on the way out, a link at the end of a path is followed, and volumes beneath a folder are not entered:
 *   files of a run cannot be in volumes.
 * - `mountPaths`: paths with commas, double quotes or line breaks cannot be mounted, nor colons in those of a tmpfs; `create` refuses them with
 *   `engine.unsupported`.
 * - `startErrors`: `inspect` has no words about a failed start; those of `start` itself are all there are.
 * - `killSignals`: events do not tell the signal of a `kill`.
 * - `runtimes`: which runtime a container asks for does not count, though `info` may list some; it gets the engine's own.
 * - `gpus`: a request for GPUs is taken and not fulfilled, whatever `info` shows.
 */
export type EngineGap = 'copies' | 'mountPaths' | 'startErrors' | 'killSignals' | 'runtimes' | 'gpus';

/**
 * Settings of a container that an engine cannot be given or does not tell, so that nobody can compare them: how it keeps output (`log`), and owner,
 * mode and number of files of a tmpfs (`tmpfsOwners`, `tmpfsInodes`).
 */
export type UntoldSetting = 'log' | 'tmpfsOwners' | 'tmpfsInodes';
