import { describe, expect, it } from 'vitest';
import { valueAt } from '../../src/config/merge.js';
import { jobDefinitionJsonSchema } from '../../src/job/json-schema.js';
import { dockerKeys } from '../../src/job/schema.js';

const at = (path: string): unknown => valueAt(jobDefinitionJsonSchema(), path.split('.'));

describe('jobDefinitionJsonSchema', () => {
  it('is draft 2020-12 and JSON-safe', () => {
    expect(at('$schema')).toBe('https://json-schema.org/draft/2020-12/schema');
    const schema = jobDefinitionJsonSchema();
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });

  it('is strict inside docker and open beside it', () => {
    expect(at('properties.docker.additionalProperties')).toBe(false);
    expect(at('additionalProperties')).not.toBe(false);
    expect(at('required')).toEqual(['docker']);
    expect(at('properties.docker.required')).toEqual(['image']);
    expect(Object.keys(at('properties.docker.properties') as object).sort()).toEqual(
      [...dockerKeys()].sort(),
    );
  });

  it.each([
    ['image', { type: 'string', minLength: 1, maxLength: 512 }],
    ['command', { type: 'array', maxItems: 128, items: { type: 'string', minLength: 1, maxLength: 400 } }],
    ['networkMode', { type: 'string', enum: ['none', 'bridge'] }],
    ['inputs', { type: 'array', maxItems: 100 }],
    ['stdin', { type: 'string', maxLength: 1_048_576 }],
  ])('tells the bounds of %s', (field, expected) => {
    expect(at(`properties.docker.properties.${field}`)).toMatchObject(expected);
  });

  it('describes what an author writes: sizes also as text', () => {
    expect(at('properties.docker.properties.resources.properties.memoryBytes')).toMatchObject({
      type: ['number', 'string'],
    });
  });
});
