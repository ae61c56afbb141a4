import { describe, expect, it } from 'vitest';
import { readDockerfile } from '../../src/images/dockerfile.js';

const read = (lines: readonly string[], buildArgs: Readonly<Record<string, string>> = {}) =>
  readDockerfile(lines.join('\n'), buildArgs);

describe('readDockerfile', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['a base image', ['FROM busybox:1'], ['busybox:1']],
    [
      'in any case, with blanks and flags',
      ['  from --platform=linux/amd64   busybox:1  as x'],
      ['busybox:1'],
    ],
    ['none for scratch', ['FROM scratch'], []],
    [
      'stages by name and number',
      ['FROM a AS One', 'FROM b', 'COPY --from=One / /', 'COPY --from=0 / /', 'FROM One'],
      ['a', 'b'],
    ],
    ['no stage by its number in a base', ['FROM a', 'FROM 0'], ['a', '0']],
    ['no stage that comes later', ['FROM two', 'FROM a AS two'], ['two', 'a']],
    ['images that are copied from', ['FROM a', 'COPY --chown=1 --from=evil:1 /x /y'], ['a', 'evil:1']],
    [
      'images that are mounted',
      ['FROM a', 'RUN --mount=type=bind,from=evil:1,target=/x ls'],
      ['a', 'evil:1'],
    ],
    ['what later builds copy', ['FROM a', 'ONBUILD COPY --from=evil:1 / /'], ['a', 'evil:1']],
    ['an instruction over several lines', ['FR\\', 'OM \\', '# a comment', '', '  evil:1'], ['evil:1']],
    ['an instruction that goes on at a blank', ['FROM\\', ' evil:1'], ['evil:1']],
    ['none that are part of another', ['FROM a', 'RUN echo \\ ', 'FROM evil:1'], ['a']],
    [
      'one after a backslash that continues nothing',
      ['FROM a', 'RUN echo \\\u00a0', 'FROM evil:1'],
      ['a', 'evil:1'],
    ],
    [
      'one after a comment that ends like a line that goes on',
      ['FROM a', '# x \\', 'FROM evil:1'],
      ['a', 'evil:1'],
    ],
    ['with variables put in', ['ARG TAG=1', 'ARG BASE="busybox:$TAG"', 'FROM ${BASE}'], ['busybox:1']],
    ['with what a variable has where it has nothing', ['ARG A', 'FROM ${A:-busybox:1}'], ['busybox:1']],
    ['after a mark of the order of bytes and with other ends of lines', ['\uFEFFFROM a\r', 'RUN x\r'], ['a']],
  ])('finds %s', (_, lines, images) => {
    expect(read(lines)).toEqual({ images, addresses: [], unclear: [] });
  });

  it('puts in arguments of the build only where they are declared before the first stage', () => {
    expect(read(['ARG TAG=1', 'FROM x:$TAG'], { TAG: '2' }).images).toEqual(['x:2']);
    expect(read(['FROM x:$TAG'], { TAG: '2' })).toMatchObject({ images: [], unclear: ['FROM x:$TAG'] });
    expect(read(['FROM a', 'ARG TAG=1', 'FROM x:$TAG'], { TAG: '2' }).unclear).toEqual(['FROM x:$TAG']);
  });

  it.each(['FROM one', 'COPY --from=ONE / /'])('says so of a stage in another case: %s', (line) => {
    expect(read(['FROM a AS One', 'FROM a', line])).toMatchObject({ images: ['a'], unclear: [line] });
  });

  it.each([
    ['a variable nobody knows', 'FROM $BASE'],
    ['a variable in a way only some builders know', 'FROM ${A#x}'],
    ['quotes', 'FROM "busybox"'],
    ['a variable in a copy', 'COPY --from=$A / /'],
    ['another escape', '# escape=`'],
    ['two backslashes at the end', 'RUN dir C:\\\\'],
    ['a text within it whose end may look like a line that goes on', "RUN <<'A\\'"],
  ])('says that it is not clear what it takes: %s', (_, line) => {
    expect(read(['ARG X=1', line, 'FROM busybox:1']).unclear).toHaveLength(1);
  });

  it.each([
    ['which is not clear itself', ['ARG A=evi\\l:1', 'FROM ${A:-busybox:1}']],
    ['which is made of one that is not', ['ARG A=evi\\l:1', 'ARG B=$A', 'FROM ${B:-busybox:1}']],
    ['which may be part of another', ['ARG A=evil:1 B="p A=busybox:1 q"', 'FROM $A']],
    ['which may be behind a blank of another', ['ARG A=evil:1 B=p\\ A=busybox:1', 'FROM $A']],
    ['which only some builders forget', ['ARG A=evil:1', 'ARG A', 'FROM ${A:-busybox:1}']],
    ['which only some builders know', ['FROM ${TARGETARCH:-busybox:1}']],
    ['which is too long', [`ARG A=${'a'.repeat(5_000)}`, 'FROM ${A:-busybox:1}']],
    [
      'which grows without end',
      ['ARG A=aaaa', ...Array.from({ length: 40 }, () => 'ARG A=$A$A'), 'FROM ${A:-busybox:1}'],
    ],
  ])('puts nothing in the place of a variable %s', (_, lines) => {
    expect(read(lines)).toMatchObject({ images: [], unclear: [lines.at(-1)] });
  });

  it.each([
    ['that begins many texts', [`RUN ${'<'.repeat(500_000)}`]],
    ['over many lines', Array.from({ length: 200_000 }, () => 'a \\')],
  ])('is done with a file %s', (_, lines) => {
    expect(read(['FROM a', 'RUN \\', ...lines]).images).toEqual(['a']);
  });

  it.each([
    ['ADD https://x.example/a /a', ['https://x.example/a']],
    ['ADD ["https://x.example/a", "/a"]', ['https://x.example/a",']],
    ['ADD --chown=1 git@x.example:a.git /a', ['git@x.example:a.git']],
    ['ADD $URL /a', ['$URL']],
    ['ADD a.tar /a', []],
    ['COPY https://x.example/a /a', []],
  ])('finds addresses: %s', (line, addresses) => {
    expect(read(['FROM a', line]).addresses).toEqual(addresses);
  });
});
