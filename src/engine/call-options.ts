/** What every call of the `ContainerEngine` port takes. Part of the port, apart from it because its parts share it. */

/** Every call takes a signal; an aborted call rejects with the signal's reason and may be repeated. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}
