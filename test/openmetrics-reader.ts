/** Reads OpenMetrics 1.0 text as strictly as the format is written, and refuses everything else. For tests. */

/** One sample. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of one name, with what was said of them. */
export interface Family {
  readonly type: string;
  readonly unit: string | null;
  readonly help: string | null;
  readonly samples: readonly Sample[];
}

interface OpenFamily {
  type: string | null;
  unit: string | null;
  help: string | null;
  readonly samples: Sample[];
}

const DESCRIPTOR = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"/y;
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  gauge: [''],
  counter: ['_total'],
  histogram: ['_bucket', '_count', '_sum'],
};

/** The families of a text, by name. Throws at the first thing that the format does not allow. */
export function readOpenMetrics(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n# EOF\n')) throw new Error('it does not end with # EOF');
  const lines = text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1);
  const families = new Map<string, OpenFamily>();
  const names: string[] = [];
  for (const line of lines) {
    const descriptor = DESCRIPTOR.exec(line);
    if (descriptor !== null) {
      const [, keyword = '', name = '', rest = ''] = descriptor;
      const known = families.get(name);
      if (known !== undefined && names.at(-1) !== name) throw new Error(`${name} comes in two places`);
      const family = known ?? { type: null, unit: null, help: null, samples: [] };
      if (known === undefined) names.push(name);
      families.set(name, family);
      describe(family, keyword, rest, line);
      continue;
    }
    const sample = readSample(line);
    const name = names.at(-1) ?? '';
    const family = families.get(name);
    if (family === undefined || !belongs(name, family, sample.name))
      throw new Error(`a sample outside its family: ${line}`);
    family.samples.push(sample);
  }
  for (const [name, family] of families) check(name, family);
  return families as unknown as ReadonlyMap<string, Family>;
}

function describe(family: OpenFamily, keyword: string, rest: string, line: string): void {
  if (family.samples.length > 0) throw new Error(`after its samples: ${line}`);
  const key = keyword.toLowerCase() as 'type' | 'unit' | 'help';
  if (family[key] !== null) throw new Error(`twice: ${line}`);
  if (key === 'type' && !Object.hasOwn(SUFFIXES, rest)) throw new Error(`no such type: ${line}`);
  family[key] = rest;
}

function readSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`no sample: ${JSON.stringify(line)}`);
  const [, name = '', inside, number = ''] = match;
  if (!NUMBER.test(number)) throw new Error(`no number: ${line}`);
  return { name, labels: inside === undefined ? {} : readLabels(inside, line), value: Number(number) };
}

function readLabels(inside: string, line: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (let at = 0; at < inside.length;) {
    LABEL.lastIndex = at;
    const [whole = '', name = '', value = ''] = LABEL.exec(inside) ?? [];
    if (whole === '' || Object.hasOwn(labels, name)) throw new Error(`bad labels: ${line}`);
    labels[name] = value;
    at += whole.length;
    if (at === inside.length) break;
    if (inside[at] !== ',') throw new Error(`bad labels: ${line}`);
    at += 1;
    if (at === inside.length) throw new Error(`a comma with nothing after it: ${line}`);
  }
  return labels;
}

const belongs = (name: string, { type }: OpenFamily, sample: string): boolean =>
  (SUFFIXES[type ?? ''] ?? []).some((suffix) => sample === name + suffix);

function check(name: string, { type, unit, samples }: OpenFamily): void {
  if (type === null) throw new Error(`${name} has no type`);
  if (unit !== null && !name.endsWith(`_${unit}`))
    throw new Error(`${name} does not end with its unit ${unit}`);
  const keys = samples.map(({ name: sample, labels }) =>
    JSON.stringify([sample, Object.entries(labels).sort()]),
  );
  if (new Set(keys).size !== keys.length) throw new Error(`${name} has a sample twice`);
  if (type !== 'gauge' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below zero`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = JSON.stringify(Object.entries(sample.labels).filter(([label]) => label !== 'le'));
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const each of series.values()) {
    const buckets = each.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => labels['le'] ?? '');
    if (bounds.at(-1) !== '+Inf') throw new Error(`${name} has no last bucket`);
    if (bounds.slice(0, -1).some((bound) => !/^\d+\.\d+$/.test(bound)))
      throw new Error(`${name} has a bound that is not canonical`);
    const numbers = bounds.map((bound) => (bound === '+Inf' ? Infinity : Number(bound)));
    for (let index = 1; index < buckets.length; index += 1) {
      if ((numbers[index] ?? 0) <= (numbers[index - 1] ?? 0)) throw new Error(`${name}: bounds out of order`);
      if (buckets[index]!.value < buckets[index - 1]!.value)
        throw new Error(`${name}: buckets do not add up`);
    }
    const counts = each.filter((sample) => sample.name === `${name}_count`);
    const sums = each.filter((sample) => sample.name === `${name}_sum`);
    if (counts.length !== 1 || sums.length !== 1) throw new Error(`${name} has no count or no sum`);
    if (counts[0]?.value !== buckets.at(-1)?.value)
      throw new Error(`${name}: the count is not the last bucket`);
  }
}
