/** Path templates that look as if somebody meant a variable and wrote it as other systems do. They are legal, and taken as they stand. */
import { PATH_TEMPLATE_NAMES } from '../base/path-template.js';
import type { Issue } from '../errors.js';
import type { ParsedJob } from './schema.js';

const OTHERS_SPELLING = new RegExp(`(?<!\\$)\\{{1,2} ?(${PATH_TEMPLATE_NAMES.join('|')}) ?\\}{1,2}`);

/** A warning for each such template. */
export function placeholderWarnings({ docker: { outputs = [] } }: ParsedJob): readonly Issue[] {
  return outputs.flatMap(({ upload }, index) => {
    if (typeof upload !== 'object') return [];
    const [written, name] = OTHERS_SPELLING.exec(upload.pathTemplate) ?? [];
    if (written === undefined || name === undefined) return [];
    const path = `docker.outputs.${String(index)}.upload.pathTemplate`;
    const message = `has ${JSON.stringify(written)} as it stands, the same for every run; the variable is written \${${name}}`;
    return [{ code: 'validation.literal_placeholder', path, message }];
  });
}
