/** Hostile path templates of outputs, and template syntax where nothing is a template. */
import { memoryStorage } from 'berthkit';
import { describe, expect, it } from 'vitest';
import { refusalOf, trial } from './fixture.js';

const IMAGE = 'busybox:1';

describe('a path template', () => {
  const output = (pathTemplate: string): Readonly<Record<string, unknown>> => ({
    outputs: [{ workspacePath: 'out', upload: { backendMountId: 's', pathTemplate } }],
  });

  it.each([
    ['a step up', '../x', /\.\./],
    ['a step up behind a variable', '${runId}/../../x', /\.\./],
    ['a step nowhere', './x', /segments/],
    ['a variable of the language', '${constructor}', /only the variables/],
    ['a prototype', '${__proto__}', /only the variables/],
    ['a property', '${a.b}', /only the variables/],
    ['a property of a known variable', '${runId.length}', /only the variables/],
    ['an expression', '${1+1}', /only the variables/],
    ['an unknown variable', '${hostname}', /only the variables/],
    ['a variable of a shell', '${HOME:-x}', /only the variables/],
    ['a variable within a variable', '${run${attempt}}', /only the variables/],
    ['an unfinished variable', '${runId', /never closed/],
    ['nothing', '', /1 to 1024/],
    ['NUL', 'a\0b', /control or invisible/],
    ['a backslash', 'a\\b', /backslash/],
  ])('with %s is refused', async (_, template, message) => {
    expect(await refusalOf({ docker: { image: IMAGE, ...output(template) } })).toMatchObject({
      code: 'validation.invalid_job',
      paths: ['docker.outputs.0.upload.pathTemplate'],
      messages: [expect.stringMatching(message)],
    });
  });

  it.each([
    ['a step up', '..', '%2E%2E/f'],
    ['a folder', 'a/../../b', 'a%2F..%2F..%2Fb/f'],
    ['another variable', '${runId}', '%24%7BrunId%7D/f'],
    ['a dollar pattern of the language', "$&$'$`", '%24%26%24%27%24%60/f'],
  ])('takes %s in a value for one name', async (_, version, path) => {
    const out = memoryStorage();
    const { outcome } = await trial(
      { version, docker: { image: IMAGE, ...output('${jobVersion}/f') } },
      {
        script: {
          run: async (job) => {
            await job.writeFile('/workspace/out', 'x');
            return { exitCode: 0 };
          },
        },
        ports: { storage: { s: out } },
      },
    );
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(Object.keys(out.files())).toEqual([path]);
  });

  it('that asks for what the job does not have is refused before anything is made', async () => {
    const { outcome, engine } = await trial(
      { docker: { image: IMAGE, ...output('${jobSlug}/f') } },
      { ports: { storage: { s: memoryStorage() } } },
    );
    expect(outcome).toMatchObject({ code: 'validation.invalid_job' });
    expect(JSON.stringify(outcome)).toContain('docker.outputs.0.upload.pathTemplate');
    expect(engine.calls).toEqual([]);
  });
});

describe('templates in words and variables', () => {
  it.each([
    '{{ 7*7 }}',
    '${runId}',
    '<%= 7*7 %>',
    '{% raw %}',
    '<runId>',
    '<secret:store:token>',
    '<workspace>',
    '$(id)',
    '`id`',
  ])('%s is a text like any other', async (text) => {
    const seen: unknown[] = [];
    const { outcome } = await trial(
      { docker: { image: IMAGE, command: [text], args: [text], environment: [{ name: 'A', value: text }] } },
      {
        script: {
          run: (job) => void seen.push([job.spec.command, job.environment['A']]),
        },
      },
    );
    expect(outcome).toMatchObject({ status: 'succeeded' });
    expect(seen).toEqual([[[text, text], text]]);
  });
});
