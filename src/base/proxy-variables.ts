/** The environment variables that tell programs of proxies, and what of a proxy's address is secret. No configuration is read here. */

/** The proxies of Docker's client configuration: https://docs.docker.com/engine/cli/proxy/ */
export const PROXY_KINDS = ['httpProxy', 'httpsProxy', 'ftpProxy', 'noProxy', 'allProxy'] as const;

/** One of them. */
export type ProxyKind = (typeof PROXY_KINDS)[number];

const NAMES: Readonly<Record<ProxyKind, string>> = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  ftpProxy: 'FTP_PROXY',
  noProxy: 'NO_PROXY',
  allProxy: 'ALL_PROXY',
};

/** Each in upper and in lower case: programs look at one or the other. Without those that `taken` has in either case. */
export function proxyVariables(
  taken: readonly string[],
): readonly { readonly name: string; readonly proxy: ProxyKind }[] {
  const names = new Set(taken.map((name) => name.toUpperCase()));
  return PROXY_KINDS.filter((proxy) => !names.has(NAMES[proxy])).flatMap((proxy) => [
    { name: NAMES[proxy], proxy },
    { name: NAMES[proxy].toLowerCase(), proxy },
  ]);
}

/** The credentials in a proxy's address, as they stand there, as they are meant, and with the address around them; empty if it has none. */
export function proxySecrets(value: string): readonly string[] {
  const userInfo = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/?#]*)@/i.exec(value)?.[1] ?? '';
  if (userInfo === '') return [];
  const password = userInfo.includes(':') ? userInfo.slice(userInfo.indexOf(':') + 1) : userInfo;
  const all = [value, userInfo, password].flatMap((text) => [text, decoded(text)]);
  return [...new Set(all)].filter((text) => text !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
