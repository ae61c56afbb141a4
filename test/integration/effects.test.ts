/** What a default job can and cannot do, seen from inside the container. */
import { beforeAll, describe, expect, it } from 'vitest';
import { buildVariant, ensureImage } from '../../scripts/image-kit/image-kit.js';
import type { DockerJob, RunOptions, RunResult, RuntimeConfigInput } from 'berthkit';
import { testRuntime } from './setup.js';
import { needsSharedFiles } from './test-engine.js';

let image = '';
beforeAll(async () => {
  image = await ensureImage('busybox');
});

/** Scripts longer than an argument may be come as a file. */
async function sh(
  script: string,
  docker: Partial<DockerJob> = {},
  options: RunOptions = {},
  config: RuntimeConfigInput = {},
): Promise<RunResult> {
  const runtime = await testRuntime(config);
  return runtime.runJob(
    { slug: 'effects', docker: { image, command: ['sh', '/workspace/.script'], ...docker } },
    { files: { '.script': script }, ...options },
  );
}
const linesOf = ({ stdout }: RunResult): readonly string[] => (stdout.text ?? '').trim().split('\n');

describe('a default job', () => {
  it('has no network: only a loopback, no routes, nothing to reach', async () => {
    const result = await sh(
      'ls /sys/class/net; cat /proc/net/route | wc -l; ping -c 1 -W 1 172.17.0.1 >/dev/null 2>&1; echo "ping $?"',
    );
    expect(linesOf(result)).toEqual(['lo', '1', 'ping 1']);
  });

  it('has a read-only root and may write to its workspace, /tmp and /dev/shm alone', async () => {
    const result = await sh(
      'for d in / /bin /etc /usr /var /home /root /workspace /tmp /dev/shm; do (: > $d/probe) 2>/dev/null && echo $d; done',
    );
    expect(linesOf(result)).toEqual(['/workspace', '/tmp', '/dev/shm']);
  });

  it('is nobody, without capabilities, and gains no privileges', async () => {
    const result = await sh(
      'id -u; id -g; grep -E "^(CapEff|CapBnd|CapPrm|NoNewPrivs|Seccomp):" /proc/self/status | tr -d "\\t"',
    );
    const own = process.getuid?.() === 0 ? '65534' : String(process.getuid?.());
    expect(linesOf(result)[0]).toBe(own);
    expect(linesOf(result).slice(2).sort()).toEqual(
      [
        'CapBnd:0000000000000000',
        'CapEff:0000000000000000',
        'CapPrm:0000000000000000',
        'NoNewPrivs:1',
        'Seccomp:2',
      ].sort(),
    );
  });

  it('cannot start more processes than allowed', async () => {
    const result = await sh('i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done; echo started', {
      resources: { pidsLimit: 20 },
    });
    expect(result.status).toBe('failed');
    expect(result.stderr.text).toMatch(/fork/);
    expect(result.hints.map(({ code }) => code)).toContain('fork_failed');
  });

  it('is killed beyond its memory, and the result says so', async () => {
    // The engine learns of such a kill by a watch it sets up after the start.
    const result = await sh('sleep 1; exec dd if=/dev/zero of=/tmp/fill bs=1M count=60', {
      resources: { memoryBytes: '16MiB' },
    });
    expect(result).toMatchObject({
      status: 'failed',
      reason: 'oom_killed',
      exitCode: 137,
      category: 'limit',
    });
    expect(result.hints.map(({ code }) => code)).toContain('out_of_memory');
  });

  it('finds /tmp its own, executable, bounded in bytes and inodes, also where the image has a closed one', async () => {
    const closed = await buildVariant({ folders: { '/tmp': 0o700 } });
    const script =
      'printf "#!/bin/sh\\necho ran" > /tmp/p; chmod +x /tmp/p; /tmp/p; dd if=/dev/zero of=/tmp/f bs=1M count=80 2>/dev/null; echo "dd $?"; stat -f -c %c /tmp; echo $HOME';
    const result = await sh(script, { image: closed });
    expect(linesOf(result)).toEqual(['ran', 'dd 1', '16384', '/tmp']);
  });

  it('cannot see the engine, other processes or host files', async () => {
    // Between fork and exec a process of the job has another name for a moment; one of the host's would stay.
    const foreign = 'ps -o comm | grep -c -v -x -E "COMMAND|docker-init|podman-init|sh|ps|grep|seq|sleep"';
    const result = await sh(
      `ls /var/run/docker.sock 2>&1 | grep -c "No such"; for i in $(seq 100); do n=$(${foreign}); [ "$n" = 0 ] && break; sleep 0.1; done; echo "$n"`,
    );
    expect(linesOf(result).slice(0, 2)).toEqual(['1', '0']);
  });
});

