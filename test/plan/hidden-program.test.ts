/** Which volumes of an image lie over the program of a job, wherever that was written down. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import type { ContainerDraft } from '../../src/plan/container-spec.js';
import { type ImageProgram, volumesOverProgram } from '../../src/plan/hidden-program.js';
import { planRun } from '../../src/plan/plan-run.js';
import { judgeRequest } from '../../src/policy/judge.js';
import { requestWith } from '../policy/requests.js';

const config = parseConfig();
const over = (container: Partial<ContainerDraft>, image: Partial<ImageProgram>): readonly string[] =>
  volumesOverProgram(planRun(judgeRequest(requestWith(container), config.policy), config, { caller: null }), {
    volumes: [],
    entryPoint: [],
    command: [],
    ...image,
  });

describe('volumesOverProgram', () => {
  it.each<[string, Partial<ContainerDraft>, Partial<ImageProgram>, readonly string[]]>([
    [
      'over folders of programs',
      {},
      { volumes: ['/bin/', '/usr', '/usr/local/lib'] },
      ['/bin', '/usr', '/usr/local/lib'],
    ],
    ['elsewhere', {}, { volumes: ['/data', '/usr/share', '/bin/sub', '/library'] }, []],
    ['over the entry point of the job', { entryPoint: ['/app/run'] }, { volumes: ['/app'] }, ['/app']],
    ['over its command', { command: ['/app/run'] }, { volumes: ['/app'] }, ['/app']],
    ['over that of the image', {}, { volumes: ['/app'], entryPoint: ['/app/run'] }, ['/app']],
    [
      'over the command of the image',
      { command: [] },
      { volumes: ['/app'], command: ['/app/run'] },
      ['/app'],
    ],
    [
      'over what the image has, where the job has its own',
      { entryPoint: ['/other'] },
      { volumes: ['/app'], entryPoint: ['/app/run'], command: ['/app/run'] },
      [],
    ],
    [
      'in the workspace',
      { entryPoint: ['/workspace/a/run'] },
      { volumes: ['/workspace/a'] },
      ['/workspace/a'],
    ],
    ['on what is mounted anyway', { entryPoint: ['/tmp/run'] }, { volumes: ['/tmp', '/workspace'] }, []],
  ])('finds those %s', (_, container, image, expected) => {
    expect(over(container, image)).toEqual(expected);
  });
});
