/** A tiny image made on the engine itself from Debian's static busybox, for tests that need no other. No registry is asked. */
import { readFile } from 'node:fs/promises';
import { pack } from 'tar-stream';
import { parseHost } from '../../src/engine/docker/address.js';
import { beginRequest, createAgent } from '../../src/engine/docker/connection.js';

const APPLETS =
  'sh,true,false,cat,echo,sleep,printf,md5sum,seq,head,dd,id,ls,touch,test,mount,grep,kill,od,wc,tr,yes';

/** Imports the image and gives its id. The same bytes give the same id. */
export async function importBusybox(host: string): Promise<string> {
  const tar = pack();
  const epoch = new Date(0);
  const at = { mtime: epoch, uid: 0, gid: 0 };
  for (const name of ['bin', 'tmp', 'etc', 'workspace'])
    tar.entry({ ...at, name, type: 'directory', mode: 0o755 });
  tar.entry({ ...at, name: 'bin/busybox', mode: 0o755 }, await readFile('/bin/busybox'));
  for (const applet of APPLETS.split(',')) {
    tar.entry({ ...at, name: `bin/${applet}`, type: 'symlink', linkname: 'busybox' });
  }
  tar.entry({ ...at, name: 'etc/passwd', mode: 0o644 }, 'root:x:0:0:root:/:/bin/sh\n');
  tar.finalize();
  return new Promise((resolve, reject) => {
    const query = 'fromSrc=-&repo=berthkit-test&tag=busybox&changes=CMD%20%5B%22%2Fbin%2Fsh%22%5D';
    const reach = { address: parseHost(host), tls: null, ssh: null };
    const outgoing = beginRequest(reach, {
      method: 'POST',
      path: `/images/create?${query}`,
      agent: createAgent(reach),
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () => {
        const id = /sha256:[0-9a-f]{64}/.exec(text)?.[0];
        if (id === undefined) reject(new Error(`Import failed: ${text}`));
        else resolve(id);
      });
    });
    tar.pipe(outgoing);
  });
}
