/** Platforms of images, `os/architecture[/variant]`, and whether two mean the same one. It knows nothing of this machine. */

/** What an image says it is made for. */
export interface Platform {
  readonly operatingSystem: string;
  readonly architecture: string;
  /** For example `v7`; null where there is none. */
  readonly variant: string | null;
}

// As containerd's platforms package normalises them: kernels and engines use either spelling.
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  i386: '386',
  i686: '386',
  aarch64: 'arm64',
  armhf: 'arm',
  armel: 'arm',
};

/** What an architecture without a variant means. */
const USUAL_VARIANTS: Readonly<Record<string, string>> = { arm64: 'v8', arm: 'v7', amd64: 'v1' };

function normal({ operatingSystem, architecture, variant }: Platform): Platform {
  const known = ARCHITECTURES[architecture] ?? architecture;
  const usual = architecture === 'armel' ? 'v6' : (USUAL_VARIANTS[known] ?? null);
  return { operatingSystem, architecture: known, variant: variant ?? usual };
}

/** Whether an image is for the platform that was asked for, `os/architecture[/variant]`. */
export function isForPlatform(image: Platform, asked: string): boolean {
  const [operatingSystem = '', architecture = '', variant = null] = asked.split('/');
  const wanted = normal({ operatingSystem, architecture, variant });
  const got = normal(image);
  return (
    got.operatingSystem === wanted.operatingSystem &&
    got.architecture === wanted.architecture &&
    // Images often leave out what their index says of them; only a variant that is said can be the wrong one.
    (image.variant === null || got.variant === wanted.variant)
  );
}

/** `os/architecture[/variant]`. */
export function platformText({ operatingSystem, architecture, variant }: Platform): string {
  return [operatingSystem, architecture, ...(variant === null ? [] : [variant])].join('/');
}
