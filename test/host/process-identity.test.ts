/** An owner is dead only where that is proven: real processes, ended, stopped, replaced and out of sight. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { ownerState, processOwner } from '../../src/host/process-identity.js';
import { deadOwner, ownParts, startChildOwner, startTimeOf } from './child-owner.js';
import { isRoot } from './scratch.js';

const self = processOwner(process.pid);
const [bootId = '', namespace = ''] = ownParts();
const stateOf = (owner: string): string => ownerState(owner, self).state;

describe('processOwner', () => {
  it('has the four parts the kernel tells', () => {
    expect(bootId).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    expect(self).toBe([bootId, namespace, process.pid, startTimeOf(process.pid)].join('.'));
  });
});

describe('ownerState', () => {
  it('knows itself', () => {
    expect(ownerState(self, self)).toEqual({ state: 'self', proof: 'it is this process' });
  });

  it('says alive of a process that runs, and dead once it is gone', async () => {
    const { owner, end } = await startChildOwner();
    expect(stateOf(owner)).toBe('alive');
    await end();
    expect(ownerState(owner, self)).toMatchObject({
      state: 'dead',
      proof: expect.stringMatching(/is gone/) as string,
    });
  });

  it('says alive of a process that is stopped', async () => {
    const { owner, child, end } = await startChildOwner();
    child.kill('SIGSTOP');
    await expect
      .poll(() => readFileSync(`/proc/${String(child.pid)}/stat`, 'utf8').split(') ')[1]?.[0])
      .toBe('T');
    expect(stateOf(owner)).toBe('alive');
    await end();
  });

  it('says dead of a process that has ended and that nobody has waited for', async () => {
    // The shell becomes a sleep that never waits for the child it was left with.
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = line.toString().trim();
    const stat = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8');
    await expect.poll(() => stat().split(') ')[1]?.[0]).toBe('Z');
    const owner = [bootId, namespace, pid, startTimeOf(Number(pid))].join('.');
    expect(ownerState(owner, self)).toMatchObject({ state: 'dead', proof: `process ${pid} has ended` });
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  });

  it('says dead where the number belongs to another process by now', async () => {
    const { owner, end } = await startChildOwner();
    const earlier = owner.replace(/\d+$/, (startTime) => String(Number(startTime) - 1));
    expect(ownerState(earlier, self)).toMatchObject({
      state: 'dead',
      proof: expect.stringMatching(/is another one/) as string,
    });
    await end();
  });

  it.each([
    [
      'another boot, or another machine',
      () => self.replace(bootId, 'ffffffff-0000-4000-8000-000000000000'),
      /reboot/,
    ],
    ['another pid namespace', () => self.replace(`.${namespace}.`, '.1.'), /pid namespace/],
    ['a spelling of another version', () => `v2:${self}`, /as this version/],
    ['no owner at all', () => '', /as this version/],
    ['unknown parts', () => `unknown.unknown.${String(process.pid)}.unknown`, /as this version/],
  ])('says unknown of %s', (_, owner, proof) => {
    expect(ownerState(owner(), self)).toMatchObject({
      state: 'unknown',
      proof: expect.stringMatching(proof) as string,
    });
  });

  it('says unknown of a dead process of another pid namespace', async () => {
    const [boot = '', , pid = '', startTime = ''] = (await deadOwner()).split('.');
    expect(stateOf([boot, '1', pid, startTime].join('.'))).toBe('unknown');
  });

  it.runIf(isRoot)('says unknown, in both directions, across a real pid namespace', () => {
    const program =
      "import('./src/host/process-identity.ts').then(({ processOwner, ownerState }) => {" +
      'const own = processOwner(process.pid);' +
      'console.log(JSON.stringify({ own, seen: ownerState(process.argv[1], own).state }));});';
    const words = [
      '--pid',
      '--fork',
      '--mount-proc',
      process.execPath,
      '--import',
      'tsx',
      '-e',
      program,
      self,
    ];
    const told = JSON.parse(execFileSync('unshare', words, { encoding: 'utf8' })) as {
      readonly own: string;
      readonly seen: string;
    };
    expect(told.seen).toBe('unknown');
    // It is gone by now, but that cannot be known from here.
    expect(stateOf(told.own)).toBe('unknown');
    expect(told.own.split('.')[1]).not.toBe(namespace);
  });
});
