/**
 * A Docker newer than the one of the machine's own release: that of Debian 13 (trixie), unpacked beside it and not installed. It keeps the machine's runc:
 * the newer one wants a C library that is newer, too.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PACKAGES = ['docker.io', 'containerd'];
const SOURCE =
  'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n';

/**
 * Unpacks it and gives what has to come first in `PATH`.
 *
 * @param {string} folder an empty one
 * @throws {Error} with apt's own words where it cannot be had
 */
export function unpackTrixieDocker(folder) {
  const at = (...names) => join(folder, ...names);
  for (const name of ['lists/partial', 'cache/archives/partial', 'packages', 'root'])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at('sources.list'), SOURCE);
  const settings = {
    'Dir::Etc::sourcelist': at('sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::Lists': at('lists'),
    'Dir::Cache': at('cache'),
    // Its user may not write to a folder of root's, and needs not.
    'APT::Sandbox::User': 'root',
  };
  const words = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...rest) =>
    execFileSync('apt-get', ['-q', ...words, ...rest], {
      cwd: at('packages'),
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 300_000,
    });
  apt('update');
  apt('download', ...PACKAGES);
  for (const name of readdirSync(at('packages')))
    execFileSync('dpkg', ['-x', at('packages', name), at('root')], { stdio: ['ignore', 'ignore', 'pipe'] });
  return [at('root/usr/sbin'), at('root/usr/bin')].join(delimiter);
}
