/** The runtime's configuration as data. Parsing and defaults live beside it. */
import type { TimeoutsRequest } from '../plan/container-spec.js';
import type { PlannedRetry } from '../plan/run-plan.js';
import type { ConfigInput, Policy } from '../policy/policy.js';

/** Deadlines of one run, in milliseconds; null: none. */
export interface Timeouts {
  /** In the queue; a run that waits longer ends as `timed_out`/`queue_expired`. */
  readonly queueMs: number;
  readonly pullMs: number;
  readonly stageMs: number;
  readonly runMs: number;
  readonly collectMs: number;
  /** Without a byte on stdout and stderr; then the run ends as `timed_out`/`idle_timed_out`. */
  readonly idleOutputMs: number | null;
  /** For all secrets of one attempt together. */
  readonly secretsMs: number;
}

/** The most a run may ask for of each time, in milliseconds. */
export type TimeoutLimits = { readonly [K in keyof TimeoutsRequest]-?: number };

/** How what dead processes left behind is found, in milliseconds. */
export interface Recovery {
  /**
   * What becomes of a dead process's run whose container still runs. `remove`: the container is removed, and the run gets its end. `adopt`: the next
   * runtime follows it to its end, where that can be done safely. In a layer of configuration `recovery: 'adopt'` says the same.
   */
  readonly mode: 'remove' | 'adopt';
  /** How often this process says in the run store that it is at work. */
  readonly leaseMs: number;
  /**
   * How long another process may go without saying so before it counts as dead although nothing else proves it: one in another container, or of
   * another machine. Longer than any pause it may come to. Null: never.
   */
  readonly leaseExpiryMs: number | null;
  /** From the first use of a runtime to the first time it reconciles by itself; null: it never does. */
  readonly firstPassMs: number | null;
  /** From one such pass to the next; null: there is only one. */
  readonly everyMs: number | null;
  /** How long the store remembers runs that have ended, with their keys. */
  readonly rememberMs: number;
}

/** How files get into containers and out of them, or that it is to be found out. */
export type TransportSetting = 'auto' | 'bind' | 'volume';

/** When something is kept after the end of a run. `on_failure`: unless it succeeded. */
export type RetentionWhen = 'never' | 'on_failure' | 'always';

/** What is kept of a run after its end. */
export interface Retention {
  readonly container: RetentionWhen;
  /** Its folder: the writable part as the job left it, and its inputs. */
  readonly workspace: RetentionWhen;
}

