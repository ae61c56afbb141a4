/** An engine that was started, and is stopped and removed without a trace. */
export interface PrivateEngine {
  /** `unix:///…` */
  readonly host: string;
  readonly folder: string;
  /** What has to be in the environment of whoever is to find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Kills the engine without notice; what runs on it goes on. */
  crash(): Promise<void>;
  /** Asks the engine to end, as a service manager does, and waits for it. */
  shutDown(): Promise<void>;
  /** Starts it again on what it left. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export function startPrivateEngine(options?: {
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly beside?: boolean;
  readonly remote?: boolean;
}): Promise<PrivateEngine>;
