/** The JSON Schema of a job definition, for editors and other languages. Rules between fields are not in it. */
import { z } from 'zod';
import { jobSchema } from './schema.js';

/**
 * Draft 2020-12, of what an author writes. Also shipped as `berthkit/job-definition.schema.json`. Made anew for each call: few need it, and it
 * takes as long as all of the rest at import.
 *
 * @example
 * ```ts
 * await writeFile('job.schema.json', JSON.stringify(jobDefinitionJsonSchema()));
 * ```
 */
export function jobDefinitionJsonSchema(): Readonly<Record<string, unknown>> {
  return {
    ...z.toJSONSchema(jobSchema(), { io: 'input', target: 'draft-2020-12' }),
    title: 'berthkit job definition',
  };
}