/** Configuration of one runtime; read once, when it is created, and frozen. */
export interface RuntimeConfig {
  /** Off: nothing runs, `explain` still works. False from the environment unless set, true for `createRuntime({…})`. */
  readonly enabled: boolean;
  /** Where the engine is. */
  readonly engine: {
    /**
     * `unix:///path`, `tcp://host:port`, `https://host:port`, `ssh://user@host` or `npipe://path`. Null: `DOCKER_HOST`, else the Docker context
     * in use, else the first usual socket that answers.
     */
    readonly host: string | null;
    /**
     * Whether jobs are told of the proxies Docker's own client is configured with on this machine (`proxies` of its `config.json`, for the host or
     * `default`): `HTTP_PROXY`, `HTTPS_PROXY`, `FTP_PROXY`, `NO_PROXY` and `ALL_PROXY`, also in lower case. A job's own variable wins, in either case.
     */
    readonly dockerProxies: boolean;
    /** PEM files, as absolute paths: with any of them TLS is spoken, as with `https`, whoever names the host; one that is not reached by TCP is refused. */
    readonly tls: {
      /** The authorities the engine's certificate may come from; null: those Node trusts. */
      readonly caFile: string | null;
      /** The client's certificate; null: none is shown. */
      readonly certFile: string | null;
      readonly keyFile: string | null;
      /** The name the engine's certificate must be for; null: the host's. */
      readonly serverName: string | null;
    };
  };
  /** Absolute folder beneath which each run gets a folder of its own. `createRuntime` alone takes `berthkit-<uid>` in `os.tmpdir()` for whoever names none. */
  readonly workspaceRoot: string;
  /** Absolute path at which the engine's host has `workspaceRoot`, for a process in a container that has it mounted from there; null: the same. */
  readonly hostWorkspaceRoot: string | null;
  /**
   * Absolute folder on a tmpfs, which the engine's host has at the same path, for secrets delivered as files; not beneath or above `workspaceRoot`. Null:
   * `/dev/shm/berthkit-<uid>`.
   */
  readonly secretsRoot: string | null;
  /** Most bytes of staged inputs per run; null: no limit. What a job may write besides is bounded by `workspace.maxBytes`. */
  readonly maxWorkspaceBytes: number | null;
  /** Most bytes of one staged or collected file. */
  readonly maxFileBytes: number;
  /** Most bytes staged from storages per run. */
  readonly maxDownloadBytes: number;
  /** Most bytes uploaded per run. */
  readonly maxUploadBytes: number;
  /** Characters kept of each stream; at least 1024. */
  readonly maxLogChars: number;
  /** Off: results carry no stdout and stderr text. */
  readonly persistLogTail: boolean;
  /** What happens when the audit trail cannot be written: `required`, no container is created; `best_effort`, a warning. */
  readonly auditMode: 'required' | 'best_effort';
  /** From the stop signal to SIGKILL; at least 1000. */
  readonly stopGraceMs: number;
  readonly timeouts: { readonly default: Timeouts; readonly max: TimeoutLimits };
  /** What a run gets that asks for no retry of its own, and the most any run may ask for. */
  readonly retry: {
    readonly default: PlannedRetry;
    readonly max: { readonly maxAttempts: number; readonly maxDelayMs: number };
  };
  /** What is kept of runs, the most a run may ask for, and how long and how much: the oldest goes first. */
  readonly retention: {
    readonly default: Retention;
    readonly max: Retention;
    /** By the kernel's clock, which nobody sets; across a restart of the machine, and on systems other than Linux, by time stamps. */
    readonly maxAgeMs: number;
    /** Of the files of all kept runs together. */
    readonly maxBytes: number;
    readonly maxRuns: number;
  };
  /** Runs at one time; more wait their turn. */
  readonly maxConcurrentRuns: number;
  /** Runs that may wait; more are refused. */
  readonly maxQueuedRuns: number;
  /**
   * What the limits of all runs that have a place may add up to; null: what the engine says it has. A run that asks for more than all of it is
   * refused.
   */
  readonly budget: { readonly cpus: number | null; readonly memoryBytes: number | null };
  /** What the runs of any one `concurrencyKey` may be and add up to; null: no bound of its own. */
  readonly concurrencyKeys: {
    readonly maxRunning: number | null;
    readonly maxQueued: number | null;
    readonly cpus: number | null;
    readonly memoryBytes: number | null;
  };
  readonly workspace: {
    /**
     * How files get into containers and out of them. `bind`: the engine mounts folders beneath `workspaceRoot`. `volume`: they go into volumes of the
     * engine and come out of them, for an engine that does not see `workspaceRoot`. `auto`: which of the two is found out once, at the first run;
     * off Linux it is `volume`.
     */
    readonly transport: TransportSetting;
    /**
     * Most bytes a workspace may take on the disk while the job runs, its initial files included; null: no limit. What is staged before that is bounded
     * by `maxWorkspaceBytes`.
     */
    readonly maxBytes: number | null;
    /** Most files and folders it may hold while the job runs; null: no limit. */
    readonly maxEntries: number | null;
    /**
     * What must be free on the file system of `workspaceRoot` when a run's turn comes and while its inputs are staged; else it is refused with `runtime.disk_low`. When it is less while
     * jobs run, the one that holds most is ended (`evicted`), and the next when what that one held is gone.
     */
    readonly minFreeBytes: number;
    /** As `minFreeBytes`; a file system that makes inodes as it needs them always has some. */
    readonly minFreeInodes: number;
    /** What all runs that have a place may hold together; each counts for `maxBytes` and, before they are staged, for its inputs. Null: no bound. */
    readonly maxTotalBytes: number | null;
  };
  readonly images: {
    /** A pull that tells of no progress for so long is given up, whatever `timeouts` leave it. */
    readonly pullIdleMs: number;
    /** Whether registries are logged in to as Docker's own client does on this machine; never with an engine of your own. */
    readonly dockerCredentials: boolean;
    /**
     * What may stay of the images this runtime pulled, when no container and no run has them: the least recently used go first. With either bound it needs
     * `stateDir`, which remembers them for one engine. Without, nothing is remembered and nothing is removed.
     */
    readonly gc: {
      /** Of all of them together, each with all its layers; null: no bound. */
      readonly maxBytes: number | null;
      /** Since the last run that had it, or its pull; null: no bound. */
      readonly maxUnusedMs: number | null;
      /** Patterns, written as in `policy.images.deny`, of those that stay. */
      readonly keep: readonly string[];
    };
    /** Bounds of builds. */
    readonly build: {
      /** The most any may take. */
      readonly timeoutMs: number;
      /** One of which nothing is heard for so long is given up. */
      readonly idleMs: number;
      /** Of the content of all files that are sent. */
      readonly maxContextBytes: number;
      readonly maxContextEntries: number;
    };
  };
  readonly outputs: { readonly maxBytes: number; readonly maxEntries: number; readonly maxDepth: number };
  /**
   * `sha256`: whether the SHA-256 of inputs, of the caller's files and of standard input is computed for their reports, and so for the receipt. One that
   * a storage announces is checked in any case.
   */
  readonly inputs: { readonly sha256: boolean };
  /** How many files are staged or uploaded at a time. */
  readonly concurrency: { readonly stage: number; readonly upload: number };
  /** Prefix of all labels and container names. */
  readonly labelPrefix: string;
  /** Tells this runtime's things from others' on one engine; null: derived from host and workspace root when created. */
  readonly instanceId: string | null;
  /**
   * Absolute folder of a local file system for what outlives this process: its runs, their results and idempotency keys; of this user
   * alone (0700). Null, also of `createRuntime`: they are remembered in memory.
   */
  readonly stateDir: string | null;
  readonly recovery: Recovery;
  readonly policy: Policy;
}

/** Any part of a configuration; what is absent comes from the layer below or the default. */
export type RuntimeConfigInput = Omit<ConfigInput<RuntimeConfig>, 'recovery'> & {
  /** The word alone stands for `{ mode }`. */
  readonly recovery?: ConfigInput<Recovery> | Recovery['mode'] | undefined;
};