describe('inputs', () => {
  const inline = (content: string): { readonly type: 'inline'; readonly content: string } => ({
    type: 'inline',
    content,
  });
  const tampering = (path: string): string =>
    [
      `(echo evil > ${path})`,
      `(echo evil >> ${path})`,
      `rm -f ${path}`,
      `mv ${path} ${path}.moved`,
      `ln -f ${path} /tmp/link && echo evil > /tmp/link`,
      `chmod 777 ${path}`,
      `truncate -s 0 ${path}`,
      `mount -o remount,rw ${path}`,
      `umount ${path}`,
      `dd if=/dev/zero of=${path} bs=1 count=1`,
    ]
      .map((attempt) => `${attempt} 2>/dev/null`)
      .join('; ');

  it('cannot be changed by any path, and appear at each of their places', async () => {
    needsSharedFiles('a file with a place of its own needs an engine that mounts parts of volumes');
    const result = await sh(
      `${tampering('/workspace/in/a.txt')}; ${tampering('/data/a.txt')}; mv /workspace/in /workspace/away 2>/dev/null; cat /workspace/*/a.txt /data/a.txt`,
      { inputs: [{ source: inline('original'), workspacePath: 'in/a.txt', mountPath: '/data/a.txt' }] },
    );
    expect(result.stdout.text).toBe('originaloriginal');
  });

  it('leave their folder open for other files of the job', async () => {
    const result = await sh('echo mine > /workspace/in/b.txt && cat /workspace/in/b.txt', {
      inputs: [{ source: inline('original'), workspacePath: 'in/a.txt' }],
    });
    expect(result.stdout.text).toBe('mine\n');
  });

  it('the configuration file is protected like an input and tells the job who it is', async () => {
    needsSharedFiles('a file with a place of its own needs an engine that mounts parts of volumes');
    const runtime = await testRuntime();
    const result = await runtime.runJob(
      {
        slug: 'who',
        id: 'd1',
        version: 3,
        defaultParameters: { a: 1, b: 2 },
        docker: {
          image,
          configFile: { filename: 'config/run.json', mountPath: '/opt/run.json' },
          command: ['sh', '/workspace/.script'],
        },
      },
      {
        parameters: { b: 3 },
        runId: 'run-7',
        files: {
          '.script': `${tampering('/workspace/config/run.json')}; cmp /workspace/config/run.json /opt/run.json && cat /opt/run.json`,
        },
      },
    );
    expect(JSON.parse(result.stdout.text ?? '')).toEqual({
      job: { id: 'd1', slug: 'who', runId: 'run-7', attempt: 1, version: 3 },
      parameters: { a: 1, b: 3 },
    });
  });

  it('an optional input that is not there leaves no trace', async () => {
    const runtime = await testRuntime({}, { storage: { s: (await import('berthkit')).memoryStorage() } });
    const result = await runtime.runJob({
      docker: {
        image,
        command: ['sh', '-c', 'ls /workspace /opt 2>&1'],
        inputs: [
          {
            source: { type: 'filestorePath', backendMountId: 's', path: '/gone' },
            workspacePath: 'gone',
            mountPath: '/opt/gone',
            optional: true,
          },
        ],
      },
    });
    expect(result.stdout.text).toBe('ls: /opt: No such file or directory\n/workspace:\n');
    expect(result.inputs).toMatchObject([{ state: 'skipped' }]);
  });
});

describe('volumes of an image', () => {
  it('are covered by a sized tmpfs instead of being writable without bounds', async () => {
    const withVolume = await buildVariant({ changes: ['VOLUME ["/data"]'] });
    const result = await sh(
      'grep " /data " /proc/mounts | cut -d" " -f1; dd if=/dev/zero of=/data/f bs=1M count=80 2>/dev/null; echo "dd $?"; du -m /data/f | cut -f1',
      { image: withVolume },
    );
    expect(linesOf(result)).toEqual(['tmpfs', 'dd 1', '64']);
  });

  it('that are a mount target of ours are ours', async () => {
    needsSharedFiles('a file with a place of its own needs an engine that mounts parts of volumes');
    const withVolume = await buildVariant({ changes: ['VOLUME ["/data", "/workspace"]'] });
    const result = await sh(
      'cat /data; echo; cat /workspace/in.txt; echo; touch /workspace/x && ls /workspace',
      {
        image: withVolume,
        inputs: [
          { source: { type: 'inline', content: 'D' }, workspacePath: 'd', mountPath: '/data' },
          { source: { type: 'inline', content: 'W' }, workspacePath: 'in.txt' },
        ],
      },
    );
    expect(result.stdout.text).toBe('D\nW\nd\nin.txt\nx\n');
  });

  it('beneath the workspace are folders of the workspace, whose files are found as outputs', async () => {
    const withVolume = await buildVariant({ changes: ['VOLUME ["/workspace/cache/deep"]'] });
    const { memoryStorage } = await import('berthkit');
    const results = memoryStorage();
    const result = await sh(
      'echo kept > /workspace/cache/deep/f && echo sibling > /workspace/cache/g',
      {
        image: withVolume,
        outputs: [
          { workspacePath: 'cache/deep/f', upload: 'caller' },
          { workspacePath: 'cache/g', upload: 'caller' },
        ],
      },
      { outputTo: results },
    );
    expect(result.status).toBe('succeeded');
    expect(Object.keys(results.files()).sort()).toEqual(['cache/deep/f', 'cache/g']);
  });

  it('above a target of ours are masked first, so that ours stays visible', async () => {
    needsSharedFiles('a file with a place of its own needs an engine that mounts parts of volumes');
    const withVolume = await buildVariant({ changes: ['VOLUME ["/data"]'] });
    const result = await sh('cat /data/in/a; grep -c " /data " /proc/mounts', {
      image: withVolume,
      inputs: [{ source: { type: 'inline', content: 'A\n' }, workspacePath: 'a', mountPath: '/data/in/a' }],
    });
    expect(linesOf(result)).toEqual(['A', '1']);
  });

  it('an image cannot bring a health check, our labels or root with it', async () => {
    const hostile = await buildVariant({
      changes: ['USER root', 'HEALTHCHECK CMD touch /workspace/checked', 'LABEL berthkit.managed=true'],
    });
    const result = await sh('id -u; sleep 2; ls /workspace', { image: hostile });
    expect(linesOf(result)[0]).not.toBe('0');
    expect(linesOf(result)).toHaveLength(1);
  });
});
