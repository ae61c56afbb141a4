/** Writes the JSON Schema of job definitions into the build. */
import { writeFileSync } from 'node:fs';
import { jobDefinitionJsonSchema } from '../src/job/json-schema.js';

writeFileSync('dist/job-definition.schema.json', `${JSON.stringify(jobDefinitionJsonSchema(), null, 2)}\n`);
