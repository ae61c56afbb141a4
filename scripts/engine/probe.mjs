/** Whether an engine really runs containers, with no network and with a bridge. Needs no image: it brings its own of 200 bytes. */
import { randomBytes } from 'node:crypto';
import { callEngine } from './http.mjs';

/** Machine code of "exit with 0", by the engine's architecture: its ELF machine number and the instructions. */
const EXIT_0 = {
  amd64: { machine: 0x3e, code: 'b83c00000031ff0f05' },
  arm64: { machine: 0xb7, code: '000080d2a80b80d2010000d4' },
};

function elf({ machine, code }) {
  const base = 0x400000;
  const instructions = Buffer.from(code, 'hex');
  const file = Buffer.alloc(120 + instructions.length);
  Buffer.from('7f454c46020101', 'hex').copy(file);
  file.writeUInt16LE(2, 16); // executable
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(base + 120), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // load
  file.writeUInt32LE(5, 68); // read, execute
  file.writeBigUInt64LE(BigInt(base), 80);
  file.writeBigUInt64LE(BigInt(base), 88);
  file.writeBigUInt64LE(BigInt(file.length), 96);
  file.writeBigUInt64LE(BigInt(file.length), 104);
  file.writeBigUInt64LE(0x1000n, 112);
  instructions.copy(file, 120);
  return file;
}

function tarOf(name, content) {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write('0000755\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

/**
 * Null when containers run; otherwise why not, in words.
 *
 * @param {string} host
 * @returns {Promise<string | null>}
 */
export async function engineProblem(host) {
  const tag = `berthkit-probe:${randomBytes(6).toString('hex')}`;
  try {
    const version = await callEngine(host, 'GET', '/version', { timeoutMs: 5_000 });
    if (version.status !== 200) return `it answers with status ${version.status}`;
    const program = EXIT_0[version.json().Arch];
    if (program === undefined) return `the probe does not know the architecture ${version.json().Arch}`;
    const [repo, version2] = tag.split(':');
    const image = await callEngine(host, 'POST', `/images/create?fromSrc=-&repo=${repo}&tag=${version2}`, {
      body: tarOf('exit', elf(program)),
    });
    if (image.status !== 200 || image.text.includes('"error"'))
      return `no image could be made: ${image.text.trim()}`;
    for (const mode of ['none', 'bridge']) {
      const problem = await runOnce(host, tag, mode);
      if (problem !== null) return `no container runs with network ${mode}: ${problem}`;
    }
    return null;
  } catch (error) {
    return error.message;
  } finally {
    await callEngine(host, 'DELETE', `/images/${tag}?force=1`).catch(() => undefined);
  }
}

async function runOnce(host, image, networkMode) {
  const created = await callEngine(host, 'POST', '/containers/create', {
    json: { Image: image, Cmd: ['/exit'], HostConfig: { NetworkMode: networkMode } },
  });
  if (created.status !== 201) return created.text.trim();
  const { Id } = created.json();
  try {
    const started = await callEngine(host, 'POST', `/containers/${Id}/start`, { timeoutMs: 30_000 });
    if (started.status !== 204) return started.text.trim();
    const waited = await callEngine(host, 'POST', `/containers/${Id}/wait`, { timeoutMs: 30_000 });
    const code = waited.json().StatusCode;
    return code === 0 ? null : `it exited with ${code}`;
  } finally {
    await callEngine(host, 'DELETE', `/containers/${Id}?force=1&v=1`).catch(() => undefined);
  }
}
